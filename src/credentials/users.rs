//! Basic-auth users: who they are, and whether a password is theirs.

use std::net::IpAddr;
use std::sync::Arc;

use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::clock::Entropy;
use raftgate_model::id::{ApiKeyId, OrgId};
use raftgate_model::keyring::{KeyRing, PasswordHash};
use raftgate_model::secret::Secret;
use raftgate_model::state::record::ApiKeyRecord;

use super::hash_pool::{HashPool, PoolBusy};
use super::known_passwords::KnownPasswords;
use crate::oauth::throttle::{Attempt, Throttle, TooManyFailures};

/// What users are looked up in and checked by.
pub struct UsersParts {
    /// The replicated state.
    pub cluster: ClusterHandle,
    /// Finds users and peppers their passwords.
    pub keys: Arc<KeyRing>,
    /// Makes salts.
    pub entropy: Arc<dyn Entropy>,
    /// Where passwords are hashed.
    pub pool: HashPool,
}

/// The basic-auth users of the cluster.
pub struct Users {
    cluster: ClusterHandle,
    keys: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
    pool: HashPool,
    known: KnownPasswords,
    throttle: Arc<Throttle>,
}

/// A user that is there and not over; whether its session is, is for the caller to ask.
#[derive(Clone, Debug)]
pub struct User {
    /// The user's record.
    pub id: ApiKeyId,
    /// The user.
    pub record: Arc<ApiKeyRecord>,
}

/// Why somebody is not taken for the user whose name was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserDenied {
    /// There is no such user, or the password is another.
    Wrong,
    /// Too many wrong passwords for this name came from this address.
    TooMany(TooManyFailures),
    /// Too many passwords are being checked; this one was not.
    Busy,
}

/// What can be said of a name and a password at once.
#[derive(Clone, Debug)]
pub enum Recollection {
    /// They are this user's.
    Is(User),
    /// They are refused.
    Denied(UserDenied),
    /// They have to be checked, by [`Users::check`].
    Unchecked,
}

impl Users {
    /// The users of a cluster.
    #[must_use]
    pub fn new(parts: UsersParts) -> Self {
        Self {
            cluster: parts.cluster,
            keys: parts.keys,
            entropy: parts.entropy,
            pool: parts.pool,
            known: KnownPasswords::default(),
            throttle: Arc::default(),
        }
    }

    /// The user of this name in an organisation.
    #[must_use]
    pub fn find(&self, org: &OrgId, name: &str) -> Option<User> {
        let id = self.keys.custom_key_id(org, name);
        let record = self.cluster.view().api_key(&id)?;
        let stands = record.is_user() && !record.is_gone(self.cluster.now());
        stands.then_some(User { id, record })
    }

    /// What is known of a name and a password without hashing: microseconds, on any thread.
    #[must_use]
    pub fn recall(&self, org: &OrgId, claim: &Claim<'_>) -> Recollection {
        let user = self.find(org, claim.name);
        let guesser = claim.guesser(org);
        if let Err(refused) = self.throttle.check(guesser.attempt(), self.cluster.now()) {
            return Recollection::Denied(UserDenied::TooMany(refused));
        }
        match user {
            Some(user) if self.known.contains(&self.digest(&user, claim.password)) => {
                Recollection::Is(user)
            }
            _ => Recollection::Unchecked,
        }
    }

