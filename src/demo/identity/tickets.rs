//! Requests that wait for a form: each has a random ticket that only the page with the form holds.
//!
//! A form from elsewhere cannot know the ticket, so nobody consents by following a link. A ticket stays good until newer
//! ones push it out, so that a login form can be sent again; that of a consent form ends with the decision.

use std::collections::VecDeque;

use super::request::LoginRequest;

/// The most requests that wait.
const WAITING_MAX: usize = 256;

/// Which form a ticket belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The login form: nobody is signed in.
    Login,
    /// The consent form: the person is known.
    Consent,
}

struct Waiting {
    ticket: String,
    stage: Stage,
    request: LoginRequest,
}

/// The requests that wait, the oldest first.
#[derive(Default)]
pub(super) struct Tickets(VecDeque<Waiting>);

impl Tickets {
    /// Keeps a request under a ticket.
    pub(super) fn issue(&mut self, ticket: String, request: LoginRequest, stage: Stage) {
        if self.0.len() >= WAITING_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Waiting {
            ticket,
            stage,
            request,
        });
    }

    /// The request of a ticket for this form.
    pub(super) fn find(&self, ticket: &str, stage: Stage) -> Option<LoginRequest> {
        let found = self.0.iter().rev().find(|waiting| waiting.ticket == ticket);
        let found = found.filter(|waiting| waiting.stage == stage);
        found.map(|waiting| waiting.request.clone())
    }

    /// Takes the request of a ticket for this form: the ticket is good for nothing more.
    pub(super) fn take(&mut self, ticket: &str, stage: Stage) -> Option<LoginRequest> {
        let is_meant = |waiting: &Waiting| waiting.ticket == ticket && waiting.stage == stage;
        let at = self.0.iter().rposition(is_meant)?;
        self.0.remove(at).map(|taken| taken.request)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use super::*;

    fn request(client: &str) -> LoginRequest {
        LoginRequest::read(&format!("client_id={client}")).unwrap()
    }

    #[test]
    fn a_ticket_is_good_for_its_own_form_only() {
        let mut tickets = Tickets::default();
        tickets.issue("t".to_owned(), request("c"), Stage::Login);
        assert_eq!(tickets.find("t", Stage::Login), Some(request("c")));
        assert_eq!(tickets.find("t", Stage::Consent), None);
        assert_eq!(tickets.find("u", Stage::Login), None);
        assert_eq!(tickets.find("", Stage::Login), None);
        assert_eq!(tickets.take("t", Stage::Consent), None);
        assert_eq!(tickets.take("t", Stage::Login), Some(request("c")));
        assert_eq!(tickets.take("t", Stage::Login), None);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut tickets = Tickets::default();
        for number in 0..=WAITING_MAX {
            tickets.issue(number.to_string(), request("c"), Stage::Login);
        }
        assert_eq!(tickets.0.len(), WAITING_MAX);
        assert_eq!(tickets.find("0", Stage::Login), None);
        assert!(tickets.find("1", Stage::Login).is_some());
    }
}
