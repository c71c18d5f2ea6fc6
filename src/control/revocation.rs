//! `/tyk/oauth/revoke`, `revoke_all`, `refresh` and `tokens`: an operator ends tokens.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use raftgate_cluster::batch::Lane;
use raftgate_model::answer::Reply;
use raftgate_model::command::{Command, SWEEP_GRACE, SWEEP_ITEMS_MAX};
use raftgate_model::id::{ClientId, OrgId};
use raftgate_model::secret::Secret;

use super::authorize::{headers_of, query_of};
use super::in_force::Standing;
use super::{Control, ControlFailure, shape};
use crate::oauth::form::Form;
use crate::oauth::on_behalf::{CLIENT_UNKNOWN, OnBehalf, OnBehalfFault, SECRET_WRONG};
use crate::oauth::{TOKEN_REVOKED, TOKENS_REVOKED};

pub(super) use crate::oauth::on_behalf::REGISTRATIONS_MAX;

/// How many batches one purge sweeps; the sweeper goes on with what is left.
const PURGE_BATCHES_MAX: usize = 64;

/// The parameters of a revocation, by form or JSON.
pub(super) struct Order {
    form: Form,
    /// The client that the path names.
    named: Option<ClientId>,
    address: IpAddr,
}

pub(super) async fn revoke(
    control: web::Data<Control>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let order = Order::read(&request, &body, None)?;
    order.revoke(&control).await?;
    Ok(shape::ok(TOKEN_REVOKED))
}

pub(super) async fn revoke_all(
    control: web::Data<Control>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let order = Order::read(&request, &body, None)?;
    order.revoke_all(&control, Proof::Needed).await?;
    Ok(shape::ok(TOKENS_REVOKED))
}

/// Ends a refresh token; the answer repeats it, the log does not.
pub(super) async fn refresh(
    control: web::Data<Control>,
    token: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ControlFailure> {
    let api = shape::parameter(request.query_string(), "api_id")?;
    let api = api.filter(|api| !api.is_empty());
    let missing = || ControlFailure::Invalid("Missing parameter api_id".into());
    let api = control
        .known_api(&api.ok_or_else(missing)?)
        .ok_or(ControlFailure::NotFound(
            "API for this refresh token not found",
        ))?;
    // Of an API that is switched off or cannot be judged now, a token can be ended all the same.
    if let Ok(Standing::Other) = control.oauth_api(&api) {
        return Err(ControlFailure::Invalid(
            "OAuth is not enabled on this API".into(),
        ));
    }
    control.oauth.invalidate_refresh(&api, &token).await?;
    Ok(shape::deleted_secret(&token))
}

/// Removes what has expired: tokens of all clients, codes and refresh-token families.
pub(super) async fn purge(
    control: web::Data<Control>,
    request: HttpRequest,
) -> Result<HttpResponse, ControlFailure> {
    let scope = shape::parameter(request.query_string(), "scope")?;
    match scope.as_deref().unwrap_or_default() {
        "" => Err(ControlFailure::Unprocessable("scope parameter is required")),
        "lapsed" => {
            control.purge_lapsed().await?;
            Ok(shape::ok("lapsed tokens purged"))
        }
        _ => Err(ControlFailure::Invalid("unknown scope".into())),
    }
}

/// Whether the client's secret must be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It must, unless the client has none.
    Needed,
    /// It may; a wrong one is refused all the same.
    Optional,
}

impl Order {
    /// Reads a revocation; a client that is named in the path and another one in the body contradict each other.
    pub(super) fn read(
        request: &HttpRequest,
        body: &[u8],
        named: Option<&str>,
    ) -> Result<Self, ControlFailure> {
        let form = Form::read(query_of(request), &headers_of(request), body)
            .map_err(|_| ControlFailure::Invalid("cannot parse form. Form malformed".to_owned()))?;
        let named = named.map(|named| ClientId::new(named).map_err(|_| unknown_client()));
        let named = named.transpose()?;
        let in_body = form.get("client_id");
        if let (Some(named), Some(in_body)) = (&named, in_body)
            && named.as_str() != in_body
        {
            return Err(ControlFailure::Invalid(
                "client_id is not the one of the path".into(),
            ));
        }
        let address = request.peer_addr().map(|peer| peer.ip());
        Ok(Self {
            form,
            named,
            address: address.unwrap_or(IpAddr::from([0, 0, 0, 0])),
        })
    }

