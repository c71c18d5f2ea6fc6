//! From a path of the projected definition back to the path in the author's document.

use std::collections::BTreeMap;

/// Where a part of the projected definition comes from.
#[derive(Clone, Debug)]
struct Origin {
    path: String,
    /// What lies below is the same on both sides.
    is_copy: bool,
}

/// The origins of everything that a projection wrote, or would have written if it were given.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Notes an origin; one that is given beats one that is not.
    pub(super) fn note(&mut self, classic: &str, path: &str, is_copy: bool, is_given: bool) {
        if !is_given && self.0.contains_key(classic) {
            return;
        }
        let origin = Origin {
            path: path.to_owned(),
            is_copy,
        };
        self.0.insert(classic.to_owned(), origin);
    }

    /// Takes over the origins of an entry of a list.
    pub(super) fn adopt(&mut self, classic: &str, entry: Self) {
        let below = |(name, origin): (String, Origin)| (format!("{classic}.{name}"), origin);
        self.0.extend(entry.0.into_iter().map(below));
    }

    /// The author's path of a Classic one: that of the nearest part around it whose origin is known.
    pub(super) fn of(&self, classic: &str) -> String {
        let mut known = classic;
        loop {
            if let Some(origin) = self.0.get(known) {
                let rest = classic.get(known.len()..).unwrap_or_default();
                let rest = if origin.is_copy { rest } else { "" };
                return format!("{}{rest}", origin.path);
            }
            match known.rfind(['.', '[']).and_then(|end| known.get(..end)) {
                Some(around) => known = around,
                None => return format!("{} ({classic})", super::EXTENSION),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_part_decides() {
        let mut origins = Origins::default();
        origins.note("proxy.target_url", "x.upstream.url", true, false);
        origins.note("CORS.allowed_origins", "x.cors.allowedOrigins", true, true);
        origins.note("version.add", "x.headers.add", false, true);
        let mut entry = Origins::default();
        entry.note("disabled", "x.op.enabled", false, true);
        origins.note("list[0]", "x.op", false, true);
        origins.adopt("list[0]", entry);
        for (classic, path) in [
            ("proxy.target_url", "x.upstream.url"),
            ("CORS.allowed_origins[2]", "x.cors.allowedOrigins[2]"),
            ("version.add.X-A", "x.headers.add"),
            ("list[0].disabled", "x.op.enabled"),
            ("list[0].path", "x.op"),
            ("list[10].path", "x-tyk-api-gateway (list[10].path)"),
            ("proxy", "x-tyk-api-gateway (proxy)"),
        ] {
            assert_eq!(origins.of(classic), path, "{classic}");
        }
    }

    #[test]
    fn what_is_given_beats_what_is_not() {
        let mut origins = Origins::default();
        for (path, is_given) in [("old", true), ("new", false)] {
            origins.note("pre", path, true, is_given);
        }
        assert_eq!(origins.of("pre[1]"), "old[1]");
    }
}
