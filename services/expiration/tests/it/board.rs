//! The job board on the admin port.

use std::collections::BTreeMap;
use std::time::Duration;

use apalis::prelude::{AbortError, BackendExt, BoxDynError, Data, WorkerBuilder, WorkerBuilderExt};
use apalis_redis::RedisStorage;
use common::Id;
use common::id::kind;
use expiration::queue::Job;
use expiration::queue::board::{Counts, JobState};
use serde_json::json;
use testkit::eventually;

use crate::fixture::Fixture;
use crate::{created, in_milliseconds, job_at, now, order_expiring_at, start};

#[tokio::test]
async fn the_board_shows_pending_orders_and_changes_nothing() {
    let app = start().await;
    let order = order_expiring_at(in_milliseconds(600_000));
    app.publish(created(&order)).await;
    let admin = app.admin();
    let path = format!("/jobs.json?order={}", order.id);
    eventually("the order is on the board", async || {
        // The deadline is recorded just before the job.
        admin.get(&path).await.json["job"] == "scheduled"
    })
    .await;
    let shown = admin.get(&path).await.json;
    assert_eq!(shown["orderId"], json!(order.id));
    assert_eq!(shown["expiresAt"], json!(order.expires_at));
    assert_eq!(
        (&shown["state"], &shown["job"]),
        (&json!("waiting"), &json!("scheduled"))
    );

    let board = admin.get("/jobs.json").await.json;
    assert_eq!(board["counts"]["waiting"], 1, "{board}");
    assert_eq!(board["counts"]["overdue"], 0, "{board}");
    let page = admin.get("/jobs").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains(&order.id.to_string()), "{}", page.text);

    assert_eq!(admin.get("/jobs.json?order=nonsense").await.status, 404);
    assert_eq!(admin.post("/jobs", json!({})).await.status, 405);
    assert_eq!(admin.get(&path).await.json["state"], "waiting");
    app.finish().await;
}

#[tokio::test]
async fn the_board_works_when_jobs_have_just_finished() {
    let app = start().await;
    let admin = app.admin();
    eventually("a finished job is on the board", async || {
        app.publish(created(&order_expiring_at(now()))).await;
        let board = admin.get("/jobs.json").await;
        assert_eq!(board.status, 200, "{}", board.text);
        assert_eq!(admin.get("/jobs").await.status, 200);
        board.json["counts"]["done"].as_u64().unwrap() > 0
    })
    .await;
    app.finish().await;
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    Done,
    Aborted,
    Failed,
    Running,
}

type Outcomes = BTreeMap<Id<kind::Order>, Outcome>;

async fn process(job: Job, outcomes: Data<Outcomes>) -> Result<(), BoxDynError> {
    match outcomes[&job.order_id] {
        Outcome::Done => Ok(()),
        Outcome::Aborted => Err(AbortError::new("no retry").into()),
        Outcome::Failed => Err("retry".into()),
        Outcome::Running => std::future::pending().await,
    }
}

/// A real apalis worker fills the keys, so the test notices if apalis changes their types.
#[tokio::test]
async fn the_board_counts_jobs_in_every_state() {
    let fixture = Fixture::start().await;
    let queue = fixture.queue();
    let check_counts = async |expected: Counts| {
        let counts = queue.board(1).await.unwrap().counts;
        // The difference between due and overdue does not matter here.
        let counts = Counts {
            due: counts.due + counts.overdue,
            overdue: 0,
            ..counts
        };
        if counts == expected {
            Ok(())
        } else {
            Err(format!("{counts:?}"))
        }
    };
    check_counts(Counts::default()).await.unwrap();

    let outcomes = [
        Outcome::Done,
        Outcome::Aborted,
        Outcome::Failed,
        Outcome::Running,
    ];
    let jobs = outcomes.map(|_| job_at(now()));
    let later = job_at(in_milliseconds(600_000));
    queue.schedule(&jobs).await.unwrap();
    queue.schedule(&[later]).await.unwrap();
    let without_worker = Counts {
        waiting: 1,
        due: 4,
        scheduled: 1,
        available: 4,
        ..Counts::default()
    };
    check_counts(without_worker).await.unwrap();

    let connection = redis::aio::ConnectionManager::new(fixture.redis()).await;
    let config = apalis_redis::Config::default()
        .queue(fixture.namespace())
        .lock_tasks(false)
        .emit_events(false);
    let storage = RedisStorage::<Job>::new(connection.unwrap()).with_config(config);
    let ids = jobs.iter().map(|job| job.order_id);
    let outcomes: Outcomes = ids.zip(outcomes).collect();
    let worker = WorkerBuilder::new("board")
        .backend(storage.poll_with_interval(Duration::from_millis(50)))
        .data(outcomes)
        .concurrency(10)
        .build(process);
    let worker = tokio::spawn(worker.run());
    // The failed job is scheduled again for its retry.
    let with_worker = Counts {
        scheduled: 2,
        available: 0,
        held: 1,
        done: 1,
        given_up: 1,
        ..without_worker
    };
    eventually("each job has its outcome", async || {
        check_counts(with_worker).await
    })
    .await;
    let running = queue.pending_order(jobs[3].order_id).await;
    let running = running.unwrap().unwrap();
    assert_eq!(running.job, JobState::Running);
    assert_eq!(running.worker.as_deref(), Some("board"));
    worker.abort();
    assert!(worker.await.unwrap_err().is_cancelled());
    fixture.empty_queue().await;
    fixture.finish([]).await;
}
