//! Hashing and checking passwords: argon2id, off the async threads, so many at once as there are cores.
//!
//! A hash takes 19 MiB ([`memory`]) and all of a core for some milliseconds. What is more than the cores can do waits,
//! and what is more than can wait is refused at once, so that a flood of sign-ins exhausts neither memory nor patience.

mod argon;
mod memory;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use argon2::Block;
use base::config::Environment;
use common::NewPassword;
use telemetry::metrics::{Counter, Gauge, Histogram, Metrics};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::domain::PasswordHash;
use crate::metrics::{PASSWORD_HASH_DURATION, PASSWORD_QUEUE, PASSWORD_WAIT, PASSWORDS_REFUSED};
use argon::{hash, verify};
use memory::Memory;

/// How many passwords may be worked on.
#[derive(Debug, Clone, Copy)]
pub struct PasswordConfig {
    /// `PASSWORD_HASHES_AT_ONCE` (default: one a core): how many at once.
    pub at_once: NonZeroUsize,
    /// `PASSWORD_QUEUE` (default 32): how many more may wait. Half of the requests that a process works on, so that a flood
    /// of sign-ins leaves room for those who are signed in.
    pub waiting: usize,
}

impl PasswordConfig {
    /// Half of the runtime's blocking threads.
    const MOST_AT_ONCE: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not zero");

    /// More would be a mistake: so many hashes take minutes.
    const MOST_WAITING: usize = 100_000;

    /// Reads `PASSWORD_HASHES_AT_ONCE` and `PASSWORD_QUEUE`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let cores = cores.min(Self::MOST_AT_ONCE);
        let at_once = environment.with_default("PASSWORD_HASHES_AT_ONCE", cores);
        let at_once = at_once.and_then(|number: NonZeroUsize| {
            if number <= Self::MOST_AT_ONCE {
                Some(number)
            } else {
                environment.fault("PASSWORD_HASHES_AT_ONCE", "must be at most 256")
            }
        });
        let waiting = environment.with_default("PASSWORD_QUEUE", 32);
        let waiting = waiting.and_then(|number| {
            if number <= Self::MOST_WAITING {
                Some(number)
            } else {
                environment.fault("PASSWORD_QUEUE", "must be at most 100000")
            }
        });
        Some(Self {
            at_once: at_once?,
            waiting: waiting?,
        })
    }
}

/// Too many passwords wait to be hashed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords wait to be hashed")]
pub(crate) struct Overloaded;

/// Hashes and checks passwords.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    memory: Arc<Memory>,
    /// Of a password that nobody knows: checked in place of a hash that is not there, for the same time.
    decoy: PasswordHash,
    measured: PasswordMetrics,
}

#[derive(Debug, Clone)]
struct PasswordMetrics {
    queue: Gauge,
    wait: Histogram,
    hashing: Histogram,
    refused: Counter,
}

impl Passwords {
    /// A hasher that works on so many at once.
    pub(crate) async fn new(config: PasswordConfig, metrics: &Metrics) -> Self {
        let at_once = config.at_once.get();
        let unknown: [u8; 32] = rand::random();
        let decoy = spawn_blocking(move || hash(&unknown, &mut memory::fresh())).await;
        Self {
            admitted: Arc::new(Semaphore::new(at_once + config.waiting)),
            running: Arc::new(Semaphore::new(at_once)),
            memory: Memory::new(),
            decoy: decoy.expect("hashing does not panic"),
            measured: PasswordMetrics {
                queue: metrics.gauge(&PASSWORD_QUEUE),
                wait: metrics.histogram(&PASSWORD_WAIT),
                hashing: metrics.histogram(&PASSWORD_HASH_DURATION),
                refused: metrics.counter(&PASSWORDS_REFUSED),
            },
        }
    }

    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: NewPassword) -> Result<PasswordHash, Overloaded> {
        self.run(move |memory| hash(password.expose().as_bytes(), memory))
            .await
    }

    /// Whether the password is that of the hash. Without a hash it is not, and that takes as long to say.
    pub(crate) async fn verify(
        &self,
        password: String,
        stored: Option<PasswordHash>,
    ) -> Result<bool, Overloaded> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let matches = self
            .run(move |memory| verify(password.as_bytes(), &stored, memory))
            .await?;
        Ok(known && matches)
    }

    /// The permits go with the work: a client that hangs up does not make room for another before its hash is done.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned();
        let admitted = admitted.map_err(|_| {
            self.measured.refused.increment();
            Overloaded
        })?;
        let running = self.turn().await;
        let (memory, hashing) = (Arc::clone(&self.memory), self.measured.hashing.clone());
        let done = spawn_blocking(move || {
            let _until_done = (admitted, running);
            let began = Instant::now();
            let done = memory.lend(work);
            hashing.observe(began.elapsed());
            done
        });
        Ok(done.await.expect("hashing does not panic"))
    }

    async fn turn(&self) -> OwnedSemaphorePermit {
        let (began, _waiting) = (Instant::now(), self.measured.queue.up());
        let turn = Arc::clone(&self.running).acquire_owned().await;
        self.measured.wait.observe(began.elapsed());
        turn.expect("the semaphore is never closed")
    }
}

