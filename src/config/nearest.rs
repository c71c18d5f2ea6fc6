//! The known name that looks most like an unknown one.

use strsim::damerau_levenshtein;

use super::table;

/// The most characters of an unknown name that are compared; no known name is nearly as long.
const COMPARED_MAX: usize = 80;

/// The path of the known key nearest to an unknown one.
///
/// The name weighs twice as much as the section, so that a key in the wrong section is told where it belongs.
#[must_use]
pub fn nearest_key(path: &str) -> String {
    let (section, name) = path.split_once('.').unwrap_or(("", path));
    let (section, name) = (shortened(section), shortened(name));
    table::ALL
        .iter()
        .min_by_key(|key| {
            2 * damerau_levenshtein(&name, key.name) + damerau_levenshtein(&section, key.section)
        })
        .map(|key| key.path())
        .unwrap_or_default()
}

/// The one of `known` that is nearest to an unknown name; empty when nothing is known.
pub fn nearest_of<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> &'a str {
    let unknown = shortened(unknown);
    known
        .min_by_key(|name| damerau_levenshtein(&unknown, name))
        .unwrap_or_default()
}

fn shortened(text: &str) -> String {
    text.chars().take(COMPARED_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_key() {
        for (unknown, nearest) in [
            ("gateway.listn", "gateway.listen"),
            ("gatway.listen", "gateway.listen"),
            ("oauth.acces_token_ttl", "oauth.access_token_ttl_s"),
            ("log.levle", "log.level"),
        ] {
            assert_eq!(nearest_key(unknown), nearest);
        }
    }

    #[test]
    fn a_key_in_the_wrong_section_is_told_its_own() {
        assert_eq!(nearest_key("gateway.secret"), "control.secret");
        assert_eq!(nearest_key("data_dir"), "node.data_dir");
    }

    #[test]
    fn a_very_long_name_costs_no_more_than_a_long_one() {
        let long = "x".repeat(1 << 20);
        assert!(!nearest_key(&long).is_empty());
        assert_eq!(nearest_of(&long, ["a"].into_iter()), "a");
    }
}
