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
    throttle: Throttle,
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
            throttle: Throttle::default(),
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
        let identity = claim.identity(org);
        let attempt = claim.attempt(&identity);
        if let Err(refused) = self.throttle.check(attempt, self.cluster.now()) {
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
    /// A name that nobody has takes as long as one that somebody has.
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
        let checked = self.pool.run(move || keys.is_password(&password, &hash));
        let is_password = checked.await.map_err(|PoolBusy| UserDenied::Busy)?;
        match user {
            Some(user) if is_password => {
                self.known.remember(self.digest(&user, claim.password));
                Ok(user)
            }
            _ => {
                let identity = claim.identity(org);
                let attempt = claim.attempt(&identity);
                self.throttle.failed(attempt, self.cluster.now());
                Err(UserDenied::Wrong)
            }
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
    /// As the throttle counts it: organisation and name, so that namesakes do not share a counter.
    fn identity(&self, org: &OrgId) -> String {
        format!("{org}\0{}", self.name)
    }

    const fn attempt<'i>(&self, identity: &'i str) -> Attempt<'i> {
        Attempt {
            kind: "user",
            identity,
            address: self.address,
        }
    }
}
