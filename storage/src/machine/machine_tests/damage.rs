//! Damage to the copy's files: the state is rebuilt, or the start is refused; nothing is ever lost silently.

use raftgate_model::testing::Choices;

use super::*;

/// All files below a folder.
pub(super) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn damage(path: &Path, choices: &mut Choices) -> String {
    let mut bytes = std::fs::read(path).unwrap();
    let length = bytes.len() as u64;
    let done = match choices.below(4) {
        0 => {
            std::fs::remove_file(path).unwrap();
            return format!("{} removed", path.display());
        }
        1 => {
            let keep = choices.below(length.max(1));
            bytes.truncate(usize::try_from(keep).unwrap());
            format!("cut to {keep} of {length}")
        }
        2 => {
            let from = choices.below(length.max(1));
            let from = usize::try_from(from).unwrap();
            let upto = bytes.len().min(from + 4096);
            bytes[from..upto].fill(0);
            format!("zeros at {from} of {length}")
        }
        _ => {
            let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
            let at = usize::try_from(choices.below(used as u64)).unwrap();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << choices.below(8);
            }
            format!("flipped at {at} of {length}")
        }
    };
    std::fs::write(path, bytes).unwrap();
    format!("{} {done}", path.display())
}

#[test]
fn a_damaged_copy_is_found_out_and_the_state_is_rebuilt() {
    let log = TestLog::new(11, 150);
    run(async {
        let original = TempDir::new().unwrap();
        let mut machine = open_at(original.path(), whole_log(0)).machine;
        machine.apply(log.between(0, 60)).await.unwrap();
        build(&mut machine).await;
        finish_and_compare(&mut machine, &log).await;
        drop(machine);
        let mut rebuilt = 0;
        for seed in 0..60 {
            let mut choices = Choices::new(seed);
            let folder = TempDir::new().unwrap();
            copy_folder(original.path(), folder.path());
            let files = files(&folder.path().join("copy"));
            let what = damage(choices.pick(&files).unwrap(), &mut choices);
            let opened = try_open(folder.path(), cut_log(60, log.last()));
            let opened = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
            rebuilt += u32::from(opened.source == StartSource::Snapshot);
            let mut machine = opened.machine;
            finish_and_compare(&mut machine, &log).await;
        }
        assert!(rebuilt > 10, "only {rebuilt} were found out");
    });
}

#[test]
fn damage_to_copy_and_snapshots_is_refused_when_the_log_was_cut() {
    let log = TestLog::new(12, 60);
    run(async {
        let folder = TempDir::new().unwrap();
        let mut machine = open_at(folder.path(), whole_log(0)).machine;
        machine.apply(log.between(0, 30)).await.unwrap();
        build(&mut machine).await;
        finish_and_compare(&mut machine, &log).await;
        drop(machine);
        for path in files(folder.path()) {
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes.truncate(middle);
            std::fs::write(&path, bytes).unwrap();
        }
        let refused = try_open(folder.path(), cut_log(30, log.last()))
            .err()
            .unwrap();
        assert!(
            matches!(refused, OpenError::NothingReachesTheLog { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains(".snapshot"), "{refused}");
        // With all of its entries the log alone is enough.
        let mut machine = open_at(folder.path(), whole_log(log.last())).machine;
        finish_and_compare(&mut machine, &log).await;
    });
}
