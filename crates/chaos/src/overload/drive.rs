//! The two kinds of load: shoppers who wait for responses, and a fixed rate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::sale::Sale;
use super::tally::{Counted, Tally};

/// How long the load of a step runs before it is counted.
const SETTLING: Duration = Duration::from_secs(2);

/// The limit of open requests. Requests beyond it are not sent, which the report says.
const MOST_OPEN: usize = 4_000;

const TICK: Duration = Duration::from_millis(2);

fn tally(time: Duration) -> (Instant, Arc<Tally>) {
    let from = Instant::now() + SETTLING;
    let until = from + time;
    (until, Arc::new(Tally::between(from, until)))
}

/// So many shoppers, each of whom waits for a response before the next request.
pub(super) async fn closed_loop(sale: &Arc<Sale>, shoppers: usize, time: Duration) -> Counted {
    let (until, tally) = tally(time);
    let mut requests = JoinSet::new();
    for _ in 0..shoppers {
        let (sale, tally) = (Arc::clone(sale), Arc::clone(&tally));
        requests.spawn(async move {
            while Instant::now() < until {
                tally.due(true);
                sale.send(&tally).await;
            }
        });
    }
    requests.join_all().await;
    tally.counted()
}

/// So many requests a second, whether or not they get responses.
pub(super) async fn open_loop(sale: &Arc<Sale>, rate: f64, time: Duration) -> Counted {
    let (until, tally) = tally(time);
    let begun = Instant::now();
    let room = Arc::new(Semaphore::new(MOST_OPEN));
    let mut requests = JoinSet::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut sent = 0.0;
    while Instant::now() < until {
        ticks.tick().await;
        let due = begun.elapsed().as_secs_f64() * rate;
        while sent < due {
            sent += 1.0;
            let place = Arc::clone(&room).try_acquire_owned();
            tally.due(place.is_ok());
            let Ok(place) = place else { continue };
            let (sale, tally) = (Arc::clone(sale), Arc::clone(&tally));
            requests.spawn(async move {
                sale.send(&tally).await;
                drop(place);
            });
        }
        while requests.try_join_next().is_some() {}
    }
    requests.join_all().await;
    tally.counted()
}
