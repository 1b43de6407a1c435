//! The time from exec to ready of each service while its dependencies run.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hyper::Method;
use testkit::fleet::Service;
use tokio::time::sleep;

use crate::lab::Lab;
use crate::load::Connection;
use crate::original;
use crate::report::{Figure, Outcome};
use crate::work::request;

const TIMES: usize = 5;

/// Limit for a start.
const TIMEOUT: Duration = Duration::from_mins(1);

const POLL_INTERVAL: Duration = Duration::from_millis(1);

pub(super) async fn run(lab: &Lab) -> Result<Outcome> {
    let mut figures = Vec::new();
    for service in lab.fleet().services() {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            service.stop().await?;
            times.push(start(service).await?);
        }
        times.sort_unstable();
        let what = format!("{}, from exec to ready (median of {TIMES})", service.name());
        let original = format!("{} s", original::START);
        figures.push(Figure::seconds("start", what, times[TIMES / 2]).original(original));
    }
    Ok(Outcome::of_figures(figures))
}

async fn start(service: &Service) -> Result<Duration> {
    let admin = ([127, 0, 0, 1], service.admin_port()).into();
    let started = Instant::now();
    service.start().await?;
    let mut connection = Connection::to(admin);
    loop {
        let ready = request(Method::GET, admin, "/readyz", None, None);
        if let Ok(answer) = connection.exchange(ready).await
            && answer.status().is_success()
        {
            return Ok(started.elapsed());
        }
        ensure!(started.elapsed() < TIMEOUT, "{service} does not start");
        sleep(POLL_INTERVAL).await;
    }
}
