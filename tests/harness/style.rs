//! The two styles of errors: a case of Tyk's always has its twin.

/// In which words an API refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Rfc,
    Tyk,
}

/// Both.
pub(crate) const STYLES: [Style; 2] = [Style::Rfc, Style::Tyk];

impl Style {
    /// Its name in a definition.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rfc => "rfc",
            Self::Tyk => "tyk",
        }
    }
}
