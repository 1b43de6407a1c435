//! Many due jobs, as after a long outage.

use std::time::Duration;

use expiration::queue::Job;

use crate::fixture::{Fixture, assert_punctual, expired_within};
use crate::{in_milliseconds, job_at, now};

const LIMIT: Duration = Duration::from_mins(3);

async fn assert_all_expire(fixture: &Fixture, jobs: &[Job]) {
    let expired = expired_within(LIMIT, fixture.broker(), jobs.len()).await;
    assert_punctual(expired.values(), LIMIT);
    assert!(jobs.iter().all(|job| expired.contains_key(&job.order_id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_overdue_orders_all_expire() {
    let fixture = Fixture::start().await;
    let due = now();
    let jobs: Vec<Job> = (0..50_000).map(|_| job_at(due)).collect();
    fixture.schedule(&jobs).await;
    let process = fixture.process().await;
    assert_all_expire(&fixture, &jobs).await;
    fixture.finish([process]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_orders_that_expire_at_the_same_time_all_expire_and_none_early() {
    let fixture = Fixture::start().await;
    let process = fixture.process().await;
    let due = in_milliseconds(10_000);
    // Several times the number of arguments that a Redis script can take.
    let jobs: Vec<Job> = (0..20_000).map(|_| job_at(due)).collect();
    fixture.schedule(&jobs).await;
    assert!(now() < due, "this machine is too slow for this test");
    assert_all_expire(&fixture, &jobs).await;
    fixture.finish([process]).await;
}
