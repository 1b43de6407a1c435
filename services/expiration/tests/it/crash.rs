//! Whatever dies, no order lives on.

use std::sync::Arc;
use std::time::Duration;

use expiration::queue::Job;
use nix::sys::signal::Signal;
use testkit::progress::ToStderr;
use testkit::servers::ServersSettings;
use testkit::{Servers, eventually};

use crate::stage::{Stage, assert_punctual, expired};
use crate::{created, in_milliseconds, job_at, now, order_until};

const PATIENCE: Duration = Duration::from_secs(30);

async fn own_servers() -> Servers {
    let settings = ServersSettings {
        given: false,
        folder: None,
        progress: Arc::new(ToStderr),
    };
    Servers::start(settings).await.unwrap()
}

/// Jobs due over the next two seconds.
fn jobs() -> Vec<Job> {
    (0..400).map(|n| job_at(in_milliseconds(5 * n))).collect()
}

#[tokio::test]
async fn jobs_survive_the_death_of_the_worker() {
    let stage = Stage::on(Servers::shared().await).await;
    let first = stage.process().await;
    let jobs = jobs();
    stage.queue().schedule(&jobs).await.unwrap();
    // It dies with some jobs done, some in hand and some waiting.
    expired(stage.broker(), 50, PATIENCE).await;
    first.kill().await;
    let second = stage.process().await;
    let expired = expired(stage.broker(), jobs.len(), PATIENCE).await;
    assert_punctual(expired.values(), PATIENCE);
    assert!(second.stop(PATIENCE).await.success());
    stage.clear().await;
}

#[tokio::test]
async fn a_process_takes_over_from_another_that_died() {
    let stage = Stage::on(Servers::shared().await).await;
    let (dying, living) = (stage.process().await, stage.process().await);
    let jobs = jobs();
    stage.queue().schedule(&jobs).await.unwrap();
    expired(stage.broker(), 50, PATIENCE).await;
    dying.kill().await;
    let expired = expired(stage.broker(), jobs.len(), PATIENCE).await;
    assert_punctual(expired.values(), PATIENCE);
    assert!(living.stop(PATIENCE).await.success());
    stage.clear().await;
}

#[tokio::test]
async fn jobs_survive_processes_that_hang_and_take_each_other_for_dead() {
    let stage = Stage::on(Servers::shared().await).await;
    let processes = [stage.process().await, stage.process().await];
    let mut due = 0;
    for _ in 0..4 {
        for process in &processes {
            process.signal(Signal::SIGSTOP).await;
        }
        let jobs: Vec<_> = (0..40).map(|n| job_at(in_milliseconds(200 * n))).collect();
        stage.queue().schedule(&jobs).await.unwrap();
        let hang = now();
        eventually("their heartbeats are missed", async || {
            now().since(hang) > Duration::from_secs(3)
        })
        .await;
        for process in &processes {
            process.signal(Signal::SIGCONT).await;
        }
        due += jobs.len();
        expired(stage.broker(), due, PATIENCE).await;
    }
    for process in processes {
        assert!(process.stop(PATIENCE).await.success());
    }
    stage.clear().await;
}

#[tokio::test]
async fn jobs_in_hand_at_an_orderly_stop_are_left_to_the_next_process() {
    let stage = Stage::on(Servers::shared().await).await;
    let first = stage.process().await;
    let jobs = jobs();
    stage.queue().schedule(&jobs).await.unwrap();
    expired(stage.broker(), 50, PATIENCE).await;
    assert!(first.stop(PATIENCE).await.success());
    let second = stage.process().await;
    let expired = expired(stage.broker(), jobs.len(), PATIENCE).await;
    assert_punctual(expired.values(), PATIENCE);
    assert!(second.stop(PATIENCE).await.success());
    stage.clear().await;
}

#[tokio::test]
async fn jobs_survive_the_death_of_redis() {
    let servers = own_servers().await;
    let stage = Stage::on(&servers).await;
    let process = stage.process().await;
    let jobs = jobs();
    stage.queue().schedule(&jobs).await.unwrap();
    expired(stage.broker(), 50, PATIENCE).await;
    servers.redis().kill().await.unwrap();
    // Meant for a Redis that is away: it waits in the stream.
    let order = order_until(now());
    stage.publish(created(&order)).await;
    servers.redis().restart().await.unwrap();
    let expired = expired(stage.broker(), jobs.len() + 1, PATIENCE).await;
    assert_punctual(expired.values(), PATIENCE);
    assert!(expired.contains_key(&order.id));
    assert_eq!(
        process.ended(),
        None,
        "the process lives through an outage of Redis"
    );
    assert!(process.stop(PATIENCE).await.success());
    servers.stop().await;
}

#[tokio::test]
async fn it_stops_in_order_while_redis_does_not_answer() {
    let servers = own_servers().await;
    let stage = Stage::on(&servers).await;
    let process = stage.process().await;
    stage.queue().schedule(&[job_at(now())]).await.unwrap();
    expired(stage.broker(), 1, PATIENCE).await;
    servers.redis().suspend().await.unwrap();
    assert!(process.stop(PATIENCE).await.success());
    servers.redis().resume().await.unwrap();
    servers.stop().await;
}

#[tokio::test]
async fn a_job_that_is_due_waits_for_a_broker_that_is_away() {
    let servers = own_servers().await;
    let stage = Stage::on(&servers).await;
    let process = stage.process().await;
    let queue = stage.queue();
    let (soon, later) = (job_at(now()), job_at(in_milliseconds(1_500)));
    queue.schedule(&[soon, later]).await.unwrap();
    expired(stage.broker(), 1, PATIENCE).await;
    servers.nats().kill().await.unwrap();
    eventually("the second job is due", async || now() > later.expires_at).await;
    assert!(
        queue.count().await.unwrap() >= 1,
        "not done without a broker"
    );
    servers.nats().restart().await.unwrap();
    let expired = expired(stage.broker(), 2, PATIENCE).await;
    assert!(expired.contains_key(&later.order_id));
    assert!(process.stop(PATIENCE).await.success());
    servers.stop().await;
}
