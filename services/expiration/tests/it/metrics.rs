//! The metrics of expirations.

use common::Subject;
use testkit::eventually;

use crate::{created, in_milliseconds, order_expiring_at, start};

#[tokio::test]
async fn metrics_count_scheduled_orders_and_measure_lateness() {
    let app = start().await;
    let (soon, later) = (in_milliseconds(2_000), in_milliseconds(600_000));
    for time in [soon, later] {
        app.publish(created(&order_expiring_at(time))).await;
    }
    let scheduled = async || {
        let scrape = app.metrics().await;
        scrape.count("ticketing_expirations_scheduled", &[])
    };
    eventually("both are scheduled", async || scheduled().await == 2).await;
    app.expect_event(Subject::ExpirationComplete, |_| true)
        .await;
    eventually("one is left", async || scheduled().await == 1).await;
    let scrape = app.metrics().await;
    assert_eq!(
        scrape.count("ticketing_expiration_lateness_seconds_count", &[]),
        1
    );
    assert_eq!(
        scrape.count("ticketing_expirations_told_beside_job_total", &[]),
        0
    );
    app.finish().await;
}
