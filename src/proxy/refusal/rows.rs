//! The table of refusals: what each looks like in either style.

use super::ConnectionFate;

/// How Tyk words a refusal (`tyk_core` section 6.2).
#[derive(Clone, Copy, Debug)]
pub(super) enum TykText {
    /// Inside the error template.
    Template(u16, &'static str),
    /// The bare text.
    Plain(u16, &'static str),
}

/// One row of the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) status: u16,
    pub(super) error: &'static str,
    pub(super) description: &'static str,
    pub(super) tyk: TykText,
    pub(super) fields: &'static [(&'static str, &'static str)],
    pub(super) connection: ConnectionFate,
}

impl Row {
    const fn bad_request(label: &'static str, description: &'static str) -> Self {
        Self {
            label,
            status: 400,
            error: "invalid_request",
            description,
            tyk: TykText::Template(400, description),
            fields: &[],
            connection: ConnectionFate::Close,
        }
    }

    /// A request that cannot be read, with a status and a code of its own.
    const fn unreadable(status: u16, error: &'static str, description: &'static str) -> Self {
        Self {
            status,
            error,
            tyk: TykText::Template(status, description),
            ..Self::bad_request(error, description)
        }
    }

    const fn upstream(label: &'static str, description: &'static str) -> Self {
        Self {
            status: 502,
            error: "bad_gateway",
            tyk: TykText::Template(500, "There was a problem proxying the request"),
            connection: ConnectionFate::Keep,
            ..Self::bad_request(label, description)
        }
    }

