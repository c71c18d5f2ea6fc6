//! Backups in trouble: old tokens, wrong rings, clients that leave, and a ring that comes back by its export.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::{Finished, Node, PATIENCE, RecordingServer, Reply, eventually, run};
use crate::snapshots::{Saved, inspect, save, text};

/// The token's index lies far above what the restored node has applied, so a node that took it for one of its own would wait.
#[test]
fn an_old_token_is_looked_up_at_once_whatever_its_index() {
    let upstream = RecordingServer::replying(Reply::ok("inside"));
    let old = Node::start();
    let client = old.create_oauth_api("guarded", &upstream.url("/"));
    for _ in 0..40 {
        old.access_token("guarded", &client);
    }
    let token = old.access_token("guarded", &client);
    let revoked = old.access_token("guarded", &client);
    let basic = client.basic();
    let revocation = [("token", revoked.as_str())];
    let revoke_at = old.gateway_url("/guarded/oauth/revoke");
    let headers = [("authorization", basic.as_str())];
    let answer = old.client().post_form(&revoke_at, &headers, &revocation);
    answer.expect_status(200);
    let file = old.folder().join("backup.snapshot");
    assert_eq!(save(&old, &file).code, Some(0));
    let after = old.access_token("guarded", &client);

    // Whoever waits for an index waits for a minute: longer than the test has patience.
    let mut node = Node::builder()
        .configuration("[cluster]\nindex_wait_ms = 60000")
        .prepare();
    fs::create_dir(node.data_dir()).unwrap();
    let ring = old.data_dir().join("keyring");
    fs::copy(ring, node.data_dir().join("keyring")).unwrap();
    let data_dir = node.data_dir();
    let arguments = [
        "snapshot",
        "restore",
        text(&file),
        "--data-dir",
        text(&data_dir),
    ];
    let restored = run(&arguments, &[], old.folder());
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    node.start_again();
    let began = Instant::now();
    assert_eq!(node.get_with_token("/guarded/x", &token).status, 200);
    assert_eq!(node.get_with_token("/guarded/x", &revoked).status, 401);
    // It was issued after the snapshot, so the ancestor's state never held it.
    assert_eq!(node.get_with_token("/guarded/x", &after).status, 401);
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// Restores a snapshot into a new directory beside which this ring stands.
fn restore_with(ring: &Path, file: &Path, into: &Path) -> Finished {
    fs::create_dir(into).unwrap();
    fs::copy(ring, into.join("keyring")).unwrap();
    let arguments = ["snapshot", "restore", text(file), "--data-dir", text(into)];
    run(&arguments, &[], into)
}

#[test]
fn a_ring_that_lacks_a_key_of_the_snapshot_is_refused_and_left_alone() {
    let saved = Saved::new();
    let (mut node, restored) = saved.restore(&[]);
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    node.start_again();
    // The restored state names key 2, which the ring from before the restore does not have.
    let second = node.folder().join("second.snapshot");
    assert_eq!(save(&node, &second).code, Some(0));
    let old_ring = saved.node.data_dir().join("keyring");
    let before = fs::read(&old_ring).unwrap();
    let into = node.folder().join("lacking");
    let refused = restore_with(&old_ring, &second, &into);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    for part in ["lacks the keys 2", "import the key ring"] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
    assert_eq!(fs::read_dir(&into).unwrap().count(), 1, "it was begun");
    assert_eq!(fs::read(into.join("keyring")).unwrap(), before);

    // Another cluster's first key has the same id.
    let other = Node::start();
    let into = node.folder().join("other");
    let refused = restore_with(&other.data_dir().join("keyring"), &saved.file, &into);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    for part in ["another cluster's", "keyring", "raftgate keys import"] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
    assert_eq!(fs::read_dir(&into).unwrap().count(), 1, "it was begun");
    let into = node.folder().join("right");
    let restored = restore_with(&node.data_dir().join("keyring"), &second, &into);
    assert_eq!(restored.code, Some(0), "{}", restored.err);

    // Nor does the node itself start with the ring from before.
    node.kill();
    let ring = node.data_dir().join("keyring");
    let own = fs::read(&ring).unwrap();
    fs::copy(&old_ring, &ring).unwrap();
    let (status, said) = node.try_start().unwrap_err();
    assert_eq!(status.code(), Some(1), "{said}");
    for part in [text(&ring), "lacks the key 2", "raftgate keys import"] {
        assert!(said.contains(part), "{said}");
    }
    fs::write(&ring, own).unwrap();
    node.start_again();
    let answer = node.get_with_token("/guarded/x", &saved.token);
    assert_eq!(answer.status, 200);
}

/// A ring travels as an export, and a node without it starts again once it is imported.
#[test]
fn a_lost_ring_comes_back_by_its_export() {
    let mut saved = Saved::new();
    let folder = saved.node.folder().to_owned();
    let data_dir = saved.node.data_dir();
    let passphrase = |text: &'static str| ("RAFTGATE_KEYS_PASSPHRASE", text);
    let keys = |action: &str, file: &Path, phrase: (&str, &str)| {
        let arguments = ["keys", action, text(file), "--data-dir", text(&data_dir)];
        run(&arguments, &[phrase], &folder)
    };
    let export = folder.join("ring.sealed");
    let good = passphrase("a long enough passphrase");
    let exported = keys("export", &export, good);
    assert_eq!(exported.code, Some(0), "{}", exported.err);
    saved.node.kill();
    let ring = data_dir.join("keyring");
    let before = fs::read(&ring).unwrap();
    // Onto the ring itself it changes nothing.
    let again = keys("import", &export, good);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert_eq!(fs::read(&ring).unwrap(), before);
    fs::remove_file(&ring).unwrap();

    let sealed = fs::read(&export).unwrap();
    let cut = folder.join("cut");
    for keep in [0, 1, sealed.len() / 2, sealed.len() - 3] {
        fs::write(&cut, sealed.get(..keep).unwrap()).unwrap();
        let refused = keys("import", &cut, good);
        assert_eq!(refused.code, Some(1), "cut to {keep}: {}", refused.out);
        assert!(refused.err.starts_with("error: "), "{}", refused.err);
    }
    let refused = keys(
        "import",
        &export,
        passphrase("a wrong passphrase of length"),
    );
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(
        refused.err.contains("passphrase is wrong"),
        "{}",
        refused.err
    );
    assert!(!ring.exists());
    let imported = keys("import", &export, good);
    assert_eq!(imported.code, Some(0), "{}", imported.err);
    assert_eq!(fs::read(&ring).unwrap(), before);
    saved.node.start_again();
    let answer = saved.node.get_with_token("/guarded/x", &saved.token);
    assert_eq!(answer.status, 200);

    // Another cluster's ring stays where it is.
    let other = Node::start();
    let theirs = other.data_dir().join("keyring");
    let before = fs::read(&theirs).unwrap();
    let their_dir = other.data_dir();
    let arguments = [
        "keys",
        "import",
        text(&export),
        "--data-dir",
        text(&their_dir),
    ];
    let refused = run(&arguments, &[good], &folder);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(
        refused.err.contains("different clusters"),
        "{}",
        refused.err
    );
    assert_eq!(fs::read(&theirs).unwrap(), before);
}

/// A client that leaves in the middle frees the room on disk and the one place for a save.
#[test]
fn a_save_whose_client_leaves_is_in_nobodys_way() {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    let saved = Saved::new();
    let node = &saved.node;
    // More than the buffers of a connection hold, so that the node cannot have sent it all.
    for number in 0..60 {
        let mut policy = crate::harness::policy(&format!("long-{number}"), &["guarded"]);
        let long = serde_json::json!({"meta_data": {"long": "x".repeat(240_000)}});
        crate::harness::merge(&mut policy, long);
        node.create_policy(&policy);
    }
    let begin = || {
        let mut stream = TcpStream::connect(node.control()).unwrap();
        let request = format!(
            "GET /raftgate/v1/snapshot HTTP/1.1\r\nhost: node\r\nauthorization: {}\r\n\r\n",
            node.secret()
        );
        stream.write_all(request.as_bytes()).unwrap();
        stream
    };
    // One leaves before the answer, one in the middle of it.
    drop(begin());
    for _ in 0..2 {
        let mut first = [0; 12];
        let mut stream = begin();
        eventually("a place for the next save", PATIENCE, || {
            stream.read_exact(&mut first).unwrap();
            if first == *b"HTTP/1.1 200" {
                return Some(());
            }
            assert_eq!(first, *b"HTTP/1.1 409");
            stream = begin();
            None
        });
        drop(stream);
    }
    let file = node.folder().join("after.snapshot");
    eventually("a save after both", PATIENCE, || {
        let saved = save(node, &file);
        assert!(
            saved.code == Some(0) || saved.err.contains("another snapshot is being saved"),
            "{}",
            saved.err
        );
        (saved.code == Some(0)).then_some(())
    });
    assert_eq!(inspect(&file, node.folder()).code, Some(0));
    assert!(!node.data_dir().join("export.snapshot").exists());
}
