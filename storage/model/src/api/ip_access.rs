//! From which addresses an API may be called: Tyk's `allowed_ips` and `blacklisted_ips`.

use core::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::unsupported::ImportWarning;
use crate::json::{DocumentFaults, Node};
use crate::network::network;

/// The most entries of one list.
const ENTRIES_MAX: usize = 4096;

/// The addresses that may and those that may not call an API; at least one list has entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpAccess {
    allowed: Box<[IpNet]>,
    blocked: Box<[IpNet]>,
}

impl IpAccess {
    /// Whether a client with this address may call; an IPv4 address inside an IPv6 one counts as the IPv4 one.
    #[must_use]
    pub fn admits(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        let holds = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&client));
        (self.allowed.is_empty() || holds(&self.allowed)) && !holds(&self.blocked)
    }

    /// Reads the lists; one with entries holds whatever its `enable_` flag says, as in Tyk, unless
    /// `ip_access_control_disabled` takes both out of force.
    pub(super) fn read(
        definition: &Map<String, Value>,
        warnings: &mut Vec<ImportWarning>,
        faults: &mut DocumentFaults,
    ) -> Option<Self> {
        if Node::member(definition, "ip_access_control_disabled", faults).flag(faults) {
            return None;
        }
        let allowed = read_list(definition, "allowed_ips", faults);
        let blocked = read_list(definition, "blacklisted_ips", faults);
        let enabled = Node::member(definition, "enable_ip_whitelisting", faults);
        if enabled.flag(faults) && allowed.is_empty() {
            warnings.push(ImportWarning {
                path: enabled.path().to_owned(),
                reason: "allowed_ips is empty, so every address may call".to_owned(),
            });
        }
        Node::member(definition, "enable_ip_blacklisting", faults).flag(faults);
        (!allowed.is_empty() || !blocked.is_empty()).then_some(Self { allowed, blocked })
    }
}

fn read_list(
    definition: &Map<String, Value>,
    key: &str,
    faults: &mut DocumentFaults,
) -> Box<[IpNet]> {
    let entries = Node::member(definition, key, faults).items(ENTRIES_MAX, faults);
    let networks = entries.iter().filter_map(|entry| {
        let text = entry.text(faults)?;
        let network = network(text);
        if network.is_none() {
            faults.add(entry.path(), format!("invalid IP/CIDR {text:?}"));
        }
        network
    });
    networks.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use serde_json::json;

    use super::*;

    fn read(definition: &Value) -> (Option<IpAccess>, Vec<String>, Vec<String>) {
        let mut faults = DocumentFaults::default();
        let mut warnings = Vec::new();
        let access = IpAccess::read(definition.as_object().unwrap(), &mut warnings, &mut faults);
        let faults = faults.all().iter().map(ToString::to_string).collect();
        let warnings = warnings.into_iter().map(|warning| warning.path).collect();
        (access, faults, warnings)
    }

    fn admits(definition: &Value, client: &str) -> bool {
        let (access, faults, _) = read(definition);
        assert_eq!(faults, Vec::<String>::new());
        access.unwrap().admits(client.parse().unwrap())
    }

    #[test]
    fn only_listed_addresses_pass_and_blocked_ones_never() {
        let lists = json!({
            "allowed_ips": ["127.0.0.1/24", "2001:db8::/32", "::ffff:10.0.0.9"],
            "blacklisted_ips": ["127.0.0.7"]
        });
        for (client, passes) in [
            ("127.0.0.2", true),
            ("127.0.1.2", false),
            ("127.0.0.7", false),
            ("::ffff:127.0.0.2", true),
            ("::ffff:127.0.0.7", false),
            ("10.0.0.9", true),
            ("2001:db8::9", true),
            ("2001:db9::9", false),
        ] {
            assert_eq!(admits(&lists, client), passes, "{client}");
        }
        for spelling in ["10.0.0.0/8", "::ffff:10.0.0.0/104"] {
            let blocked = json!({"blacklisted_ips": [spelling]});
            assert!(admits(&blocked, "11.0.0.1") && !admits(&blocked, "10.255.0.1"));
        }
    }

    #[test]
    fn entries_that_do_not_parse_are_named() {
        let (_, faults, _) = read(&json!({
            "allowed_ips": ["bob", "10.0.0.1/33", "", null],
            "blacklisted_ips": [5, "10.0.0.1 ", "::ffff:10.0.0.0/90"]
        }));
        assert_eq!(
            faults,
            [
                "allowed_ips[3]: must not be null",
                "allowed_ips[0]: invalid IP/CIDR \"bob\"",
                "allowed_ips[1]: invalid IP/CIDR \"10.0.0.1/33\"",
                "allowed_ips[2]: invalid IP/CIDR \"\"",
                "blacklisted_ips[0]: must be a string, not a number",
                "blacklisted_ips[1]: invalid IP/CIDR \"10.0.0.1 \"",
                "blacklisted_ips[2]: invalid IP/CIDR \"::ffff:10.0.0.0/90\"",
            ]
        );
    }

    #[test]
    fn lists_hold_when_they_have_entries_and_are_not_switched_off() {
        let listed = json!({"enable_ip_whitelisting": false, "allowed_ips": ["10.0.0.1"]});
        assert!(read(&listed).0.is_some());
        let off = json!({"ip_access_control_disabled": true, "allowed_ips": ["bob"]});
        assert_eq!(read(&off), (None, vec![], vec![]));
        let (access, _, warned) = read(&json!({"enable_ip_whitelisting": true}));
        assert_eq!(
            (access, warned),
            (None, vec!["enable_ip_whitelisting".to_owned()])
        );
    }
}
