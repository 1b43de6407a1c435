//! The job board on the admin port.

use std::collections::BTreeMap;
use std::time::Duration;

use apalis::prelude::{AbortError, BackendExt, BoxDynError, Data, WorkerBuilder, WorkerBuilderExt};
use apalis_redis::RedisStorage;
use common::Id;
use common::id::kind;
use expiration::queue::Job;
use expiration::queue::board::{Counts, JobPlace};
use serde_json::json;
use testkit::{Servers, eventually};

use crate::stage::Stage;
use crate::{created, in_milliseconds, job_at, now, order_until, start};

#[tokio::test]
async fn the_board_shows_what_waits_and_changes_nothing() {
    let app = start().await;
    let order = order_until(in_milliseconds(600_000));
    app.publish(created(&order)).await;
    let admin = app.admin();
    let path = format!("/jobs.json?order={}", order.id);
    eventually("the order is on the board", async || {
        // Its time is noted a moment before its job.
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
async fn the_board_answers_when_jobs_have_just_finished() {
    let app = start().await;
    let admin = app.admin();
    eventually("a finished job is on the board", async || {
        app.publish(created(&order_until(now()))).await;
        let board = admin.get("/jobs.json").await;
        assert_eq!(board.status, 200, "{}", board.text);
        assert_eq!(admin.get("/jobs").await.status, 200);
        board.json["counts"]["done"].as_u64().unwrap() > 0
    })
    .await;
    app.finish().await;
}

/// What becomes of a job.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Done,
    Killed,
    Failed,
    Held,
}

type Fates = BTreeMap<Id<kind::Order>, Fate>;

async fn meet(job: Job, fates: Data<Fates>) -> Result<(), BoxDynError> {
    match fates[&job.order_id] {
        Fate::Done => Ok(()),
        Fate::Killed => Err(AbortError::new("never again").into()),
        Fate::Failed => Err("not this time".into()),
        Fate::Held => std::future::pending().await,
    }
}

/// The keys are those that apalis itself fills, so their types are what it makes of them.
#[tokio::test]
async fn the_board_counts_jobs_in_every_state() {
    let stage = Stage::on(Servers::shared().await).await;
    let queue = stage.queue();
    let is_shown = async |expected: Counts| {
        let shown = queue.board(1).await.unwrap().counts;
        // How long ago jobs were due does not matter here.
        let shown = Counts {
            due: shown.due + shown.overdue,
            overdue: 0,
            ..shown
        };
        if shown == expected {
            Ok(())
        } else {
            Err(format!("{shown:?}"))
        }
    };
    is_shown(Counts::default()).await.unwrap();

    let fates = [Fate::Done, Fate::Killed, Fate::Failed, Fate::Held];
    let jobs = fates.map(|_| job_at(now()));
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
    is_shown(without_worker).await.unwrap();

    let connection = redis::aio::ConnectionManager::new(stage.redis()).await;
    let config = apalis_redis::Config::default()
        .queue(stage.namespace())
        .lock_tasks(false)
        .emit_events(false);
    let storage = RedisStorage::<Job>::new(connection.unwrap()).with_config(config);
    let fates: Fates = jobs.iter().map(|job| job.order_id).zip(fates).collect();
    let worker = WorkerBuilder::new("board")
        .backend(storage.poll_with_interval(Duration::from_millis(50)))
        .data(fates)
        .concurrency(10)
        .build(meet);
    let working = tokio::spawn(worker.run());
    // The one that fails is scheduled again each time.
    let with_worker = Counts {
        scheduled: 2,
        available: 0,
        held: 1,
        done: 1,
        given_up: 1,
        ..without_worker
    };
    eventually("each job has met its fate", async || {
        is_shown(with_worker).await
    })
    .await;
    let held = queue.order_time(jobs[3].order_id).await.unwrap().unwrap();
    assert_eq!(held.job, JobPlace::Running);
    assert_eq!(held.worker.as_deref(), Some("board"));
    working.abort();
    assert!(working.await.unwrap_err().is_cancelled());
    stage.empty_queue().await;
    stage.clear().await;
}
