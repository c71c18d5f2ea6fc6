//! Issuing access tokens: the part that all grants share, the implicit grant and client credentials.

use std::sync::Arc;

use super::clients;
use crate::answer::{Issued, Refusal, Reply};
use crate::command::{IssueClientCredentials, IssueImplicit, Lifetimes};
use crate::id::{ApiId, ApiKeyId, FamilyId, GrantId, PolicyId};
use crate::oauth::scope::Scope;
use crate::state::record::{ClientRecord, Family, Grant, PolicyRecord, SessionSource};
use crate::state::{ReadState, Record, RecordKey, Txn};
use crate::time::{Timestamp, Ttl};
use crate::token::{AccessToken, RefreshToken};

/// A new access token, before it is given its place in the log.
pub(super) struct NewGrant<'a> {
    pub(super) id: GrantId,
    pub(super) client: &'a ClientRecord,
    pub(super) family: Option<FamilyId>,
    pub(super) session: &'a SessionSource,
    pub(super) scope: Option<Scope>,
    pub(super) lifetime: Ttl,
}

/// Records a new access token.
pub(super) fn grant<S: ReadState>(txn: &mut Txn<'_, S>, new: NewGrant<'_>) -> Issued {
    let birth = txn.birth();
    let now = txn.now();
    let expires_at = end_of(new.session, now, new.lifetime);
    let record = Grant {
        birth,
        revision: txn.revision(),
        issued_at: now,
        expires_at,
        api: new.client.api.clone(),
        client: new.client.id.clone(),
        family: new.family,
        session: with_client_meta(new.session, new.client),
        scope: new.scope.clone(),
    };
    txn.put(RecordKey::Grant(new.id), Record::Grant(Arc::new(record)));
    Issued {
        access: AccessToken { birth, id: new.id },
        refresh: None,
        scope: new.scope,
        expires_at,
        at: now,
    }
}

/// A new access token, and a refresh-token family beside it where the API has them.
pub(super) struct NewTokens<'a> {
    pub(super) client: &'a ClientRecord,
    pub(super) grant: GrantId,
    pub(super) family: FamilyId,
    pub(super) session: &'a SessionSource,
    pub(super) scope: Option<&'a Scope>,
    pub(super) lifetimes: Lifetimes,
    /// A hash of the request, for a repeated one.
    pub(super) request: [u8; 32],
    /// The user of a password grant.
    pub(super) user: Option<ApiKeyId>,
}

/// Records new tokens.
pub(super) fn tokens<S: ReadState>(txn: &mut Txn<'_, S>, new: &NewTokens<'_>) -> Issued {
    let mut issued = grant(
        txn,
        NewGrant {
            id: new.grant,
            client: new.client,
            family: new.lifetimes.refresh.map(|_| new.family),
            session: new.session,
            scope: new.scope.cloned(),
            lifetime: new.lifetimes.access,
        },
    );
    if let Some(lifetime) = new.lifetimes.refresh {
        let family = Family {
            birth: issued.access.birth,
            revision: txn.revision(),
            api: new.client.api.clone(),
            client: new.client.id.clone(),
            generation: 0,
            grant: new.grant,
            session: new.session.clone(),
            scope: new.scope.cloned(),
            expires_at: end_of(new.session, txn.now(), lifetime),
            rotated_at: txn.now(),
            request: new.request,
            user: new.user,
        };
        issued.refresh = Some(refresh_token(new.family, &family));
        txn.put(
            RecordKey::Family(new.family),
            Record::Family(Arc::new(family)),
        );
    }
    issued
}

/// The refresh token of a family's present generation.
pub(super) fn refresh_token(id: FamilyId, family: &Family) -> RefreshToken {
    RefreshToken {
        birth: family.birth,
        family: id,
        generation: family.generation,
    }
}

/// The session of `key_rules`, with what the client's registration says of it by now; a policy's finds that by reference.
fn with_client_meta(session: &SessionSource, client: &ClientRecord) -> SessionSource {
    let merged = match (session, client.text.meta_data.as_deref()) {
        (SessionSource::Rules(rules), Some(meta)) => rules.with_client_meta(meta),
        _ => None,
    };
    merged.map_or_else(
        || session.clone(),
        |rules| SessionSource::Rules(Arc::new(rules)),
    )
}

