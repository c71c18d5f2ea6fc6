//! Commands about the registrations of clients.

use super::Scenario;
use crate::command::{ClientUpdate, Command, NewClient, NewSecret, SecretOrigin};
use crate::seal::SecretVerifier;
use crate::state::record::{ClientSecret, ClientText};
use crate::time::Ttl;

impl Scenario {
    pub(super) fn create_client(&mut self) -> Option<Command> {
        let secret = if self.choices.once_in(4) {
            ClientSecret::Public
        } else {
            ClientSecret::Confidential {
                verifier: SecretVerifier::from_bytes([7; 32]),
                sealed: self.names.sealed.clone(),
            }
        };
        let ends = self.now.plus(Ttl::from_s(self.choices.below(5000)));
        Some(Command::CreateClient(NewClient {
            apis: vec![self.choices.pick(&self.names.apis)?.clone()],
            id: self.choices.pick(&self.names.clients)?.clone(),
            secret,
            origin: SecretOrigin::Generated,
            text: ClientText {
                redirect_uri: "https://app.example/cb".into(),
                policy: self.choices.pick(&self.names.policies).cloned(),
                meta_data: None,
                description: "".into(),
            },
            expires_at: self.choices.once_in(10).then_some(ends),
        }))
    }

    /// Another text or secret for a client.
    pub(super) fn change_client(&mut self) -> Option<Command> {
        let key = self.client_key()?;
        if self.choices.once_in(2) {
            return Some(Command::RotateClientSecret(NewSecret {
                key,
                secret: ClientSecret::Confidential {
                    verifier: SecretVerifier::from_bytes(
                        [u8::try_from(self.choices.below(200)).ok()?; 32],
                    ),
                    sealed: self.names.sealed.clone(),
                },
            }));
        }
        let meta = r#"{"of":"client"}"#;
        Some(Command::UpdateClient(ClientUpdate {
            key,
            text: ClientText {
                redirect_uri: "https://app.example/cb".into(),
                policy: self.choices.pick(&self.names.policies).cloned(),
                meta_data: self.choices.once_in(2).then(|| meta.into()),
                description: "changed".into(),
            },
            expires_at: None,
        }))
    }
}
