//! What a token costs: minting it, accepting it, refusing a forged one; arithmetic alone, no lookup.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench whose fixture is wrong may panic"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use raftgate_model::id::{FamilyId, GrantId, Incarnation, KeyId, LogIndex, OrgId};
use raftgate_model::keyring::{KeyRing, RingFault, UnknownKey};
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::secret::SecretBytes;
use raftgate_model::token::{AccessToken, RefreshToken, TokenBirth, TokenFault};

const BIRTH: TokenBirth = TokenBirth {
    key: KeyId(3),
    incarnation: Incarnation(0xA1B2_C3D4),
    index: LogIndex(123_456_789),
};
const ACCESS: AccessToken = AccessToken {
    birth: BIRTH,
    id: GrantId::from_bytes([0xA5; 16]),
};
const REFRESH: RefreshToken = RefreshToken {
    birth: BIRTH,
    family: FamilyId::from_bytes([0x5A; 16]),
    generation: 7,
};

/// A ring after two rotations, so that finding the key is part of what is measured.
fn rotated_ring() -> Result<KeyRing, RingFault> {
    let bytes = |fill| SecretBytes::new([fill; 32]);
    KeyRing::new(KeyId(1), bytes(1), bytes(2))
        .with_key(KeyId(2), bytes(3))?
        .with_key(KeyId(3), bytes(4))
}

/// The same text with another last tag byte: every check but the tag's passes.
fn forged(text: &str) -> String {
    let (head, last) = text.split_at(text.len() - 1);
    format!("{head}{}", if last == "A" { "B" } else { "A" })
}

fn access_tokens(criterion: &mut Criterion, ring: &KeyRing) -> Result<(), UnknownKey> {
    let good = ring.mint_access(&ACCESS)?;
    let good = good.expose();
    let forged = forged(good);
    let malformed = format!("{}!", &good[..good.len() - 1]);
    // The bench measures nothing if the texts are not what they are called.
    assert_eq!(ring.verify_access(good), Ok(ACCESS));
    assert_eq!(ring.verify_access(&forged), Err(TokenFault::Forged));
    assert_eq!(ring.verify_access(&malformed), Err(TokenFault::Malformed));

    let mut group = criterion.benchmark_group("access_token");
    group.bench_function("mint", |bench| {
        bench.iter(|| ring.mint_access(black_box(&ACCESS)))
    });
    group.bench_function("verify", |bench| {
        bench.iter(|| ring.verify_access(black_box(good)))
    });
    group.bench_function("refuse_forged", |bench| {
        bench.iter(|| ring.verify_access(black_box(&forged)));
    });
    group.bench_function("refuse_malformed", |bench| {
        bench.iter(|| ring.verify_access(black_box(&malformed)));
    });
    group.finish();
    Ok(())
}

fn refresh_tokens(criterion: &mut Criterion, ring: &KeyRing) -> Result<(), UnknownKey> {
    let good = ring.mint_refresh(&REFRESH)?;
    let good = good.expose();
    assert_eq!(ring.verify_refresh(good), Ok(REFRESH));

    let mut group = criterion.benchmark_group("refresh_token");
    group.bench_function("mint", |bench| {
        bench.iter(|| ring.mint_refresh(black_box(&REFRESH)))
    });
    group.bench_function("verify", |bench| {
        bench.iter(|| ring.verify_refresh(black_box(good)))
    });
    group.finish();
    Ok(())
}

fn keyed_hashes(criterion: &mut Criterion, ring: &KeyRing) {
    let owner = SecretOwner {
        kind: SecretKind::Client,
        id: "0123456789abcdef",
    };
    let secret = "a-client-secret-of-forty-three-characters-x";
    let mut group = criterion.benchmark_group("keyed_hash");
    group.bench_function("client_secret", |bench| {
        bench.iter(|| ring.secret_verifier(black_box(owner), black_box(secret)));
    });
    group.bench_function("custom_key", |bench| {
        let org = OrgId::default();
        bench.iter(|| ring.custom_key_id(&org, black_box(secret)));
    });
    group.finish();
}

fn token_check(criterion: &mut Criterion) {
    let ring = rotated_ring().expect("three keys with ids of their own");
    access_tokens(criterion, &ring).expect("the ring holds the key");
    refresh_tokens(criterion, &ring).expect("the ring holds the key");
    keyed_hashes(criterion, &ring);
}

criterion_group!(benches, token_check);
criterion_main!(benches);
