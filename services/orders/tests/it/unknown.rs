//! Requests for tickets that do not exist leave room for those that do.

use std::time::{Duration, Instant};

use bson::oid::ObjectId;
use common::Id;
use common::id::kind;
use futures::future::join_all;
use mongo::{new_id, typed_id};
use serde_json::json;
use testkit::{Answer, Api};
use web::replica_waits::REPLICA_WAIT;

use crate::{order, start, ticket_for_sale};

/// More than the service works on at once, and than may wait for that.
const CROWD: usize = 160;

async fn order_unknown(buyer: &Api, ticket: Id<kind::Ticket>) -> Answer {
    let body = json!({ "ticketId": ticket });
    buyer.post("/api/orders", body).await
}

#[tokio::test]
async fn a_crowd_that_wants_unknown_tickets_holds_up_nobody_else() {
    let app = start().await;
    let mut tickets = Vec::new();
    for _ in 0..20 {
        tickets.push(ticket_for_sale(&app).await);
    }
    let crowd = app.user();
    let unknown = (0..CROWD).map(|_| order_unknown(&crowd, new_id()));
    let others = async {
        // The crowd is in.
        tokio::time::sleep(Duration::from_millis(200)).await;
        for ticket in &tickets {
            order(&app.user(), ticket).await;
        }
    };
    let (answers, ()) = tokio::join!(join_all(unknown), others);
    for answer in &answers {
        // Who cannot be waited for is told to come back, not that there is no such ticket.
        let come_back = answer.status == 503 && answer.headers.contains_key("retry-after");
        assert!(answer.status == 404 || come_back, "{answer:?}");
    }
    assert!(answers.iter().any(|answer| answer.status == 404));
    app.finish().await;
}

#[tokio::test]
async fn an_id_that_is_not_recent_is_not_waited_for() {
    let app = start().await;
    let (buyer, asked) = (app.user(), Instant::now());
    let now = u32::try_from(ObjectId::new().timestamp().timestamp_millis() / 1_000).unwrap();
    for seconds in [1, now - 60, now + 60, u32::MAX] {
        let mut id = ObjectId::new().bytes();
        id[..4].copy_from_slice(&seconds.to_be_bytes());
        let answer = order_unknown(&buyer, typed_id(ObjectId::from_bytes(id))).await;
        assert_eq!(answer.status, 404, "{answer:?}");
    }
    assert!(asked.elapsed() < REPLICA_WAIT, "{:?}", asked.elapsed());
    app.finish().await;
}
