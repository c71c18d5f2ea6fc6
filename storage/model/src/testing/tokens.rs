//! Commands about tokens that were issued before, and about what is left of them.

use super::Scenario;
use crate::answer::NotificationRef;
use crate::command::{
    AttemptOutcome, Command, NotificationAttempt, NotifyTerms, Redelivery, Refresh, Revoke,
    RevokeOwner, RevokeTarget, SweepItem,
};
use crate::id::GrantId;
use crate::state::record::AttemptFailure;
use crate::state::{Record, RecordKey, Subject};
use crate::time::Ttl;

impl Scenario {
    pub(super) fn refresh(&mut self) -> Option<Command> {
        let token = *self.choices.pick(&self.recent.refresh)?;
        let retry_window = if self.choices.once_in(4) {
            Ttl::ZERO
        } else {
            Ttl::from_s(10)
        };
        let scope = self.scope().filter(|_| self.choices.once_in(3));
        Some(Command::Refresh(Refresh {
            token,
            client: self.owner_or_other(&RecordKey::Family(token.family))?,
            scope,
            grant: GrantId::from_bytes(self.choices.bytes16()),
            lifetimes: self.lifetimes(),
            retry_window,
            notify: self.notify(),
        }))
    }

    pub(super) fn revoke(&mut self) -> Option<Command> {
        let family = self.choices.pick(&self.recent.refresh)?.family;
        let target = match self.choices.below(4) {
            0 => RevokeTarget::Refresh(family),
            1 => RevokeTarget::RefreshAlone(family),
            _ => RevokeTarget::Access(*self.choices.pick(&self.recent.grants)?),
        };
        let key = self.client_key()?;
        let owner = match self.choices.below(4) {
            0 => RevokeOwner::Client(key),
            1 => RevokeOwner::Api(key.api),
            2 => RevokeOwner::ClientAt {
                client: key.client,
                apis: [key.api].into(),
            },
            _ => RevokeOwner::Anyone,
        };
        Some(Command::Revoke(Revoke { target, owner }))
    }

    pub(super) fn revoke_all(&mut self) -> Option<Command> {
        let key = self.client_key()?;
        let subject = match self.choices.below(12) {
            0 => Subject::Everyone,
            1..=2 => Subject::Api(key.api),
            _ => Subject::Client(key),
        };
        Some(Command::RevokeAll(subject))
    }

    /// An attempt to send some message, or the wish to send a failed one again.
    pub(super) fn notification(&mut self) -> Option<Command> {
        let messages: Vec<NotificationRef> = self
            .state
            .iter()
            .filter_map(|(key, record)| match (key, record) {
                (RecordKey::Notification(key), Record::Notification(message)) => {
                    Some(NotificationRef {
                        key: key.clone(),
                        id: message.id,
                    })
                }
                _ => None,
            })
            .collect();
        let notification = self.choices.pick(&messages)?.clone();
        let outcome = match self.choices.below(4) {
            0 => {
                let terms = NotifyTerms { queued_max: 4 };
                return Some(Command::RedeliverNotification(Redelivery {
                    notification,
                    terms,
                }));
            }
            1 => AttemptOutcome::Delivered,
            _ => AttemptOutcome::Failed {
                failure: AttemptFailure::Timeout,
                attempts_max: 3,
                retry_after: Ttl::from_s(10),
            },
        };
        Some(Command::NotificationAttempted(NotificationAttempt {
            notification,
            outcome,
        }))
    }

    /// Proposes everything that ends by itself; the state removes what is over.
    pub(super) fn sweep(&mut self) -> Command {
        let items = self.state.iter().filter_map(|(key, _)| match key {
            RecordKey::Grant(id) => Some(SweepItem::Grant(*id)),
            RecordKey::Code(id) => Some(SweepItem::Code(*id)),
            RecordKey::Family(id) => Some(SweepItem::Family(*id)),
            RecordKey::ApiKey(id) => Some(SweepItem::ApiKey(*id)),
            _ => None,
        });
        Command::Sweep(items.collect())
    }
}
