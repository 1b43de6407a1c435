//! What is measured of expirations.

use common::Subject;
use testkit::eventually;

use crate::{created, in_milliseconds, order_until, start};

#[tokio::test]
async fn what_is_scheduled_is_shown_until_it_is_told_of_and_how_late_that_was() {
    let app = start().await;
    let (soon, later) = (in_milliseconds(2_000), in_milliseconds(600_000));
    for moment in [soon, later] {
        app.publish(created(&order_until(moment))).await;
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
