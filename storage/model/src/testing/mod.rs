//! Random but repeatable command logs, for the tests of every crate that carries or applies them.

mod api_keys;
mod clients;
mod config;
mod random;
mod scenario;
mod tokens;

pub use random::Choices;
pub use scenario::Scenario;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Scenario;
    use crate::answer::{Answer, Reply};
    use crate::state::{Record, RecordKey};

    /// What a log reached: one word per kind of answer and of record.
    fn reached(seed: u64, words: &mut BTreeSet<String>) {
        let mut scenario = Scenario::new(seed);
        for _ in 0..300 {
            let (_, applied) = scenario.next_batch();
            for answer in applied.answers {
                words.insert(match answer {
                    Answer::Done(Reply::Issued(issued)) if issued.refresh.is_some() => {
                        "pair".to_owned()
                    }
                    Answer::Done(Reply::Swept(1..)) => "swept".to_owned(),
                    Answer::Done(Reply::Revoked { found: true }) => "revoked".to_owned(),
                    Answer::Done(Reply::Done) => "done".to_owned(),
                    Answer::Refused(refusal) => format!("{refusal:?}"),
                    Answer::Unknown => "unknown".to_owned(),
                    _ => continue,
                });
            }
            for change in applied.changes {
                if let RecordKey::Notification(_) = change.key {
                    words.insert("message".to_owned());
                }
                if let Some(Record::ApiKey(key)) = &change.after
                    && key.is_user()
                {
                    words.insert("user".to_owned());
                }
            }
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_log() {
        let (mut one, mut two) = (Scenario::new(5), Scenario::new(5));
        for _ in 0..100 {
            assert_eq!(one.next_batch(), two.next_batch());
        }
        assert_eq!(one.state(), two.state());
    }

    #[test]
    fn logs_reach_what_is_worth_testing() {
        let mut words = BTreeSet::new();
        (0..10).for_each(|seed| reached(seed, &mut words));
        for word in [
            "pair",
            "swept",
            "revoked",
            "done",
            "unknown",
            "message",
            "Code(Reused)",
            "Code(OtherClient)",
            "Code(Expired)",
            "Refresh(Reused)",
            "Refresh(OtherClient)",
            "Refresh(Expired)",
            "Refresh(Unknown)",
            "ScopeExceeded",
            "ClientExists",
            "UnknownClient",
            "NoSession",
            "NotYours",
            "PublicClient",
            "UserChanged",
            "CredentialsChanged",
            "UnknownNotification",
            "NotFailed",
            "UnknownApiKey",
            "PasswordMissing",
            "ApiKeyChanged",
            "ApiChanged",
            "AdminTokenExists",
            "user",
        ] {
            let met = words.iter().any(|met| met.starts_with(word));
            assert!(met, "no log reached {word}; they reached {words:?}");
        }
    }
}
