//! The configured time to pay an order.

use std::time::Duration;

use base::{Clock, Environment};
use orders::Config;
use testkit::TestApp;

use crate::{order, ticket_for_sale};

fn read(expiration: Option<&str>) -> Result<Duration, Vec<String>> {
    let given = expiration.map(|seconds| ("ORDER_EXPIRATION_SECONDS", seconds));
    let variables = [
        ("MONGO_URI", "mongodb://127.0.0.1/orders"),
        ("JWT_KEY", "a key that is long enough for HS256"),
        ("NATS_URL", "nats://127.0.0.1:4222"),
    ];
    let variables = variables.into_iter().chain(given);
    let mut environment =
        Environment::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let config = Config::read(&mut environment);
    match environment.finish(config) {
        Ok(config) => Ok(config.expiration),
        Err(error) => Err(error.faults().to_vec()),
    }
}

#[test]
fn the_time_to_pay_is_one_second_to_one_day() {
    assert_eq!(read(None), Ok(Duration::from_mins(15)));
    assert_eq!(read(Some("1")), Ok(Duration::from_secs(1)));
    assert_eq!(read(Some("86400")), Ok(Duration::from_hours(24)));
    for wrong in ["0", "86401", "-1", "soon"] {
        let faults = read(Some(wrong)).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with("ORDER_EXPIRATION_SECONDS"),
            "{faults:?}"
        );
    }
}

#[tokio::test]
async fn an_order_expires_after_the_configured_time() {
    let clock = Clock::manual(Clock::system().now());
    let app = TestApp::new(orders::NAME)
        .set("ORDER_EXPIRATION_SECONDS", "60")
        .clock(clock.clone())
        .start(Config::read, orders::build)
        .await;
    let order = order(&app.user(), &ticket_for_sale(&app).await).await;
    assert_eq!(order.expires_at, clock.now().plus(Duration::from_mins(1)));
    app.finish().await;
}
