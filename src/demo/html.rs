//! Pages of the sample servers: one look, every value escaped, nothing loaded from elsewhere.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;background:#f4f5f7;color:#1c2430;margin:0;display:grid;place-items:center;min-height:100vh}\
main{background:#fff;border:1px solid #dfe3e8;border-radius:10px;padding:2rem 2.25rem;width:min(26rem,86vw)}\
h1{font-size:1.3rem;margin:0 0 1rem}label{display:block;margin:.8rem 0 .2rem}\
input{font:inherit;width:100%;box-sizing:border-box;padding:.45rem .6rem;border:1px solid #b6bec9;border-radius:6px}\
button{font:inherit;padding:.5rem 1.3rem;border:1px solid #1b5fc1;border-radius:6px;background:#1b5fc1;color:#fff;cursor:pointer}\
button.quiet{background:#fff;color:#1c2430;border-color:#b6bec9}.row{display:flex;gap:.7rem;margin-top:1.4rem}\
.alert{background:#fdecea;border-radius:6px;padding:.5rem .8rem}.note{color:#566073;font-size:.875rem}\
dt{color:#566073;font-size:.875rem}dd{margin:0 0 .7rem;overflow-wrap:anywhere;font-family:ui-monospace,monospace}";

/// No script, nothing from elsewhere, and no frame around a page with a consent button.
const CONTENT_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// The text with every character replaced that means something in HTML text or in a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A page; `title` is escaped here, `content` is HTML whose values the caller escaped.
pub(super) fn page(status: StatusCode, title: &str, content: &str) -> HttpResponse {
    let title = escape(title);
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{content}\n</main>\n</body>\n</html>\n"
    );
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .body(text)
}

/// A list of names and values, all of them escaped.
pub(super) fn definition_list<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let rows: String = rows
        .map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value)))
        .collect();
    format!("<dl>{rows}</dl>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_means_something_in_html_survives() {
        assert_eq!(
            escape("<a href=\"x\" class='y'>&amp;</a>é"),
            "&lt;a href=&quot;x&quot; class=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;é"
        );
    }

    #[test]
    fn a_list_escapes_names_and_values() {
        let list = definition_list([("<n>", "\"v\"")].into_iter());
        assert_eq!(list, "<dl><dt>&lt;n&gt;</dt><dd>&quot;v&quot;</dd></dl>");
    }

    #[test]
    fn a_page_can_be_neither_framed_nor_cached() {
        let page = page(StatusCode::OK, "t", "");
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
        ] {
            let sent = page
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok());
            assert_eq!(sent, Some(value), "{name}");
        }
    }
}
