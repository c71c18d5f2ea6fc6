//! The longest head of a request at the control listener.
//!
//! The server itself takes 128 KiB, whatever is configured; what it cannot read as a head it refuses with an empty answer.

use actix_web::dev::ServiceRequest;

use super::ControlFailure;

/// How long a head may be, as it is configured for both listeners.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimit {
    /// The request line and all header lines together, in bytes.
    pub bytes_max: usize,
    /// Header lines.
    pub headers_max: usize,
}

impl HeadLimit {
    /// Refuses a head above the limits.
    pub(super) fn check(&self, request: &ServiceRequest) -> Result<(), ControlFailure> {
        let headers = request.headers();
        let target = request
            .uri()
            .path_and_query()
            .map_or(0, |target| target.as_str().len());
        let line = request.method().as_str().len() + target + "  HTTP/1.1\r\n".len();
        let bytes = headers.iter().fold(line, |sum, (name, value)| {
            sum.saturating_add(name.as_str().len() + value.len() + ": \r\n".len())
        });
        if bytes > self.bytes_max || headers.len() > self.headers_max {
            return Err(ControlFailure::HeadTooLarge);
        }
        Ok(())
    }
}
