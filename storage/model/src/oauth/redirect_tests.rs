#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use proptest::prelude::*;

use super::*;

fn allowed(registration: &str, named: &str, matching: RedirectMatch) -> bool {
    RegisteredUris::parse(registration, ";")
        .unwrap()
        .allows(named, matching)
}

#[test]
fn t4_several_uris_are_split_at_the_separator_and_the_first_is_the_default() {
    let text = "http://client.oauth.com,http://client2.oauth.com, http://client3.oauth.com";
    let uris = RegisteredUris::parse(text, ",").unwrap();
    assert_eq!(uris.first(), Some("http://client.oauth.com"));
    assert_eq!(uris.iter().count(), 3);
    for uri in uris.iter() {
        assert!(uris.allows(uri, RedirectMatch::Exact), "{uri}");
    }
    assert_eq!(uris, RegisteredUris::split(text, ","));
}

#[test]
fn t5_without_a_separator_the_text_is_one_uri() {
    let uris = RegisteredUris::split("http://client.oauth.com,http://client2.oauth.com", "");
    for matching in [RedirectMatch::Exact, RedirectMatch::Prefix] {
        assert!(!uris.allows("http://client2.oauth.com", matching));
    }
}

#[test]
fn what_is_separated_by_something_else_is_not_taken_for_one_uri() {
    let several = "https://a/,https://b/";
    for (text, separator, why) in [
        (several, ";", Some(InvalidRedirectUri::Several)),
        (
            "https://a/;app.b://c",
            ",",
            Some(InvalidRedirectUri::Several),
        ),
        (
            "https://a/;https://b/,https://c/",
            ";",
            Some(InvalidRedirectUri::Several),
        ),
        (several, ",", None),
        (several, "", None),
        ("https://a/b,c;d?e=f,g", "|", None),
        ("https://a/?to=https://b/", ";", None),
        ("https://a/?to=x,https%3A//b/", ";", None),
    ] {
        let found = RegisteredUris::parse(text, separator).err();
        assert_eq!(found, why, "{text} at {separator:?}");
    }
}

#[test]
fn a_client_without_uris_has_no_default_and_allows_none() {
    for text in ["", " ; "] {
        let uris = RegisteredUris::parse(text, ";").unwrap();
        assert_eq!(
            (uris.first(), uris.allows("", RedirectMatch::Prefix)),
            (None, false)
        );
    }
}

#[test]
fn what_is_stored_and_would_be_refused_today_is_left_out() {
    let uris = RegisteredUris::split("javascript:x;http://a/;http://b/#f", ";");
    assert_eq!(uris.iter().collect::<Vec<_>>(), ["http://a/"]);
}

#[test]
fn d18_exact_means_to_the_letter() {
    let registration = "https://client.example/cb?tenant=a";
    for (named, matches) in [
        ("https://client.example/cb?tenant=a", true),
        ("https://client.example/cb", false),
        ("https://client.example/cbx?tenant=a", false),
        ("https://client.example/cb/../cb?tenant=a", false),
        ("https://CLIENT.example/cb?tenant=a", false),
        ("https://client.example:443/cb?tenant=a", false),
        ("http://client.example/cb?tenant=a", false),
        ("https://client.example/cb?tenant=a#f", false),
    ] {
        assert_eq!(
            allowed(registration, named, RedirectMatch::Exact),
            matches,
            "{named}"
        );
    }
}

#[test]
fn rfc_8252_loopback_addresses_may_take_any_port() {
    for (registration, named, matches) in [
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", true),
        (
            "http://127.0.0.1:80/cb?a",
            "http://127.0.0.1:51004/cb?a",
            true,
        ),
        ("http://[::1]/cb", "http://[::1]:51004/cb", true),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/other", false),
        ("http://127.0.0.1/cb", "http://[::1]/cb", false),
        (
            "http://127.0.0.1/cb",
            "http://127.0.0.1.evil.example/cb",
            false,
        ),
        (
            "http://127.0.0.1/cb",
            "http://127.0.0.1:1@evil.example/cb",
            false,
        ),
        ("http://localhost/cb", "http://localhost:51004/cb", false),
        ("https://127.0.0.1/cb", "https://127.0.0.1:51004/cb", false),
    ] {
        assert_eq!(
            allowed(registration, named, RedirectMatch::Exact),
            matches,
            "{named}"
        );
    }
}

