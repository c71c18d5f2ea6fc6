//! A node that ends before its first changes are in the persistent copy.

use super::starting::stopped;
use super::*;

#[test]
fn a_first_life_that_ended_before_the_copy_had_anything_is_no_rebuild() {
    let log = TestLog::new(1, 60);
    let begun = |folder: &TempDir| drop(open_at(folder.path(), whole_log(0)));
    // Killed before the copy was begun; while its files were made; and before its first changes were in them.
    let damages: [fn(&Path); 3] = [
        |_| {},
        |copy| {
            std::fs::create_dir(copy.join("1")).unwrap();
            std::fs::write(copy.join("1/conf"), b"ha").unwrap();
        },
        |copy| drop(sled::open(copy.join("1")).unwrap()),
    ];
    run(async {
        for damage in damages {
            let folder = TempDir::new().unwrap();
            begun(&folder);
            damage(&folder.path().join("copy"));
            let opened = open_at(folder.path(), whole_log(log.last()));
            assert_eq!(opened.source, StartSource::Log);
            assert_eq!(opened.passed_over, Vec::<String>::new());
            let mut machine = opened.machine;
            assert!(!machine.status().rebuilt());
            finish_and_compare(&mut machine, &log).await;
            drop(machine);
            let opened = open_at(folder.path(), whole_log(log.last()));
            assert_eq!(opened.source, StartSource::Copy);
        }
    });
}

#[test]
fn a_life_whose_first_copy_could_not_be_made_is_followed_by_a_rebuild() {
    let log = TestLog::new(1, 60);
    run(async {
        let folder = TempDir::new().unwrap();
        let mut machine = open_at(folder.path(), whole_log(0)).machine;
        // In the way of the copy that is begun.
        let obstacle = folder.path().join("copy/1");
        std::fs::write(&obstacle, b"").unwrap();
        finish_and_compare(&mut machine, &log).await;
        machine.flush_copy().await;
        assert!(machine.copy_status().failed());
        drop(machine);
        std::fs::remove_file(&obstacle).unwrap();
        let opened = open_at(folder.path(), whole_log(log.last()));
        assert_eq!(opened.source, StartSource::Log);
        assert_eq!(opened.passed_over, ["the persistent copy is gone"]);
        assert!(opened.machine.status().rebuilt());
    });
}

#[test]
fn a_copy_that_had_something_is_missed_when_it_is_gone() {
    let log = TestLog::new(1, 60);
    run(async {
        let folder = stopped(&log, None).await;
        std::fs::remove_dir_all(folder.path().join("copy/1")).unwrap();
        let opened = open_at(folder.path(), whole_log(log.last()));
        assert_eq!(opened.source, StartSource::Log);
        assert_eq!(opened.passed_over, ["the persistent copy is gone"]);
        assert!(opened.machine.status().rebuilt());
    });
}

#[test]
fn a_node_of_which_only_the_note_of_its_beginning_is_left_is_not_new_to_its_log() {
    let folder = TempDir::new().unwrap();
    drop(open_at(folder.path(), whole_log(0)));
    // The copy never had anything, and the log was cut meanwhile: no start may do without the state before the cut.
    let refused = try_open(folder.path(), cut_log(20, 30)).err().unwrap();
    assert!(matches!(refused, OpenError::NothingReachesTheLog { .. }));
}
