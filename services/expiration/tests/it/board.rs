//! The job board on the admin port.

use serde_json::json;
use testkit::eventually;

use crate::{created, in_milliseconds, order_until, start};

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
