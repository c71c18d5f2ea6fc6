//! Every route of the control listener but those of OAuth, every name of its path and query, and what comes of spoiling it.

use crate::hostile_oauth_table::OAUTH_ROUTES;
use crate::hostile_row::{FINE, NO_METHOD, NO_ROUTE, Query, Route, Sent, Told, name, query, route};

const ORG_CONTROL: &str = "org_id: an identifier must not hold control characters";
const ORG_LONG: &str = "org_id: an identifier is at most 256 bytes long";
const API_CONTROL: &str = "api_id: an identifier must not hold control characters";
const API_LONG: &str = "api_id: an identifier is at most 256 bytes long";
const NO_FILTER: Told = (400, "filter is required where api_id is given");
const NO_API: Told = (404, "API not found");
const NO_POLICY: Told = (404, "Policy not found");
const NO_KEY: Told = (404, "Key not found");
const NOT_FOUND_KEY: Told = (404, "Key is not found");
const KEY_NOT_DELETED: Told = (404, "There is no such key found");
const BY_HASH: Told = (400, "Key requested by hash but key hashing is not enabled");
const NO_RIGHTS: Told = (
    400,
    "Failed to create key, keys must have at least one Access Rights record set.",
);
const OTHER_API: Told = (
    400,
    "Request APIID does not match that in Definition! For Update operations these must match.",
);
const OTHER_POLICY: Told = (
    400,
    "Request ID does not match that in policy! For Update operations these must match.",
);

const MODE: &[Query] = &[query(
    "mode",
    "public",
    (400, "mode: must be public"),
    "Query deserialize error: duplicate field `mode`",
)
.empty(FINE)];

/// What follows the query of an import or patch whose body is none.
const NO_DOCUMENT: Told = (
    400,
    "request malformed: must be a JSON object, not an array",
);

const SERVING: &[Query] = &[
    query(
        "upstreamURL",
        "http://127.0.0.1:9/",
        NO_DOCUMENT,
        "Query deserialize error: duplicate field `upstreamURL`",
    ),
    query(
        "listenPath",
        "/hostile/",
        NO_DOCUMENT,
        "Query deserialize error: duplicate field `listenPath`",
    ),
    query(
        "customDomain",
        "pets.test",
        NO_DOCUMENT,
        "Query deserialize error: duplicate field `customDomain`",
    ),
    query(
        "apiID",
        "hostile",
        NO_DOCUMENT,
        "Query deserialize error: duplicate field `apiID`",
    )
    .id(
        "apiID: an identifier must not hold control characters",
        "apiID: an identifier is at most 256 bytes long",
    ),
    query(
        "authentication",
        "true",
        (400, "authentication: must be true or false"),
        "Query deserialize error: duplicate field `authentication`",
    ),
    query(
        "validateRequest",
        "false",
        (400, "validateRequest: must be true or false"),
        "Query deserialize error: duplicate field `validateRequest`",
    ),
    query(
        "allowList",
        "true",
        (400, "allowList: must be true or false"),
        "Query deserialize error: duplicate field `allowList`",
    ),
    query(
        "mockResponse",
        "false",
        (400, "mockResponse: must be true or false"),
        "Query deserialize error: duplicate field `mockResponse`",
    ),
];

/// How the name of a key is meant; `fine` is the answer to a name that nobody has.
macro_rules! key_query {
    ($fine:expr) => {
        &[
            query(
                "hashed",
                "",
                BY_HASH,
                "Query deserialize error: duplicate field `hashed`",
            )
            .empty($fine),
            query(
                "username",
                "",
                $fine,
                "Query deserialize error: duplicate field `username`",
            ),
            query(
                "org_id",
                "default",
                $fine,
                "Query deserialize error: duplicate field `org_id`",
            )
            .id(ORG_CONTROL, ORG_LONG),
            query(
                "api_id",
                "plain",
                $fine,
                "Query deserialize error: duplicate field `api_id`",
            )
            .id(API_CONTROL, API_LONG),
        ]
    };
}

