//! Orders expire although a process, Redis or the broker dies.

use std::time::Duration;

use expiration::queue::Job;
use nix::sys::signal::Signal;
use testkit::eventually;

use crate::fixture::{Fixture, TIMEOUT, assert_punctual};
use crate::{created, in_milliseconds, job_at, now, order_expiring_at};

/// Schedules jobs for the next two seconds and waits until some are done. Others are running or waiting then.
async fn start_jobs(fixture: &Fixture) -> Vec<Job> {
    let jobs: Vec<_> = (0..400).map(|n| job_at(in_milliseconds(5 * n))).collect();
    fixture.schedule(&jobs).await;
    fixture.expired(50).await;
    jobs
}

async fn assert_all_expire(fixture: &Fixture, jobs: &[Job]) {
    assert_punctual(fixture.expired(jobs.len()).await.values(), TIMEOUT);
}

#[tokio::test]
async fn jobs_survive_the_death_of_the_process() {
    let fixture = Fixture::start().await;
    let first = fixture.process().await;
    let jobs = start_jobs(&fixture).await;
    first.kill().await;
    let second = fixture.process().await;
    assert_all_expire(&fixture, &jobs).await;
    fixture.finish([second]).await;
}

#[tokio::test]
async fn a_process_takes_over_from_another_that_died() {
    let fixture = Fixture::start().await;
    let (dying, surviving) = (fixture.process().await, fixture.process().await);
    let jobs = start_jobs(&fixture).await;
    dying.kill().await;
    assert_all_expire(&fixture, &jobs).await;
    fixture.finish([surviving]).await;
}

#[tokio::test]
async fn jobs_survive_suspended_processes_that_declare_each_other_dead() {
    let fixture = Fixture::start().await;
    let processes = [fixture.process().await, fixture.process().await];
    let signal_all = async |signal| {
        for process in &processes {
            process.signal(signal).await;
        }
    };
    for round in 1..=4 {
        signal_all(Signal::SIGSTOP).await;
        let jobs: Vec<_> = (0..40).map(|n| job_at(in_milliseconds(200 * n))).collect();
        fixture.schedule(&jobs).await;
        let suspended = now();
        eventually("their heartbeats are missed", async || {
            now().since(suspended) > Duration::from_secs(3)
        })
        .await;
        signal_all(Signal::SIGCONT).await;
        fixture.expired(round * jobs.len()).await;
    }
    fixture.finish(processes).await;
}

#[tokio::test]
async fn a_stopped_process_leaves_its_jobs_to_the_next() {
    let fixture = Fixture::start().await;
    let first = fixture.process().await;
    let jobs = start_jobs(&fixture).await;
    assert!(first.stop(TIMEOUT).await.success());
    let second = fixture.process().await;
    assert_all_expire(&fixture, &jobs).await;
    fixture.finish([second]).await;
}

#[tokio::test]
async fn jobs_survive_the_death_of_redis() {
    let fixture = Fixture::with_own_servers().await;
    let process = fixture.process().await;
    let jobs = start_jobs(&fixture).await;
    let redis = fixture.own_servers().redis();
    redis.kill().await.unwrap();
    // This event must wait in the stream until Redis is back.
    let order = order_expiring_at(now());
    fixture.publish(created(&order)).await;
    redis.restart().await.unwrap();
    let expired = fixture.expired(jobs.len() + 1).await;
    assert_punctual(expired.values(), TIMEOUT);
    assert!(expired.contains_key(&order.id));
    assert_eq!(process.ended(), None, "the process survives the outage");
    fixture.finish([process]).await;
}

#[tokio::test]
async fn the_process_stops_in_order_while_redis_does_not_answer() {
    let fixture = Fixture::with_own_servers().await;
    let process = fixture.process().await;
    fixture.schedule(&[job_at(now())]).await;
    fixture.expired(1).await;
    let redis = fixture.own_servers().redis();
    redis.suspend().await.unwrap();
    assert!(process.stop(TIMEOUT).await.success());
    redis.resume().await.unwrap();
    fixture.finish([]).await;
}

#[tokio::test]
async fn a_due_job_waits_for_an_absent_broker() {
    let fixture = Fixture::with_own_servers().await;
    let process = fixture.process().await;
    let (soon, later) = (job_at(now()), job_at(in_milliseconds(1_500)));
    fixture.schedule(&[soon, later]).await;
    fixture.expired(1).await;
    let nats = fixture.own_servers().nats();
    nats.kill().await.unwrap();
    eventually("the second job is due", async || now() > later.expires_at).await;
    assert!(
        fixture.queue().count().await.unwrap() >= 1,
        "not done without a broker"
    );
    nats.restart().await.unwrap();
    assert!(fixture.expired(2).await.contains_key(&later.order_id));
    fixture.finish([process]).await;
}
