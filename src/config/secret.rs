//! A secret of the configuration.

use zeroize::Zeroizing;

/// Text that is wiped when dropped and that no log, error or listing can show.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of a secret text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself, to be compared or sent.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}
