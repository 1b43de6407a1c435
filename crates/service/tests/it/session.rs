//! A valid session cookie identifies the user; an invalid one means signed out.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use base::clock::Clock;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{Email, Timestamp};
use mongo::new_id;
use web::session::{SessionConfig, Sessions};

const KEY: &str = "a key that is long enough for HS256";

fn sessions(key: &str, clock: &Clock) -> Sessions {
    let config = SessionConfig {
        key: key.to_owned().into(),
        secure: true,
    };
    Sessions::new(&config, clock.clone())
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_milliseconds(1_700_000_000_000))
}

fn email() -> Email {
    "shopper@example.com".parse().unwrap()
}

/// The request headers of a browser that received this `Set-Cookie`.
fn returning(set_cookie: &HeaderValue) -> HeaderMap {
    let cookie = set_cookie.to_str().unwrap().split(';').next().unwrap();
    with_cookie(cookie)
}

fn with_cookie(cookie: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("theme=dark; {cookie}; other=1")).unwrap();
    HeaderMap::from_iter([(header::COOKIE, value)])
}

#[test]
fn an_issued_cookie_signs_in() {
    let (clock, id) = (clock(), new_id());
    let sessions = sessions(KEY, &clock);
    let cookie = sessions.issue(id, &email());
    let text = cookie.to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(
            text.contains(attribute),
            "{attribute} is missing from {text}"
        );
    }
    let user = sessions.read(&returning(&cookie)).unwrap();
    assert_eq!((user.id, user.email), (id, email()));
    assert_eq!(user.iat, 1_700_000_000);
}

#[test]
fn the_cookie_has_the_format_of_the_reference_fleet() {
    let cookie = sessions(KEY, &clock()).issue(new_id(), &email());
    let value = cookie.to_str().unwrap().split(['=', ';']).nth(1).unwrap();
    // The split removed the padding; add it again.
    let padded = format!("{value}{}", "=".repeat((4 - value.len() % 4) % 4));
    let json: serde_json::Value =
        serde_json::from_slice(&STANDARD.decode(padded).unwrap()).unwrap();
    assert_eq!(json["jwt"].as_str().unwrap().split('.').count(), 3);
}

#[test]
fn a_session_ends_after_seven_days() {
    let clock = clock();
    let sessions = sessions(KEY, &clock);
    let headers = returning(&sessions.issue(new_id(), &email()));
    clock.advance(Duration::from_secs(7 * 24 * 60 * 60 - 1));
    assert!(sessions.read(&headers).is_some());
    clock.advance(Duration::from_secs(1));
    assert!(sessions.read(&headers).is_none());
}

#[test]
fn an_invalid_cookie_means_signed_out() {
    let clock = clock();
    let ours = sessions(KEY, &clock);
    let forged = sessions("another key, long enough for HS256!", &clock).issue(new_id(), &email());
    assert!(ours.read(&returning(&forged)).is_none());
    assert!(ours.read(&HeaderMap::new()).is_none());
    assert!(ours.read(&returning(&ours.clear())).is_none());
    for value in ["", "%%%", "bm90IGpzb24=", "eyJqd3QiOiJub25lIn0="] {
        assert!(
            ours.read(&with_cookie(&format!("session={value}")))
                .is_none()
        );
    }
    // The same claims under `alg: none`.
    let claims =
        r#"{"id":"64b7f0c2a1b2c3d4e5f60001","email":"a@example.com","iat":1,"exp":9999999999}"#;
    let no_pad = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let jwt = format!(
        "{}.{}.",
        no_pad.encode(r#"{"alg":"none"}"#),
        no_pad.encode(claims)
    );
    let cookie = STANDARD.encode(format!(r#"{{"jwt":"{jwt}"}}"#));
    assert!(
        ours.read(&with_cookie(&format!("session={cookie}")))
            .is_none()
    );
}

/// The headers of a request with these `Cookie` headers.
fn with_cookie_headers(values: &[&[u8]]) -> HeaderMap {
    let values = values
        .iter()
        .map(|value| HeaderValue::from_bytes(value).unwrap());
    values.map(|value| (header::COOKIE, value)).collect()
}

#[test]
fn cookies_that_are_not_utf_8_do_not_hide_a_session() {
    let sessions = sessions(KEY, &clock());
    let cookie = sessions.issue(new_id(), &email());
    let ours = cookie.to_str().unwrap().split(';').next().unwrap();
    for others in [
        b"theme=d\xfcster".as_slice(),
        b"\xff",
        b"=",
        b"session=\x80\xff",
    ] {
        for pairs in [[others, ours.as_bytes()], [ours.as_bytes(), others]] {
            let one_header = pairs.join(b"; ".as_slice());
            assert!(
                sessions
                    .read(&with_cookie_headers(&[&one_header]))
                    .is_some()
            );
            assert!(sessions.read(&with_cookie_headers(&pairs)).is_some());
        }
    }
}

#[test]
fn the_first_valid_session_wins_and_invalid_ones_are_skipped() {
    let clock = clock();
    let ours = sessions(KEY, &clock);
    let value = |cookie: &HeaderValue| {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        pair.to_owned()
    };
    let expired = value(&ours.issue(new_id(), &email()));
    clock.advance(Duration::from_hours(7 * 24));
    let forged = sessions("another key, long enough for HS256!", &clock);
    let forged = value(&forged.issue(new_id(), &email()));
    let (first, second) = (new_id(), new_id());
    let [valid, other] = [first, second].map(|id| value(&ours.issue(id, &email())));
    let who = |cookies: &[&str]| {
        let headers = with_cookie_headers(&[cookies.join("; ").as_bytes()]);
        ours.read(&headers).map(|session| session.id)
    };
    for invalid in [
        expired.as_str(),
        &forged,
        "session=",
        "session=%%%",
        "session",
    ] {
        assert_eq!(who(&[invalid]), None, "{invalid}");
        assert_eq!(who(&[invalid, &valid]), Some(first), "{invalid}");
        assert_eq!(who(&[&valid, invalid, &other]), Some(first), "{invalid}");
    }
    assert_eq!(who(&[&other, &valid]), Some(second));
    // The number of cookies that are tried is limited.
    let many = vec!["session=%%%"; 1_000].join("; ");
    assert_eq!(who(&[&many, &valid]), None);
}

#[test]
fn a_cookie_longer_than_browsers_store_is_not_read() {
    let sessions = sessions(KEY, &clock());
    let cookie = sessions.issue(new_id(), &email());
    let value = cookie.to_str().unwrap().split(';').next().unwrap();
    let json = STANDARD
        .decode(value.strip_prefix("session=").unwrap())
        .unwrap();
    let padded = |length: usize| {
        let padded = [json.as_slice(), &vec![b' '; length]].concat();
        with_cookie(&format!("session={}", STANDARD.encode(padded)))
    };
    assert!(sessions.read(&padded(100)).is_some());
    assert!(sessions.read(&padded(4_000)).is_none());
}
