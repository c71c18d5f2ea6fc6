//! Which APIs the log was warned of already: a warning that every login repeats says nothing more the second time.

use std::collections::HashSet;

use parking_lot::Mutex;
use raftgate_model::id::ApiId;

/// For how many APIs it is remembered; further ones are not warned of.
const APIS_MAX: usize = 4096;

/// The APIs that were warned of since the process started.
#[derive(Default)]
pub(super) struct WarnedApis(Mutex<HashSet<ApiId>>);

impl WarnedApis {
    /// Whether this is the first time for an API.
    pub(super) fn is_first(&self, api: &ApiId) -> bool {
        let mut warned = self.0.lock();
        !warned.contains(api) && warned.len() < APIS_MAX && warned.insert(api.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use super::*;

    #[test]
    fn each_api_is_told_of_once_and_so_many_at_the_most() {
        let warned = WarnedApis::default();
        for number in 0..APIS_MAX {
            let api = ApiId::new(&format!("api-{number}")).unwrap();
            assert!(warned.is_first(&api));
            assert!(!warned.is_first(&api));
        }
        assert!(!warned.is_first(&ApiId::new("one-more").unwrap()));
    }
}
