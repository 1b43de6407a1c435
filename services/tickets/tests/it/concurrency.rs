//! Concurrent edits: none is lost silently.

use futures::future::join_all;
use serde_json::json;

use crate::{sell, show, start};

#[tokio::test]
async fn each_of_several_concurrent_edits_is_applied_or_refused() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    let path = format!("/api/tickets/{}", ticket.id);
    let edits =
        (1..=20).map(|price| seller.put(&path, json!({ "title": "Front row", "price": price })));
    let answers = join_all(edits).await;
    let applied = answers.iter().filter(|answer| answer.status == 200).count() as u64;
    assert!(applied >= 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.status, 400);
        assert_eq!(
            refused.message(),
            "Ticket was changed meanwhile, reload it and try again"
        );
    }
    assert_eq!(show(&seller, &ticket).await.version, applied);
    app.finish().await;
}

#[tokio::test]
async fn an_edit_of_an_older_version_is_refused() {
    let app = start().await;
    let seller = app.user();
    let ticket = sell(&seller, "Front row", json!(20)).await;
    let path = format!("/api/tickets/{}", ticket.id);
    let edit = |version: u64| json!({ "title": "Second row", "price": 20, "version": version });
    assert_eq!(seller.put(&path, edit(0)).await.status, 200);
    assert_eq!(seller.put(&path, edit(0)).await.status, 400);
    assert_eq!(seller.put(&path, edit(1)).await.status, 200);
    app.finish().await;
}