    /// Whether a name and a password are a user's; hashes on the pool unless the password was right a while ago.
    ///
    /// A name that nobody has takes as long as one that somebody has. Whether too many were wrong is asked again when the
    /// turn of this one has come, so that guesses sent at once are not all tried.
    ///
    /// # Errors
    /// See [`UserDenied`].
    pub async fn check(&self, org: &OrgId, claim: &Claim<'_>) -> Result<User, UserDenied> {
        match self.recall(org, claim) {
            Recollection::Is(user) => return Ok(user),
            Recollection::Denied(denied) => return Err(denied),
            Recollection::Unchecked => {}
        }
        let user = self.find(org, claim.name);
        let hash = user.as_ref().and_then(|user| user.record.password.clone());
        let hash = hash.unwrap_or_else(PasswordHash::of_nobody);
        let (keys, password) = (Arc::clone(&self.keys), claim.password.duplicate());
        let (throttle, cluster) = (Arc::clone(&self.throttle), self.cluster.clone());
        let (guesser, is_somebody) = (claim.guesser(org), user.is_some());
        let checked = self.pool.run(move || {
            let is_right = || keys.is_password(&password, &hash) && is_somebody;
            throttle.in_turn(guesser.attempt(), || cluster.now(), is_right)
        });
        let is_right = checked.await.map_err(|PoolBusy| UserDenied::Busy)?;
        // Also of a name that nobody has, or the answers would tell which ones somebody has.
        let is_right = is_right.map_err(UserDenied::TooMany)?;
        match user {
            Some(user) if is_right => {
                self.known.remember(self.digest(&user, claim.password));
                Ok(user)
            }
            _ => Err(UserDenied::Wrong),
        }
    }

    /// Hashes a password that a user is to have; `None` for one that is too long.
    ///
    /// # Errors
    /// Too many passwords are being hashed.
    pub async fn hash(&self, password: Secret) -> Result<Option<PasswordHash>, PoolBusy> {
        let (keys, salt) = (Arc::clone(&self.keys), self.entropy.bytes16());
        self.pool
            .run(move || keys.hash_password(&password, salt))
            .await
    }

    fn digest(&self, user: &User, password: &Secret) -> [u8; 16] {
        self.keys
            .checked_password(&user.id, user.record.revision, password)
    }
}

/// A user's name and password, as somebody sent them.
pub struct Login {
    /// The name.
    pub name: String,
    /// The password.
    pub password: Secret,
}

impl Login {
    /// The claim to be this user, made from an address.
    #[must_use]
    pub const fn claim(&self, address: IpAddr) -> Claim<'_> {
        Claim {
            name: self.name.as_str(),
            password: &self.password,
            address,
        }
    }
}

/// Who somebody says to be.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The user's name.
    pub name: &'a str,
    /// The password.
    pub password: &'a Secret,
    /// Where it comes from.
    pub address: IpAddr,
}

impl Claim<'_> {
    fn guesser(&self, org: &OrgId) -> Guesser {
        Guesser {
            identity: format!("{org}\0{}", self.name),
            address: self.address,
        }
    }
}

/// Who guesses, as the throttle counts it.
struct Guesser {
    /// Organisation and name, so that namesakes do not share a counter.
    identity: String,
    address: IpAddr,
}

impl Guesser {
    fn attempt(&self) -> Attempt<'_> {
        Attempt {
            kind: "user",
            identity: &self.identity,
            address: self.address,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use raftgate_model::time::Timestamp;

    use super::*;

    #[actix_rt::test]
    async fn of_guesses_at_once_no_more_are_hashed_than_the_throttle_lets_through() {
        let pool = HashPool::start().unwrap();
        let (throttle, hashed) = (Arc::new(Throttle::default()), Arc::new(AtomicUsize::new(0)));
        let guesses = (0..30).map(|_| {
            let (throttle, hashed) = (Arc::clone(&throttle), Arc::clone(&hashed));
            let guesser = Guesser {
                identity: "alice".to_owned(),
                address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            };
            pool.run(move || {
                let is_right = || {
                    hashed.fetch_add(1, Ordering::Relaxed);
                    false
                };
                let now = || Timestamp::from_unix_s(100);
                throttle.in_turn(guesser.attempt(), now, is_right)
            })
        });
        let answers = futures_util::future::join_all(guesses).await;
        let hashed = hashed.load(Ordering::Relaxed);
        assert!((10..=11).contains(&hashed), "{hashed} were hashed");
        let refused = answers.iter().filter(|answer| matches!(answer, Ok(Err(_))));
        assert_eq!(refused.count(), 30 - hashed);
    }
}