/// The same where a key is made under the name, which its organisation and API have no part in.
const NEW_KEY_QUERY: &[Query] = &[
    query(
        "hashed",
        "",
        BY_HASH,
        "Query deserialize error: duplicate field `hashed`",
    )
    .empty(NO_RIGHTS),
    query(
        "username",
        "",
        NO_RIGHTS,
        "Query deserialize error: duplicate field `username`",
    ),
    query(
        "org_id",
        "default",
        NO_RIGHTS,
        "Query deserialize error: duplicate field `org_id`",
    ),
    query(
        "api_id",
        "plain",
        NO_RIGHTS,
        "Query deserialize error: duplicate field `api_id`",
    ),
];

const NOTIFICATIONS: &[Query] = &[
    query(
        "state",
        "queued",
        (400, "state must be queued or failed"),
        "Query deserialize error: duplicate field `state`",
    ),
    query(
        "api_id",
        "guarded",
        FINE,
        "Query deserialize error: duplicate field `api_id`",
    )
    .empty((400, "api_id: an identifier must not be empty"))
    .id(API_CONTROL, API_LONG),
    query(
        "after",
        "",
        (
            400,
            "after is neither the next of a page nor the id of a notification",
        ),
        "Query deserialize error: duplicate field `after`",
    ),
    query(
        "limit",
        "5",
        (400, "limit: must be a whole number"),
        "Query deserialize error: duplicate field `limit`",
    ),
];

macro_rules! api {
    ($good:literal, $unknown:expr, $empty:expr) => {
        &[name("id", $good, $unknown, $empty)]
    };
}

