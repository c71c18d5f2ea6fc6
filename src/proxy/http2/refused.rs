//! Refused: what a client of HTTP/2 is told in frames alone, because it is about no request that could be answered.

use h2::Reason;

/// Why a stream was refused before it was a request, or its whole connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamRefusal {
    /// As many requests of its client run as may.
    TooManyRunning,
    /// What it asks for cannot be said as a request of HTTP/1.1.
    NoRequest,
    /// Its client gave up more than it may, and the connection ends.
    Abuse,
}

impl StreamRefusal {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::TooManyRunning, Self::NoRequest, Self::Abuse];

    /// The reason as metrics name it: the error code's name (RFC 9113 section 7) in lower case.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::TooManyRunning => "refused_stream",
            Self::NoRequest => "protocol_error",
            Self::Abuse => "enhance_your_calm",
        }
    }

    /// What the client is told.
    pub(super) const fn reason(self) -> Reason {
        match self {
            Self::TooManyRunning => Reason::REFUSED_STREAM,
            Self::NoRequest => Reason::PROTOCOL_ERROR,
            Self::Abuse => Reason::ENHANCE_YOUR_CALM,
        }
    }
}
