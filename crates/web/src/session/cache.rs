//! The sessions that were read of late: whoever is signed in comes again and again with the same cookie, and reading it
//! anew costs as much as the rest of a small request's handler.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::api::auth::SessionView;

/// How large a generation may become, in bytes. There are two, which together have room for some thousands of sessions.
const GENERATION_BYTES: usize = 1_024 * 1_024;

/// What a session costs beside its cookie and its address, in bytes: its place in the table and what the allocator adds.
const OVERHEAD: usize = 192;

/// What a cookie says that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) view: SessionView,
    /// When it ends, in seconds since 1970 began in UTC.
    pub(super) exp: u64,
}

/// Verified cookies with what they say, those that were asked for last. Only the very same cookie is known again, so
/// nothing is taken for verified that was not.
///
/// Their number is not bounded, but their size is: whoever is signed in can make as many valid cookies as they like,
/// since what surrounds the token is not signed.
#[derive(Debug, Default)]
pub(super) struct SessionCache(Mutex<Generations>);

/// When the young ones become too large, the old ones are dropped and the young ones become old.
#[derive(Debug, Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    sessions: HashMap<Box<[u8]>, Session>,
    bytes: usize,
}

impl SessionCache {
    /// What this cookie says, if that is known. Whether it has ended is for the caller to see.
    pub(super) fn find(&self, cookie: &[u8]) -> Option<Session> {
        let mut generations = self.generations();
        if let Some(session) = generations.young.sessions.get(cookie) {
            return Some(session.clone());
        }
        let (cookie, session) = generations.old.sessions.remove_entry(cookie)?;
        generations.insert(cookie, session.clone());
        Some(session)
    }

    /// Remembers what this cookie says, which was verified.
    pub(super) fn insert(&self, cookie: &[u8], session: Session) {
        self.generations().insert(cookie.into(), session);
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn insert(&mut self, cookie: Box<[u8]>, session: Session) {
        let bytes = cookie.len() + session.view.email.as_str().len() + OVERHEAD;
        if self.young.bytes + bytes > GENERATION_BYTES {
            self.old = mem::take(&mut self.young);
        }
        if self.young.sessions.insert(cookie, session).is_none() {
            self.young.bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More sessions than a generation has room for, of which each takes at least the overhead.
    const MANY: u64 = (4 * GENERATION_BYTES / OVERHEAD) as u64;

    fn session(number: u64) -> Session {
        let view = SessionView {
            id: "64b7f0c2a1b2c3d4e5f60001".parse().unwrap(),
            email: "shopper@example.com".parse().unwrap(),
            iat: number,
        };
        Session { view, exp: number }
    }

    #[test]
    fn only_the_very_same_cookie_is_known_again() {
        let cache = SessionCache::default();
        cache.insert(b"cookie", session(1));
        assert_eq!(cache.find(b"cookie"), Some(session(1)));
        assert_eq!(cache.find(b"cookie "), None);
    }

    #[test]
    fn who_comes_again_is_not_forgotten_for_all_who_come_once() {
        let cache = SessionCache::default();
        cache.insert(b"regular", session(1));
        for number in 0..MANY {
            cache.insert(format!("passer-by {number}").as_bytes(), session(2));
            if number % 100 == 0 {
                assert!(cache.find(b"regular").is_some(), "after {number}");
            }
        }
    }

    #[test]
    fn long_cookies_take_no_more_memory_than_short_ones() {
        let held = |length: usize| {
            let cache = SessionCache::default();
            for number in 0..MANY {
                let cookie = format!("{number:0length$}");
                cache.insert(cookie.as_bytes(), session(1));
            }
            let oldest = format!("{:0length$}", 0);
            assert_eq!(cache.find(oldest.as_bytes()), None);
            let generations = cache.generations();
            let sessions = [&generations.young, &generations.old];
            let cookies = sessions.iter().flat_map(|some| some.sessions.keys());
            cookies.map(|cookie| cookie.len() + OVERHEAD).sum::<usize>()
        };
        for length in [20, 700, 4_096] {
            let held = held(length);
            let bounds = GENERATION_BYTES / 2..=2 * GENERATION_BYTES;
            assert!(bounds.contains(&held), "{held} for {length}");
        }
    }
}
