#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

use super::*;

fn content(disk: &SimDisk, name: &str) -> Option<Vec<u8>> {
    let file = disk.open(name).ok()?;
    let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    Some(bytes)
}

#[test]
fn synced_bytes_survive_and_others_sector_by_sector() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..64 {
        let machine = SimMachine::new();
        let disk = machine.disk("d");
        let file = disk.create("f").unwrap();
        file.write_at(&[1; 1024], 0).unwrap();
        file.fdatasync().unwrap();
        disk.sync_dir().unwrap();
        file.write_at(&[2; 1024], 0).unwrap();
        machine.restart(Survival::Random(seed));
        assert!(file.fdatasync().is_err(), "handles end with the power");
        let bytes = content(&machine.disk("d"), "f").unwrap();
        assert!(
            bytes
                .chunks(512)
                .all(|sector| sector.iter().all(|byte| *byte == sector[0]))
        );
        seen.insert((bytes[0], bytes[512]));
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        [(1, 1), (1, 2), (2, 1), (2, 2)]
    );
}

#[test]
fn names_survive_only_with_the_folder_and_each_by_itself() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..64 {
        let machine = SimMachine::new();
        let disk = machine.disk("d");
        let file = disk.create("a").unwrap();
        file.write_at(b"x", 0).unwrap();
        file.fdatasync().unwrap();
        disk.sync_dir().unwrap();
        disk.rename("a", "b").unwrap();
        machine.restart(Survival::Random(seed));
        seen.insert(machine.disk("d").list().unwrap());
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn nothing_and_everything_are_the_bounds() {
    for (survival, expected) in [
        (Survival::Nothing, None),
        (Survival::Everything, Some(b"new".to_vec())),
    ] {
        let machine = SimMachine::new();
        let disk = machine.disk("d");
        disk.create("f").unwrap().write_at(b"new", 0).unwrap();
        machine.restart(survival);
        assert_eq!(content(&machine.disk("d"), "f"), expected);
    }
}

#[test]
fn a_failed_sync_is_not_made_good_by_the_next() {
    let machine = SimMachine::new();
    let disk = machine.disk("d");
    let file = disk.create("f").unwrap();
    file.write_at(&[1; 512], 0).unwrap();
    file.fdatasync().unwrap();
    disk.sync_dir().unwrap();
    file.write_at(&[2; 512], 0).unwrap();
    machine.fail(Operation::Fdatasync, 0, io::ErrorKind::Other);
    assert!(file.fdatasync().is_err());
    file.fdatasync().unwrap();
    assert_eq!(
        content(&disk, "f").unwrap()[0],
        2,
        "the cache still shows it"
    );
    machine.restart(Survival::Everything);
    assert_eq!(content(&machine.disk("d"), "f").unwrap()[0], 1);
}

#[test]
fn the_power_goes_at_the_chosen_operation_in_all_folders() {
    let machine = SimMachine::new();
    let (one, two) = (machine.disk("one"), machine.disk("two"));
    machine.cut_after(1);
    one.create("f").unwrap();
    assert!(two.create("g").is_err());
    assert!(machine.is_powerless());
    assert!(one.list().is_err());
    machine.restart(Survival::Everything);
    assert_eq!(machine.disk("two").list().unwrap(), ["g"]);
}

#[test]
fn a_full_disk_refuses_growth_until_something_is_removed_durably() {
    let machine = SimMachine::new();
    machine.set_capacity(Some(1000));
    let disk = machine.disk("d");
    let file = disk.create("f").unwrap();
    file.preallocate(900).unwrap();
    assert_eq!(disk.free_bytes().unwrap(), 100);
    let more = disk.create("g").unwrap();
    let refused = more.write_at(&[0; 101], 0).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    file.write_at(&[1; 900], 0).unwrap();
    disk.remove("f").unwrap();
    disk.sync_dir().unwrap();
    more.write_at(&[0; 101], 0).unwrap();
}

#[test]
fn a_kill_keeps_the_page_cache() {
    let machine = SimMachine::new();
    let disk = machine.disk("d");
    let file = disk.create("f").unwrap();
    file.write_at(b"cached", 0).unwrap();
    machine.kill();
    assert!(file.write_at(b"late", 0).is_err());
    assert_eq!(content(&machine.disk("d"), "f").unwrap(), b"cached");
    machine.restart(Survival::Nothing);
    assert_eq!(content(&machine.disk("d"), "f"), None);
}
