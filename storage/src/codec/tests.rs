#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::{CommittedLeaderId, EntryPayload};
use raftgate_model::command::{Batch, Command, Origin, Request, RevokeOwner};
use raftgate_model::command::{Revoke, RevokeTarget};
use raftgate_model::id::{
    ApiId, BootId, ClientId, CodeId, FamilyId, GrantId, Incarnation, KeyId, LogIndex, NodeId,
    NotificationId, PolicyId, Revision,
};
use raftgate_model::oauth::scope::Scope;
use raftgate_model::state::record::{
    AttemptFailure, FailureReason, Grant, Notification, NotificationKind, NotificationState,
    SessionSource,
};
use raftgate_model::state::{ClientKey, Record, RecordKey};
use raftgate_model::time::Timestamp;
use raftgate_model::token::{AccessToken, AuthCode, RefreshToken, TokenBirth};

use super::entry::COMMAND_KINDS;
use super::*;
use crate::types::{Entry, LogId, Node, Proposal};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn log_id() -> LogId {
    LogId::new(CommittedLeaderId::new(7, 2), 300)
}

fn entry(payload: EntryPayload<crate::types::TypeConfig>) -> Entry {
    Entry {
        log_id: log_id(),
        payload,
    }
}

fn batch(commands: Vec<Command>) -> Entry {
    let requests = (9..)
        .zip(commands)
        .map(|(sequence, command)| Request {
            origin: 0,
            sequence,
            command,
        })
        .collect();
    entry(EntryPayload::Normal(Proposal(Arc::new(Batch {
        stamp: Timestamp::from_ms(1_700_000_000_123),
        origins: vec![Origin {
            node: NodeId(3),
            boot: BootId(4),
            done_below: 5,
        }],
        requests,
    }))))
}

fn revoke() -> Command {
    Command::Revoke(Revoke {
        target: RevokeTarget::Access(GrantId::from_bytes([1; 16])),
        owner: RevokeOwner::Api(ApiId::new("a").unwrap()),
    })
}

fn membership() -> Entry {
    let nodes = BTreeMap::from([(
        2,
        Node {
            name: "n".into(),
            address: "h:1".into(),
        },
    )]);
    let voters = vec![BTreeSet::from([2])];
    entry(EntryPayload::Membership(openraft::Membership::new(
        voters, nodes,
    )))
}

fn grant() -> (RecordKey, Record) {
    let id = GrantId::from_bytes([0xAB; 16]);
    let grant = Grant {
        birth: TokenBirth {
            key: KeyId(1),
            incarnation: Incarnation(0xFFFF_FFFF),
            index: LogIndex(77),
        },
        revision: Revision(1000),
        issued_at: Timestamp::from_ms(1),
        expires_at: Timestamp::from_ms(2),
        api: ApiId::new("api").unwrap(),
        client: ClientId::new("client").unwrap(),
        family: Some(FamilyId::from_bytes([2; 16])),
        session: SessionSource::Policy(PolicyId::new("p").unwrap()),
        scope: Scope::parse("read").unwrap(),
    };
    (RecordKey::Grant(id), Record::Grant(Arc::new(grant)))
}

const GOLDEN: [&str; 5] = [
    "05180000000702fb2c0102fd7b68e5cf8b01000001030405020009000a150000000d0001010101010101010101010101010101010161020000001800",
    "05110000000702fb2c01010101020102016e03683a31",
    "0508abababababababababababababababab",
    "050801fcffffffff4dfbe80301020361706906636c69656e740102020202020202020202020202020202000170010472656164",
    "05070201",
];

/// If this fails, data of before can no longer be read: raise the version and the format of the data directory.
#[test]
fn encodings_do_not_drift() {
    let (key, record) = grant();
    let vote = crate::types::Vote::new_committed(7, 2);
    let encoded = [
        encode_entry(&batch(vec![revoke(), Command::Sweep(vec![])])).unwrap(),
        encode_entry(&membership()).unwrap(),
        encode_key(&key).unwrap(),
        encode_record(&record).unwrap(),
        encode("vote", &vote, CONTROL_BYTES_MAX).unwrap(),
    ];
    assert_eq!(encoded.each_ref().map(|bytes| hex(bytes)), GOLDEN);
}

