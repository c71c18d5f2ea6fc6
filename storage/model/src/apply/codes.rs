//! Authorization codes: issued once, exchanged once.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::issue::{self, NewTokens, refresh_token};
use super::{clients, notifications, revoke};
use crate::answer::{CodeFault, Issued, Refusal, Reply};
use crate::command::{IssueCode, RedeemCode};
use crate::id::{FamilyId, GrantId};
use crate::state::record::{ClientRecord, Code, CodeUse, NotificationKind};
use crate::state::{ReadState, Record, RecordKey, Txn};
use crate::token::{AccessToken, AuthCode};

/// Issues a code to a client that the identity server approved.
pub(super) fn issue<S: ReadState>(
    txn: &mut Txn<'_, S>,
    issue: &IssueCode,
) -> Result<Reply, Refusal> {
    txn.api(&issue.client.api).ok_or(Refusal::UnknownApi)?;
    let client = clients::present(txn, &issue.client)?;
    let session = issue::session_asked(txn, &client, issue.session.as_ref())?;
    let birth = txn.birth();
    // A code outlives no session: exchanged behind the end of its rules, it would count that end as past, hence none.
    let expires_at = issue::end_of(&session, txn.now(), issue.lifetime);
    let code = Code {
        birth,
        revision: txn.revision(),
        api: client.api.clone(),
        client: client.id.clone(),
        redirect: issue.redirect.clone(),
        challenge: issue.challenge,
        session,
        scope: issue.scope.clone(),
        expires_at,
        used: None,
    };
    txn.put(RecordKey::Code(issue.id), Record::Code(Arc::new(code)));
    Ok(Reply::Code {
        code: AuthCode {
            birth,
            id: issue.id,
        },
        expires_at,
    })
}

/// Exchanges a code for tokens, at most once in the whole cluster.
///
/// The same client that repeats the same request inside the retry window gets the same tokens again; any
/// other second use revokes what the first one yielded (RFC 6749 section 4.1.2).
pub(super) fn redeem<S: ReadState>(
    txn: &mut Txn<'_, S>,
    redeem: &RedeemCode,
) -> Result<Reply, Refusal> {
    let client = clients::authenticated(txn, &redeem.client)?;
    let code = txn
        .code(&redeem.code.id)
        .ok_or(Refusal::Code(CodeFault::Unknown))?;
    if code.api != client.api || code.client != client.id {
        let fault = astray(txn, redeem, &client, &code);
        return Err(Refusal::Code(fault));
    }
    if txn.revoked_since(&redeem.client.key, code.revision) {
        return Err(Refusal::Code(CodeFault::Unknown));
    }
    if code.expires_at <= txn.now() {
        return Err(Refusal::Code(CodeFault::Expired));
    }
    if let Some(used) = &code.used {
        return again(txn, redeem, &client, used);
    }
    check_binding(redeem, &code)?;
    issue::check_session(txn, &client.api, &code.session)?;
    let issued = tokens_for(txn, redeem, &client, &code);
    let used = CodeUse::Exchanged {
        at: txn.now(),
        request: request_hash(redeem),
        grant: redeem.grant,
        family: redeem.lifetimes.refresh.map(|_| redeem.family),
    };
    let spent = Code {
        used: Some(used),
        ..(*code).clone()
    };
    txn.put(
        RecordKey::Code(redeem.code.id),
        Record::Code(Arc::new(spent)),
    );
    Ok(Reply::Issued(issued))
}

/// The redirect URI and the verifier must be those of the authorization; a wrong one burns nothing.
fn check_binding(redeem: &RedeemCode, code: &Code) -> Result<(), Refusal> {
    if !code.redirect.accepts(redeem.redirect_uri.as_deref()) {
        return Err(Refusal::Code(CodeFault::RedirectMismatch));
    }
    match (&code.challenge, &redeem.verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge == verifier => Ok(()),
        (None, Some(_)) => Err(Refusal::Code(CodeFault::VerifierWithoutChallenge)),
        _ => Err(Refusal::Code(CodeFault::ChallengeMismatch)),
    }
}

/// Issues what a code is worth: an access token, and a refresh-token family if the API has them.
fn tokens_for<S: ReadState>(
    txn: &mut Txn<'_, S>,
    redeem: &RedeemCode,
    client: &ClientRecord,
    code: &Code,
) -> Issued {
    let issued = issue::tokens(
        txn,
        &NewTokens {
            client,
            grant: redeem.grant,
            family: redeem.family,
            session: &code.session,
            scope: code.scope.as_ref(),
            lifetimes: redeem.lifetimes,
            request: request_hash(redeem),
            user: None,
        },
    );
    if let Some(terms) = redeem.notify {
        let news = notifications::News {
            kind: NotificationKind::New,
            family: issued.refresh.map(|token| token.family),
            code: Some(redeem.code),
            issued: &issued,
            old_refresh: None,
        };
        notifications::enqueue(txn, client, terms, &news);
    }
    issued
}