/// Tyk's Gateway API without OAuth, and what is our own.
const ROUTES: &[Route] = &[
    route("GET", "/hello", &[], &[], Sent::Nothing),
    route("GET", "/ready", &[], &[], Sent::Nothing),
    route("GET", "/metrics", &[], &[], Sent::Nothing),
    route("GET", "/tyk/reload", &[], &[], Sent::Nothing),
    route("GET", "/tyk/reload/group", &[], &[], Sent::Nothing),
    route("GET", "/raftgate/v1/snapshot", &[], &[], Sent::Nothing),
    route("GET", "/raftgate/v1/admin-tokens", &[], &[], Sent::Nothing),
    route(
        "POST",
        "/raftgate/v1/admin-tokens",
        &[],
        &[],
        Sent::AdminToken,
    ),
    route(
        "DELETE",
        "/raftgate/v1/admin-tokens/{name}",
        &[name(
            "name",
            "keeper",
            (404, "there is no admin token of this name"),
            NO_METHOD,
        )],
        &[],
        Sent::Nothing,
    ),
    route(
        "GET",
        "/raftgate/v1/notifications",
        &[],
        NOTIFICATIONS,
        Sent::Nothing,
    ),
    route(
        "POST",
        "/raftgate/v1/notifications/{id}/redeliver",
        api!("msg_1", (404, "notification not found"), NO_ROUTE),
        &[],
        Sent::Nothing,
    ),
    route("GET", "/tyk/apis", &[], &[], Sent::Nothing),
    route("POST", "/tyk/apis", &[], &[], Sent::Classic),
    route(
        "GET",
        "/tyk/apis/{id}",
        api!("plain", NO_API, FINE),
        &[],
        Sent::Nothing,
    ),
    route(
        "POST",
        "/tyk/apis/{id}",
        api!("plain", OTHER_API, FINE),
        &[],
        Sent::Classic,
    ),
    route(
        "PUT",
        "/tyk/apis/{id}",
        api!("plain", NO_API, NO_METHOD),
        &[],
        Sent::Classic,
    ),
    route(
        "DELETE",
        "/tyk/apis/{id}",
        api!("plain", NO_API, NO_METHOD),
        &[],
        Sent::Nothing,
    ),
    route("GET", "/tyk/apis/oas", &[], MODE, Sent::Nothing),
    route("POST", "/tyk/apis/oas", &[], &[], Sent::Oas),
    route("PATCH", "/tyk/apis/oas", &[], &[], Sent::Nothing),
    route("POST", "/tyk/apis/oas/import", &[], SERVING, Sent::Bare),
    route("GET", "/tyk/apis/oas/export", &[], MODE, Sent::Nothing),
    route(
        "GET",
        "/tyk/apis/oas/{id}/export",
        api!("described", NO_API, NO_ROUTE),
        MODE,
        Sent::Nothing,
    ),
    route(
        "GET",
        "/tyk/apis/oas/{id}",
        api!("described", NO_API, FINE),
        MODE,
        Sent::Nothing,
    ),
    route(
        "PUT",
        "/tyk/apis/oas/{id}",
        api!("described", NO_API, NO_METHOD),
        &[],
        Sent::Oas,
    ),
    route(
        "PATCH",
        "/tyk/apis/oas/{id}",
        api!("described", NO_API, (400, "Must specify an apiID to patch")),
        SERVING,
        Sent::Bare,
    ),
    route(
        "DELETE",
        "/tyk/apis/oas/{id}",
        api!("described", NO_API, NO_METHOD),
        &[],
        Sent::Nothing,
    ),
    route("GET", "/tyk/policies", &[], &[], Sent::Nothing),
    route("POST", "/tyk/policies", &[], &[], Sent::Policy),
    route(
        "GET",
        "/tyk/policies/{id}",
        api!("gold", NO_POLICY, FINE),
        &[],
        Sent::Nothing,
    ),
    route(
        "PUT",
        "/tyk/policies/{id}",
        api!("gold", OTHER_POLICY, NO_METHOD),
        &[],
        Sent::Policy,
    ),
    route(
        "DELETE",
        "/tyk/policies/{id}",
        api!("gold", NO_POLICY, NO_METHOD),
        &[],
        Sent::Nothing,
    ),
    route(
        "GET",
        "/tyk/keys",
        &[],
        &[
            query(
                "filter",
                "default",
                FINE,
                "Query deserialize error: duplicate field `filter`",
            )
            .empty(NO_FILTER),
            query(
                "api_id",
                "plain",
                FINE,
                "Query deserialize error: duplicate field `api_id`",
            ),
        ],
        Sent::Nothing,
    ),
    route("POST", "/tyk/keys", &[], &[], Sent::Session),
    route("POST", "/tyk/keys/create", &[], &[], Sent::Session),
    route("POST", "/tyk/keys/preview", &[], &[], Sent::Session),
    route(
        "POST",
        "/tyk/keys/policy/{key}",
        &[name("key", "some-name", NOT_FOUND_KEY, NO_RIGHTS)],
        &[],
        Sent::Instruction,
    ),
    route(
        "GET",
        "/tyk/keys/{key}",
        &[name("key", "some-name", NO_KEY, NO_FILTER)],
        key_query!(NO_KEY),
        Sent::Nothing,
    ),
    // What a key may be called is another test's; this one has no rights.
    route(
        "POST",
        "/tyk/keys/{key}",
        &[name("key", "some-name", NO_RIGHTS, NO_RIGHTS)],
        NEW_KEY_QUERY,
        Sent::Instruction,
    ),
    route(
        "PUT",
        "/tyk/keys/{key}",
        &[name("key", "some-name", NOT_FOUND_KEY, NO_METHOD)],
        key_query!(NOT_FOUND_KEY),
        Sent::Session,
    ),
    route(
        "DELETE",
        "/tyk/keys/{key}",
        &[name("key", "some-name", KEY_NOT_DELETED, NO_METHOD)],
        key_query!(KEY_NOT_DELETED),
        Sent::Nothing,
    ),
];

/// Every route of the control listener.
pub(crate) fn routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(OAUTH_ROUTES)
}
