//! One node from outside: the real binary, real HTTP, servers of the test's own behind it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, reads the clock, and shows what a failed node wrote"
)]

mod access;
mod admin_tokens;
mod answer_log;
mod answer_trailers;
mod api_key_listings;
mod api_key_sessions;
mod api_keys;
mod apis;
mod apis_in_motion;
mod apis_refused;
mod attacks;
mod attacks_on_clients;
mod attacks_on_redirects;
mod attacks_on_the_gateway;
mod attacks_on_tokens;
mod authorize;
mod authorize_client;
mod authorize_doors;
mod backups;
mod balancing;
mod basic_auth;
mod client_changes;
mod client_secrets;
mod clients;
mod command_line;
mod consistency;
mod control_api;
mod control_heads;
mod control_revocation;
mod core_cases;
mod cors;
mod dashboard;
mod definitions;
mod definitions_in_motion;
mod degraded;
mod demo;
mod differences;
mod documented;
mod durability;
mod error_messages;
mod failed_starts;
mod first_requests;
mod forwarded_origin;
mod full_disk;
mod guesses;
#[path = "../harness/mod.rs"]
mod harness;
mod harness_itself;
mod header_transforms;
mod hostile_control;
mod hostile_grants;
mod hostile_names;
mod hostile_oauth_table;
mod hostile_parameters;
mod hostile_routes;
mod hostile_routes_table;
mod hostile_row;
mod hostile_sources;
mod http2_refusals;
mod index_wait;
mod ip_access;
mod key_answers;
mod key_changes;
mod key_rules;
mod keys;
mod keys_of_clients;
mod last_good;
mod memory;
mod memory_http2;
mod notification_queue;
mod notifications;
mod oas;
mod oas_rules;
mod oas_schemes;
mod oas_serving;
mod oauth_client_authentication;
mod oauth_client_credentials;
mod oauth_code;
mod oauth_implicit;
mod oauth_password;
mod oauth_pkce;
mod oauth_races;
mod oauth_refresh;
mod oauth_revoke;
mod oauth_token_endpoint;
mod operating;
mod organisations;
mod own_shortage;
mod path_parameters;
mod path_rules;
mod policies;
mod policy_files;
mod proxy_drain;
mod proxy_forwarding;
mod proxy_limits;
mod proxy_streaming;
mod purging;
mod redirect_uris;
mod repeated_keys;
mod retries;
mod routing;
mod rules;
mod secrets;
mod secrets_of_callers;
mod smuggling;
mod snapshots;
mod spoilt_parameters;
mod starting;
mod storage_troubles;
mod throttling;
mod timeouts_and_sizes;
mod tls;
mod token_listing;
mod total_timeout;
mod two_readers;
mod tyk_cases;
mod upstream_health;
mod upstream_tls;
mod versions;
mod websocket;
mod wire;
mod world;
