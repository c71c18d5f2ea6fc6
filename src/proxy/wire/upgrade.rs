//! Changes of protocol on an open connection (RFC 9110 section 7.8): WebSocket, and nothing else.

/// The one protocol that a connection may change to: what else `Upgrade` names ends at this hop, unread.
pub(crate) const WEBSOCKET: &[u8] = b"websocket";

/// What the `Upgrade` fields of a message name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UpgradeOffer {
    /// Nothing.
    #[default]
    Absent,
    /// The WebSocket protocol (RFC 6455) and nothing else.
    WebSocket,
    /// Another protocol, or several: whoever reads such a list picks what it likes.
    Other,
}

impl UpgradeOffer {
    /// Takes in one more `Upgrade` field.
    pub(crate) fn add(&mut self, value: &[u8]) {
        *self = match self {
            Self::Absent if value.eq_ignore_ascii_case(WEBSOCKET) => Self::WebSocket,
            _ => Self::Other,
        };
    }
}

/// Says that this hop changes to the WebSocket protocol, or asks for it.
pub(crate) fn write_websocket(out: &mut Vec<u8>) {
    out.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_upgrade_to_websocket_is_an_offer() {
        let offer = |values: &[&str]| {
            let mut offer = UpgradeOffer::default();
            for value in values {
                offer.add(value.as_bytes());
            }
            offer
        };
        assert_eq!(offer(&[]), UpgradeOffer::Absent);
        assert_eq!(offer(&["WebSocket"]), UpgradeOffer::WebSocket);
        for other in [
            &["h2c"][..],
            &["websocket, h2c"],
            &["websocket/13"],
            &["websocket", "h2c"],
            &["h2c", "websocket"],
            &["websocket", "websocket"],
            &[""],
        ] {
            assert_eq!(offer(other), UpgradeOffer::Other, "{other:?}");
        }
    }
}
