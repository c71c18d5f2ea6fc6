//! Minting and checking: arithmetic alone, without a lookup, so that a forged text costs under a microsecond.

use hmac::Mac as _;

use super::wire::{Fields, TokenBytes};
use super::{AccessToken, ApiKeyToken, AuthCode, RefreshToken, TokenBirth, TokenKind};
use crate::id::{ApiKeyId, CodeId, FamilyId, GrantId, KeyId};
use crate::keyring::purpose::leading_half;
use crate::keyring::{KeyRing, UnknownKey};
use crate::secret::Secret;

/// Why a text is not a token of the kind that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Not the one canonical text of any token of this kind: no key could make it good.
    #[error("not a token of this kind")]
    Malformed,
    /// The tag was not made with the key that the token names.
    #[error("the token's tag is wrong")]
    Forged,
    /// The token names a key that this ring does not hold: whether it is good cannot be said here.
    #[error("the token names key {0}, which the key ring does not hold")]
    UnknownKey(KeyId),
}

impl KeyRing {
    /// The text of an access token, the same at each call.
    ///
    /// # Errors
    /// The ring does not hold the key that the token was born under.
    pub fn mint_access(&self, token: &AccessToken) -> Result<Secret, UnknownKey> {
        let fields = Fields {
            birth: token.birth,
            id: *token.id.as_bytes(),
            generation: 0,
        };
        self.mint(TokenKind::Access, &fields)
    }

    /// The text of a refresh token, the same at each call.
    ///
    /// # Errors
    /// The ring does not hold the key that the token was born under.
    pub fn mint_refresh(&self, token: &RefreshToken) -> Result<Secret, UnknownKey> {
        let fields = Fields {
            birth: token.birth,
            id: *token.family.as_bytes(),
            generation: token.generation,
        };
        self.mint(TokenKind::Refresh, &fields)
    }

    /// The text of an authorization code, the same at each call.
    ///
    /// # Errors
    /// The ring does not hold the key that the code was born under.
    pub fn mint_code(&self, code: &AuthCode) -> Result<Secret, UnknownKey> {
        let fields = Fields {
            birth: code.birth,
            id: *code.id.as_bytes(),
            generation: 0,
        };
        self.mint(TokenKind::AuthCode, &fields)
    }

    /// Checks the text of an access token; what it stands for may still be revoked or expired.
    ///
    /// # Errors
    /// The text is no access token, is forged, or names a key that this ring lacks.
    pub fn verify_access(&self, text: &str) -> Result<AccessToken, TokenFault> {
        let Fields { birth, id, .. } = self.verify(TokenKind::Access, text)?;
        Ok(AccessToken {
            birth,
            id: GrantId::from_bytes(id),
        })
    }

    /// Checks the text of a refresh token; what it stands for may still be revoked, expired or used.
    ///
    /// # Errors
    /// The text is no refresh token, is forged, or names a key that this ring lacks.
    pub fn verify_refresh(&self, text: &str) -> Result<RefreshToken, TokenFault> {
        let Fields {
            birth,
            id,
            generation,
        } = self.verify(TokenKind::Refresh, text)?;
        Ok(RefreshToken {
            birth,
            family: FamilyId::from_bytes(id),
            generation,
        })
    }

    /// Checks the text of an authorization code; what it stands for may still be expired or used.
    ///
    /// # Errors
    /// The text is no authorization code, is forged, or names a key that this ring lacks.
    pub fn verify_code(&self, text: &str) -> Result<AuthCode, TokenFault> {
        let Fields { birth, id, .. } = self.verify(TokenKind::AuthCode, text)?;
        Ok(AuthCode {
            birth,
            id: CodeId::from_bytes(id),
        })
    }

    /// The text of a generated API key.
    ///
    /// # Errors
    /// The ring lacks the key that the token names.
    pub fn mint_api_key(&self, token: &ApiKeyToken) -> Result<Secret, UnknownKey> {
        let fields = Fields {
            birth: token.birth,
            id: *token.id.as_bytes(),
            generation: 0,
        };
        self.mint(TokenKind::ApiKey, &fields)
    }

    /// What the text of a generated API key refers to.
    ///
    /// # Errors
    /// See [`TokenFault`].
    pub fn verify_api_key(&self, text: &str) -> Result<ApiKeyToken, TokenFault> {
        let Fields { birth, id, .. } = self.verify(TokenKind::ApiKey, text)?;
        Ok(ApiKeyToken {
            birth,
            id: ApiKeyId::from_bytes(id),
        })
    }

    fn mint(&self, kind: TokenKind, fields: &Fields) -> Result<Secret, UnknownKey> {
        let TokenBirth { key, .. } = fields.birth;
        let mut bytes = TokenBytes::body(kind, fields);
        let mac = self
            .master(key)?
            .token_mac(kind)
            .clone()
            .chain_update(bytes.as_slice());
        bytes.push(&leading_half(&mac.finalize().into_bytes().into()));
        Ok(bytes.to_text(kind))
    }

    fn verify(&self, kind: TokenKind, text: &str) -> Result<Fields, TokenFault> {
        let bytes = TokenBytes::from_text(kind, text).ok_or(TokenFault::Malformed)?;
        let (body, tag) = bytes.split().ok_or(TokenFault::Malformed)?;
        let fields = Fields::from_body(kind, body).ok_or(TokenFault::Malformed)?;
        let key = self
            .master(fields.birth.key)
            .map_err(|UnknownKey(id)| TokenFault::UnknownKey(id))?;
        let mac = key.token_mac(kind).clone().chain_update(body);
        // The comparison takes the same time wherever the tags differ.
        mac.verify_truncated_left(tag)
            .map_err(|_| TokenFault::Forged)?;
        Ok(fields)
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
