#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected must fail"
)]

use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::*;

fn read(basic: Option<&str>, body: &str) -> Result<Presented, OAuthFailure> {
    let mut headers = HeaderMap::new();
    if let Some(basic) = basic {
        let value = format!("Basic {}", STANDARD.encode(basic));
        headers.insert(AUTHORIZATION, HeaderValue::try_from(value).unwrap());
    }
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    let form = Form::read(None, &headers, body.as_bytes()).unwrap();
    presented(&headers, &form)
}

fn shown(presented: &Presented) -> (&str, Option<&str>) {
    (&presented.id, presented.secret.as_ref().map(Secret::expose))
}

#[test]
fn header_and_body_may_each_hold_the_credentials_d1() {
    for (basic, body) in [
        (Some("app:s3cret"), ""),
        (None, "client_id=app&client_secret=s3cret"),
        (None, "client_id=app&secret=s3cret"),
        (Some("app:s3cret"), "client_id=app&client_secret=s3cret"),
        (Some("app:s3cret"), "client_id=app"),
        (Some("app:s3cret"), "client_secret=s3cret"),
    ] {
        let read = read(basic, body).ok().unwrap();
        assert_eq!(shown(&read), ("app", Some("s3cret")), "{basic:?} {body}");
    }
}

#[test]
fn differing_credentials_are_refused() {
    for (basic, body) in [
        (Some("app:s3cret"), "client_id=other&client_secret=s3cret"),
        (Some("app:s3cret"), "client_id=app&client_secret=other"),
        (Some("app:s3cret"), "client_secret=other"),
        (Some("app:"), "client_id=app&client_secret=other"),
        (None, "client_id=app&client_secret=one&secret=two"),
    ] {
        assert_eq!(
            read(basic, body).err(),
            Some(OAuthFailure::ClientAuthenticationTwice),
            "{basic:?} {body}"
        );
    }
}

#[test]
fn form_encoded_basic_credentials_agree_with_their_decoded_form() {
    let read = read(Some("a%2Bb:p%26q"), "client_id=a%2Bb&client_secret=p%26q")
        .ok()
        .unwrap();
    let candidates = read.candidates();
    assert_eq!(candidates.len(), 2);
    assert_eq!(candidates[1].0, "a+b");
    assert!(candidates[1].1.as_ref().unwrap().ct_eq("p&q"));
}

#[test]
fn credentials_that_need_no_decoding_are_tried_once() {
    assert_eq!(
        read(Some("app:s3cret"), "")
            .ok()
            .unwrap()
            .candidates()
            .len(),
        1
    );
}

#[test]
fn a_public_client_names_itself_alone() {
    assert_eq!(
        shown(&read(None, "client_id=app").ok().unwrap()),
        ("app", None)
    );
    assert_eq!(shown(&read(Some("app:"), "").ok().unwrap()), ("app", None));
}

#[test]
fn nothing_and_nonsense_are_told_apart() {
    assert_eq!(
        read(None, "").err(),
        Some(OAuthFailure::ClientAuthenticationMissing)
    );
    assert_eq!(
        read(None, "client_secret=x").err(),
        Some(OAuthFailure::ClientAuthenticationMissing)
    );
    for wrong in ["Bearer x", "Basic", "Basic ***", "Basic YXBw", "Basic gICA"] {
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(wrong).unwrap())]);
        let failure = presented(&headers, &Form::default()).err();
        assert_eq!(
            failure,
            Some(OAuthFailure::ClientAuthenticationMalformed),
            "{wrong}"
        );
    }
    let mut twice = HeaderMap::new();
    twice.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
    twice.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
    let failure = presented(&twice, &Form::default()).err();
    let repeated = OAuthFailure::RepeatedParameter("Authorization".into());
    assert_eq!(failure, Some(repeated));
}
