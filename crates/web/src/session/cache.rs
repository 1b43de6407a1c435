//! Verified session cookies. Verifying one costs as much as the rest of a small request's handler.

use common::api::auth::SessionView;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// The total size of the cached sessions, in bytes: some thousands of sessions.
const CAPACITY: u64 = 2 * 1_024 * 1_024;

/// What a session takes beside its cookie and its address, in bytes: its place in the table and the allocator's overhead.
const OVERHEAD: usize = 192;

/// The content of a verified cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) view: SessionView,
    /// When it ends, in seconds since 1970 began in UTC.
    pub(super) exp: u64,
}

/// Verified cookies and their sessions, by the cookie's full value.
///
/// The cache is bounded in bytes and not in entries: the part around the token is not signed, so a client can make any
/// number of different valid cookies.
#[derive(Debug)]
pub(super) struct SessionCache(Cache<Box<[u8]>, Session, Bytes>);

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Box<[u8]>, Session> for Bytes {
    fn weight(&self, cookie: &Box<[u8]>, session: &Session) -> u64 {
        (cookie.len() + session.view.email.as_str().len() + OVERHEAD) as u64
    }
}

impl Default for SessionCache {
    fn default() -> Self {
        let typical = OVERHEAD + 400;
        Self(Cache::with_weighter(
            usize::try_from(CAPACITY).unwrap_or(usize::MAX) / typical,
            CAPACITY,
            Bytes,
        ))
    }
}

impl SessionCache {
    /// The session of this cookie, if the cookie was verified. The session may have ended.
    pub(super) fn find(&self, cookie: &[u8]) -> Option<Session> {
        self.0.get(cookie)
    }

    /// Adds a verified cookie.
    pub(super) fn insert(&self, cookie: &[u8], session: Session) {
        self.0.insert(cookie.into(), session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: u64) -> Session {
        let view = SessionView {
            id: "64b7f0c2a1b2c3d4e5f60001".parse().unwrap(),
            email: "shopper@example.com".parse().unwrap(),
            iat: number,
        };
        Session { view, exp: number }
    }

    #[test]
    fn only_the_identical_cookie_is_found() {
        let cache = SessionCache::default();
        cache.insert(b"cookie", session(1));
        assert_eq!(cache.find(b"cookie"), Some(session(1)));
        assert_eq!(cache.find(b"cookie "), None);
    }

    #[test]
    fn a_session_in_use_stays_while_many_others_are_seen_once() {
        let cache = SessionCache::default();
        cache.insert(b"regular", session(1));
        for number in 0..50_000 {
            cache.insert(format!("passer-by {number}").as_bytes(), session(2));
            if number % 100 == 0 {
                assert!(cache.find(b"regular").is_some(), "after {number}");
            }
        }
    }

    #[test]
    fn the_cache_is_bounded_in_bytes_whatever_the_length_of_the_cookies() {
        for length in [20, 700, 4_096] {
            let cache = SessionCache::default();
            for number in 0..50_000 {
                cache.insert(format!("{number:0length$}").as_bytes(), session(1));
            }
            let weight = cache.0.weight();
            assert!(weight <= CAPACITY, "{weight} bytes with {length}");
            assert!(weight > CAPACITY / 2, "{weight} bytes with {length}");
        }
    }
}
