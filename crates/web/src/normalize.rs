//! Normalizes the head of a request before anything else reads it.
//!
//! - A trailing slash is removed from the path, so that `/api/tickets/` equals `/api/tickets`. A redirect would lose
//!   the body of a `POST`.
//! - A request id that is too long, has unusual characters or is sent twice is removed and later replaced by a
//!   generated one, because every log line of the request and the response repeat it.
//! - A refusal of the unencoded response is removed from `Accept-Encoding`. If a client accepts none of our codings,
//!   the response is sent unencoded, as [RFC 9110, section
//!   12.5.3](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3) allows. The alternative, 406, would be sent after
//!   the work was done, and would hide its result.

use axum::http::header::ACCEPT_ENCODING;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Uri};

use super::REQUEST_ID;

/// The longest request id that is accepted, in bytes.
const LONGEST_REQUEST_ID: usize = 128;

/// Normalizes the head of a client's request.
pub(super) fn normalize(head: &mut Parts) {
    remove_trailing_slash(&mut head.uri);
    remove_unsuitable_request_id(&mut head.headers);
    remove_refusals_of_identity(&mut head.headers);
}

/// Removes one slash at the end of a path. Paths with an empty segment stay: no route matches them.
pub fn remove_trailing_slash(uri: &mut Uri) {
    let path = uri.path().strip_suffix('/').unwrap_or_default();
    if path.is_empty() || path.ends_with('/') {
        return;
    }
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    if let Ok(without_slash) = Uri::from_parts(parts) {
        *uri = without_slash;
    }
}

fn remove_unsuitable_request_id(headers: &mut HeaderMap) {
    let mut given = headers.get_all(REQUEST_ID).iter();
    let unsuitable = match (given.next(), given.next()) {
        (None, _) => false,
        (Some(id), None) => !is_request_id(id.as_bytes()),
        (Some(_), Some(_)) => true,
    };
    if unsuitable {
        headers.remove(REQUEST_ID);
    }
}

/// Whether a proxy could have made this id: they use hexadecimal digits, UUIDs, and base64.
fn is_request_id(id: &[u8]) -> bool {
    let is_usual = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:=+/".contains(byte);
    (1..=LONGEST_REQUEST_ID).contains(&id.len()) && id.iter().all(is_usual)
}

fn remove_refusals_of_identity(headers: &mut HeaderMap) {
    if !codings(headers).any(refuses_identity) {
        return;
    }
    let accepted: Vec<_> = codings(headers)
        .filter(|coding| !refuses_identity(coding))
        .collect();
    let accepted = HeaderValue::try_from(accepted.join(","));
    headers.insert(
        ACCEPT_ENCODING,
        accepted.expect("parts of header values make a header value"),
    );
}

/// The members of `Accept-Encoding`, each with its weight.
fn codings(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
}

/// Whether the member is `identity;q=0` or `*;q=0`, in any spelling. `*` with a weight of zero refuses what is not
/// listed.
fn refuses_identity(coding: &str) -> bool {
    let Some((name, weight)) = coding.split_once(';') else {
        return false;
    };
    let name = name.trim();
    let names_identity = name == "*" || name.eq_ignore_ascii_case("identity");
    names_identity && !weight.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(path: &str) -> String {
        let mut uri: Uri = path.parse().unwrap();
        remove_trailing_slash(&mut uri);
        uri.to_string()
    }

    #[test]
    fn one_trailing_slash_is_removed_from_the_path() {
        for (path, expected) in [
            ("/api/tickets/", "/api/tickets"),
            ("/api/tickets/?q=a/", "/api/tickets?q=a/"),
            (
                "http://ticketing.dev/orders/",
                "http://ticketing.dev/orders",
            ),
            ("/api/tickets", "/api/tickets"),
            ("/api/tickets?q=/", "/api/tickets?q=/"),
            ("/api/tickets//", "/api/tickets//"),
            ("/", "/"),
            ("//", "//"),
            ("/?q=a", "/?q=a"),
            ("*", "*"),
        ] {
            assert_eq!(normalized(path), expected, "{path}");
        }
    }

    #[test]
    fn request_ids_are_short_and_plain() {
        for id in ["a", "of-the-ingress", "1-67891233:abcdef_0=/+."] {
            assert!(is_request_id(id.as_bytes()), "{id}");
        }
        assert!(is_request_id(&[b'x'; LONGEST_REQUEST_ID]));
        assert!(!is_request_id(&[b'x'; LONGEST_REQUEST_ID + 1]));
        for id in ["", "a b", "a\"b", "a\\b", "a{b", "\u{fc}", "a\tb"] {
            assert!(!is_request_id(id.as_bytes()), "{id}");
        }
    }

    #[test]
    fn only_refusals_of_the_unencoded_response_are_removed() {
        let accepted = |values: &[&'static str]| {
            let values = values.iter().map(|value| HeaderValue::from_static(value));
            let mut headers: HeaderMap = values.map(|value| (ACCEPT_ENCODING, value)).collect();
            remove_refusals_of_identity(&mut headers);
            let left = headers.get_all(ACCEPT_ENCODING).iter();
            left.map(|value| value.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(accepted(&["gzip;q=0, *;q=0"]), ["gzip;q=0"]);
        assert_eq!(accepted(&["Identity; q=0.000"]), [""]);
        assert_eq!(accepted(&["*;Q=0", "br", "gzip"]), ["br,gzip"]);
        for untouched in ["", "gzip", "*", "gzip;q=0", "identity;q=0.5, *;q=0.1"] {
            assert_eq!(accepted(&[untouched]), [untouched]);
        }
        assert!(accepted(&[]).is_empty());
    }
}