#[test]
fn d18_prefix_is_tyks_rule() {
    let registration = "http://client.local/cb";
    for (named, matches) in [
        ("http://client.local/cb", true),
        ("http://client.local/cb/sub", true),
        ("http://client.local/cb?a=b", true),
        ("http://client.local/cbx", true),
        ("http://client.local:80/cb", true),
        ("http://client.local/other", false),
        ("http://client.local/cb/../other", false),
        ("http://client.local/cb/%2e%2e/other", false),
        ("http://client.local/cb/%2e%2E;/other", false),
        ("http://client.local/cb/..%2fother", false),
        ("http://client.local/cb%2F..%2Fother", false),
        ("http://client.local/cb/..%5Cother", false),
        ("http://client.local/cb/..;/other", false),
        ("http://client.local/cb/sub/.;x", false),
        ("http://client.local/cb/..%3b/other", false),
        ("http://client.local/cb/sub;x=..", true),
        ("http://client.local/cb/a%20b", true),
        ("http://client.local:81/cb", false),
        ("https://client.local/cb", false),
        ("http://evil.local/cb", false),
        ("http://client.local@evil.local/cb", false),
        ("http://client.local/cb#f", false),
    ] {
        assert_eq!(
            allowed(registration, named, RedirectMatch::Prefix),
            matches,
            "{named}"
        );
    }
    assert!(allowed(
        "http://client.oauth.com",
        "http://client.oauth.com/any/path",
        RedirectMatch::Prefix
    ));
}

#[test]
fn what_may_be_registered() {
    use InvalidRedirectUri as Invalid;
    for text in [
        "https://a/cb",
        "http://a",
        "com.example.app:/cb",
        "myapp://cb",
        "urn:ietf:wg:oauth:2.0:oob",
    ] {
        assert!(RegisteredUris::parse(text, ";").is_ok(), "{text}");
    }
    for (text, why) in [
        ("javascript:alert(1)", Invalid::Scheme),
        ("JavaScript:alert(1)", Invalid::Scheme),
        ("data:text/html,x", Invalid::Scheme),
        ("vbscript:x", Invalid::Scheme),
        ("file:///etc/passwd", Invalid::Scheme),
        ("blob:https://a/x", Invalid::Scheme),
        ("https://a/cb#frag", Invalid::Fragment),
        ("https://a/cb#", Invalid::Fragment),
        ("https://u:p@a/cb", Invalid::Credentials),
        ("https://@a/cb", Invalid::Credentials),
        ("my.app://@", Invalid::Credentials),
        ("/cb", Invalid::Syntax),
        ("client.example/cb", Invalid::Syntax),
        ("https:/a", Invalid::Syntax),
        ("https:a", Invalid::Syntax),
        ("https:///a", Invalid::Syntax),
        ("https://a\\@b/", Invalid::Syntax),
        ("https://a/ b", Invalid::Syntax),
        ("https://a/\r\nX: y", Invalid::Syntax),
        ("https://\u{e4}/", Invalid::Syntax),
    ] {
        assert_eq!(RegisteredUris::parse(text, ";"), Err(why), "{text}");
    }
    let long = format!("https://a/{}", "b".repeat(REDIRECT_URI_BYTES_MAX));
    assert_eq!(RegisteredUris::parse(&long, ";"), Err(Invalid::TooLong));
    let many = vec!["https://a/"; REDIRECT_URIS_MAX + 1].join(";");
    assert_eq!(RegisteredUris::parse(&many, ";"), Err(Invalid::TooMany));
}