/// A second exchange: the same answer to a retry, or the end of everything that the first one yielded.
fn again<S: ReadState>(
    txn: &mut Txn<'_, S>,
    redeem: &RedeemCode,
    client: &ClientRecord,
    used: &CodeUse,
) -> Result<Reply, Refusal> {
    let CodeUse::Exchanged {
        at,
        request,
        grant,
        family,
    } = used
    else {
        return Err(Refusal::Code(CodeFault::Reused));
    };
    let in_window = txn.now().since(*at) < redeem.retry_window;
    if in_window
        && *request == request_hash(redeem)
        && let Some(issued) = first_answer(txn, *grant, *family)
    {
        return Ok(Reply::Issued(issued));
    }
    end_yield(txn, redeem, client, *grant, *family);
    Err(Refusal::Code(CodeFault::Reused))
}

/// Ends what an exchange yielded; the resource owner's application is told once, while there is something to end.
fn end_yield<S: ReadState>(
    txn: &mut Txn<'_, S>,
    redeem: &RedeemCode,
    owner: &ClientRecord,
    grant: GrantId,
    family: Option<FamilyId>,
) {
    let family_lived = family.is_some_and(|family| revoke::family(txn, family));
    // The operator may have ended the refresh token alone: then the access token is still there.
    let grant_lived = revoke::grant(txn, grant);
    if family_lived || grant_lived {
        let misuse = notifications::Misuse {
            id: redeem.grant,
            family,
            code: Some(redeem.code),
            old_refresh: None,
            asked: &redeem.client.key.api,
        };
        notifications::tell_of_misuse(txn, owner, redeem.notify, &misuse);
    }
}

/// The tokens of the first exchange, if they live and none was refreshed or revoked since.
fn first_answer<S: ReadState>(
    txn: &Txn<'_, S>,
    grant: GrantId,
    family: Option<FamilyId>,
) -> Option<Issued> {
    let record = txn.grant(&grant)?;
    let refresh = match family {
        None => None,
        Some(id) => {
            let family = txn.family(&id)?;
            if family.generation != 0 {
                return None;
            }
            Some(refresh_token(id, &family))
        }
    };
    Some(Issued {
        access: AccessToken {
            birth: record.birth,
            id: grant,
        },
        refresh,
        scope: record.scope.clone(),
        expires_at: record.expires_at,
        at: txn.now(),
    })
}

/// Judges a code that came to another registration than its own. One of a client of the same name took the wrong way; in the
/// hands of another client it has leaked: it is burnt, and what it yielded before ends. A code whose time is over proves
/// nothing any more, in whoever's hands: else it would matter whether the sweep has come already.
fn astray<S: ReadState>(
    txn: &mut Txn<'_, S>,
    redeem: &RedeemCode,
    client: &ClientRecord,
    code: &Code,
) -> CodeFault {
    let key = code.client_key();
    let owner = txn.client(&key);
    if owner
        .as_ref()
        .is_some_and(|owner| clients::may_be_of(client, owner))
    {
        return CodeFault::OtherApi;
    }
    let over = code.expires_at <= txn.now() || txn.revoked_since(&key, code.revision);
    match (&code.used, owner) {
        // Behind its end, behind a mark, or without its client's registration, nothing of it is good any more.
        _ if over => {}
        (None, _) => {
            let burnt = Code {
                used: Some(CodeUse::Burnt),
                ..code.clone()
            };
            txn.put(
                RecordKey::Code(redeem.code.id),
                Record::Code(Arc::new(burnt)),
            );
        }
        (Some(CodeUse::Exchanged { grant, family, .. }), Some(owner)) => {
            end_yield(txn, redeem, &owner, *grant, *family);
        }
        (Some(_), _) => {}
    }
    CodeFault::OtherClient
}

/// What makes two exchanges the same request: redirect URI and verifier.
fn request_hash(redeem: &RedeemCode) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"code");
    if let Some(uri) = &redeem.redirect_uri {
        hash.update([1]);
        hash.update(uri.as_bytes());
    }
    hash.update([0]);
    if let Some(verifier) = &redeem.verifier {
        hash.update(verifier.as_bytes());
    }
    hash.finalize().into()
}
