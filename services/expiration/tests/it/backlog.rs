//! After a long outage.

use std::time::Duration;

use expiration::queue::Job;
use testkit::Servers;

use crate::stage::{Stage, assert_punctual, expired};
use crate::{in_milliseconds, job_at, now};

/// More than a script of Redis takes arguments for, several times over.
const MANY: usize = 20_000;
const PATIENCE: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_overdue_jobs_all_fire() {
    let stage = Stage::on(Servers::shared().await).await;
    let due = now();
    let jobs: Vec<Job> = (0..50_000).map(|_| job_at(due)).collect();
    stage.queue().schedule(&jobs).await.unwrap();
    let process = stage.process().await;
    let expired = expired(stage.broker(), jobs.len(), PATIENCE).await;
    assert!(jobs.iter().all(|job| expired.contains_key(&job.order_id)));
    process.stop(PATIENCE).await;
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_due_at_the_same_moment_all_fire_and_none_early() {
    let stage = Stage::on(Servers::shared().await).await;
    let process = stage.process().await;
    let due = in_milliseconds(10_000);
    let jobs: Vec<Job> = (0..MANY).map(|_| job_at(due)).collect();
    stage.queue().schedule(&jobs).await.unwrap();
    assert!(now() < due, "this machine is too slow to tell");
    let expired = expired(stage.broker(), jobs.len(), PATIENCE).await;
    assert_punctual(expired.values(), PATIENCE);
    assert!(jobs.iter().all(|job| expired.contains_key(&job.order_id)));
    process.stop(PATIENCE).await;
    stage.clear().await;
}