    pub(super) async fn revoke(&self, control: &Control) -> Result<(), ControlFailure> {
        let required = |name| ControlFailure::Invalid(format!("{name} is required"));
        let token = self.form.get("token").ok_or_else(|| required("token"))?;
        let client = self.client()?.ok_or_else(|| required("client_id"))?;
        let org = self.org()?;
        let order = self.on_behalf(&client, org.as_ref())?;
        match control.oauth.revoke_on_behalf(&order, token).await {
            Err(OnBehalfFault::UnknownClient) => Err(unknown_client()),
            Err(fault) => Err(fault.into()),
            Ok(()) => Ok(()),
        }
    }

    pub(super) async fn revoke_all(
        &self,
        control: &Control,
        proof: Proof,
    ) -> Result<(), ControlFailure> {
        let required = |what| ControlFailure::Unauthorized(what);
        let client = self
            .client()?
            .ok_or_else(|| required("client_id is required"))?;
        let org = self.org()?;
        let order = self.on_behalf(&client, org.as_ref())?;
        if proof == Proof::Needed
            && order.secret.is_none()
            && !control.oauth.is_public(&client, org.as_ref())
        {
            return Err(required("client_secret is required"));
        }
        Ok(control.oauth.revoke_all_on_behalf(&order).await?)
    }

    fn client(&self) -> Result<Option<ClientId>, ControlFailure> {
        let in_form = self.form.get("client_id").map(ClientId::new).transpose();
        let in_form = in_form.map_err(|_| unknown_client())?;
        Ok(self.named.clone().or(in_form))
    }

    fn org(&self) -> Result<Option<OrgId>, ControlFailure> {
        let org = self.form.get("org_id").map(OrgId::new).transpose();
        org.map_err(|error| ControlFailure::Invalid(format!("org_id: {error}")))
    }

    fn on_behalf<'a>(
        &'a self,
        client: &'a ClientId,
        org: Option<&'a OrgId>,
    ) -> Result<OnBehalf<'a>, ControlFailure> {
        let secrets = ["client_secret", "secret"].map(|name| self.form.get_from_body(name));
        let secret = match secrets.into() {
            // One of two is not the client's.
            (Some(long), Some(short)) if !Secret::from(long).ct_eq(short) => {
                return Err(ControlFailure::Unauthorized(SECRET_WRONG));
            }
            (long, short) => long.or(short),
        };
        Ok(OnBehalf {
            client,
            org,
            secret,
            address: self.address,
        })
    }
}

/// Tyk's words for a client that no API knows, where it calls it a bad request.
fn unknown_client() -> ControlFailure {
    ControlFailure::Invalid(CLIENT_UNKNOWN.into())
}

impl From<OnBehalfFault> for ControlFailure {
    fn from(fault: OnBehalfFault) -> Self {
        match fault {
            OnBehalfFault::UnknownClient => Self::NotFound(CLIENT_UNKNOWN),
            OnBehalfFault::SecretWrong => Self::Unauthorized(SECRET_WRONG),
            OnBehalfFault::TooMany(refused) => Self::TooManyAttempts(refused.retry_after),
            OnBehalfFault::Propose(error) => error.into(),
        }
    }
}

impl Control {
    /// Sweeps a batch at a time, as the sweeper does, until nothing is left or it is enough for one request.
    async fn purge_lapsed(&self) -> Result<(), ControlFailure> {
        for _ in 0..PURGE_BATCHES_MAX {
            let over = self.cluster.now().minus(SWEEP_GRACE);
            let due = self.cluster.view().due(over, SWEEP_ITEMS_MAX);
            if due.is_empty() {
                break;
            }
            let sweep = Command::Sweep(due);
            let swept = self.cluster.propose(Lane::Sweep, sweep).await?;
            if swept.reply == Reply::Swept(0) {
                break;
            }
        }
        Ok(())
    }
}
