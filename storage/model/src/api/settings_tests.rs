#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;

fn read(object: &str) -> Result<ApiSettings, String> {
    let definition = format!(r#"{{"raftgate":{object}}}"#);
    let mut faults = DocumentFaults::default();
    let settings = ApiSettings::read(&serde_json::from_str(&definition).unwrap(), &mut faults);
    faults.or(settings).map_err(|faults| faults.to_string())
}

#[test]
fn nothing_given_follows_the_gateway() {
    for object in ["{}", "null"] {
        assert_eq!(read(object).unwrap(), ApiSettings::default());
    }
    let settings = ApiSettings::default();
    assert_eq!(
        settings.consistency,
        Consistency::Available { age_max: None }
    );
    assert_eq!(settings.error_style(ErrorStyle::Rfc, 403), ErrorStyle::Rfc);
    let tyk = ErrorStyle::Tyk { status: 400 };
    assert_eq!(settings.error_style(tyk, 400), tyk);
}

#[test]
fn error_style_and_status_beat_the_gateways() {
    for (object, gateway, style) in [
        (
            r#"{"error_style":"rfc"}"#,
            ErrorStyle::Tyk { status: 403 },
            ErrorStyle::Rfc,
        ),
        (
            r#"{"error_style":"tyk"}"#,
            ErrorStyle::Rfc,
            ErrorStyle::Tyk { status: 403 },
        ),
        (
            r#"{"error_style":"tyk","oauth_error_status_code":400}"#,
            ErrorStyle::Rfc,
            ErrorStyle::Tyk { status: 400 },
        ),
        (
            r#"{"oauth_error_status_code":401}"#,
            ErrorStyle::Tyk { status: 403 },
            ErrorStyle::Tyk { status: 401 },
        ),
        (
            r#"{"oauth_error_status_code":401}"#,
            ErrorStyle::Rfc,
            ErrorStyle::Rfc,
        ),
    ] {
        assert_eq!(
            read(object).unwrap().error_style(gateway, 403),
            style,
            "{object}"
        );
    }
}

#[test]
fn consistency_and_lifetimes_are_read() {
    let settings = read(
        r#"{"consistency":"bounded","max_staleness_ms":250,"access_token_ttl_s":60,
            "refresh_token_ttl_s":3600,"auth_code_ttl_s":30}"#,
    )
    .unwrap();
    let bounded = Consistency::Bounded {
        staleness_max: Ttl::from_ms(250),
    };
    assert_eq!(settings.consistency, bounded);
    assert_eq!(settings.access_token_ttl, Some(Ttl::from_s(60)));
    assert_eq!(settings.refresh_token_ttl, Some(Ttl::from_s(3600)));
    assert_eq!(settings.auth_code_ttl, Some(Ttl::from_s(30)));
    assert_eq!(
        read(r#"{"consistency":"strict"}"#).unwrap().consistency,
        Consistency::Strict
    );
    let capped = read(r#"{"available_max_age_s":5}"#).unwrap().consistency;
    assert_eq!(
        capped,
        Consistency::Available {
            age_max: Some(Ttl::from_s(5))
        }
    );
}

#[test]
fn every_wrong_value_is_named_with_what_is_allowed() {
    for (object, fault) in [
        ("[]", "raftgate: must be an object, not an array"),
        (
            r#"{"eror_style":"rfc"}"#,
            "raftgate.eror_style: is not a known key; the nearest one is error_style",
        ),
        (
            r#"{"Consistency":"strict"}"#,
            "raftgate.Consistency: is not a known key; the nearest one is consistency",
        ),
        (
            r#"{"error_style":"soap"}"#,
            "raftgate.error_style: must be \"rfc\" or \"tyk\"",
        ),
        (
            r#"{"oauth_error_status_code":200}"#,
            "raftgate.oauth_error_status_code: must be a whole number from 400 to 599",
        ),
        (
            r#"{"consistency":"eventual"}"#,
            "raftgate.consistency: must be \"available\", \"bounded\" or \"strict\"",
        ),
        (
            r#"{"consistency":"bounded"}"#,
            "raftgate.max_staleness_ms: is needed with \"consistency\": \"bounded\"",
        ),
        (
            r#"{"max_staleness_ms":5}"#,
            "raftgate.max_staleness_ms: has a meaning only with",
        ),
        (
            r#"{"consistency":"strict","available_max_age_s":5}"#,
            "raftgate.available_max_age_s: has a meaning only",
        ),
        (
            r#"{"access_token_ttl_s":0}"#,
            "raftgate.access_token_ttl_s: must be a whole number from 1 to 31536000",
        ),
        (
            r#"{"access_token_ttl_s":"60"}"#,
            "raftgate.access_token_ttl_s: must be a whole number, not a string",
        ),
        (
            r#"{"refresh_token_ttl_s":-1}"#,
            "raftgate.refresh_token_ttl_s: must be a whole number from 1",
        ),
        (
            r#"{"auth_code_ttl_s":3601}"#,
            "raftgate.auth_code_ttl_s: must be a whole number from 1 to 3600",
        ),
        (
            r#"{"auth_code_ttl_s":1.5}"#,
            "raftgate.auth_code_ttl_s: must be a whole number",
        ),
    ] {
        let found = read(object).unwrap_err();
        assert!(found.starts_with(fault), "{object}: {found}");
    }
}
