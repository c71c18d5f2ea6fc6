//! Everything that can change the replicated state.
//!
//! A command carries every value that its outcome depends on besides the state: time stands in the batch,
//! ids and random bytes in the command. It never carries a usable secret.

mod api_key;
mod config;
mod notify;
mod oauth;
mod upkeep;

use serde::{Deserialize, Serialize};

use crate::admin_token::AdminName;
use crate::id::{ApiId, ApiKeyId, BootId, NodeId, PolicyId};
use crate::state::{ClientKey, SourcePath, Subject};
use crate::time::{Timestamp, Ttl};

pub use api_key::{
    ApiKeyNaming, NewAdminToken, PasswordChange, PutApiKey, Retention, UpdateApiKey,
};
pub use config::{
    ClientUpdate, NewClient, NewSecret, PutApi, PutPolicy, SecretOrigin, SourceMark, UpdateApi,
};
pub use notify::{AttemptOutcome, NotificationAttempt, NotifyTerms, Redelivery};
pub use oauth::{
    AuthenticatedClient, IssueClientCredentials, IssueCode, IssueImplicit, IssuePassword,
    Lifetimes, RedeemCode, Refresh, Revoke, RevokeOwner, RevokeTarget,
};
pub use upkeep::{Found, SweepItem};

/// The most commands that one log entry carries.
pub const BATCH_COMMANDS_MAX: usize = 256;
/// The most APIs that one command puts.
pub const PUT_APIS_MAX: usize = 256;
/// The most records that one sweep removes.
pub const SWEEP_ITEMS_MAX: usize = 1000;
/// How long a record stays after its time is over: somebody may still be judging by it.
pub const SWEEP_GRACE: Ttl = Ttl::from_s(60);

/// What one log entry carries: commands of one or several nodes, stamped by the leader.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The leader's time when it made the batch; the state's clock takes it unless it would go back.
    pub stamp: Timestamp,
    /// The starts of nodes whose requests stand in the batch.
    pub origins: Vec<Origin>,
    /// The requests, in the order in which they are carried out.
    pub requests: Vec<Request>,
}

/// One start of one node, and which of its requests it waits for no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The node.
    pub node: NodeId,
    /// Its start.
    pub boot: BootId,
    /// Requests below this sequence are answered; their kept answers may go.
    pub done_below: u64,
}

/// One command with its place among the requests of its origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Position in [`Batch::origins`].
    pub origin: u16,
    /// Counts up inside the origin's boot; the same number is the same request, however often it comes.
    pub sequence: u64,
    /// What to do.
    pub command: Command,
}

/// One change of the replicated state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Founds the cluster, or begins a new incarnation after a restore.
    Found(Found),
    /// Creates or replaces an API.
    PutApi(PutApi),
    /// Creates or replaces several APIs, all or none: listen paths that one gives up are free for the others.
    PutApis(Vec<PutApi>),
    /// Deletes an API; deleting an absent one is no error.
    DeleteApi(ApiId),
    /// Creates or replaces a policy.
    PutPolicy(PutPolicy),
    /// Deletes a policy; deleting an absent one is no error.
    DeletePolicy(PolicyId),
    /// Removes what a file of the definitions folder made.
    RemoveSource(SourcePath),
    /// Registers a client with one or several APIs.
    CreateClient(NewClient),
    /// Deletes a registration and all of its tokens for good.
    DeleteClient(ClientKey),
    /// Issues an authorization code.
    IssueCode(IssueCode),
    /// Exchanges an authorization code (RFC 6749 section 4.1.3).
    RedeemCode(RedeemCode),
    /// Issues a token for client credentials (RFC 6749 section 4.4).
    IssueClientCredentials(IssueClientCredentials),
    /// Refreshes a token (RFC 6749 section 6).
    Refresh(Refresh),
    /// Revokes one token (RFC 7009).
    Revoke(Revoke),
    /// Revokes everything of a subject that was issued until now.
    RevokeAll(Subject),
    /// Records an attempt to send a notification.
    NotificationAttempted(NotificationAttempt),
    /// Queues a failed notification again.
    RedeliverNotification(Redelivery),
    /// Issues a token for an authorization request itself (RFC 6749 section 4.2).
    IssueImplicit(IssueImplicit),
    /// Replaces what a registration says, its secret aside.
    UpdateClient(ClientUpdate),
    /// Gives a registration another secret.
    RotateClientSecret(NewSecret),
    /// Creates, replaces or updates a key or a basic-auth user.
    PutApiKey(PutApiKey),
    /// Deletes a key or a basic-auth user; deleting an absent one is no error.
    DeleteApiKey(ApiKeyId),
    /// Makes a named token of the control API.
    CreateAdminToken(NewAdminToken),
    /// Ends a named token of the control API; an absent one is no error.
    DeleteAdminToken(AdminName),
    /// Removes records whose time is over.
    Sweep(Vec<SweepItem>),
    /// Issues a token for a user's name and password (RFC 6749 section 4.3).
    IssuePassword(IssuePassword),
    /// Updates a key or a basic-auth user unless it was changed since it was read.
    UpdateApiKey(UpdateApiKey),
    /// Replaces an API unless it was changed since it was read.
    UpdateApi(UpdateApi),
}
