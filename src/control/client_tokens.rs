//! Listing the tokens of a client: derived anew from the state, bounded, and on a thread that may block.

use actix_web::{HttpResponse, web};
use raftgate_model::id::{ApiId, ClientId, GrantId};
use raftgate_model::state::ClientKey;
use raftgate_model::state::record::Grant;
use raftgate_model::time::Timestamp;
use raftgate_model::token::AccessToken;
use serde::Serialize;

use super::clients::ClientPath;
use super::listings::{LISTED_MAX, PAGE, wanted};
use super::registration::{ClientName, NO_CLIENT};
use super::{Control, ControlFailure, shape};

/// How many records are looked at for that, revoked ones not yet swept included.
const LOOKS_MAX: usize = 1_000_000;
/// How many places one look at the index brings.
const CHUNK: usize = 1000;

#[derive(Serialize)]
struct Row {
    code: String,
    expires: u64,
}

/// Tyk's page; the names are spelt as it spells them.
#[derive(Serialize)]
struct Page {
    #[serde(rename = "Pagination")]
    pagination: Pagination,
    #[serde(rename = "Tokens")]
    tokens: Vec<Row>,
}

#[derive(Serialize)]
struct Pagination {
    page_num: usize,
    page_total: usize,
    page_size: usize,
}

pub(super) async fn list(
    control: web::Data<Control>,
    path: ClientPath,
    request: actix_web::HttpRequest,
) -> Result<HttpResponse, ControlFailure> {
    let ClientName { api, client } = path.into_inner();
    let api = control.known_api(&api).ok_or(NO_CLIENT)?;
    let page = shape::page(request.query_string(), "page")?;
    let place = control.listings.enter().await?;
    let listed = web::block(move || {
        let _place = place;
        control.tokens_listed(api, &client, page)
    });
    let listed = listed.await.map_err(|_| ControlFailure::Internal)??;
    Ok(shape::document(listed))
}

impl Control {
    fn tokens_listed(
        &self,
        api: ApiId,
        client: &str,
        page: Option<usize>,
    ) -> Result<String, ControlFailure> {
        // A client that cannot be has no tokens, like one that is not there.
        let key = ClientId::new(client).map(|client| ClientKey { api, client });
        // Those that end first.
        let wanted = wanted(page);
        let mut rows = Vec::new();
        let mut count = 0_usize;
        if let Ok(key) = &key {
            self.each_live(key, |id, grant| {
                if wanted.contains(&count) {
                    rows.push(self.row(id, grant)?);
                }
                count = count.saturating_add(1);
                Ok(count <= LISTED_MAX)
            })?;
        }
        let Some(page) = page else {
            if count > LISTED_MAX {
                return Err(ControlFailure::Invalid(format!(
                    "the client has more than {LISTED_MAX} tokens: ask for them by page"
                )));
            }
            return to_json(&rows);
        };
        to_json(&Page {
            pagination: Pagination {
                page_num: page,
                page_total: count.min(LISTED_MAX).div_ceil(PAGE),
                page_size: PAGE,
            },
            tokens: rows,
        })
    }

    /// Visits the tokens of a client that are good, those that end first first, until `visit` has seen enough.
    fn each_live(
        &self,
        client: &ClientKey,
        mut visit: impl FnMut(GrantId, &Grant) -> Result<bool, ControlFailure>,
    ) -> Result<(), ControlFailure> {
        let view = self.cluster.view();
        let mut after: Option<(Timestamp, GrantId)> =
            Some((self.cluster.now(), GrantId::from_bytes([0xFF; 16])));
        let mut looks = LOOKS_MAX;
        while looks > 0 {
            let grants = view.grants_of(client, after, CHUNK);
            let Some((last, grant)) = grants.last() else {
                break;
            };
            after = Some((grant.expires_at, *last));
            looks = looks.saturating_sub(grants.len());
            for (id, grant) in &grants {
                if !view.revoked_since(client, grant.revision) && !visit(*id, grant)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The token's text is derived anew; with `compat.hash_keys` its grant's name stands for it, which opens nothing.
    fn row(&self, id: GrantId, grant: &Grant) -> Result<Row, ControlFailure> {
        let code = if self.compat.hash_keys {
            id.to_string()
        } else {
            let token = AccessToken {
                birth: grant.birth,
                id,
            };
            let text = self.keys.mint_access(&token);
            text.map_err(|_| ControlFailure::Internal)?
                .expose()
                .to_owned()
        };
        Ok(Row {
            code,
            expires: grant.expires_at.as_unix_s(),
        })
    }
}

fn to_json<T: Serialize>(value: &T) -> Result<String, ControlFailure> {
    serde_json::to_string(value).map_err(|_| ControlFailure::Internal)
}
