use std::collections::HashSet;

use super::*;

const TYK: ErrorStyle = ErrorStyle::Tyk { status: 403 };

#[test]
fn every_refusal_has_its_own_label_and_its_place() {
    let labels: HashSet<_> = Refusal::ALL.iter().map(|refusal| refusal.label()).collect();
    assert_eq!(labels.len(), Refusal::ALL.len());
    for (place, refusal) in Refusal::ALL.iter().enumerate() {
        assert_eq!(*refusal as usize, place, "{refusal:?}");
    }
}

#[test]
fn the_rfc_style_is_json_with_error_and_description() {
    for refusal in Refusal::ALL {
        let rendered = refusal.render(ErrorStyle::Rfc, BodyKind::Xml);
        assert_eq!(rendered.content_type, "application/json");
        let body: serde_json::Value = serde_json::from_str(&rendered.body).unwrap_or_default();
        assert!(
            body.get("error").is_some_and(serde_json::Value::is_string),
            "{refusal:?}"
        );
        assert!(body.get("error_description").is_some(), "{refusal:?}");
        assert_eq!(rendered.status, refusal.status());
    }
}

#[test]
fn the_tyk_style_is_tyks_to_the_byte() {
    let rendered = |refusal: Refusal| {
        let rendered = refusal.render(TYK, BodyKind::Json);
        (rendered.status, rendered.content_type, rendered.body)
    };
    let json = |status: u16, text: &str| {
        (
            status,
            "application/json",
            format!("{{\n    \"error\": \"{text}\"\n}}"),
        )
    };
    let plain = |status: u16, text: &str| (status, "text/plain; charset=utf-8", text.to_owned());
    assert_eq!(rendered(Refusal::NotFound), plain(404, "Not Found"));
    assert_eq!(
        rendered(Refusal::BodyTooLarge),
        plain(413, "Request Entity Too Large")
    );
    assert_eq!(
        rendered(Refusal::UpstreamTimeout),
        json(504, "Upstream service reached hard timeout.")
    );
    assert_eq!(
        rendered(Refusal::UpstreamLookup),
        json(500, "Upstream host lookup failed")
    );
    for refusal in [Refusal::UpstreamUnreachable, Refusal::UpstreamBroken] {
        assert_eq!(
            rendered(refusal),
            json(500, "There was a problem proxying the request")
        );
    }
    assert_eq!(
        rendered(Refusal::UpstreamBusy),
        json(503, "Service temporarily unavailable.")
    );
    assert_eq!(
        rendered(Refusal::ClientGone),
        json(499, "Client closed request")
    );
}

#[test]
fn the_tyk_style_follows_an_xml_request() {
    for content_type in [
        "application/xml",
        "TEXT/XML; charset=utf-8",
        "application/soap+xml",
    ] {
        let format = BodyKind::of_request(Some(content_type.as_bytes()));
        let rendered = Refusal::UpstreamLookup.render(TYK, format);
        assert_eq!(
            rendered.body,
            "<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>Upstream host lookup failed</error>"
        );
        assert_eq!(rendered.content_type, "application/xml");
    }
    assert_eq!(BodyKind::of_request(None), BodyKind::Json);
    assert_eq!(
        BodyKind::of_request(Some(b"application/xmlx")),
        BodyKind::Json
    );
}

#[test]
fn what_passes_says_when_to_come_back() {
    for refusal in [Refusal::UpstreamBusy, Refusal::Unjudged] {
        let rendered = refusal.render(ErrorStyle::Rfc, BodyKind::Json);
        assert_eq!(
            (rendered.status, rendered.fields),
            (503, vec![("Retry-After", Cow::Borrowed("1"))])
        );
    }
}
