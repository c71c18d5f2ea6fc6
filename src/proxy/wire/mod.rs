//! HTTP/1 on the wire: heads, framing and bodies, without any I/O.
//!
//! Everything that comes in is taken apart and written anew, so that what leaves has exactly one framing.

pub(super) mod body;
pub(super) mod chunked;
pub(super) mod cookie;
pub(super) mod field;
pub(super) mod request_head;
pub(super) mod response_head;
pub(super) mod target;
pub(super) mod upgrade;
