#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod conditions;

use self::conditions::conditions;
use super::*;

const TYK: ErrorStyle = ErrorStyle::Tyk { status: 403 };
const ENDPOINTS: [OAuthEndpoint; 5] = [
    OAuthEndpoint::Authorize,
    OAuthEndpoint::AuthorizeClient,
    OAuthEndpoint::Token,
    OAuthEndpoint::Revoke,
    OAuthEndpoint::RevokeAll,
];

#[test]
fn endpoints_are_found_with_and_without_a_trailing_slash() {
    assert_eq!(
        OAuthEndpoint::at("/oauth/token"),
        Some(OAuthEndpoint::Token)
    );
    assert_eq!(
        OAuthEndpoint::at("/oauth/token/"),
        Some(OAuthEndpoint::Token)
    );
    assert_eq!(
        OAuthEndpoint::at("/tyk/oauth/authorize-client/"),
        Some(OAuthEndpoint::AuthorizeClient)
    );
    for rest in [
        "",
        "/",
        "/oauth",
        "/oauth/tokens",
        "/oauth/token//",
        "/oauth/token/x",
    ] {
        assert_eq!(OAuthEndpoint::at(rest), None, "{rest}");
    }
}

#[test]
fn every_condition_has_its_codes_in_both_styles() {
    for (failure, status, rfc, tyk) in conditions() {
        let answer = failure.answer(OAuthEndpoint::Token, ErrorStyle::Rfc);
        assert_eq!(
            (answer.status, answer.code.as_str()),
            (status, rfc),
            "{failure:?}"
        );
        let answer = failure.answer(OAuthEndpoint::Token, ErrorStyle::Tyk { status: 418 });
        assert_eq!(answer.code.as_str(), tyk, "{failure:?}");
        let fixed = !matches!(status, 400 | 401) || matches!(failure, OAuthFailure::KeyRules(_));
        assert_eq!(
            answer.status,
            if fixed { status } else { 418 },
            "{failure:?}"
        );
    }
}

#[test]
fn rfc_style_has_one_shape_and_asks_for_the_client_exactly_with_401() {
    for (failure, ..) in conditions() {
        for endpoint in ENDPOINTS {
            let answer = failure.answer(endpoint, ErrorStyle::Rfc);
            assert_eq!(answer.shape, ErrorShape::ErrorDescription);
            assert_eq!(answer.asks_for_client, answer.status == 401, "{failure:?}");
            assert_eq!(
                answer.retry_after_s.is_some(),
                matches!(answer.status, 429 | 503)
            );
            assert_eq!(answer.allow.is_some(), answer.status == 405);
            let body: serde_json::Value = serde_json::from_str(&answer.body()).unwrap();
            assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
            assert!(!answer.description.is_empty());
            assert!(!answer.description.contains(['"', '\\']));
        }
    }
}

#[test]
fn tyk_style_says_its_fixed_sentences_and_never_asks_for_the_client() {
    for (failure, ..) in conditions() {
        for endpoint in ENDPOINTS {
            let answer = failure.answer(endpoint, TYK);
            assert!(!answer.asks_for_client);
            let words = failure
                .tyk_words()
                .or(failure.tyk_revocation().map(|(_, words)| words));
            let own = matches!(failure, OAuthFailure::KeyRules(_))
                || words.is_some_and(|words| words == answer.description);
            assert!(
                own || answer.description == answer.code.tyk_description(),
                "{failure:?}"
            );
        }
    }
}

#[test]
fn e1_authorize_answers_status_and_message_in_tyk_style() {
    let answer = OAuthFailure::ClientUnknown.answer(OAuthEndpoint::Authorize, TYK);
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.body(),
        "{\"status\":\"error\",\"message\":\"The authorization server encountered an unexpected condition that prevented it from fulfilling the request.\"}\n"
    );
    let answer = OAuthFailure::ResponseTypeNotAllowed.answer(OAuthEndpoint::Authorize, TYK);
    assert!(
        answer
            .body()
            .contains("does not support obtaining a token using this method.")
    );
    let rfc = OAuthFailure::RedirectUriMismatch.answer(OAuthEndpoint::Authorize, ErrorStyle::Rfc);
    assert_eq!(
        (rfc.status, rfc.body()),
        (400, r#"{"error":"invalid_request","error_description":"The redirect_uri is none that the client registered."}"#.to_owned())
    );
}

