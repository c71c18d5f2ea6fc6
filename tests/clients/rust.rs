//! Rust: the oauth2 crate over its default HTTP client.

use std::collections::HashMap;
use std::sync::Arc;

use oauth2::basic::{
    BasicClient, BasicErrorResponse, BasicRequestTokenError, BasicRevocationErrorResponse,
    BasicTokenIntrospectionResponse, BasicTokenResponse,
};
use oauth2::reqwest::redirect::Policy;
use oauth2::reqwest::{Certificate, Client as HttpClient, Url};
use oauth2::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, HttpClientError, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, ResourceOwnerPassword, ResourceOwnerUsername, RevocationUrl,
    Scope, StandardRevocableToken, TokenResponse, TokenUrl,
};
use serde_json::Value;

use crate::deployment::Deployment;
use crate::harness::STYLES;

type Library = oauth2::Client<
    BasicErrorResponse,
    BasicTokenResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointSet,
>;
type Asked =
    Result<BasicTokenResponse, BasicRequestTokenError<HttpClientError<oauth2::reqwest::Error>>>;

/// Somebody who uses the library.
struct User {
    at: Value,
    http: HttpClient,
    _deployment: Arc<Deployment>,
}

impl User {
    fn text(&self, pointer: &str) -> String {
        self.at
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap()
            .to_owned()
    }

    /// The library as a client with a secret.
    fn confidential(&self) -> Library {
        self.with_secret(&self.text("/client/secret"))
    }

    fn with_secret(&self, secret: &str) -> Library {
        self.library(ClientId::new(self.text("/client/id")))
            .set_client_secret(ClientSecret::new(secret.to_owned()))
    }

    /// The library as a client without one.
    fn public(&self) -> Library {
        self.library(ClientId::new(self.text("/public_client")))
    }

    fn library(&self, id: ClientId) -> Library {
        BasicClient::new(id)
            .set_auth_uri(AuthUrl::new(self.text("/authorize")).unwrap())
            .set_token_uri(TokenUrl::new(self.text("/token")).unwrap())
            .set_revocation_url(RevocationUrl::new(self.text("/revoke")).unwrap())
            .set_redirect_uri(RedirectUrl::new(self.text("/redirect_uri")).unwrap())
    }

    fn scopes(&self) -> Vec<Scope> {
        let scope = self.text("/scope");
        scope
            .split(' ')
            .map(|one| Scope::new(one.to_owned()))
            .collect()
    }

    /// A code as the browser brings it back, and the verifier that belongs to it.
    async fn code(&self, library: &Library) -> (AuthorizationCode, PkceCodeVerifier) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state) = library
            .authorize_url(CsrfToken::new_random)
            .add_scopes(self.scopes())
            .set_pkce_challenge(challenge)
            .url();
        let callback = self.callback_of(url).await;
        let value = |wanted: &str| {
            let pair = callback.query_pairs().find(|(name, _)| name == wanted);
            pair.unwrap_or_else(|| panic!("no {wanted} in {callback}"))
                .1
                .into_owned()
        };
        assert_eq!(&value("state"), state.secret());
        (AuthorizationCode::new(value("code")), verifier)
    }

    /// A token as the browser brings it back by the implicit grant.
    async fn implicit(&self, library: &Library) -> AccessToken {
        let (url, state) = library
            .authorize_url(CsrfToken::new_random)
            .use_implicit_flow()
            .add_scopes(self.scopes())
            .url();
        let callback = self.callback_of(url).await;
        let fragment = callback.fragment().unwrap();
        let pairs: HashMap<String, String> = form_urlencoded::parse(fragment.as_bytes())
            .into_owned()
            .collect();
        assert_eq!(&pairs["state"], state.secret());
        assert_eq!(pairs["scope"], self.text("/scope"));
        assert_eq!(pairs["token_type"], "bearer");
        assert!(!pairs.contains_key("refresh_token"), "{callback}");
        AccessToken::new(pairs["access_token"].clone())
    }

    /// Follows redirects as a browser does, up to where it would call the client.
    async fn callback_of(&self, mut url: Url) -> Url {
        let redirect_uri = self.text("/redirect_uri");
        for _ in 0..10 {
            let answer = self.http.get(url).send().await.unwrap();
            let location = answer.headers().get("location");
            let location = location.unwrap_or_else(|| panic!("the browser stays at {answer:?}"));
            url = location.to_str().unwrap().parse().unwrap();
            if url.as_str().starts_with(&redirect_uri) {
                return url;
            }
        }
        panic!("the browser is sent in circles: {url}");
    }

    async fn log_in(&self, library: &Library) -> BasicTokenResponse {
        let (code, verifier) = self.code(library).await;
        let exchanged = library
            .exchange_code(code)
            .set_pkce_verifier(verifier)
            .request_async(&self.http)
            .await;
        let tokens = exchanged.unwrap();
        assert_eq!(tokens.scopes(), Some(&self.scopes()));
        assert!(tokens.expires_in().is_some());
        self.expect_called(tokens.access_token()).await;
        tokens
    }

    /// Tokens for the person's name and this password.
    async fn with_password(&self, library: &Library, password: &str) -> Asked {
        let name = ResourceOwnerUsername::new(self.text("/person/name"));
        let password = ResourceOwnerPassword::new(password.to_owned());
        let ask = library.exchange_password(&name, &password);
        ask.add_scopes(self.scopes())
            .request_async(&self.http)
            .await
    }

    async fn refresh(&self, library: &Library, token: &RefreshToken) -> Asked {
        library
            .exchange_refresh_token(token)
            .request_async(&self.http)
            .await
    }

    async fn revoke(&self, library: &Library, token: StandardRevocableToken) {
        let revocation = library.revoke_token(token).unwrap();
        revocation.request_async(&self.http).await.unwrap();
    }

    async fn status(&self, token: &AccessToken) -> u16 {
        let call = self.http.get(self.text("/api")).bearer_auth(token.secret());
        call.send().await.unwrap().status().as_u16()
    }

    async fn expect_called(&self, token: &AccessToken) {
        assert_eq!(self.status(token).await, 200);
    }

    async fn expect_refused(&self, token: &AccessToken) {
        assert!(matches!(self.status(token).await, 401 | 403));
    }
}

