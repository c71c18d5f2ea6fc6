//! The password grant (RFC 6749 section 4.3): a user's session, lent to a client.

use std::sync::Arc;

use super::issue::{self, NewTokens};
use super::{clients, notifications};
use crate::answer::{Refusal, Reply};
use crate::command::IssuePassword;
use crate::id::ApiKeyId;
use crate::state::record::{
    ApiKeyRecord, ApiRecord, ClientRecord, Family, LOGINS_MAX, Login, NotificationKind,
    SessionSource,
};
use crate::state::{ClientKey, ReadState, Record, RecordKey, Txn};
use crate::time::Timestamp;

/// Issues tokens for a user whose password was checked; the access token that the same client has for the user ends.
///
/// Its refresh token stays good, as in Tyk: whoever is logged in twice goes on by refreshing.
pub(super) fn issue<S: ReadState>(
    txn: &mut Txn<'_, S>,
    issue: &IssuePassword,
) -> Result<Reply, Refusal> {
    let client = clients::authenticated(txn, &issue.client)?;
    let user = present(txn, issue)?;
    let session = session_of(&user, &client);
    issue::check_session(txn, &client.api, &session)?;
    end_last(txn, &user, &issue.client.key);
    let issued = issue::tokens(
        txn,
        &NewTokens {
            client: &client,
            grant: issue.grant,
            family: issue.family,
            session: &session,
            scope: issue.scope.as_ref(),
            lifetimes: issue.lifetimes,
            request: [0; 32],
            user: Some(issue.user),
        },
    );
    let family = issued.refresh.map(|token| token.family);
    let login = Login {
        client: issue.client.key.clone(),
        grant: issue.grant,
        family,
    };
    remember(txn, issue.user, &user, login);
    if let Some(terms) = issue.notify {
        let news = notifications::News {
            kind: NotificationKind::New,
            family,
            code: None,
            issued: &issued,
            old_refresh: None,
        };
        notifications::enqueue(txn, &client, terms, &news);
    }
    Ok(Reply::Issued(issued))
}

/// The user, if it is the one whose password was checked and its session is neither over nor switched off.
fn present<S: ReadState>(
    txn: &Txn<'_, S>,
    issue: &IssuePassword,
) -> Result<Arc<ApiKeyRecord>, Refusal> {
    let (user, api) = (txn.api_key(&issue.user), txn.api(&issue.client.key.api));
    let (Some(user), Some(api)) = (user, api) else {
        return Err(Refusal::UserChanged);
    };
    if user.revision == issue.user_revision && stands(&user, &api, txn.now()) {
        Ok(user)
    } else {
        Err(Refusal::UserChanged)
    }
}

/// Whether somebody is a user of an API.
fn stands(user: &ApiKeyRecord, api: &ApiRecord, now: Timestamp) -> bool {
    user.is_user() && user.org == api.org && !is_over(user, now)
}

/// Whether a user is gone, switched off or over: a session that is lent then would open nothing, ever.
fn is_over(user: &ApiKeyRecord, now: Timestamp) -> bool {
    user.is_expired(now) || user.is_gone(now) || user.session.is_inactive()
}

/// What a family of the password grant may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Go on.
    Stands,
    /// Not now: its API is missing or of another organisation, which a deployment may mend.
    Waits,
    /// Never again: the user whose password it was issued for is gone, switched off or over (RFC 6819 section 4.4.3.3).
    /// Another user who was given the name since is not that one.
    Ends,
}

/// How a family stands by the user whose password it was issued for, if there is one.
pub(super) fn standing<S: ReadState>(txn: &Txn<'_, S>, family: &Family) -> Standing {
    let Some(id) = family.user else {
        return Standing::Stands;
    };
    let now = txn.now();
    let user = txn.api_key(&id).filter(|user| {
        user.is_user() && !is_over(user, now) && user.first_revision < family.revision
    });
    match (user, txn.api(&family.api)) {
        (None, _) => Standing::Ends,
        (Some(user), Some(api)) if user.org == api.org => Standing::Stands,
        (Some(_), _) => Standing::Waits,
    }
}

/// The user's session under the client's metadata, ending when the user's does.
fn session_of(user: &ApiKeyRecord, client: &ClientRecord) -> SessionSource {
    let meta = client.text.meta_data.as_deref();
    let lent = user.session.lent_to_client(meta, user.expires_s);
    SessionSource::Rules(Arc::new(lent))
}

/// Ends the access token that a client has by the user's last login, refreshed or not.
fn end_last<S: ReadState>(txn: &mut Txn<'_, S>, user: &ApiKeyRecord, client: &ClientKey) {
    let last = user.logins.iter().find(|login| login.client == *client);
    let Some(last) = last else { return };
    let family = last.family.and_then(|family| txn.family(&family));
    txn.delete(RecordKey::Grant(last.grant));
    if let Some(family) = family {
        txn.delete(RecordKey::Grant(family.grant));
    }
}

/// Notes a login with the user; the client that logged in longest ago is forgotten when there are too many.
fn remember<S: ReadState>(txn: &mut Txn<'_, S>, id: ApiKeyId, user: &ApiKeyRecord, login: Login) {
    let others = user.logins.iter();
    let others: Vec<Login> = others
        .filter(|other| other.client != login.client)
        .cloned()
        .collect();
    let surplus = others.len().saturating_add(1).saturating_sub(LOGINS_MAX);
    let changed = ApiKeyRecord {
        logins: others.into_iter().skip(surplus).chain([login]).collect(),
        ..user.clone()
    };
    txn.put(RecordKey::ApiKey(id), Record::ApiKey(Arc::new(changed)));
}
