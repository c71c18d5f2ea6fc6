//! Every configuration key, once: what a section or key is called stands nowhere else.

use super::key::{Bounds, DefaultValue, Key, Kind};
use crate::proxy::HEAD_BYTES_CEILING;

/// Ten years in seconds: longer token lives are a mistake in the unit.
const TTL_S_MAX: u64 = 315_360_000;
/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;
/// An hour in milliseconds: no timeout of a request is longer.
const HOUR_MS: u64 = 3_600_000;

const fn toml(text: &'static str) -> DefaultValue {
    DefaultValue::Toml(text)
}

const fn unset(text: &'static str) -> DefaultValue {
    DefaultValue::Unset(text)
}

const fn number(min: u64, max: u64) -> Kind {
    Kind::Number(Bounds { min, max })
}

/// Declares each key as a constant and lists all of them, so that no key can be missing from the list.
macro_rules! keys {
    ($($constant:ident = $section:literal . $name:literal, $kind:expr, $default:expr, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            pub const $constant: &Key = &Key {
                section: $section,
                name: $name,
                kind: $kind,
                default: $default,
                doc: $doc,
            };
        )*

        /// All keys, section by section, in the order of the reference file.
        pub const ALL: &[&Key] = &[$($constant),*];
    };
}

keys! {
    NODE_NAME = "node"."name", Kind::NodeName, unset("node- and 8 random hex digits, chosen at the first start"),
        "The name of this node in status, logs and the ready line.";
    NODE_DATA_DIR = "node"."data_dir", Kind::Path, toml("\"./raftgate-data\""),
        "The folder of the log, the store and the node's identity. One process at a time may use it.";

    KEYS_FILE = "keys"."file", Kind::Path, unset("`keyring` in the data directory"),
        "The key ring. Outside the data directory, a copy of the directory does not carry the keys.";

    GATEWAY_LISTEN = "gateway"."listen", Kind::Listen, toml("\"0.0.0.0:8080\""),
        "Where the APIs are served.";
    GATEWAY_WORKERS = "gateway"."workers", number(1, 1024), unset("one per CPU core that the process may use"),
        "How many threads serve requests.";
    GATEWAY_TLS_CERT = "gateway"."tls_cert", Kind::Path, unset("plain HTTP"),
        "The certificate chain of the gateway listener, PEM. Read again at SIGHUP.";
    GATEWAY_TLS_KEY = "gateway"."tls_key", Kind::Path, unset("plain HTTP"),
        "The private key of the gateway listener, PEM. Read again at SIGHUP.";
    GATEWAY_TRUSTED_PROXIES = "gateway"."trusted_proxies", Kind::Networks, toml("[]"),
        "The addresses that are believed about the client: their X-Forwarded-For tells its address, and their other X-Forwarded fields, Forwarded and X-Real-IP go on to upstreams.";

    CONTROL_LISTEN = "control"."listen", Kind::Listen, toml("\"127.0.0.1:8081\""),
        "Where the control API is served. Client commands read it to find the node.";
    CONTROL_SECRET = "control"."secret", Kind::Secret, unset("made at the first start, in `control.secret` in the data directory"),
        "What a caller of the control API must send.";
    CONTROL_TLS_CERT = "control"."tls_cert", Kind::Path, unset("plain HTTP"),
        "The certificate chain of the control listener, PEM. Read again at SIGHUP.";
    CONTROL_TLS_KEY = "control"."tls_key", Kind::Path, unset("plain HTTP"),
        "The private key of the control listener, PEM. Read again at SIGHUP.";

    CLUSTER_LISTEN = "cluster"."listen", Kind::Listen, toml("\"127.0.0.1:8082\""),
        "Where the other nodes reach this one.";
    CLUSTER_ADVERTISE = "cluster"."advertise", Kind::Remote, unset("the address that the cluster listener is bound to"),
        "The address of this node that the other nodes are told.";
    CLUSTER_JOIN = "cluster"."join", Kind::Remotes, unset("found a cluster of one node"),
        "The nodes to ask for admission to their cluster.";
    CLUSTER_JOIN_TOKEN = "cluster"."join_token", Kind::Secret, unset("none"),
        "What `raftgate cluster token` printed for this node.";
    CLUSTER_STABLE_MS = "cluster"."stable_ms", number(0, HOUR_MS), toml("3000"),
        "How long a new node must keep up before it becomes a voter.";
    CLUSTER_REMOVE_DEAD_AFTER_S = "cluster"."remove_dead_after_s", number(0, 31_536_000), toml("0"),
        "After how long without contact a voter is removed; 0 is never.";
    CLUSTER_JOIN_TOKEN_TTL_S = "cluster"."join_token_ttl_s", number(1, 2_592_000), toml("86400"),
        "How long a join token is good.";
    CLUSTER_INDEX_WAIT_MS = "cluster"."index_wait_ms", number(0, 60_000), toml("3000"),
        "How long a request waits for a token that is younger than this node's state, before 503.";
    CLUSTER_WRITE_TIMEOUT_MS = "cluster"."write_timeout_ms", number(1, 120_000), toml("5000"),
        "How long a write may take to be durable on a quorum, before 503.";

    DEFINITIONS_DIR = "definitions"."dir", Kind::Path, unset("no folder"),
        "A folder of API definitions and policies, JSON or YAML: one document per file, or several policies by id or in a list.";
    DEFINITIONS_WATCH = "definitions"."watch", Kind::Boolean, toml("true"),
        "Whether a change in that folder is applied at once, instead of at SIGHUP.";

    OAUTH_ACCESS_TOKEN_TTL_S = "oauth"."access_token_ttl_s", number(1, TTL_S_MAX), toml("3600"),
        "How long an access token is good.";
    OAUTH_REFRESH_TOKEN_TTL_S = "oauth"."refresh_token_ttl_s", number(1, TTL_S_MAX), toml("1209600"),
        "How long a refresh token is good.";
    OAUTH_AUTH_CODE_TTL_S = "oauth"."auth_code_ttl_s", number(1, 86_400), toml("250"),
        "How long an authorization code is good.";
    OAUTH_RETRY_WINDOW_S = "oauth"."retry_window_s", number(0, 300), toml("10"),
        "For how long a client that lost the answer may repeat an exchange or refresh; 0 turns it off.";
    OAUTH_REDIRECT_URI_SEPARATOR = "oauth"."redirect_uri_separator", Kind::Text { bytes_max: 8 }, toml("\";\""),
        "What stands between several redirect URIs of a client; empty when a client has just one.";
    OAUTH_REDIRECT_MATCH = "oauth"."redirect_match", Kind::Choice(&["exact", "prefix"]), toml("\"exact\""),
        "How a redirect URI is compared with the registered ones.";
    OAUTH_ERROR_STYLE = "oauth"."error_style", Kind::Choice(&["rfc", "tyk"]), toml("\"rfc\""),
        "The shape of OAuth and proxy errors where an API does not choose its own.";
    OAUTH_ERROR_STATUS_CODE = "oauth"."error_status_code", number(400, 599), toml("403"),
        "The status of OAuth errors in the tyk style.";
    OAUTH_ALLOW_MASTER_KEYS = "oauth"."allow_master_keys", Kind::Boolean, toml("false"),
        "Whether key rules without access rights give access to every API.";
    OAUTH_ALLOW_PLAIN_PKCE = "oauth"."allow_plain_pkce", Kind::Boolean, toml("false"),
        "Whether the plain code challenge method is accepted beside S256.";
    OAUTH_HASH_CLIENT_SECRETS = "oauth"."hash_client_secrets", Kind::Boolean, toml("false"),
        "Whether client secrets are kept as hashes, which shows them only once, when they are made.";

    NOTIFICATIONS_ATTEMPTS = "notifications"."attempts", number(1, 100), toml("3"),
        "How often a notification is sent, the first time included, before it counts as failed.";
    NOTIFICATIONS_BACKOFF_MS = "notifications"."backoff_ms",
        Kind::Numbers { each: Bounds { min: 0, max: DAY_MS }, entries_max: 100 }, toml("[10000, 10000]"),
        "The wait before attempt 2, 3 and so on; the last repeats.";
    NOTIFICATIONS_TIMEOUT_MS = "notifications"."timeout_ms", number(1, 300_000), toml("10000"),
        "How long one attempt may take.";
    NOTIFICATIONS_MAX_QUEUED = "notifications"."max_queued", number(1, 1_000_000), toml("10000"),
        "How many notifications of one API may wait, besides the bound of 16 MiB; then the oldest fails.";

    COMPAT_UNANCHORED_PATHS = "compat"."unanchored_paths", Kind::Boolean, toml("false"),
        "Whether path patterns match anywhere in a path, as in Tyk, instead of from its beginning.";
    COMPAT_HASH_KEYS = "compat"."hash_keys", Kind::Boolean, toml("false"),
        "Whether listings show the hashes of tokens instead of the tokens.";
    COMPAT_DISABLE_KEY_ACTIONS_BY_USERNAME = "compat"."disable_key_actions_by_username", Kind::Boolean, toml("false"),
        "Whether basic-auth users are shown, changed and deleted by their hashes alone; needs hash_keys.";
    COMPAT_HIDE_GENERATOR_HEADER = "compat"."hide_generator_header", Kind::Boolean, toml("false"),
        "Whether errors of the tyk style come without X-Generator.";
    COMPAT_OVERRIDE_MESSAGES = "compat"."override_messages", Kind::Messages, toml("{}"),
        "Other codes or words for errors of the tyk style, by Tyk's message id.";

    LIMITS_REQUEST_HEAD_BYTES = "limits"."request_head_bytes", number(1_024, HEAD_BYTES_CEILING as u64), toml("65536"),
        "The longest request line and headers together; more is 431.";
    LIMITS_REQUEST_HEADERS = "limits"."request_headers", number(1, 96), toml("96"),
        "The most header lines of a request; more is 431.";
    LIMITS_REQUEST_BODY_BYTES = "limits"."request_body_bytes", number(0, 1_099_511_627_776), toml("1073741824"),
        "The longest body of a proxied request, which is streamed and never held; more is 413.";
    LIMITS_OAUTH_BODY_BYTES = "limits"."oauth_body_bytes", number(1_024, 1_048_576), toml("65536"),
        "The longest body of a request to an OAuth endpoint; more is 413.";
    LIMITS_CONTROL_BODY_BYTES = "limits"."control_body_bytes", number(1_024, 67_108_864), toml("8388608"),
        "The longest body of a request to the control listener; more is 413. Whatever it is, one definition may have 1 MiB, and one policy 256 KiB and 1024 APIs; more is 400.";
    LIMITS_REQUEST_HEAD_TIMEOUT_MS = "limits"."request_head_timeout_ms", number(1, HOUR_MS), toml("10000"),
        "How long a new connection may stay silent, and a client take to send the head of a request; then 408.";
    LIMITS_REQUEST_IDLE_TIMEOUT_MS = "limits"."request_idle_timeout_ms", number(1, HOUR_MS), toml("60000"),
        "The longest silence inside a request body.";
    LIMITS_KEEP_ALIVE_MS = "limits"."keep_alive_ms", number(0, HOUR_MS), toml("75000"),
        "How long a client's connection stays open between two requests; 0 closes it after each answer.";
    LIMITS_CONNECTIONS_PER_WORKER = "limits"."connections_per_worker", number(1, 1_000_000), toml("25000"),
        "How many connections one worker of the gateway serves; further ones wait in the backlog.";
    LIMITS_UPSTREAM_CONNECT_TIMEOUT_MS = "limits"."upstream_connect_timeout_ms", number(1, HOUR_MS), toml("5000"),
        "How long connecting to an upstream may take, TLS included; then 504.";
    LIMITS_UPSTREAM_HEAD_TIMEOUT_MS = "limits"."upstream_head_timeout_ms", number(1, HOUR_MS), toml("30000"),
        "How long an upstream may take until the head of its answer; then 504.";
    LIMITS_UPSTREAM_IDLE_TIMEOUT_MS = "limits"."upstream_idle_timeout_ms", number(1, HOUR_MS), toml("60000"),
        "The longest silence inside the body of an answer, and of a WebSocket in both directions; then it is cut off.";
    LIMITS_UPSTREAM_KEEP_ALIVE_MS = "limits"."upstream_keep_alive_ms", number(0, HOUR_MS), toml("30000"),
        "How long an unused upstream connection is kept; 0 closes it after each answer.";
    LIMITS_UPSTREAM_CONNECTIONS = "limits"."upstream_connections", number(1, 65_536), toml("4096"),
        "How many requests of one worker one upstream serves at a time; more are 503.";
    LIMITS_UPSTREAM_IDLE_CONNECTIONS = "limits"."upstream_idle_connections", number(0, 65_536), toml("256"),
        "How many unused connections one worker keeps for one upstream.";
    LIMITS_DRAIN_TIMEOUT_MS = "limits"."drain_timeout_ms", number(0, HOUR_MS), toml("25000"),
        "How long requests in flight may take after SIGTERM; below the 30 s that Kubernetes grants.";

    LOG_LEVEL = "log"."level", Kind::LogFilter, toml("\"info\""),
        "The least important message that is logged. Of refusals of one kind by one API, 20 in 10 s are logged each by itself, and how many more there were; \"info,raftgate::answer=debug\" logs every one.";
    LOG_FORMAT = "log"."format", Kind::Choice(&["text", "json"]), toml("\"text\""),
        "The form of the log on standard error.";
    LOG_ACCESS = "log"."access", Kind::Boolean, toml("false"),
        "Whether each proxied request is logged.";
}
