//! Definitions that change their file, their id or their listen path.

use crate::definitions::Folder;
use crate::harness::{keyless_api, wait_for};

#[test]
fn an_api_that_names_no_id_keeps_the_one_that_its_file_was_given() {
    let mut folder = Folder::new(true);
    let nameless = |path: &str| {
        let mut api = keyless_api("", path, &folder.upstream.url("/"));
        api.as_object_mut().unwrap().remove("api_id");
        api
    };
    folder.write("nameless.json", nameless("/first/"));
    folder.write("other.json", nameless("/other/"));
    folder.node.start_again();
    let ids = folder.ids();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert!(ids.iter().all(|id| id.len() == 32), "{ids:?}");
    folder.write("nameless.json", nameless("/second/"));
    wait_for("the changed file is applied", || {
        folder.status("/second/") == 200
    });
    assert_eq!((folder.ids(), folder.status("/first/")), (ids.clone(), 404));
    folder.node.crash_and_restart();
    assert_eq!(folder.ids(), ids);
    // The id is the file's: under another name it is another API, and the first one goes with its file.
    std::fs::rename(folder.path("nameless.json"), folder.path("renamed.json")).unwrap();
    wait_for("the renamed file is applied", || {
        let now = folder.ids();
        now.len() == 2 && now != ids && folder.status("/second/") == 200
    });
    assert_eq!(folder.status("/other/"), 200);
}

#[test]
fn an_api_that_another_file_took_over_stays_when_the_first_file_goes() {
    let mut folder = Folder::new(true);
    folder.write("a.json", folder.api("shared"));
    folder.node.start_again();
    let moved = keyless_api("shared", "/moved/", &folder.upstream.url("/"));
    folder.write("b.json", moved);
    wait_for("the second file is applied", || {
        folder.status("/moved/") == 200
    });
    folder.remove("a.json");
    folder.write("c.json", folder.api("later"));
    wait_for("the folder is read again", || {
        folder.status("/later/") == 200
    });
    assert_eq!(folder.ids(), ["later", "shared"]);
    assert_eq!(
        (folder.status("/moved/"), folder.status("/shared/")),
        (200, 404)
    );
    folder.remove("b.json");
    wait_for("its last file took it along", || folder.ids() == ["later"]);
}

#[test]
fn an_api_that_a_copy_took_over_comes_back_when_the_copy_goes() {
    let mut folder = Folder::new(true);
    folder.write("a.json", folder.api("shared"));
    folder.node.start_again();
    let copy = keyless_api("shared", "/moved/", &folder.upstream.url("/"));
    for restart in [false, true] {
        folder.write("b.json", &copy);
        wait_for("the copy is applied", || folder.status("/moved/") == 200);
        assert_eq!(folder.status("/shared/"), 404);
        if restart {
            folder.node.crash_and_restart();
            assert_eq!(folder.status("/moved/"), 200);
        }
        folder.remove("b.json");
        wait_for("the first file is in force again", || {
            folder.status("/shared/") == 200
        });
        assert_eq!(folder.status("/moved/"), 404);
        assert_eq!(folder.ids(), ["shared"]);
    }
    let log = folder.node.log();
    assert!(
        log.contains("another file defines the same") && log.contains("b.json"),
        "{log}"
    );
}

#[test]
fn an_api_that_is_renamed_in_its_file_keeps_its_listen_path() {
    let mut folder = Folder::new(true);
    folder.write("one.json", folder.api("one"));
    folder.node.start_again();
    let target = folder.upstream.url("/");
    folder.write("one.json", keyless_api("uno", "/one/", &target));
    wait_for("the new name is in force", || folder.ids() == ["uno"]);
    assert_eq!(folder.status("/one/"), 200);
}

#[test]
fn files_exchange_their_listen_paths() {
    let mut folder = Folder::new(true);
    let target = |name: &str| format!("{}{name}", folder.upstream.url("/"));
    let api = |id: &str, path: &str| keyless_api(id, path, &target(id));
    for id in ["a", "b", "c"] {
        folder.write(&format!("{id}.json"), api(id, &format!("/{id}/")));
    }
    folder.node.start_again();
    folder.node.create_api(&keyless_api(
        "rival",
        "/rival/",
        &folder.upstream.url("/rival"),
    ));
    let served = |path: &str| -> String {
        let before = folder.upstream.received().len();
        assert_eq!(folder.status(path), 200, "{path}");
        folder.upstream.received()[before..]
            .last()
            .unwrap()
            .target
            .clone()
    };
    // A ring of three, and one that wants what nobody gives up.
    for (id, path) in [("a", "/b/"), ("b", "/c/"), ("d", "/rival/"), ("c", "/a/")] {
        folder.write(&format!("{id}.json"), api(id, path));
    }
    wait_for("the ring turned", || {
        folder.ids().len() == 4 && served("/a/").starts_with("/c")
    });
    assert!(served("/b/").starts_with("/a") && served("/c/").starts_with("/b"));
    assert!(served("/rival/").starts_with("/rival"));
    // What is not applied is tried once more before it is told.
    wait_for("the log named what is in the way", || {
        let log = folder.node.log();
        log.contains("proxy.listen_path: belongs to the API rival already")
    });
    // A chain in the worst order for taking one after the other: each wants the path of the next.
    for (id, path) in [("a", "/c/"), ("b", "/a/"), ("c", "/free/")] {
        folder.write(&format!("{id}.json"), api(id, path));
    }
    wait_for("the chain moved", || {
        folder.status("/free/") == 200 && folder.status("/b/") == 404
    });
    assert!(served("/c/").starts_with("/a") && served("/a/").starts_with("/b"));
    assert!(served("/free/").starts_with("/c"));
}