/// Runs a flow against an API of each style of errors.
fn flow(run: impl AsyncFn(User)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for style in STYLES {
        let deployment = Deployment::shared();
        let authority = Certificate::from_pem(deployment.authority_pem().as_bytes()).unwrap();
        // As the library's documentation has it: redirects would let a server lead the client elsewhere.
        let http = HttpClient::builder()
            .redirect(Policy::none())
            .add_root_certificate(authority)
            .build()
            .unwrap();
        runtime.block_on(run(User {
            at: deployment.described(style),
            http,
            _deployment: deployment,
        }));
    }
}

/// The code of an error that the server named.
fn error_of(asked: Asked) -> String {
    match asked {
        Err(RequestTokenError::ServerResponse(response)) => response.error().as_ref().to_owned(),
        other => panic!("no error of the server's but {other:?}"),
    }
}

#[test]
fn oauth2_exchanges_a_code_with_pkce() {
    flow(async |user| {
        user.log_in(&user.confidential()).await;
    });
}

#[test]
fn oauth2_exchanges_a_code_as_a_public_client() {
    flow(async |user| {
        user.log_in(&user.public()).await;
    });
}

#[test]
fn oauth2_sends_its_credentials_in_the_body() {
    flow(async |user| {
        user.log_in(&user.confidential().set_auth_type(AuthType::RequestBody))
            .await;
    });
}

#[test]
fn oauth2_reads_the_refusal_of_another_verifier() {
    flow(async |user| {
        let library = user.confidential();
        let (code, _) = user.code(&library).await;
        let (_, other) = PkceCodeChallenge::new_random_sha256();
        let exchange = library.exchange_code(code).set_pkce_verifier(other);
        assert_eq!(
            error_of(exchange.request_async(&user.http).await),
            "invalid_grant"
        );
    });
}

#[test]
fn oauth2_uses_client_credentials() {
    flow(async |user| {
        let library = user.confidential();
        let ask = library
            .exchange_client_credentials()
            .add_scopes(user.scopes());
        let tokens = ask.request_async(&user.http).await.unwrap();
        assert!(tokens.refresh_token().is_none());
        user.expect_called(tokens.access_token()).await;
        let impostor = user.with_secret("not-the-secret");
        let ask = impostor.exchange_client_credentials();
        let refused = error_of(ask.request_async(&user.http).await);
        assert_eq!(refused, user.text("/wrong_secret"));
    });
}

#[test]
fn oauth2_refreshes() {
    flow(async |user| {
        let library = user.confidential();
        let before = user.log_in(&library).await;
        let after = user
            .refresh(&library, before.refresh_token().unwrap())
            .await
            .unwrap();
        assert_ne!(
            after.access_token().secret(),
            before.access_token().secret()
        );
        user.expect_called(after.access_token()).await;
        user.expect_refused(before.access_token()).await;
    });
}

#[test]
fn oauth2_revokes() {
    flow(async |user| {
        let library = user.confidential();
        let tokens = user.log_in(&library).await;
        let refresh = tokens.refresh_token().unwrap();
        user.revoke(&library, tokens.access_token().into()).await;
        user.expect_refused(tokens.access_token()).await;
        let renewed = user.refresh(&library, refresh).await.unwrap();
        let refresh = renewed.refresh_token().unwrap();
        user.revoke(&library, refresh.into()).await;
        user.expect_refused(renewed.access_token()).await;
        assert_eq!(
            error_of(user.refresh(&library, refresh).await),
            "invalid_grant"
        );
    });
}

#[test]
fn oauth2_takes_an_implicit_token() {
    flow(async |user| {
        let token = user.implicit(&user.confidential()).await;
        user.expect_called(&token).await;
    });
}

#[test]
fn oauth2_exchanges_a_code_without_pkce() {
    flow(async |user| {
        let library = user.confidential();
        let asked = library.authorize_url(CsrfToken::new_random);
        let (url, _) = asked.add_scopes(user.scopes()).url();
        let callback = user.callback_of(url).await;
        let mut pairs = callback.query_pairs();
        let (_, code) = pairs.find(|(name, _)| name == "code").unwrap();
        let exchange = library.exchange_code(AuthorizationCode::new(code.into_owned()));
        let tokens = exchange.request_async(&user.http).await.unwrap();
        user.expect_called(tokens.access_token()).await;
    });
}

#[test]
fn oauth2_uses_a_persons_password() {
    flow(async |user| {
        let library = user.confidential();
        let password = user.text("/person/password");
        let tokens = user.with_password(&library, &password).await.unwrap();
        user.expect_called(tokens.access_token()).await;
        let refresh = tokens.refresh_token().unwrap();
        let renewed = user.refresh(&library, refresh).await.unwrap();
        user.expect_called(renewed.access_token()).await;
        let refused = error_of(user.with_password(&library, "guessed").await);
        assert_eq!(refused, user.text("/wrong_password"));
    });
}