#[test]
fn e2_authorize_client_echoes_the_state_and_may_carry_a_redirect() {
    let answer = OAuthFailure::RedirectUriMismatch.answer(OAuthEndpoint::AuthorizeClient, TYK);
    let body = answer.body_with(Some("http://c/cb?error=invalid_request"), Some("a\"b"));
    assert!(body.starts_with(
        "{\"error\":\"invalid_request\",\"error_description\":\"The request is missing"
    ));
    assert!(body.ends_with(
        "\"redirect_to\":\"http://c/cb?error=invalid_request\",\"state\":\"a\\\"b\"}\n"
    ));
    assert!(!answer.body_with(None, Some("")).contains("state"));
    let secret = OAuthFailure::ControlSecret.answer(OAuthEndpoint::AuthorizeClient, TYK);
    let words = "{\"status\":\"error\",\"message\":\"Attempted administrative access with invalid or missing key!\"}\n";
    assert_eq!((secret.status, secret.body().as_str()), (403, words));
}

#[test]
fn d5_a_wrong_method_is_405_with_tyks_words_and_an_allow_header() {
    for (endpoint, allow) in [
        (OAuthEndpoint::Token, "POST"),
        (OAuthEndpoint::Authorize, "GET, POST"),
    ] {
        let answer = OAuthFailure::MethodNotAllowed.answer(endpoint, TYK);
        assert_eq!(
            answer.body(),
            "{\"status\":\"error\",\"message\":\"Method not supported\"}\n"
        );
        assert_eq!((answer.status, answer.allow), (405, Some(allow)));
    }
}

#[test]
fn d2_d3_a_wrong_secret_and_an_unknown_client_read_the_same() {
    for style in [ErrorStyle::Rfc, TYK] {
        let wrong = OAuthFailure::ClientSecretWrong.answer(OAuthEndpoint::Token, style);
        let unknown = OAuthFailure::ClientAuthenticationUnknown.answer(OAuthEndpoint::Token, style);
        assert_eq!(wrong, unknown);
    }
    let wrong = OAuthFailure::ClientSecretWrong.answer(OAuthEndpoint::Token, TYK);
    assert_eq!(
        (wrong.status, wrong.code),
        (403, ErrorCode::UnauthorizedClient)
    );
}

#[test]
fn refresh_tokens_of_others_read_like_unknown_ones_in_rfc_style() {
    let answer = |failure: OAuthFailure| failure.answer(OAuthEndpoint::Token, ErrorStyle::Rfc);
    assert_eq!(
        answer(OAuthFailure::RefreshTokenInvalid),
        answer(OAuthFailure::RefreshTokenOfOther)
    );
}

#[test]
fn d21_d24_revocation_has_tyks_statuses_and_words() {
    for (failure, status, message) in [
        (OAuthFailure::TokenMissing, 400, "token is required"),
        (
            OAuthFailure::MalformedForm,
            400,
            "error parsing form. Form malformed",
        ),
        (
            OAuthFailure::ClientAuthenticationMissing,
            401,
            "client_id is required",
        ),
        (
            OAuthFailure::ClientSecretMissing,
            401,
            "client_secret is required",
        ),
        (
            OAuthFailure::ClientAuthenticationUnknown,
            404,
            "error getting oauth client",
        ),
        (
            OAuthFailure::ClientSecretWrong,
            401,
            "client secret is wrong",
        ),
    ] {
        let answer = failure.answer(OAuthEndpoint::Revoke, TYK);
        let body = format!("{{\"status\":\"error\",\"message\":\"{message}\"}}\n");
        assert_eq!((answer.status, answer.body()), (status, body));
    }
}

#[test]
fn d31_the_configured_status_is_that_of_every_error_of_tyks_library() {
    for failure in [
        OAuthFailure::CodeInvalid,
        OAuthFailure::ClientSecretWrong,
        OAuthFailure::NoSession,
    ] {
        assert_eq!(
            failure
                .answer(OAuthEndpoint::Token, ErrorStyle::Tyk { status: 400 })
                .status,
            400
        );
    }
}

#[test]
fn what_an_answer_repeats_of_the_request_keeps_to_the_allowed_characters() {
    let failure = OAuthFailure::KeyRules("key_rules.\"a\\b\u{e4}\n".to_owned());
    for style in [ErrorStyle::Rfc, TYK] {
        let answer = failure.answer(OAuthEndpoint::AuthorizeClient, style);
        assert_eq!(
            (answer.status, &*answer.description),
            (400, "key_rules.'a'b??")
        );
    }
}

#[test]
fn every_condition_has_a_word_of_its_own_for_the_log() {
    let labels: Vec<_> = conditions()
        .iter()
        .map(|(failure, ..)| failure.label())
        .collect();
    let distinct: std::collections::BTreeSet<_> = labels.iter().collect();
    assert_eq!(distinct.len(), labels.len(), "{labels:?}");
    for label in labels {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        assert!(!label.is_empty() && label.bytes().all(is_word), "{label}");
    }
}
