use std::thread;

use common::Timestamp;
use proptest::prelude::*;

use super::*;

fn clock() -> Clock {
    Clock::manual(Timestamp::from_milliseconds(1_700_000_000_000))
}

fn limiter(limit: &str, clock: &Clock) -> RateLimiter {
    RateLimiter::new(limit.parse().unwrap(), clock.clone())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How many of `tries` are allowed now, without refunds.
fn allowed(limiter: &RateLimiter, key: &str, tries: usize) -> usize {
    (0..tries).filter(|_| limiter.take(key).is_ok()).count()
}

#[test]
fn a_burst_up_to_the_limit_is_allowed() {
    let limiter = limiter("5/1m", &clock());
    assert_eq!(allowed(&limiter, "a", 9), 5);
}

#[test]
fn each_key_has_its_own_bucket() {
    let limiter = limiter("2/1m", &clock());
    assert_eq!(allowed(&limiter, "a", 9), 2);
    assert_eq!(allowed(&limiter, "b", 9), 2);
}

#[test]
fn a_refused_attempt_is_allowed_after_the_retry_time() {
    let clock = clock();
    let limiter = limiter("4/1m", &clock);
    assert_eq!(allowed(&limiter, "a", 9), 4);
    let refused = limiter.take("a").unwrap_err();
    assert_eq!(refused.retry_after, seconds(15));
    clock.advance(seconds(14));
    assert_eq!(limiter.take("a").unwrap_err().retry_after, seconds(1));
    clock.advance(seconds(1));
    assert_eq!(allowed(&limiter, "a", 9), 1);
}

#[test]
fn the_bucket_is_full_again_after_the_whole_time() {
    let clock = clock();
    let limiter = limiter("3/1m", &clock);
    assert_eq!(allowed(&limiter, "a", 9), 3);
    clock.advance(seconds(60));
    assert_eq!(allowed(&limiter, "a", 9), 3);
}

#[test]
fn a_refused_attempt_takes_no_token() {
    let clock = clock();
    let limiter = limiter("1/1m", &clock);
    assert_eq!(allowed(&limiter, "a", 100), 1);
    clock.advance(seconds(60));
    assert_eq!(allowed(&limiter, "a", 100), 1);
}

#[test]
fn a_refunded_token_can_be_taken_again() {
    let limiter = limiter("1/1m", &clock());
    for _ in 0..10 {
        limiter.take("a").unwrap().refund();
    }
    assert!(limiter.buckets().is_empty());
    assert_eq!(allowed(&limiter, "a", 9), 1);
}

#[test]
fn concurrent_attempts_do_not_exceed_the_limit() {
    let limiter = limiter("10/1m", &clock());
    let allowed: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| allowed(&limiter, "a", 50)))
            .collect();
        threads.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(allowed, 10);
}

#[test]
fn memory_is_bounded_and_the_keys_with_the_most_attempts_are_remembered() {
    let limiter = limiter("3/1h", &clock());
    assert_eq!(allowed(&limiter, "persistent", 9), 3);
    for stranger in 0..RateLimiter::CAPACITY + 10 {
        let _ = limiter.take(stranger).unwrap();
    }
    assert!(limiter.buckets().len() <= RateLimiter::CAPACITY);
    assert_eq!(allowed(&limiter, "persistent", 9), 0);
}

#[test]
fn limits_are_parsed_in_seconds_minutes_and_hours() {
    let limit = |tries, time| Ok(Limit::new(NonZeroU32::new(tries).unwrap(), seconds(time)));
    assert_eq!("10/30s".parse(), limit(10, 30));
    assert_eq!("10/15m".parse(), limit(10, 900));
    assert_eq!(" 100000 / 1h ".parse(), limit(100_000, 3_600));
    for text in [
        "",
        "10",
        "0/1m",
        "10/0m",
        "10/1",
        "-1/1m",
        "10/1d",
        "1/169h",
        "x/1m",
        "1/99999999999999999999h",
    ] {
        assert_eq!(text.parse::<Limit>(), Err(InvalidLimit), "{text}");
    }
}

proptest! {
    #[test]
    fn no_more_than_the_bucket_and_its_refill_is_allowed(
        tries in 1_u32..20,
        time in 1_u64..1_000,
        pauses in prop::collection::vec(0_u64..5_000, 1..200),
    ) {
        let clock = clock();
        let limit = Limit::new(NonZeroU32::new(tries).unwrap(), seconds(time));
        let limiter = RateLimiter::new(limit, clock.clone());
        let (mut allowed, mut passed) = (0, 0);
        for pause in pauses {
            clock.advance(Duration::from_millis(pause));
            passed += pause;
            allowed += u64::from(limiter.take("a").is_ok());
            // One more than the exact quotient, since rounding the refill time down to nanoseconds can add a token.
            let limit = u64::from(tries) + passed * u64::from(tries) / (time * 1_000) + 1;
            prop_assert!(allowed <= limit, "{allowed} of {limit} after {passed} ms");
        }
    }
}
