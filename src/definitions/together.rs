//! Several definitions in one command: listen paths that one of them gives up are free for the others.

use std::time::Duration;

use raftgate_cluster::error::ProposeError;
use raftgate_model::answer::Refusal;
use raftgate_model::command::{Command, PUT_APIS_MAX, PutApi};
use raftgate_model::id::ApiId;

use super::import::Checked;
use super::{ImportError, Imported, Importer};

/// What became of a set; `K` names its members.
pub(super) struct Together<K> {
    /// These are in force.
    pub(super) applied: Vec<(K, Imported)>,
    /// These are not.
    pub(super) refused: Vec<(K, ImportError)>,
}

impl Importer {
    /// Brings as many definitions of a set into force as fit together; what is in the way of one is in the way of that one alone.
    pub(super) async fn put_together<K>(&self, set: Vec<(K, Checked)>) -> Together<K> {
        let mut outcome = Together {
            applied: Vec::new(),
            refused: Vec::new(),
        };
        let mut rest = set.into_iter();
        loop {
            // More at once would be an entry that the log does not take.
            let part: Vec<_> = rest.by_ref().take(PUT_APIS_MAX).collect();
            if part.is_empty() {
                return outcome;
            }
            self.put_part(part, &mut outcome).await;
        }
    }

    async fn put_part<K>(&self, mut part: Vec<(K, Checked)>, outcome: &mut Together<K>) {
        while !part.is_empty() {
            let puts: Vec<PutApi> = part
                .iter()
                .map(|(_, checked)| checked.put.clone())
                .collect();
            let existed: Vec<bool> = puts.iter().map(|put| self.has_api(&put.id)).collect();
            let ids: Vec<ApiId> = puts.iter().map(|put| put.id.clone()).collect();
            match self.commit(Command::PutApis(puts), &ids).await {
                // All of them are stored, and each is in force or not for itself.
                Err(ImportError::NotInForce { .. }) => {
                    for ((name, checked), existed) in part.into_iter().zip(existed) {
                        let id = checked.put.id.clone();
                        match self.in_force(&[id], Duration::ZERO).await {
                            Ok(()) => outcome.applied.push((name, checked.imported(existed))),
                            Err(reason) => outcome.refused.push((name, checked.stored(reason))),
                        }
                    }
                    return;
                }
                Ok(_) => {
                    let applied = part.into_iter().zip(existed);
                    let imported = |((name, checked), existed): ((K, Checked), bool)| {
                        (name, checked.imported(existed))
                    };
                    outcome.applied.extend(applied.map(imported));
                    return;
                }
                Err(ImportError::Propose(ProposeError::Refused(Refusal::ListenPathTaken(
                    owner,
                )))) => {
                    part = self.without_rivals(part, &owner, outcome);
                }
                Err(ImportError::Propose(ProposeError::TooLarge { .. })) if part.len() > 1 => {
                    for one in part {
                        Box::pin(self.put_part(vec![one], outcome)).await;
                    }
                    return;
                }
                Err(error) => {
                    // All for the same reason; only the first one needs all of it.
                    let reason = error.to_string();
                    let mut names = part.into_iter().map(|(name, _)| name);
                    outcome
                        .refused
                        .extend(names.next().map(|name| (name, error)));
                    let others = names.map(|name| (name, ImportError::Together(reason.clone())));
                    outcome.refused.extend(others);
                    return;
                }
            }
        }
    }

    /// The set without those that want a listen path of this API, which keeps it.
    fn without_rivals<K>(
        &self,
        part: Vec<(K, Checked)>,
        owner: &ApiId,
        outcome: &mut Together<K>,
    ) -> Vec<(K, Checked)> {
        let mut kept: Vec<_> = self
            .routes_of(owner)
            .into_iter()
            .filter(|_| !part.iter().any(|(_, checked)| checked.put.id == *owner))
            .collect();
        let own = part.iter().filter(|(_, checked)| checked.put.id == *owner);
        kept.extend(own.flat_map(|(_, checked)| checked.put.routes.iter().cloned()));
        let wants_one =
            |put: &PutApi| put.id != *owner && put.routes.iter().any(|route| kept.contains(route));
        let (rivals, others): (Vec<_>, Vec<_>) = part
            .into_iter()
            .partition(|(_, checked)| wants_one(&checked.put));
        // Without one the state has changed meanwhile, and nobody is known to fit.
        let (rivals, others) = if rivals.is_empty() {
            (others, rivals)
        } else {
            (rivals, others)
        };
        let taken = |checked: &Checked| {
            let refusal = ProposeError::Refused(Refusal::ListenPathTaken(owner.clone()));
            checked.refused(ImportError::Propose(refusal))
        };
        let refused = rivals.into_iter().map(|(name, checked)| {
            let reason = taken(&checked);
            (name, reason)
        });
        outcome.refused.extend(refused);
        others
    }
}
