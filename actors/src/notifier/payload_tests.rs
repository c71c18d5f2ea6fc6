#![allow(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected must fail"
)]

use std::sync::Arc;

use raftgate_model::id::{
    ClientId, CodeId, FamilyId, GrantId, Incarnation, KeyId, LogIndex, NotificationId,
};
use raftgate_model::secret::SecretBytes;
use raftgate_model::state::record::NotificationState;
use raftgate_model::token::{AccessToken, AuthCode, RefreshToken, TokenBirth};

use super::*;

fn ring() -> KeyRing {
    KeyRing::new(
        KeyId(1),
        SecretBytes::new([3; 32]),
        SecretBytes::new([4; 32]),
    )
}

fn message(kind: NotificationKind) -> Notification {
    let birth = TokenBirth {
        key: KeyId(1),
        incarnation: Incarnation(9),
        index: LogIndex(12),
    };
    let refresh = RefreshToken {
        birth,
        family: FamilyId::from_bytes([6; 16]),
        generation: 1,
    };
    Notification {
        id: NotificationId::from_bytes([0xab; 16]),
        client: ClientId::new("app").unwrap(),
        kind,
        family: None,
        code: Some(AuthCode {
            birth,
            id: CodeId::from_bytes([7; 16]),
        }),
        access: Some(AccessToken {
            birth,
            id: GrantId::from_bytes([5; 16]),
        }),
        refresh: Some(refresh),
        old_refresh: None,
        created_at: Timestamp::ZERO,
        state: NotificationState::Queued {
            next_attempt_at: Timestamp::ZERO,
        },
        attempts: 0,
        last_failure: None,
    }
}

fn receiver(secret: &str) -> NotificationSpec {
    NotificationSpec {
        url: "http://hook.test/".into(),
        shared_secret: Arc::new(Secret::from(secret)),
    }
}

fn sent(secret: &str) -> Result<Payload, Unwritable> {
    payload(
        &message(NotificationKind::New),
        &ring(),
        &receiver(secret),
        at(),
    )
}

fn at() -> Timestamp {
    Timestamp::from_unix_s(1_614_265_330)
}

#[test]
fn the_body_has_tyks_five_fields_in_order_d28() {
    let keys = ring();
    let message = message(NotificationKind::New);
    let sent = payload(&message, &keys, &receiver("s"), at()).unwrap();
    let code = keys.mint_code(&message.code.unwrap()).unwrap();
    let access = keys.mint_access(&message.access.unwrap()).unwrap();
    let refresh = keys.mint_refresh(&message.refresh.unwrap()).unwrap();
    let expected = format!(
        r#"{{"auth_code":"{}","new_oauth_token":"{}","refresh_token":"{}","old_refresh_token":"","notification_type":"new"}}"#,
        code.expose(),
        access.expose(),
        refresh.expose()
    );
    assert_eq!(sent.body.expose(), expected);
}

#[test]
fn every_attempt_has_the_same_id_and_its_own_time() {
    let message = message(NotificationKind::Refresh);
    let (keys, receiver) = (ring(), receiver("s"));
    let first = payload(&message, &keys, &receiver, at()).unwrap();
    let later = at().plus(raftgate_model::time::Ttl::from_s(10));
    let second = payload(&message, &keys, &receiver, later).unwrap();
    assert_eq!(first.id, second.id);
    assert_eq!(second.timestamp, first.timestamp + 10);
    assert_ne!(first.signature, second.signature);
}

#[test]
fn the_signature_is_the_one_of_standard_webhooks() {
    // The example of the Standard Webhooks specification.
    let receiver = receiver("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let signed = signature(
        &receiver.signing_key().unwrap().unwrap(),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
    );
    assert_eq!(
        signed.unwrap(),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

#[test]
fn a_secret_signs_or_is_empty_or_nothing_is_sent() {
    let signed = sent("9878767657654343123434556564444").ok().unwrap();
    assert!(signed.signature.unwrap().starts_with("v1,"));
    assert!(sent("").ok().unwrap().signature.is_none());
    for unusable in ["whsec_", "whsec_no base64"] {
        let refused = sent(unusable).err();
        assert_eq!(refused, Some(Unwritable::SharedSecret(NoSigningKey)));
    }
}

#[test]
fn a_token_of_an_unknown_key_cannot_be_told() {
    let mut message = message(NotificationKind::New);
    let mut access = message.access.unwrap();
    access.birth.key = KeyId(7);
    message.access = Some(access);
    assert!(payload(&message, &ring(), &receiver("s"), at()).is_err());
}

#[test]
fn webhook_ids_read_back_and_others_are_refused() {
    let id = NotificationId::from_bytes([0x1f; 16]);
    assert_eq!(parse_webhook_id(&webhook_id(id)), Some(id));
    for wrong in [
        "",
        "msg_",
        "msg_1f",
        "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f",
        "msg_1F1F1f1f1f1f1f1f1f1f1f1f1f1f1f1f",
    ] {
        assert_eq!(parse_webhook_id(wrong), None, "{wrong}");
    }
}
