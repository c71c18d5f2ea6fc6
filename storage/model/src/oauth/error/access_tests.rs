use super::*;

const TYK: ErrorStyle = ErrorStyle::Tyk { status: 403 };

/// Tyk's status and message; then of RFC style status, challenge for an API named `a`, and error.
type ExpectedRow = (
    AccessFailure,
    u16,
    &'static str,
    u16,
    Option<&'static str>,
    &'static str,
);

/// The rows of reference section 6 and design section 8.
const ROWS: [ExpectedRow; 9] = [
    (
        AccessFailure::CredentialMissing,
        400,
        "Authorization field missing",
        401,
        Some(r#"Bearer realm="a""#),
        "unauthorized",
    ),
    (
        AccessFailure::CredentialMalformed,
        400,
        "Bearer token malformed",
        401,
        Some(r#"Bearer realm="a""#),
        "unauthorized",
    ),
    (
        AccessFailure::TokenUnknown,
        403,
        "Key not authorised",
        401,
        Some(r#"Bearer realm="a", error="invalid_token""#),
        "invalid_token",
    ),
    (
        AccessFailure::TokenExpired,
        401,
        "Key has expired, please renew",
        401,
        Some(r#"Bearer realm="a", error="invalid_token""#),
        "invalid_token",
    ),
    (
        AccessFailure::ClientGone,
        403,
        "Key not authorised. OAuth client access was revoked",
        401,
        Some(r#"Bearer realm="a", error="invalid_token""#),
        "invalid_token",
    ),
    (
        AccessFailure::ClientOfOtherApi,
        403,
        "Key not authorised. OAuth client access was revoked",
        403,
        Some(r#"Bearer realm="a", error="insufficient_scope""#),
        "insufficient_scope",
    ),
    (
        AccessFailure::SessionInactive,
        403,
        "Key is inactive, please renew",
        403,
        None,
        "access_denied",
    ),
    (
        AccessFailure::NoRight,
        403,
        "Access to this API has been disallowed",
        403,
        Some(r#"Bearer realm="a", error="insufficient_scope""#),
        "insufficient_scope",
    ),
    (
        AccessFailure::Unavailable { retry_after_s: 2 },
        503,
        "Service temporarily unavailable.",
        503,
        None,
        "temporarily_unavailable",
    ),
];

#[test]
fn t44_tyk_style_answers_to_the_byte() {
    for (failure, status, message, ..) in ROWS {
        let answer = failure.answer(TYK, AuthScheme::OAuth);
        assert_eq!((answer.status, answer.challenge("a")), (status, None));
        let json = (
            BodyKind::Json,
            format!("{{\n    \"error\": \"{message}\"\n}}"),
        );
        assert_eq!(answer.body(BodyKind::Json), json);
        let xml =
            format!("<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>{message}</error>");
        assert_eq!(answer.body(BodyKind::Xml), (BodyKind::Xml, xml));
    }
}

#[test]
fn rfc_6750_style_challenges_and_names_the_error() {
    for (failure, _, _, status, challenge, error) in ROWS {
        let answer = failure.answer(ErrorStyle::Rfc, AuthScheme::OAuth);
        assert_eq!(answer.status, status);
        assert_eq!(answer.challenge("a").as_deref(), challenge, "{failure:?}");
        let (kind, body) = answer.body(BodyKind::Xml);
        assert_eq!(kind, BodyKind::Json);
        assert!(
            body.starts_with(&format!("{{\"error\":\"{error}\",\"error_description\":\"")),
            "{body}"
        );
        assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
    }
}

#[test]
fn what_cannot_be_judged_now_says_when_to_come_back() {
    for style in [ErrorStyle::Rfc, TYK] {
        for (failure, ..) in ROWS {
            let unavailable = matches!(failure, AccessFailure::Unavailable { .. });
            let answer = failure.answer(style, AuthScheme::OAuth);
            assert_eq!(answer.retry_after_s, unavailable.then_some(2));
            assert_eq!(answer.status == 503, unavailable);
        }
    }
}

#[test]
fn case_29_the_requests_content_type_chooses_the_body() {
    for (content_type, kind) in [
        (None, BodyKind::Json),
        (Some("application/json"), BodyKind::Json),
        (Some("text/html; a=application/xml"), BodyKind::Json),
        (Some("application/xml"), BodyKind::Xml),
        (Some("Text/XML; charset=utf-8"), BodyKind::Xml),
        (Some("application/soap+xml"), BodyKind::Xml),
    ] {
        let sent = content_type.map(str::as_bytes);
        assert_eq!(BodyKind::of_request(sent), kind, "{content_type:?}");
    }
}

#[test]
fn a_realm_cannot_break_out_of_its_quotes() {
    let answer = AccessFailure::TokenUnknown.answer(ErrorStyle::Rfc, AuthScheme::OAuth);
    let challenge = answer.challenge("a\"b\\c\r\nd\u{e4}");
    assert_eq!(
        challenge.as_deref(),
        Some(r#"Bearer realm="a\"b\\c??d?", error="invalid_token""#)
    );
}

#[test]
fn keys_and_passwords_are_refused_as_tyk_does_cases_17_18_102() {
    use AccessFailure as F;
    let tyk = |failure: F, scheme| {
        let answer = failure.answer(TYK, scheme);
        (answer.status, answer.message, answer.challenge("a"))
    };
    let (token, basic) = (AuthScheme::Token, AuthScheme::Basic);
    let missing = "Authorization field missing";
    let disallowed = "Access to this API has been disallowed";
    let asked = || Some(r#"Basic realm="a""#.to_owned());
    assert_eq!(tyk(F::CredentialMissing, token), (401, missing, None));
    assert_eq!(tyk(F::TokenUnknown, token), (403, disallowed, None));
    assert_eq!(tyk(F::ClientGone, token), (403, disallowed, None));
    assert_eq!(tyk(F::CredentialMissing, basic), (401, missing, asked()));
    assert_eq!(
        tyk(F::TokenUnknown, basic),
        (401, "User not authorised", asked())
    );
    assert_eq!(tyk(F::CredentialMalformed, basic).0, 400);
    for scheme in [AuthScheme::OAuth, token, basic] {
        let to_path = "Access to this resource has been disallowed";
        assert_eq!(tyk(F::NoRightToPath, scheme), (403, to_path, None));
        assert_eq!(tyk(F::NoRight, scheme), (403, disallowed, None));
        let expired = tyk(F::TokenExpired, scheme);
        assert_eq!(expired.1, "Key has expired, please renew");
        let throttled = F::TooManyAttempts { retry_after_s: 7 }.answer(TYK, scheme);
        assert_eq!((throttled.status, throttled.retry_after_s), (429, Some(7)));
    }
}

#[test]
fn passwords_are_asked_for_by_basic_and_keys_by_bearer_in_rfc_style() {
    use AccessFailure as F;
    let rfc = |failure: F, scheme| {
        let answer = failure.answer(ErrorStyle::Rfc, scheme);
        (answer.status, answer.challenge("a"))
    };
    let basic = || Some(r#"Basic realm="a""#.to_owned());
    for (failure, status, challenge) in [
        (F::CredentialMissing, 401, basic()),
        (F::TokenUnknown, 401, basic()),
        (F::TokenExpired, 401, basic()),
        (F::CredentialMalformed, 400, None),
        (F::SessionInactive, 403, None),
        (F::NoRight, 403, None),
        (F::NoRightToPath, 403, None),
        (F::TooManyAttempts { retry_after_s: 1 }, 429, None),
    ] {
        assert_eq!(
            rfc(failure, AuthScheme::Basic),
            (status, challenge),
            "{failure:?}"
        );
    }
    let missing = rfc(F::CredentialMissing, AuthScheme::Token);
    assert_eq!(missing, (401, Some(r#"Bearer realm="a""#.to_owned())));
}
