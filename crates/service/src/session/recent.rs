//! The sessions that were read of late: whoever is signed in comes again and again with the same cookie, and reading it
//! anew costs as much as the rest of a small request's handler.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::api::auth::SessionView;

/// How many sessions make a generation, of which there are two; some hundred bytes each.
const GENERATION: usize = 1_024;

/// What a cookie says that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) view: SessionView,
    /// When it ends, in seconds since 1970 began in UTC.
    pub(super) exp: u64,
}

/// Verified cookies with what they say, those that were asked for last. Only the very same cookie is known again, so
/// nothing is taken for verified that was not.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Generations>);

/// When the young ones are too many, the old ones go and they become old.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<String, Session>,
    old: HashMap<String, Session>,
}

impl Recent {
    /// What this cookie says, if that is known. Whether it has ended is for the caller to see.
    pub(super) fn find(&self, cookie: &str) -> Option<Session> {
        let mut generations = self.generations();
        if let Some(session) = generations.young.get(cookie) {
            return Some(session.clone());
        }
        let (cookie, session) = generations.old.remove_entry(cookie)?;
        generations.keep(cookie, session.clone());
        Some(session)
    }

    /// Remembers what this cookie says, which was verified.
    pub(super) fn keep(&self, cookie: &str, session: Session) {
        self.generations().keep(cookie.to_owned(), session);
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn keep(&mut self, cookie: String, session: Session) {
        if self.young.len() >= GENERATION {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(cookie, session);
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
    fn only_the_very_same_cookie_is_known_again() {
        let recent = Recent::default();
        recent.keep("cookie", session(1));
        assert_eq!(recent.find("cookie"), Some(session(1)));
        assert_eq!(recent.find("cookie "), None);
    }

    #[test]
    fn who_comes_again_is_not_forgotten_for_all_who_come_once() {
        let recent = Recent::default();
        recent.keep("regular", session(1));
        for number in 0..10 * GENERATION {
            recent.keep(&format!("passer-by {number}"), session(2));
            if number % 100 == 0 {
                assert!(recent.find("regular").is_some(), "after {number}");
            }
        }
    }

    #[test]
    fn no_more_than_two_generations_are_held() {
        let recent = Recent::default();
        for number in 0..10 * GENERATION {
            recent.keep(&format!("passer-by {number}"), session(1));
        }
        let held = {
            let generations = recent.generations();
            generations.young.len() + generations.old.len()
        };
        assert!(held <= 2 * GENERATION);
        assert_eq!(recent.find("passer-by 0"), None);
    }
}
