//! The routes of OAuth on the control listener, in both of Tyk's families; what they are spoilt by stands beside the others.

use crate::hostile_row::{
    FINE, NO_METHOD, NO_ROUTE, Name, Query, Route, Sent, Told, name, query, route,
};

const NO_SUCH_API: Told = (404, "API doesn't exist");
const BAD_API: Told = (400, "API doesn't exist");
const NO_CLIENT: Told = (404, "OAuth Client ID not found");
/// Tyk's answer to the clients of an API that is not there is `null`.
const NULL: Told = (404, "");

const PAGE: &[Query] = &[query("page", "1", FINE, "page: is given more than once")];

const APPROVAL: Sent =
    Sent::Form("response_type=code&client_id=acme&redirect_uri=http://client.example/back");

macro_rules! client {
    (($api:expr, $no_api:expr), ($client:expr, $no_client:expr)) => {
        &[
            name("api", "guarded", $api, $no_api),
            name("client", "acme", $client, $no_client),
        ]
    };
}

/// A client that is deleted may be gone already; what cannot be one's name is none.
const DELETED_CLIENT: [Name; 2] = [
    name("api", "guarded", NO_CLIENT, NO_ROUTE),
    name("client", "acme", FINE, FINE).impossible(NO_CLIENT),
];

const DELETED_APP: [Name; 2] = [
    name("api", "guarded", NO_CLIENT, NO_ROUTE),
    name("client", "acme", FINE, NO_METHOD).impossible(NO_CLIENT),
];

/// Tyk's Gateway API and Dashboard API of OAuth.
pub(crate) const OAUTH_ROUTES: &[Route] = &[
    route("POST", "/tyk/oauth/authorize-client", &[], &[], APPROVAL),
    route("POST", "/tyk/oauth/revoke", &[], &[], Sent::Form("")),
    route("POST", "/tyk/oauth/revoke_all", &[], &[], Sent::Form("")),
    // Whether there is such a token is not told.
    route(
        "DELETE",
        "/tyk/oauth/refresh/{token}",
        &[name("token", "never-was", FINE, NO_ROUTE)],
        &[query(
            "api_id",
            "guarded",
            (404, "API for this refresh token not found"),
            "api_id: is given more than once",
        )
        .empty((400, "Missing parameter api_id"))],
        Sent::Nothing,
    ),
    route(
        "DELETE",
        "/tyk/oauth/tokens",
        &[],
        &[query(
            "scope",
            "lapsed",
            (400, "unknown scope"),
            "scope: is given more than once",
        )
        .empty((422, "scope parameter is required"))],
        Sent::Nothing,
    ),
    route("POST", "/tyk/oauth/clients/create", &[], &[], Sent::Client),
    route("GET", "/tyk/oauth/clients/create", &[], &[], Sent::Nothing),
    route(
        "DELETE",
        "/tyk/oauth/clients/create",
        &[],
        &[],
        Sent::Nothing,
    ),
    route(
        "GET",
        "/tyk/oauth/clients/{api}",
        &[name("api", "guarded", NULL, NO_ROUTE)],
        &[],
        Sent::Nothing,
    ),
    route(
        "DELETE",
        "/tyk/oauth/clients/{api}",
        &[name("api", "guarded", FINE, NO_ROUTE)],
        &[],
        Sent::Nothing,
    ),
    route(
        "GET",
        "/tyk/oauth/clients/apis/{client}",
        &[name("client", "acme", FINE, NULL)],
        &[query(
            "orgID",
            "default",
            FINE,
            "Query deserialize error: duplicate field `orgID`",
        )
        .id(
            "orgID: an identifier must not hold control characters",
            "orgID: an identifier is at most 256 bytes long",
        )],
        Sent::Nothing,
    ),
    route(
        "GET",
        "/tyk/oauth/clients/{api}/{client}",
        client!((NO_CLIENT, NO_ROUTE), (NO_CLIENT, FINE)),
        &[],
        Sent::Nothing,
    ),
    route(
        "PUT",
        "/tyk/oauth/clients/{api}/{client}",
        client!((NO_SUCH_API, NO_ROUTE), (NO_CLIENT, NO_METHOD)),
        &[],
        Sent::Client,
    ),
    route(
        "DELETE",
        "/tyk/oauth/clients/{api}/{client}",
        &DELETED_CLIENT,
        &[],
        Sent::Nothing,
    ),
    route(
        "PUT",
        "/tyk/oauth/clients/{api}/{client}/rotate",
        client!((NO_SUCH_API, NO_ROUTE), (NO_CLIENT, NO_ROUTE)),
        &[],
        Sent::Nothing,
    ),
    route(
        "GET",
        "/tyk/oauth/clients/{api}/{client}/tokens",
        client!((NO_CLIENT, NO_ROUTE), (FINE, NO_ROUTE)),
        PAGE,
        Sent::Nothing,
    ),
    route(
        "POST",
        "/api/apis/{api}/authorize-client",
        &[name("api", "guarded", BAD_API, NO_ROUTE)],
        &[],
        APPROVAL,
    ),
    route(
        "GET",
        "/api/apis/oauth/{api}",
        &[name("api", "guarded", NO_SUCH_API, NO_ROUTE)],
        &[query("p", "1", FINE, "p: is given more than once")],
        Sent::Nothing,
    ),
    route(
        "POST",
        "/api/apis/oauth/{api}",
        &[name("api", "guarded", BAD_API, NO_ROUTE)],
        &[],
        Sent::Client,
    ),
    route(
        "GET",
        "/api/apis/oauth/{api}/{client}",
        client!((NO_CLIENT, NO_ROUTE), (NO_CLIENT, FINE)),
        &[],
        Sent::Nothing,
    ),
    route(
        "PUT",
        "/api/apis/oauth/{api}/{client}",
        client!((NO_SUCH_API, NO_ROUTE), (NO_CLIENT, NO_METHOD)),
        &[],
        Sent::Client,
    ),
    route(
        "DELETE",
        "/api/apis/oauth/{api}/{client}",
        &DELETED_APP,
        &[],
        Sent::Nothing,
    ),
    // Here a verb stands where a client does.
    route(
        "POST",
        "/api/apis/oauth/{api}/{client}",
        &[
            name("api", "guarded", NO_METHOD, NO_ROUTE),
            name("client", "approve", NO_METHOD, (400, "")),
        ],
        &[],
        Sent::Form(""),
    ),
    route(
        "PUT",
        "/api/apis/oauth/{api}/{client}/rotate",
        client!((NO_SUCH_API, NO_ROUTE), (NO_CLIENT, NO_ROUTE)),
        &[],
        Sent::Nothing,
    ),
    route(
        "GET",
        "/api/apis/oauth/{api}/{client}/tokens",
        client!((NO_CLIENT, NO_ROUTE), (FINE, NO_ROUTE)),
        PAGE,
        Sent::Nothing,
    ),
];
