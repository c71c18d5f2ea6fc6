#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the test runs itself as a second process, and tells it by a variable"
)]

use std::process::Command;

use super::*;

const CHILD_PATH: &str = "RAFTGATE_TEST_DATA_DIR";

/// Opens a directory as its first user does.
fn first_use(path: &Path) -> DataDir {
    let opened = DataDir::open(path).unwrap();
    assert_eq!(opened.contents(), Contents::New);
    fs::write(path.join(IDENTITY_FILE), "it is me").unwrap();
    opened.format().unwrap();
    opened
}

fn complaint(path: &Path) -> String {
    match DataDir::open(path) {
        Ok(_) => panic!("opened {}", path.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_missing_directory_is_made_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/data");
    let opened = DataDir::open(&path).unwrap();
    assert_eq!(opened.contents(), Contents::New);
    assert_eq!(opened.path(), path);
    opened.format().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("lock")), 0o600);
    assert_eq!(
        fs::read_to_string(path.join("format")).unwrap(),
        format!("raftgate data format {FORMAT}\n")
    );
    drop(opened);
    assert_eq!(DataDir::open(&path).unwrap().contents(), Contents::New);
}

#[test]
fn what_crashes_left_of_private_files_is_gone_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    drop(first_use(folder.path()));
    let draft = folder.path().join(format!("{KEY_RING_FILE}.4711-0.new"));
    fs::write(&draft, "half a ring").unwrap();
    let opened = DataDir::open(folder.path()).unwrap();
    assert_eq!(opened.contents(), Contents::Formatted);
    assert!(!draft.exists());
}

#[test]
fn the_second_opening_knows_the_first_and_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(first_use(folder.path()));
    fs::write(folder.path().join("log-1"), "kept").unwrap();
    let again = DataDir::open(folder.path()).unwrap();
    assert_eq!(again.contents(), Contents::Formatted);
    assert_eq!(
        fs::read_to_string(folder.path().join("log-1")).unwrap(),
        "kept"
    );
}

#[test]
fn what_an_operator_may_put_there_first_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["keyring", "control.secret", "lost+found"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    assert_eq!(
        DataDir::open(folder.path()).unwrap().contents(),
        Contents::New
    );
}

#[test]
fn a_second_handle_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let first = DataDir::open(folder.path()).unwrap();
    assert_eq!(
        complaint(folder.path()),
        format!(
            "the data directory {} is in use by another process (process {}): end that one, or choose another directory (node.data_dir, --data-dir)",
            folder.path().display(),
            std::process::id()
        )
    );
    drop(first);
    DataDir::open(folder.path()).unwrap();
}

#[test]
fn a_second_process_is_refused() {
    if let Ok(path) = std::env::var(CHILD_PATH) {
        print!("{}", complaint(Path::new(&path)));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _first = DataDir::open(folder.path()).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "data_dir::tests::a_second_process_is_refused",
            "--nocapture",
        ])
        .env(CHILD_PATH, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let expected = format!("in use by another process (process {})", std::process::id());
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn a_directory_of_another_version_is_refused_in_words_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("format");
    let (newer, older) = (FORMAT + 1, FORMAT - 1);
    for (found, complained) in [
        (
            newer,
            format!(
                "a newer version of raftgate: its format is {newer}, this version knows up to {FORMAT}; start it with that version, or put format back from a copy if the file was changed"
            ),
        ),
        (
            older,
            format!(
                "an earlier version of raftgate: its format is {older}, this version reads {FORMAT} alone; start it with that version, or this one with an empty directory"
            ),
        ),
    ] {
        let words = format!("raftgate data format {found}\n");
        fs::write(&path, &words).unwrap();
        let directory = folder.path().display();
        let said = format!("the data directory {directory} was written by {complained}");
        assert_eq!(complaint(folder.path()), said);
        assert_eq!(fs::read_to_string(&path).unwrap(), words);
    }
}

