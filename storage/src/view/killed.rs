//! Finding the records that revocation marks ended, a little at a time: marking costs nothing, sweeping comes later.

use std::collections::VecDeque;

use raftgate_model::command::SweepItem;
use raftgate_model::id::{ApiId, Revision};
use raftgate_model::state::{ClientKey, Subject};

use super::holdings::{Perishable, Place};
use super::tables::Tables;

/// How many records one call looks at.
const LOOKS_MAX: usize = 1024;
/// How many places are read from the index at a time.
const CHUNK: usize = 256;

/// One mark whose records are being looked for.
#[derive(Debug)]
struct Job {
    subject: Subject,
    /// Where the pass over the subject's records stands.
    at: Option<(ClientKey, Option<Place>)>,
    /// Whether this pass came upon any; one more is needed then, to see them gone.
    found: bool,
}

/// The marks whose records may still be there.
#[derive(Debug, Default)]
pub(super) struct Killed {
    jobs: VecDeque<Job>,
}

impl Killed {
    /// A mark was set: its records are looked for from the beginning.
    pub(super) fn marked(&mut self, subject: &Subject) {
        self.jobs.retain(|job| job.subject != *subject);
        self.jobs.push_back(Job {
            subject: subject.clone(),
            at: None,
            found: false,
        });
    }

    /// Up to `limit` records that a mark ended; a call that finds none may only have looked at too few.
    pub(super) fn find(&mut self, tables: &Tables, limit: usize) -> Vec<SweepItem> {
        let mut found = Vec::new();
        let mut looks = LOOKS_MAX;
        while looks > 0 && found.len() < limit {
            let Some(job) = self.jobs.front_mut() else {
                break;
            };
            let places = job.next_places(tables, looks.min(CHUNK));
            match places {
                Some((client, places)) => {
                    looks = looks.saturating_sub(places.len().max(1));
                    let before = found.len();
                    for place in places {
                        if is_killed(tables, &client, place.1) {
                            found.push(place.1.sweep_item());
                        }
                        job.at = Some((client.clone(), Some(place)));
                        if found.len() >= limit {
                            break;
                        }
                    }
                    job.found |= found.len() > before;
                }
                None if job.found => {
                    job.at = None;
                    job.found = false;
                    // The records of this pass are still there until somebody sweeps them.
                    break;
                }
                None => {
                    self.jobs.pop_front();
                }
            }
        }
        found
    }
}

impl Job {
    /// The next places to look at, and whose they are; `None` at the end of the pass.
    fn next_places(&mut self, tables: &Tables, count: usize) -> Option<(ClientKey, Vec<Place>)> {
        let indexes = tables.indexes.read();
        if let Some((client, place)) = &self.at {
            let places = indexes.holdings.all_of(client, *place, count);
            if !places.is_empty() {
                return Some((client.clone(), places));
            }
        }
        let after = self.at.as_ref().map(|(client, _)| client);
        let api: Option<&ApiId> = match &self.subject {
            Subject::Api(api) => Some(api),
            Subject::Client(client) if after.is_none() => {
                self.at = Some((client.clone(), None));
                return Some((client.clone(), indexes.holdings.all_of(client, None, count)));
            }
            Subject::Client(_) => return None,
            Subject::Everyone => None,
        };
        let next = indexes.holdings.next_holder(api, after)?;
        let places = indexes.holdings.all_of(&next, None, count);
        self.at = Some((next.clone(), None));
        Some((next, places))
    }
}

fn is_killed(tables: &Tables, client: &ClientKey, what: Perishable) -> bool {
    let revision: Option<Revision> = match what {
        Perishable::Grant(id) => tables.grants.get(&id).map(|grant| grant.revision),
        Perishable::Code(id) => tables.codes.get(&id).map(|code| code.revision),
        Perishable::Family(id) => tables.families.get(&id).map(|family| family.revision),
    };
    revision.is_some_and(|revision| tables.is_marked(client, revision))
}
