//! Requests for unknown tickets do not block other requests.

use std::time::{Duration, Instant};

use bson::oid::ObjectId;
use futures::future::join_all;
use mongo::{new_id, typed_id};
use web::replica_waits::REPLICA_WAIT;

use crate::{order, start, ticket_for_sale, try_order};

/// More than the service handles and queues concurrently.
const CROWD: usize = 160;

#[tokio::test]
async fn many_requests_for_unknown_tickets_block_no_other_requests() {
    let app = start().await;
    let mut tickets = Vec::new();
    for _ in 0..20 {
        tickets.push(ticket_for_sale(&app).await);
    }
    let crowd = app.user();
    let unknown = (0..CROWD).map(|_| try_order(&crowd, new_id()));
    let others = async {
        // The requests of the crowd have arrived.
        tokio::time::sleep(Duration::from_millis(200)).await;
        for ticket in &tickets {
            order(&app.user(), ticket).await;
        }
    };
    let (answers, ()) = tokio::join!(join_all(unknown), others);
    for answer in &answers {
        // Requests that cannot wait get 503 rather than 404.
        let shed = answer.status == 503 && answer.headers.contains_key("retry-after");
        assert!(answer.status == 404 || shed, "{answer:?}");
    }
    assert!(answers.iter().any(|answer| answer.status == 404));
    app.finish().await;
}

#[tokio::test]
async fn a_ticket_with_an_old_id_is_not_waited_for() {
    let app = start().await;
    let (buyer, started) = (app.user(), Instant::now());
    let now = u32::try_from(ObjectId::new().timestamp().timestamp_millis() / 1_000).unwrap();
    for seconds in [1, now - 60, now + 60, u32::MAX] {
        let mut id = ObjectId::new().bytes();
        id[..4].copy_from_slice(&seconds.to_be_bytes());
        let answer = try_order(&buyer, typed_id(ObjectId::from_bytes(id))).await;
        assert_eq!(answer.status, 404, "{answer:?}");
    }
    assert!(started.elapsed() < REPLICA_WAIT, "{:?}", started.elapsed());
    app.finish().await;
}