#[test]
fn a_damaged_format_is_refused_and_not_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("format");
    for damaged in [
        &b""[..],
        b"raftgate data format 1",
        b"raftgate data format 0\n",
        b"raftgate data format x\n",
        b"raftgate data format 99999999999\n",
        b"\xff\xfe",
        &[b'x'; 1000],
    ] {
        fs::write(&path, damaged).unwrap();
        assert_eq!(
            complaint(folder.path()),
            format!(
                "{} does not name a data format; restore it or the whole directory from a backup",
                path.display()
            )
        );
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
}

#[test]
fn a_directory_with_other_files_stays_untouched() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("holiday.jpg"), "").unwrap();
    assert_eq!(
        complaint(folder.path()),
        format!(
            "{} holds other files, such as \"holiday.jpg\": choose an empty directory",
            folder.path().display()
        )
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_is_no_directory_or_cannot_be_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(
        complaint(&file),
        format!(
            "the data directory {} is not a directory: choose another path (node.data_dir, --data-dir)",
            file.display()
        )
    );
    let below = file.join("data");
    let said = complaint(&below);
    assert!(
        said.starts_with("cannot read the data directory "),
        "{said}"
    );
    assert!(said.contains(&below.display().to_string()), "{said}");
    let occupied = folder.path().join("occupied");
    fs::create_dir_all(occupied.join("lock")).unwrap();
    let said = complaint(&occupied);
    assert!(
        said.starts_with(&format!("cannot open {}", occupied.join("lock").display())),
        "{said}"
    );
}

#[test]
fn a_first_start_that_was_cut_short_is_no_foreign_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("format.4711-0.new"), "rag").unwrap();
    drop(DataDir::open(folder.path()).unwrap());
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("formatted.new"), "").unwrap();
    assert!(DataDir::open(other.path()).is_err());
}

/// Whatever of a node is there, nothing is founded over it and nothing is written.
#[test]
fn the_data_of_a_node_without_its_identity_or_format_is_refused() {
    for lost in [IDENTITY_FILE, FORMAT_FILE] {
        for name in [
            LOG_FOLDER,
            SNAPSHOTS_FOLDER,
            COPY_FOLDER,
            BOOT_FILE,
            EXPORT_FILE,
        ] {
            let folder = tempfile::tempdir().unwrap();
            drop(first_use(folder.path()));
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::remove_file(folder.path().join(lost)).unwrap();
            let said = complaint(folder.path());
            let start = format!("{}/{lost} is missing", folder.path().display());
            assert!(said.starts_with(&start), "{said}");
            for part in [
                name,
                "from a copy of the directory",
                "raftgate snapshot restore",
            ] {
                assert!(said.contains(part), "{said}");
            }
            assert!(!folder.path().join(lost).exists());
        }
    }
}

#[test]
fn a_formatted_directory_with_a_ring_or_a_secret_and_no_identity_is_refused() {
    for name in [KEY_RING_FILE, CONTROL_SECRET_FILE] {
        let folder = tempfile::tempdir().unwrap();
        drop(first_use(folder.path()));
        fs::write(folder.path().join(name), "").unwrap();
        fs::remove_file(folder.path().join(IDENTITY_FILE)).unwrap();
        let said = complaint(folder.path());
        assert!(
            said.contains(&format!("the data of a node ({name})")),
            "{said}"
        );
    }
}

#[test]
fn what_a_founding_left_that_acknowledged_nothing_is_founded_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(first_use(folder.path()));
    fs::write(folder.path().join("node.json.12-0.new"), "{").unwrap();
    fs::remove_file(folder.path().join(IDENTITY_FILE)).unwrap();
    drop(first_use(folder.path()));
    // The identity stands, the format does not yet.
    fs::remove_file(folder.path().join(FORMAT_FILE)).unwrap();
    drop(first_use(folder.path()));
    let opened = DataDir::open(folder.path()).unwrap();
    assert_eq!(opened.contents(), Contents::Formatted);
}