/// When a token ends: after its lifetime, or with a session whose rules end earlier; a past end of rules is none (Tyk).
pub(super) fn end_of(session: &SessionSource, now: Timestamp, lifetime: Ttl) -> Timestamp {
    let by_api = now.plus(lifetime);
    match session {
        SessionSource::Rules(rules) => rules
            .expires_at()
            .filter(|&at| at > now)
            .map_or(by_api, |at| at.min(by_api)),
        SessionSource::Policy(_) => by_api,
    }
}

/// The session of a client without rules of its own: its policy, if there is one.
pub(super) fn session_of<S: ReadState>(
    txn: &Txn<'_, S>,
    client: &ClientRecord,
) -> Result<SessionSource, Refusal> {
    let policy = client.text.policy.as_ref().ok_or(Refusal::NoSession)?;
    let policy = policy_for(txn, &client.api, policy)?;
    Ok(SessionSource::Policy(policy.id.clone()))
}

/// The session that an approval asks for, the client's own where it asks for none; checked.
pub(super) fn session_asked<S: ReadState>(
    txn: &Txn<'_, S>,
    client: &ClientRecord,
    asked: Option<&SessionSource>,
) -> Result<SessionSource, Refusal> {
    let session = match asked {
        Some(asked) => asked.clone(),
        None => session_of(txn, client)?,
    };
    check_session(txn, &client.api, &session)?;
    Ok(session)
}

/// Whether a session can be made for an API, whether its policy is named by the client or by `key_rules`.
pub(super) fn check_session<S: ReadState>(
    txn: &Txn<'_, S>,
    api: &ApiId,
    session: &SessionSource,
) -> Result<(), Refusal> {
    match session {
        SessionSource::Policy(policy) => policy_for(txn, api, policy).map(drop),
        SessionSource::Rules(rules) => match rules.policy() {
            Some(policy) => policy_for(txn, api, policy).map(drop),
            None => Ok(()),
        },
    }
}

/// The policy that makes a session for an API: one that is there, and of the API's organisation.
///
/// Tyk looks the policy up without that check and issues a token that its API then refuses.
fn policy_for<S: ReadState>(
    txn: &Txn<'_, S>,
    api: &ApiId,
    policy: &PolicyId,
) -> Result<Arc<PolicyRecord>, Refusal> {
    match (txn.api(api), txn.policy(policy)) {
        (Some(api), Some(policy)) if policy.org == api.org => Ok(policy),
        _ => Err(Refusal::NoSession),
    }
}

/// The implicit grant (RFC 6749 section 4.2): no refresh token, no notification.
pub(super) fn implicit<S: ReadState>(
    txn: &mut Txn<'_, S>,
    issue: &IssueImplicit,
) -> Result<Reply, Refusal> {
    txn.api(&issue.client.api).ok_or(Refusal::UnknownApi)?;
    let client = clients::present(txn, &issue.client)?;
    let session = session_asked(txn, &client, issue.session.as_ref())?;
    let new = NewGrant {
        id: issue.grant,
        client: &client,
        family: None,
        session: &session,
        scope: issue.scope.clone(),
        lifetime: issue.lifetime,
    };
    Ok(Reply::Issued(grant(txn, new)))
}

/// Client credentials (RFC 6749 section 4.4): no refresh token, no notification.
pub(super) fn client_credentials<S: ReadState>(
    txn: &mut Txn<'_, S>,
    issue: &IssueClientCredentials,
) -> Result<Reply, Refusal> {
    let client = clients::authenticated(txn, &issue.client)?;
    let session = session_of(txn, &client)?;
    let new = NewGrant {
        id: issue.grant,
        client: &client,
        family: None,
        session: &session,
        scope: issue.scope.clone(),
        lifetime: issue.lifetime,
    };
    Ok(Reply::Issued(grant(txn, new)))
}