#[test]
fn entries_survive_the_round_trip() {
    for entry in [
        entry(EntryPayload::Blank),
        membership(),
        batch(vec![]),
        batch(vec![revoke(), Command::Sweep(vec![]), revoke()]),
    ] {
        let bytes = encode_entry(&entry).unwrap();
        assert_eq!(decode_entry(&bytes).unwrap(), entry);
        for length in 0..bytes.len() {
            assert!(decode_entry(&bytes[..length]).is_err(), "cut at {length}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(decode_entry(&longer).is_err(), "a byte too many");
    }
}

#[test]
fn a_command_of_a_newer_version_is_told_from_a_broken_one() {
    let bytes = encode_entry(&batch(vec![Command::Sweep(vec![])])).unwrap();
    let kind = bytes.len() - 2;
    let mut newer = bytes.clone();
    newer[kind] = u8::try_from(COMMAND_KINDS).unwrap();
    assert_eq!(
        decode_entry(&newer),
        Err(DecodeError::UnknownCommand {
            kind: COMMAND_KINDS
        })
    );
    let mut broken = bytes;
    broken[kind + 1] = 3;
    assert!(matches!(
        decode_entry(&broken),
        Err(DecodeError::Malformed { .. })
    ));
}

#[test]
fn records_survive_the_round_trip_and_stand_under_their_own_kind_of_key() {
    let (key, record) = grant();
    let bytes = encode_record(&record).unwrap();
    assert_eq!(decode_record(&key, &bytes).unwrap(), record);
    assert_eq!(decode_key(&encode_key(&key).unwrap()).unwrap(), key);
    let family = RecordKey::Family(FamilyId::from_bytes([0xAB; 16]));
    assert!(matches!(
        decode_record(&family, &bytes),
        Err(DecodeError::Malformed { .. })
    ));
    for length in 0..bytes.len() {
        assert!(
            decode_record(&key, &bytes[..length]).is_err(),
            "cut at {length}"
        );
    }
}

#[test]
fn other_versions_and_excess_lengths_are_named() {
    let key = ClientKey {
        api: ApiId::new("a").unwrap(),
        client: ClientId::new("c").unwrap(),
    };
    let mut bytes = encode("client key", &key, 100).unwrap();
    assert_eq!(
        decode::<ClientKey>("client key", &bytes, 100),
        Ok(key.clone())
    );
    assert_eq!(
        decode::<ClientKey>("client key", &bytes, 4),
        Err(DecodeError::TooLong {
            what: "client key",
            bytes: bytes.len(),
            bytes_max: 4,
        })
    );
    assert!(matches!(
        encode("client key", &key, 4),
        Err(EncodeError::TooLong { bytes_max: 4, .. })
    ));
    bytes[0] = 9;
    assert_eq!(
        decode::<ClientKey>("client key", &bytes, 100),
        Err(DecodeError::UnknownVersion {
            what: "client key",
            found: 9,
        })
    );
    assert_eq!(
        decode::<ClientKey>("client key", &[], 100),
        Err(DecodeError::Empty { what: "client key" })
    );
}

/// A length prefix that claims more than there is must not make the decoder allocate it.
#[test]
fn a_claimed_length_beyond_the_bytes_is_refused() {
    let mut bytes = vec![VERSION, 253];
    bytes.extend_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(
        decode::<String>("text", &bytes, 100),
        Err(DecodeError::Malformed { .. })
    ));
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = decode_entry(&bytes);
        let _ = decode_key(&bytes);
        let _ = decode_record(&RecordKey::Meta, &bytes);
    }
}

/// What a message counts against the bound of its queue is no less than what it takes on disk.
#[test]
fn a_notification_takes_no_more_than_it_counts() {
    let birth = TokenBirth {
        key: KeyId(u16::MAX),
        incarnation: Incarnation(u32::MAX),
        index: LogIndex(u64::MAX),
    };
    let access = AccessToken {
        birth,
        id: GrantId::from_bytes([0xFF; 16]),
    };
    let refresh = RefreshToken {
        birth,
        family: FamilyId::from_bytes([0xFF; 16]),
        generation: u32::MAX,
    };
    for client in ["c".to_owned(), "c".repeat(256)] {
        let message = Notification {
            id: NotificationId::from_bytes([0xFF; 16]),
            client: ClientId::new(&client).unwrap(),
            kind: NotificationKind::Revoked,
            family: Some(refresh.family),
            code: Some(AuthCode {
                birth,
                id: CodeId::from_bytes([0xFF; 16]),
            }),
            access: Some(access),
            refresh: Some(refresh),
            old_refresh: Some(refresh),
            created_at: Timestamp::from_ms(u64::MAX),
            state: NotificationState::Failed {
                at: Timestamp::from_ms(u64::MAX),
                reason: FailureReason::Overflow,
            },
            attempts: u32::MAX,
            last_failure: Some(AttemptFailure::Status(u16::MAX)),
        };
        let in_memory = std::mem::size_of::<Notification>() + client.len();
        let size = usize::try_from(message.size_bytes()).unwrap();
        let encoded = encode_record(&Record::Notification(Arc::new(message))).unwrap();
        assert!(encoded.len() <= size, "{} > {size}", encoded.len());
        assert!(in_memory <= size, "{in_memory} > {size}");
    }
}
