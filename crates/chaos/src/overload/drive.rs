//! The two ways to ask: by shoppers who wait for their answers, and at a rate that waits for nobody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::sale::Sale;
use super::tally::{Counted, Tally};

/// How long a step's load runs before it is counted.
const SETTLING: Duration = Duration::from_secs(2);

/// How many requests the generator has open at most; what is due beyond that is not asked, and said so.
const MOST_OPEN: usize = 4_000;

const TICK: Duration = Duration::from_millis(2);

fn tally(time: Duration) -> (Instant, Arc<Tally>) {
    let from = Instant::now() + SETTLING;
    let until = from + time;
    (until, Arc::new(Tally::between(from, until)))
}

/// So many shoppers, each asking again when answered.
pub(super) async fn closed_loop(sale: &Arc<Sale>, shoppers: usize, time: Duration) -> Counted {
    let (until, tally) = tally(time);
    let mut asking = JoinSet::new();
    for _ in 0..shoppers {
        let (sale, tally) = (Arc::clone(sale), Arc::clone(&tally));
        asking.spawn(async move {
            while Instant::now() < until {
                tally.due(true);
                sale.ask(&tally).await;
            }
        });
    }
    asking.join_all().await;
    tally.counted()
}

/// So many requests a second, whatever becomes of them.
pub(super) async fn open_loop(sale: &Arc<Sale>, rate: f64, time: Duration) -> Counted {
    let (until, tally) = tally(time);
    let begun = Instant::now();
    let room = Arc::new(Semaphore::new(MOST_OPEN));
    let mut asking = JoinSet::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut asked = 0.0;
    while Instant::now() < until {
        ticks.tick().await;
        let due = begun.elapsed().as_secs_f64() * rate;
        while asked < due {
            asked += 1.0;
            let place = Arc::clone(&room).try_acquire_owned();
            tally.due(place.is_ok());
            let Ok(place) = place else { continue };
            let (sale, tally) = (Arc::clone(sale), Arc::clone(&tally));
            asking.spawn(async move {
                sale.ask(&tally).await;
                drop(place);
            });
        }
        while asking.try_join_next().is_some() {}
    }
    asking.join_all().await;
    tally.counted()
}
