//! Where the OAuth resources stand on the control listener, for both of Tyk's families.

use actix_web::guard::{Guard, GuardContext};
use actix_web::web;

use super::listener::wrong_method;
use super::{authorize, client_tokens, clients, dashboard, revocation};

/// The routes of Tyk's Gateway API and of its Dashboard API.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.configure(gateway_routes).configure(dashboard_routes);
}

fn gateway_routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/tyk/oauth/authorize-client")
            .post(authorize::approve)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/oauth/revoke")
            .post(revocation::revoke)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/oauth/revoke_all")
            .post(revocation::revoke_all)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/oauth/refresh/{token}")
            .delete(revocation::refresh)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/oauth/tokens")
            .delete(revocation::purge)
            .default_service(web::to(wrong_method)),
    )
    .configure(client_routes);
}

fn client_routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/tyk/oauth/clients/create")
            .post(clients::create)
            .get(|control| clients::list(control, web::Path::from("create".to_owned())))
            .delete(clients::delete_none)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/oauth/clients/{api}")
            .get(clients::list)
            .delete(clients::delete_none)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/oauth/clients/apis/{client}")
            .guard(OrgNamed)
            .get(clients::apis)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/oauth/clients/{api}/{client}")
            .get(clients::get)
            .put(clients::update)
            .delete(clients::delete)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/oauth/clients/{api}/{client}/rotate")
            .put(clients::rotate)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/tyk/oauth/clients/{api}/{client}/tokens")
            .get(client_tokens::list)
            .default_service(web::to(wrong_method)),
    );
}

fn dashboard_routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/api/apis/{api}/authorize-client")
            .post(dashboard::approve)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/api/apis/oauth/{api}")
            .get(dashboard::list)
            .post(dashboard::create)
            .default_service(web::to(wrong_method)),
    )
    .service(
        // The verbs of a client and of an API stand where a client's id does, and are told apart by the method.
        web::resource("/api/apis/oauth/{api}/{client}")
            .get(dashboard::get)
            .put(dashboard::update)
            .delete(dashboard::delete)
            .post(dashboard::verb)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/api/apis/oauth/{api}/{client}/rotate")
            .put(dashboard::rotate)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/api/apis/oauth/{api}/{client}/tokens")
            .get(dashboard::tokens)
            .default_service(web::to(wrong_method)),
    );
}

/// Tyk lists a client's APIs only when the query names an organisation, be it by an empty name; else the path is that of a
/// client of an API called `apis`.
struct OrgNamed;

impl Guard for OrgNamed {
    fn check(&self, context: &GuardContext<'_>) -> bool {
        let query = context.head().uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "orgID")
    }
}
