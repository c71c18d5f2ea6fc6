//! Every route of the control listener, every name of its path and query, and what is answered when one of them is spoilt.

/// Status and message of an answer; where the message is empty, any will do.
pub(crate) type Told = (u16, &'static str);

/// A name in a path.
pub(crate) struct Name {
    pub(crate) name: &'static str,
    /// What stands there when nothing is wrong.
    pub(crate) good: &'static str,
    /// The answer to one that could be there and is not, or is another resource's.
    pub(crate) unknown: Told,
    /// The answer to one that nothing can be called.
    pub(crate) impossible: Told,
    /// The answer to nothing at all, which is another route's by then.
    pub(crate) empty: Told,
}

/// A parameter of a query.
pub(crate) struct Query {
    pub(crate) name: &'static str,
    pub(crate) good: &'static str,
    pub(crate) empty: Told,
    pub(crate) unknown: Told,
    pub(crate) control: Told,
    pub(crate) long: Told,
    pub(crate) repeated: Told,
}

/// What is sent along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Nothing; what is sent is not looked at.
    Nothing,
    Classic,
    Oas,
    /// An OpenAPI document that says nothing of a gateway.
    Bare,
    Policy,
    Session,
    /// Another policy for a key.
    Instruction,
    Client,
    AdminToken,
    /// The parameters of an OAuth request: another table spoils them.
    Form(&'static str),
}

pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) names: &'static [Name],
    pub(crate) query: &'static [Query],
    pub(crate) sent: Sent,
}

const fn route(
    method: &'static str,
    path: &'static str,
    names: &'static [Name],
    query: &'static [Query],
    sent: Sent,
) -> Route {
    Route {
        method,
        path,
        names,
        query,
        sent,
    }
}

const fn name(name: &'static str, good: &'static str, unknown: Told, empty: Told) -> Name {
    Name {
        name,
        good,
        unknown,
        impossible: unknown,
        empty,
    }
}

impl Name {
    const fn impossible(self, impossible: Told) -> Self {
        Self { impossible, ..self }
    }
}

/// A parameter of which nothing is wrong but that it stands twice.
const fn query(
    name: &'static str,
    good: &'static str,
    told: Told,
    repeated: &'static str,
) -> Query {
    Query {
        name,
        good,
        empty: told,
        unknown: told,
        control: told,
        long: told,
        repeated: (400, repeated),
    }
}

impl Query {
    const fn empty(self, empty: Told) -> Self {
        Self { empty, ..self }
    }

    const fn id(self, control: &'static str, long: &'static str) -> Self {
        Self {
            control: (400, control),
            long: (400, long),
            ..self
        }
    }
}

const NO_FILTER: Told = (400, "filter is required where api_id is given");
const FINE: Told = (200, "");
const NO_METHOD: Told = (405, "Method not supported");
const NO_ROUTE: Told = (404, "Not Found");
const NO_API: Told = (404, "API not found");
const NO_SUCH_API: Told = (404, "API doesn't exist");
const BAD_API: Told = (400, "API doesn't exist");
const NO_CLIENT: Told = (404, "OAuth Client ID not found");
const NO_POLICY: Told = (404, "Policy not found");
const NO_KEY: Told = (404, "Key not found");
const NOT_FOUND_KEY: Told = (404, "Key is not found");
const KEY_NOT_DELETED: Told = (404, "There is no such key found");
const NO_RIGHTS: Told = (
    400,
    "Failed to create key, keys must have at least one Access Rights record set.",
);
/// Tyk's answer to the clients of an API that is not there is `null`.
const NULL: Told = (404, "");
const OTHER_API: Told = (
    400,
    "Request APIID does not match that in Definition! For Update operations these must match.",
);
const OTHER_POLICY: Told = (
    400,
    "Request ID does not match that in policy! For Update operations these must match.",
);
const NO_BODY: Told = (
    400,
    "Request malformed: line 1 column 0: the JSON text ends too early",
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
                (400, "Key requested by hash but key hashing is not enabled"),
                "Query deserialize error: duplicate field `hashed`",
            ),
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
            .id(
                "org_id: an identifier must not hold control characters",
                "org_id: an identifier is at most 256 bytes long",
            ),
            query(
                "api_id",
                "plain",
                $fine,
                "Query deserialize error: duplicate field `api_id`",
            )
            .id(
                "api_id: an identifier must not hold control characters",
                "api_id: an identifier is at most 256 bytes long",
            ),
        ]
    };
}

/// The same where a key is made under the name, which its organisation and API have no part in.
const NEW_KEY_QUERY: &[Query] = &[
    query(
        "hashed",
        "",
        (400, "Key requested by hash but key hashing is not enabled"),
        "Query deserialize error: duplicate field `hashed`",
    ),
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
    .id(
        "api_id: an identifier must not hold control characters",
        "api_id: an identifier is at most 256 bytes long",
    ),
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

const PAGE: &[Query] = &[query("page", "1", FINE, "page: is given more than once")];

const APPROVAL: Sent =
    Sent::Form("response_type=code&client_id=acme&redirect_uri=http://client.example/back");

macro_rules! api {
    ($good:literal, $unknown:expr, $empty:expr) => {
        &[name("id", $good, $unknown, $empty)]
    };
}

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
    name("api", "guarded", NO_CLIENT, FINE),
    name("client", "acme", FINE, FINE).impossible(NO_CLIENT),
];
const DELETED_APP: [Name; 2] = [
    name("api", "guarded", NO_CLIENT, NO_METHOD),
    name("client", "acme", FINE, NO_METHOD).impossible(NO_CLIENT),
];

/// Tyk's Gateway API without OAuth, and what is our own.
pub(crate) const ROUTES: &[Route] = &[
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
        api!("described", NO_API, FINE),
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
        client!((NO_CLIENT, NULL), (NO_CLIENT, FINE)),
        &[],
        Sent::Nothing,
    ),
    route(
        "PUT",
        "/tyk/oauth/clients/{api}/{client}",
        client!((NO_SUCH_API, NO_METHOD), (NO_CLIENT, NO_METHOD)),
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
        client!((NO_SUCH_API, NO_BODY), (NO_CLIENT, NO_BODY)),
        &[],
        Sent::Nothing,
    ),
    route(
        "GET",
        "/tyk/oauth/clients/{api}/{client}/tokens",
        client!((NO_CLIENT, NO_CLIENT), (FINE, NO_CLIENT)),
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
        client!((NO_CLIENT, NO_SUCH_API), (NO_CLIENT, FINE)),
        &[],
        Sent::Nothing,
    ),
    route(
        "PUT",
        "/api/apis/oauth/{api}/{client}",
        client!((NO_SUCH_API, NO_METHOD), (NO_CLIENT, NO_METHOD)),
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
            name("api", "guarded", NO_METHOD, (400, "")),
            name("client", "approve", NO_METHOD, (400, "")),
        ],
        &[],
        Sent::Form(""),
    ),
    route(
        "PUT",
        "/api/apis/oauth/{api}/{client}/rotate",
        client!((NO_SUCH_API, NO_BODY), (NO_CLIENT, NO_BODY)),
        &[],
        Sent::Nothing,
    ),
    route(
        "GET",
        "/api/apis/oauth/{api}/{client}/tokens",
        client!((NO_CLIENT, NO_CLIENT), (FINE, NO_CLIENT)),
        PAGE,
        Sent::Nothing,
    ),
];