#[cfg(test)]
mod tests {
    use argon2::{Argon2, PasswordHasher, PasswordVerifier};
    use futures::future::join_all;

    use super::*;

    fn password(text: &str) -> NewPassword {
        NewPassword::try_from(text.to_owned()).unwrap()
    }

    /// One at once.
    async fn passwords(waiting: usize) -> Passwords {
        let at_once = NonZeroUsize::MIN;
        Passwords::new(PasswordConfig { at_once, waiting }, &Metrics::none()).await
    }

    #[tokio::test]
    async fn a_hash_knows_its_password_and_no_other() {
        let passwords = passwords(1).await;
        let hash = passwords.hash(password("correct horse")).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let mut checked = Vec::new();
        for guess in ["correct horse", "correct horsf", "correct horse ", ""] {
            let stored = Some(hash.clone());
            checked.push(passwords.verify(guess.to_owned(), stored).await.unwrap());
        }
        assert_eq!(checked, [true, false, false, false]);
    }

    #[tokio::test]
    async fn a_hash_is_what_others_take_for_one_and_theirs_are_known() {
        let passwords = passwords(1).await;
        // In memory that was used before.
        let ours = passwords.hash(password("correct horse")).await.unwrap();
        let argon2 = Argon2::default();
        for (guess, is_right) in [("correct horse", true), ("correct horsf", false)] {
            let verified = argon2.verify_password(guess.as_bytes(), ours.expose());
            assert_eq!(verified.is_ok(), is_right);
        }
        let theirs = argon2.hash_password(b"correct horse").unwrap();
        let theirs = theirs.to_string();
        // The version may be left out.
        for theirs in [theirs.replace("$v=19", ""), theirs] {
            let theirs = PasswordHash::from_phc(theirs);
            for (guess, is_right) in [("correct horse", true), ("correct horsf", false)] {
                let verified = passwords.verify(guess.to_owned(), Some(theirs.clone()));
                assert_eq!(verified.await.unwrap(), is_right);
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_hash_has_no_password() {
        let passwords = passwords(1).await;
        for stored in [
            "",
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$argon2id$v=7$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
            "$pbkdf2$i=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        ] {
            let stored = PasswordHash::from_phc(stored.to_owned());
            assert!(!passwords.verify(String::new(), Some(stored)).await.unwrap());
        }
    }

    #[tokio::test]
    async fn the_same_password_has_another_hash_each_time() {
        let passwords = passwords(1).await;
        let first = passwords.hash(password("correct horse")).await.unwrap();
        assert_ne!(
            first,
            passwords.hash(password("correct horse")).await.unwrap()
        );
    }

    #[tokio::test]
    async fn no_password_is_right_where_there_is_none() {
        let passwords = passwords(1).await;
        assert!(!passwords.verify(String::new(), None).await.unwrap());
    }

    #[tokio::test]
    async fn what_is_more_than_can_wait_is_refused_and_the_rest_is_done() {
        let passwords = passwords(2).await;
        let tries = (0..10).map(|_| passwords.verify("a guess".to_owned(), None));
        let outcomes = join_all(tries).await;
        let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(done, 3);
        assert!(passwords.verify("a guess".to_owned(), None).await.is_ok());
    }

    #[test]
    fn a_hash_does_not_print() {
        let hash = hash(b"correct horse", &mut Vec::new());
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
    }
}
