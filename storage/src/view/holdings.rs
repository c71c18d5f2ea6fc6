//! What each client holds, in the order in which it expires; and who holds what expires first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use ahash::RandomState;
use raftgate_model::command::SweepItem;
use raftgate_model::id::{ApiId, ClientId, CodeId, FamilyId, GrantId};
use raftgate_model::state::ClientKey;
use raftgate_model::time::Timestamp;

/// A record that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Perishable {
    Grant(GrantId),
    Code(CodeId),
    Family(FamilyId),
}

impl Perishable {
    pub(super) fn sweep_item(self) -> SweepItem {
        match self {
            Self::Grant(id) => SweepItem::Grant(id),
            Self::Code(id) => SweepItem::Code(id),
            Self::Family(id) => SweepItem::Family(id),
        }
    }
}

/// A place in the order of one client's records: those of the same kind by expiry.
pub(super) type Place = (Timestamp, Perishable);

/// What one client holds. Grants stand apart because there are so many: their entries have no kind.
#[derive(Debug, Default)]
struct Holding {
    grants: BTreeSet<(Timestamp, GrantId)>,
    others: BTreeSet<Place>,
}

impl Holding {
    fn earliest(&self) -> Option<Timestamp> {
        let grant = self.grants.first().map(|(at, _)| *at);
        let other = self.others.first().map(|(at, _)| *at);
        match (grant, other) {
            (Some(grant), Some(other)) => Some(grant.min(other)),
            (one, None) | (None, one) => one,
        }
    }

    fn add(&mut self, (at, what): Place) {
        match what {
            Perishable::Grant(id) => self.grants.insert((at, id)),
            other => self.others.insert((at, other)),
        };
    }

    fn remove(&mut self, (at, what): Place) {
        match what {
            Perishable::Grant(id) => self.grants.remove(&(at, id)),
            other => self.others.remove(&(at, other)),
        };
    }
}

/// The records of all clients that end by themselves.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    by_client: HashMap<ClientKey, Holding, RandomState>,
    /// Clients that hold anything, in order.
    holders: BTreeMap<ApiId, BTreeSet<ClientId>>,
    /// When the first record of each holder ends.
    earliest: BTreeSet<(Timestamp, ClientKey)>,
}

impl Holdings {
    pub(super) fn add(&mut self, client: ClientKey, place: Place) {
        let holding = match self.by_client.get_mut(&client) {
            Some(holding) => holding,
            None => {
                let clients = self.holders.entry(client.api.clone()).or_default();
                clients.insert(client.client.clone());
                self.by_client.entry(client.clone()).or_default()
            }
        };
        let before = holding.earliest();
        holding.add(place);
        let after = holding.earliest();
        self.moved(client, before, after);
    }

    pub(super) fn remove(&mut self, client: ClientKey, place: Place) {
        let Some(holding) = self.by_client.get_mut(&client) else {
            return;
        };
        let before = holding.earliest();
        holding.remove(place);
        let after = holding.earliest();
        if after.is_none() {
            self.by_client.remove(&client);
            if let Some(clients) = self.holders.get_mut(&client.api) {
                clients.remove(&client.client);
                if clients.is_empty() {
                    self.holders.remove(&client.api);
                }
            }
        }
        self.moved(client, before, after);
    }

    fn moved(&mut self, client: ClientKey, before: Option<Timestamp>, after: Option<Timestamp>) {
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.earliest.remove(&(before, client.clone()));
        }
        if let Some(after) = after {
            self.earliest.insert((after, client));
        }
    }

    /// Records that end at or before a time, at most `limit`, from the clients whose first ends earliest.
    pub(super) fn ended(&self, before: Timestamp, limit: usize) -> Vec<SweepItem> {
        self.earliest
            .iter()
            .take_while(|(earliest, _)| *earliest <= before)
            .filter_map(|(_, client)| self.by_client.get(client))
            .flat_map(|holding| {
                let grants = holding.grants.iter();
                let grants = grants.map(|(at, id)| (*at, Perishable::Grant(*id)));
                let grants = grants.take_while(|(at, _)| *at <= before);
                let others = holding.others.iter().copied();
                grants.chain(others.take_while(|(at, _)| *at <= before))
            })
            .map(|(_, what)| what.sweep_item())
            .take(limit)
            .collect()
    }

    /// The grants of one client after a place, in the order in which they end.
    pub(super) fn grants_of(
        &self,
        client: &ClientKey,
        after: Option<(Timestamp, GrantId)>,
        limit: usize,
    ) -> Vec<(Timestamp, GrantId)> {
        let Some(holding) = self.by_client.get(client) else {
            return Vec::new();
        };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let grants = holding.grants.range((start, Bound::Unbounded));
        grants.take(limit).copied().collect()
    }

    /// Everything of one client after a place: grants first, then the rest.
    pub(super) fn all_of(
        &self,
        client: &ClientKey,
        after: Option<Place>,
        limit: usize,
    ) -> Vec<Place> {
        let Some(holding) = self.by_client.get(client) else {
            return Vec::new();
        };
        let (grants_after, others_after) = match after {
            None => (Some(Bound::Unbounded), Bound::Unbounded),
            Some((at, Perishable::Grant(id))) => {
                (Some(Bound::Excluded((at, id))), Bound::Unbounded)
            }
            Some(other) => (None, Bound::Excluded(other)),
        };
        let grants = grants_after
            .into_iter()
            .flat_map(|start| holding.grants.range((start, Bound::Unbounded)))
            .map(|(at, id)| (*at, Perishable::Grant(*id)));
        let others = holding.others.range((others_after, Bound::Unbounded));
        grants.chain(others.copied()).take(limit).collect()
    }

    /// The first client after another that holds anything, of one API or of all.
    pub(super) fn next_holder(
        &self,
        api: Option<&ApiId>,
        after: Option<&ClientKey>,
    ) -> Option<ClientKey> {
        let from = match (api, after) {
            (Some(api), _) => Bound::Included(api),
            (None, Some(after)) => Bound::Included(&after.api),
            (None, None) => Bound::Unbounded,
        };
        self.holders
            .range::<ApiId, _>((from, Bound::Unbounded))
            .take_while(|(id, _)| api.is_none_or(|api| api == *id))
            .find_map(|(id, clients)| {
                let start = match after {
                    Some(after) if after.api == *id => Bound::Excluded(&after.client),
                    _ => Bound::Unbounded,
                };
                let client = clients
                    .range::<ClientId, _>((start, Bound::Unbounded))
                    .next()?;
                Some(ClientKey {
                    api: id.clone(),
                    client: client.clone(),
                })
            })
    }
}