    /// Trouble of our own that passes.
    const fn unavailable(label: &'static str, description: &'static str) -> Self {
        Self {
            status: 503,
            error: "temporarily_unavailable",
            tyk: TykText::Template(503, "Service temporarily unavailable."),
            fields: &[("Retry-After", "1")],
            ..Self::upstream(label, description)
        }
    }
}

pub(super) const MALFORMED_HEAD: Row =
    Row::bad_request("malformed_head", "the request head is not well-formed");
pub(super) const UNSUPPORTED_VERSION: Row = Row::unreadable(
    505,
    "unsupported_version",
    "only HTTP/1.0 and HTTP/1.1 are spoken here",
);
pub(super) const BAD_TARGET: Row = Row::bad_request(
    "bad_target",
    "the request target is malformed or holds dot segments",
);
pub(super) const AMBIGUOUS_PATH: Row = Row {
    connection: ConnectionFate::Keep,
    ..Row::bad_request(
        "ambiguous_path",
        "the path is another API's as some upstreams read it: percent-encoded, with slashes in a row or with parameters",
    )
};
pub(super) const BAD_HOST: Row = Row::bad_request(
    "bad_host",
    "exactly one Host that agrees with the request target is needed",
);
pub(super) const AMBIGUOUS_FRAMING: Row = Row::bad_request(
    "ambiguous_framing",
    "the length of the request body is ambiguous",
);
pub(super) const MALFORMED_BODY: Row =
    Row::bad_request("malformed_body", "the request body breaks its framing");
pub(super) const UNKNOWN_EXPECTATION: Row = Row::unreadable(
    417,
    "unknown_expectation",
    "the only expectation understood is 100-continue",
);
pub(super) const UNSUPPORTED_METHOD: Row =
    Row::unreadable(501, "unsupported_method", "this method is not supported");
pub(super) const HEAD_TOO_LARGE: Row =
    Row::unreadable(431, "head_too_large", "the request head is too large");
pub(super) const TOO_MANY_FIELDS: Row = Row::unreadable(
    431,
    "too_many_fields",
    "the request has too many header fields",
);
pub(super) const BODY_TOO_LARGE: Row = Row {
    tyk: TykText::Plain(413, "Request Entity Too Large"),
    ..Row::unreadable(413, "body_too_large", "the request body is too large")
};
pub(super) const CLIENT_TIMEOUT: Row =
    Row::unreadable(408, "client_timeout", "the request did not arrive in time");
pub(super) const CLIENT_GONE: Row = Row {
    tyk: TykText::Template(499, "Client closed request"),
    ..Row::unreadable(499, "client_gone", "the client closed the connection")
};
pub(super) const STARTING: Row = Row::unavailable("starting", "this node is starting");
pub(super) const NOT_FOUND: Row = Row {
    tyk: TykText::Plain(404, "Not Found"),
    connection: ConnectionFate::Keep,
    ..Row::unreadable(404, "not_found", "no API is served at this host and path")
};
pub(super) const API_UNSERVED: Row = Row {
    // Until an operator has mended it: sooner than that, asking again is for nothing.
    fields: &[("Retry-After", "30")],
    ..Row::unavailable(
        "api_unserved",
        "the API at this path cannot be served at the moment",
    )
};

/// What an API does not let through.
struct Closed {
    label: &'static str,
    status: u16,
    error: &'static str,
    description: &'static str,
    /// Tyk's words.
    tyk: &'static str,
}

impl Closed {
    /// The row, in Tyk's style under the same status; the connection goes on.
    const fn row(self) -> Row {
        Row {
            tyk: TykText::Template(self.status, self.tyk),
            connection: ConnectionFate::Keep,
            error: self.error,
            ..Row::unreadable(self.status, self.label, self.description)
        }
    }
}

pub(super) const VERSION_MISSING: Row = Closed {
    label: "version_missing",
    status: 403,
    error: "access_denied",
    description: "the request names no version of the API",
    tyk: "Version information not found",
}
.row();
pub(super) const VERSION_UNKNOWN: Row = Closed {
    label: "version_unknown",
    status: 403,
    error: "access_denied",
    description: "the API has no such version",
    tyk: NO_SUCH_VERSION,
}
.row();
pub(super) const VERSION_API_UNKNOWN: Row = Closed {
    label: "version_api_unknown",
    status: 404,
    error: "not_found",
    description: "the API has no such version",
    tyk: NO_SUCH_VERSION,
}
.row();
const NO_SUCH_VERSION: &str = "This API version does not seem to exist";
pub(super) const VERSION_EXPIRED: Row = Closed {
    label: "version_expired",
    status: 403,
    error: "access_denied",
    description: "this version of the API has expired",
    tyk: "Api Version has expired, please check documentation or contact administrator",
}
.row();
pub(super) const API_EXPIRED: Row = Closed {
    label: "api_expired",
    status: 403,
    error: "access_denied",
    description: "the API has expired",
    tyk: "API has expired, please check documentation or contact administrator",
}
.row();
pub(super) const PATH_FORBIDDEN: Row = Closed {
    label: "path_forbidden",
    status: 403,
    error: "access_denied",
    description: "this path is not open",
    tyk: "Requested endpoint is forbidden",
}
.row();
pub(super) const ADDRESS_FORBIDDEN: Row = Closed {
    label: "address_forbidden",
    status: 403,
    error: "access_denied",
    description: "the API may not be called from this address",
    tyk: "access from this IP has been disallowed",
}
.row();
pub(super) const LENGTH_REQUIRED: Row = Closed {
    label: "length_required",
    status: 411,
    error: "length_required",
    description: "the request must say how long its body is",
    tyk: "Content length is required for this request",
}
.row();
pub(super) const REQUEST_TOO_LARGE: Row = Row {
    tyk: TykText::Template(400, "Request is too large"),
    ..Closed {
        label: "request_too_large",
        status: 413,
        error: "request_too_large",
        description: "the request body is larger than the API allows",
        tyk: "",
    }
    .row()
};

/// The words of these stand in the model's table of access failures, which needs the API's name.
const fn access(label: &'static str, status: u16) -> Row {
    Row {
        connection: ConnectionFate::Keep,
        ..Row::unreadable(status, label, "the credential is refused")
    }
}

pub(super) const CREDENTIAL_MISSING: Row = access("credential_missing", 401);
pub(super) const CREDENTIAL_MALFORMED: Row = access("credential_malformed", 401);
pub(super) const TOKEN_UNKNOWN: Row = access("token_unknown", 401);
pub(super) const TOKEN_EXPIRED: Row = access("token_expired", 401);
pub(super) const TOKEN_CLIENT_GONE: Row = access("token_client_gone", 401);
pub(super) const TOKEN_CLIENT_OF_OTHER_API: Row = access("token_client_of_other_api", 403);
pub(super) const SESSION_INACTIVE: Row = access("session_inactive", 403);
pub(super) const NO_RIGHT: Row = access("no_right", 403);
pub(super) const NO_RIGHT_TO_PATH: Row = access("no_right_to_path", 403);
pub(super) const TOO_MANY_ATTEMPTS: Row = access("too_many_attempts", 429);
pub(super) const UNJUDGED: Row =
    Row::unavailable("unjudged", "this node cannot judge the credential now");
pub(super) const UPSTREAM_LOOKUP: Row = Row {
    tyk: TykText::Template(500, "Upstream host lookup failed"),
    ..Row::upstream(
        "upstream_lookup",
        "the name of the upstream does not resolve",
    )
};
pub(super) const UPSTREAM_UNREACHABLE: Row = Row::upstream(
    "upstream_unreachable",
    "the upstream cannot be connected to",
);
pub(super) const UPSTREAM_BROKEN: Row =
    Row::upstream("upstream_broken", "the upstream gave no usable answer");
pub(super) const UPSTREAM_TIMEOUT: Row = Row {
    status: 504,
    error: "gateway_timeout",
    tyk: TykText::Template(504, "Upstream service reached hard timeout."),
    ..Row::upstream("upstream_timeout", "the upstream did not answer in time")
};
pub(super) const UPSTREAM_BUSY: Row = Row::unavailable(
    "upstream_busy",
    "all connections to the upstream are in use",
);
pub(super) const ALL_TARGETS_DOWN: Row = Row {
    tyk: TykText::Plain(503, "all hosts are down"),
    ..Row::unavailable("all_targets_down", "all upstreams of this API are down")
};
