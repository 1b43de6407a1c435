//! Hashes and verifies passwords with argon2id on blocking threads, one per core at a time.
//!
//! A hash takes 19 MiB ([`memory`]) and a whole core for some milliseconds. Further requests wait in a bounded queue,
//! and a request that finds the queue full is refused at once. So a flood of sign-ins exhausts neither memory nor time.

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

/// Limits on concurrent hashing.
#[derive(Debug, Clone, Copy)]
pub struct PasswordConfig {
    /// `PASSWORD_HASHES_AT_ONCE` (default: one per core): how many passwords are hashed concurrently.
    pub at_once: NonZeroUsize,
    /// `PASSWORD_QUEUE` (default 32): how many more may wait. The default is half of the requests that a process
    /// handles at once, so that a flood of sign-ins leaves room for signed-in users.
    pub waiting: usize,
}

impl PasswordConfig {
    /// Half of the runtime's blocking threads.
    const MAX_AT_ONCE: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not zero");

    /// A longer queue must be a mistake: it would take minutes.
    const MAX_WAITING: usize = 100_000;

    /// Reads `PASSWORD_HASHES_AT_ONCE` and `PASSWORD_QUEUE`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let cores = cores.min(Self::MAX_AT_ONCE);
        let at_once = environment.with_default("PASSWORD_HASHES_AT_ONCE", cores);
        let at_once = at_once.and_then(|number: NonZeroUsize| {
            if number <= Self::MAX_AT_ONCE {
                Some(number)
            } else {
                environment.fault("PASSWORD_HASHES_AT_ONCE", "must be at most 256")
            }
        });
        let waiting = environment.with_default("PASSWORD_QUEUE", 32);
        let waiting = waiting.and_then(|number| {
            if number <= Self::MAX_WAITING {
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

/// The queue of passwords is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password queue is full")]
pub(crate) struct Overloaded;

/// Hashes and verifies passwords.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    memory: Arc<Memory>,
    /// The hash of a random password. It is verified in place of a missing hash, so that both take the same time.
    decoy: PasswordHash,
    metrics: PasswordMetrics,
}

#[derive(Debug, Clone)]
struct PasswordMetrics {
    queue: Gauge,
    wait: Histogram,
    hashing: Histogram,
    refused: Counter,
}

impl Passwords {
    /// Creates the hasher and its decoy.
    pub(crate) async fn new(config: PasswordConfig, metrics: &Metrics) -> Self {
        let at_once = config.at_once.get();
        let unknown: [u8; 32] = rand::random();
        let decoy = spawn_blocking(move || hash(&unknown, &mut memory::fresh())).await;
        Self {
            admitted: Arc::new(Semaphore::new(at_once + config.waiting)),
            running: Arc::new(Semaphore::new(at_once)),
            memory: Memory::new(),
            decoy: decoy.expect("hashing does not panic"),
            metrics: PasswordMetrics {
                queue: metrics.gauge(&PASSWORD_QUEUE),
                wait: metrics.histogram(&PASSWORD_WAIT),
                hashing: metrics.histogram(&PASSWORD_HASH_DURATION),
                refused: metrics.counter(&PASSWORDS_REFUSED),
            },
        }
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: NewPassword) -> Result<PasswordHash, Overloaded> {
        self.run(move |memory| hash(password.expose().as_bytes(), memory))
            .await
    }

    /// Whether the password matches the hash. Without a hash the answer is no, after the same time.
    pub(crate) async fn verify(
        &self,
        password: String,
        stored: Option<PasswordHash>,
    ) -> Result<bool, Overloaded> {
        let has_hash = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let matches = self
            .run(move |memory| verify(password.as_bytes(), &stored, memory))
            .await?;
        Ok(has_hash && matches)
    }

    /// Runs the work on a blocking thread, which owns the permits: if the client disconnects, its place stays taken
    /// until the hash is done.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned();
        let admitted = admitted.map_err(|_| {
            self.metrics.refused.increment();
            Overloaded
        })?;
        let running = self.wait_for_core().await;
        let (memory, hashing) = (Arc::clone(&self.memory), self.metrics.hashing.clone());
        let result = spawn_blocking(move || {
            let _permits = (admitted, running);
            let start = Instant::now();
            let result = memory.with_buffer(work);
            hashing.observe(start.elapsed());
            result
        });
        Ok(result.await.expect("hashing does not panic"))
    }

    async fn wait_for_core(&self) -> OwnedSemaphorePermit {
        let (start, _waiting) = (Instant::now(), self.metrics.queue.up());
        let permit = Arc::clone(&self.running).acquire_owned().await;
        self.metrics.wait.observe(start.elapsed());
        permit.expect("the semaphore is never closed")
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

    /// Hashes one password at a time.
    async fn passwords(waiting: usize) -> Passwords {
        let at_once = NonZeroUsize::MIN;
        Passwords::new(PasswordConfig { at_once, waiting }, &Metrics::none()).await
    }

    #[tokio::test]
    async fn a_hash_matches_only_its_own_password() {
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
    async fn hashes_are_interchangeable_with_those_of_the_argon2_crate() {
        let passwords = passwords(1).await;
        let ours = passwords.hash(password("correct horse")).await.unwrap();
        let argon2 = Argon2::default();
        for (guess, is_right) in [("correct horse", true), ("correct horsf", false)] {
            let verified = argon2.verify_password(guess.as_bytes(), ours.expose());
            assert_eq!(verified.is_ok(), is_right);
        }
        let theirs = argon2.hash_password(b"correct horse").unwrap();
        let theirs = theirs.to_string();
        // The version is optional.
        for theirs in [theirs.replace("$v=19", ""), theirs] {
            let theirs = PasswordHash::from_phc(theirs);
            for (guess, is_right) in [("correct horse", true), ("correct horsf", false)] {
                let verified = passwords.verify(guess.to_owned(), Some(theirs.clone()));
                assert_eq!(verified.await.unwrap(), is_right);
            }
        }
    }

    #[tokio::test]
    async fn an_invalid_hash_matches_no_password() {
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
    async fn each_hash_of_a_password_has_a_new_salt() {
        let passwords = passwords(1).await;
        let first = passwords.hash(password("correct horse")).await.unwrap();
        assert_ne!(
            first,
            passwords.hash(password("correct horse")).await.unwrap()
        );
    }

    #[tokio::test]
    async fn no_password_matches_an_account_without_one() {
        let passwords = passwords(1).await;
        assert!(!passwords.verify(String::new(), None).await.unwrap());
    }

    #[tokio::test]
    async fn requests_beyond_the_queue_are_refused() {
        let passwords = passwords(2).await;
        let attempts = (0..10).map(|_| passwords.verify("a guess".to_owned(), None));
        let outcomes = join_all(attempts).await;
        let verified = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(verified, 3);
        assert!(passwords.verify("a guess".to_owned(), None).await.is_ok());
    }

    #[test]
    fn debug_does_not_reveal_a_hash() {
        let hash = hash(b"correct horse", &mut Vec::new());
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
    }
}
