//! A service reports its health correctly and stops in order.

use common::{Event, Subject};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::toy::{leave_in_outbox, start, ticket};

#[tokio::test]
async fn a_serving_service_is_alive_and_ready() {
    let app = start().await;
    assert_eq!(app.admin().get("/livez").await.text, "ok");
    let ready = app.admin().get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json["phase"], "serving");
    assert_eq!(ready.json["checks"]["mongodb"], "ok");
    assert_eq!(app.admin().get("/nowhere").await.status, 404);
    // The API's port does not serve the admin port's paths.
    assert_eq!(app.anonymous().get("/readyz").await.status, 404);
    app.finish().await;
}

#[tokio::test]
async fn stopping_drains_the_outbox() {
    let app = start().await;
    let left: Vec<_> = (0..50)
        .map(|number| ticket(&format!("Seat {number}")))
        .collect();
    for ticket in &left {
        leave_in_outbox(&app, ticket).await;
    }
    let app = app.restart().await;
    let published = app.published(Subject::TicketUpdated).await;
    for ticket in left {
        assert!(published.contains(&Event::TicketUpdated(ticket)));
    }
    app.finish().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_prevent_a_service_from_stopping() {
    let app = start().await;
    let address = app.base_url().strip_prefix("http://").unwrap();
    let mut silent = TcpStream::connect(address).await.unwrap();
    silent.write_all(b"GET / HT").await.unwrap();
    app.finish().await;
}