#[test]
fn t6_a_code_is_brought_with_its_state() {
    let redirect = |state| code_redirect("http://client.oauth.com", "abc", state).unwrap();
    assert_eq!(
        redirect(Some("s 1")),
        "http://client.oauth.com?code=abc&state=s+1"
    );
    assert_eq!(redirect(Some("")), "http://client.oauth.com?code=abc");
    assert_eq!(redirect(None), "http://client.oauth.com?code=abc");
    let refused = code_redirect("javascript:x", "abc", None);
    assert_eq!(refused, Err(InvalidRedirectUri::Scheme));
}

#[test]
fn t7_d33_answers_are_merged_into_the_query_and_encoded() {
    for (uri, answer, location) in [
        (
            "http://c/cb",
            vec![("code", "a-b_c"), ("state", "s")],
            "http://c/cb?code=a-b_c&state=s",
        ),
        (
            "http://client.oauth.com",
            vec![("code", "x")],
            "http://client.oauth.com?code=x",
        ),
        (
            "http://c/cb?tenant=a%20b&x",
            vec![("code", "x")],
            "http://c/cb?tenant=a%20b&x&code=x",
        ),
        ("http://c/cb?", vec![("code", "x")], "http://c/cb?code=x"),
        (
            "app:/cb",
            vec![("error", "access_denied"), ("state", "a&b=c d\"\u{e4}#")],
            "app:/cb?error=access_denied&state=a%26b%3Dc+d%22%C3%A4%23",
        ),
        (
            "http://c/cb?code=evil&%63ode=evil&a=1",
            vec![("code", "x")],
            "http://c/cb?a=1&code=x",
        ),
    ] {
        assert_eq!(redirect_to(uri, &answer), location);
    }
}

#[test]
fn t3_the_login_page_gets_the_requests_parameters() {
    let request = [
        ("response_type", "code"),
        ("client_id", "1234"),
        ("state", "random-state-value"),
    ];
    let location = login_location("http://idp/login?tenant=a&client_id=fixed#top", &request);
    assert_eq!(
        location,
        "http://idp/login?tenant=a&client_id=fixed&response_type=code&state=random-state-value#top"
    );
    assert_eq!(login_location("http://idp/login", &[]), "http://idp/login");
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), named in "[ -~]{0,40}", separator in ".{0,2}") {
        let _ = RegisteredUris::parse(&text, &separator);
        let uris = RegisteredUris::split("http://127.0.0.1/cb;app:/x", ";");
        for matching in [RedirectMatch::Exact, RedirectMatch::Prefix] {
            let _ = uris.allows(&named, matching);
            let _ = uris.allows(&format!("http://127.0.0.1{named}"), matching);
        }
        let _ = redirect_to(&text, &[("code", &named)]);
        let _ = login_location(&text, &[(&named, &text)]);
    }

    #[test]
    fn what_is_put_in_comes_out_once(state in any::<String>(), query in "[a-z=&%0-9]{0,30}") {
        let location = redirect_to(&format!("http://c/cb?{query}"), &[("state", &state)]);
        let (_, query) = location.split_once('?').unwrap();
        let states: Vec<String> = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == "state")
            .map(|(_, value)| value.into_owned())
            .collect();
        prop_assert_eq!(states, vec![state]);
    }
}

#[test]
fn a_token_stands_in_the_fragment_and_the_query_stays() {
    let answer = [("access_token", "rga_x"), ("state", "a&b #\u{e4}")];
    let encoded = "access_token=rga_x&state=a%26b+%23%C3%A4";
    for uri in [
        "https://app.example/cb",
        "https://app.example/cb?keep=1",
        "app.example:/cb",
    ] {
        assert_eq!(token_redirect(uri, &answer), Ok(format!("{uri}#{encoded}")));
    }
    assert_eq!(
        token_redirect("https://app.example/cb#x", &answer),
        Err(InvalidRedirectUri::Fragment)
    );
}
