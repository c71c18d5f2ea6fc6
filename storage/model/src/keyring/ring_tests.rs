#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test may panic"
)]

use super::*;
use crate::secret::counting_bytes as counting;

fn bytes(fill: u8) -> SecretBytes<32> {
    SecretBytes::new([fill; 32])
}

fn ring() -> KeyRing {
    KeyRing::new(KeyId(1), bytes(1), bytes(2))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// Computed outside of this project with another implementation of HKDF and HMAC.
#[test]
fn derived_values_have_not_drifted() {
    let ring = KeyRing::new(KeyId(1), counting(0), counting(32));
    assert_eq!(
        ring.custom_key_id(&OrgId::default(), "my-custom-key")
            .to_string(),
        "504cecaacd6a7555eaa00f4361b20a7d"
    );
    assert_eq!(
        ring.check_value(KeyId(1)).unwrap().to_string(),
        "bdd66d96d6efd266bcfdbebd88edae45"
    );
    assert_eq!(
        ring.cluster_value().to_string(),
        "429d65f6853b51563b25d7debedd7b27"
    );
    assert_eq!(
        hex(ring.webhook_key(KeyId(1)).unwrap().expose()),
        "508b7c30a27dc66a31e296bdee5dfcc34460e4aaf96b01c1d23b1aa772c35973"
    );
}

#[test]
fn a_new_key_waits_until_it_is_activated() {
    let first = ring();
    let second = first.with_key(KeyId(7), bytes(7)).unwrap();
    assert_eq!((first.active(), second.active()), (KeyId(1), KeyId(1)));
    assert_eq!(first.key_ids().collect::<Vec<_>>(), [KeyId(1)]);
    assert_eq!(second.key_ids().collect::<Vec<_>>(), [KeyId(1), KeyId(7)]);
    assert_eq!(second.with_active(KeyId(7)).unwrap().active(), KeyId(7));
    assert_eq!(
        first.with_active(KeyId(7)).map(drop),
        Err(UnknownKey(KeyId(7)))
    );
}

#[test]
fn an_id_stands_for_one_key_for_ever() {
    let ring = ring();
    assert_eq!(
        ring.with_key(KeyId(1), bytes(9)).map(drop),
        Err(RingFault::IdTaken(KeyId(1)))
    );
    let again = ring.with_key(KeyId(1), bytes(1)).unwrap();
    assert_eq!(again.key_ids().count(), 1);
}

#[test]
fn a_ring_is_bounded() {
    let mut full = ring();
    for id in 2..=MASTER_KEYS_MAX as u16 {
        full = full.with_key(KeyId(id), bytes(3)).unwrap();
    }
    assert_eq!(full.key_ids().count(), MASTER_KEYS_MAX);
    assert_eq!(
        full.with_key(KeyId(1000), bytes(4)).map(drop),
        Err(RingFault::Full)
    );
    assert!(
        full.with_key(KeyId(1), bytes(1)).is_ok(),
        "a key it holds is no new one"
    );
}

#[test]
fn check_values_tell_keys_apart_and_nothing_else() {
    let ring = ring()
        .with_key(KeyId(2), bytes(1))
        .unwrap()
        .with_key(KeyId(3), bytes(3))
        .unwrap();
    let value = |id| ring.check_value(KeyId(id)).unwrap();
    assert_eq!(
        value(1),
        value(2),
        "the same material has the same value under any id"
    );
    assert_ne!(value(1), value(3));
    assert_eq!(ring.check_value(KeyId(4)), Err(UnknownKey(KeyId(4))));
}

#[test]
fn a_ring_disagrees_only_with_other_material_under_an_id_of_its_own() {
    let rotated = ring().with_key(KeyId(2), bytes(5)).unwrap();
    let known: Vec<_> = rotated.key_checks().collect();
    assert_eq!(ring().agrees_with(&known), Ok(()), "it lacks key 2");
    assert_eq!(rotated.agrees_with(&[]), Ok(()));
    let foreign = KeyRing::new(KeyId(1), bytes(7), bytes(2));
    assert_eq!(foreign.agrees_with(&known), Err(ForeignKey(KeyId(1))));
}

#[test]
fn ids_of_custom_keys_outlive_rotation() {
    let rotated = ring()
        .with_key(KeyId(2), bytes(5))
        .unwrap()
        .with_active(KeyId(2))
        .unwrap();
    let org = OrgId::default();
    let id = ring().custom_key_id(&org, "custom");
    assert_eq!(id, rotated.custom_key_id(&org, "custom"));
    assert_ne!(id, ring().custom_key_id(&org, "custom2"));
    let joined = OrgId::new("defaultcus").unwrap();
    assert_ne!(id, ring().custom_key_id(&joined, "tom"));
    let elsewhere = KeyRing::new(KeyId(1), bytes(1), bytes(3));
    assert_ne!(id, elsewhere.custom_key_id(&org, "custom"));
}

#[test]
fn a_ring_covers_what_it_was_made_from() {
    let first = ring();
    let second = first.with_key(KeyId(2), bytes(5)).unwrap();
    assert_eq!(second.covers(&first), Ok(()));
    assert_eq!(first.covers(&first), Ok(()));
    assert_eq!(first.covers(&second), Err(RingFault::Lacks(KeyId(2))));
    let same_id = KeyRing::new(KeyId(1), bytes(8), bytes(2));
    assert_eq!(same_id.covers(&first), Err(RingFault::Lacks(KeyId(1))));
    let elsewhere = KeyRing::new(KeyId(1), bytes(1), bytes(3));
    assert_eq!(elsewhere.covers(&first), Err(RingFault::OtherCluster));
}
