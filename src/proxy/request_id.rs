//! Request ids: the client's own when it is harmless, else one that this gateway makes.

/// The longest id taken from a client, in bytes.
const BYTES_MAX: usize = 64;

/// The id of one request, held in place.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestId {
    bytes: [u8; BYTES_MAX],
    len: usize,
}

impl Default for RequestId {
    fn default() -> Self {
        Self {
            bytes: [0; BYTES_MAX],
            len: 0,
        }
    }
}

impl RequestId {
    /// The id as bytes; letters, digits, `-`, `_` and `.` only.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The id as text.
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Takes over a client's id, if it is short and cannot upset a log line.
    fn adopt(&mut self, text: &[u8]) -> bool {
        let is_harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        if text.is_empty() || !text.iter().all(is_harmless) {
            return false;
        }
        let Some(place) = self.bytes.get_mut(..text.len()) else {
            return false;
        };
        place.copy_from_slice(text);
        self.len = text.len();
        true
    }
}

/// Makes the ids of one worker: a random part of its own and a count.
#[derive(Debug)]
pub(super) struct RequestIds {
    prefix: u64,
    next: u64,
}

impl RequestIds {
    /// Ids that begin with this random number.
    pub(super) const fn new(prefix: u64) -> Self {
        Self { prefix, next: 0 }
    }

    /// The id of the next request, which may have brought one.
    pub(super) fn assign(&mut self, offered: Option<&[u8]>, id: &mut RequestId) {
        if offered.is_some_and(|text| id.adopt(text)) {
            return;
        }
        let number = u128::from(self.prefix) << 64 | u128::from(self.next);
        self.next = self.next.wrapping_add(1);
        for (place, byte) in id.bytes.chunks_exact_mut(2).zip(number.to_be_bytes()) {
            if let [high, low] = place {
                *high = hex_digit(byte >> 4);
                *low = hex_digit(byte & 0xf);
            }
        }
        id.len = 32;
    }
}

const fn hex_digit(value: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        b'a' + (value - 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(ids: &mut RequestIds, offered: Option<&[u8]>) -> String {
        let mut id = RequestId::default();
        ids.assign(offered, &mut id);
        id.as_str().to_owned()
    }

    #[test]
    fn made_ids_are_distinct_and_of_one_length() {
        let mut ids = RequestIds::new(0x0123_4567_89ab_cdef);
        assert_eq!(assigned(&mut ids, None), "0123456789abcdef0000000000000000");
        assert_eq!(assigned(&mut ids, None), "0123456789abcdef0000000000000001");
    }

    #[test]
    fn a_harmless_id_of_the_client_is_kept() {
        let mut ids = RequestIds::new(1);
        assert_eq!(assigned(&mut ids, Some(b"abc-DEF_1.2")), "abc-DEF_1.2");
        let longest = "x".repeat(BYTES_MAX);
        assert_eq!(assigned(&mut ids, Some(longest.as_bytes())), longest);
    }

    #[test]
    fn any_other_id_is_replaced() {
        let mut ids = RequestIds::new(1);
        let too_long = "x".repeat(BYTES_MAX + 1);
        for offered in ["", "a b", "a\"b", "a\u{e9}", "a;b", too_long.as_str()] {
            let id = assigned(&mut ids, Some(offered.as_bytes()));
            assert_eq!(id.len(), 32, "{offered}");
        }
    }
}
