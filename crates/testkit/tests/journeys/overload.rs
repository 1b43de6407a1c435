//! A dependency that is slow or hangs takes down nothing that does not need it, and a flood takes no more than its bounds.

use std::pin::pin;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use futures::future::join_all;
use stripe_stand_in::{Fault, FaultKind};
use testkit::{Api, Fleet, eventually_within, usage};

use crate::{PATIENCE, order, pay, sell, shopper, try_order, wait_for_status, with_fleet};

/// The longest that anybody waits for an answer, whatever hangs, with some room for a machine with much to do.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// A service's health, asked on its admin port: the status code of this path.
async fn health(fleet: &Fleet, service: &str, path: &str) -> u16 {
    let port = fleet.service(service)[0].admin_port();
    let admin = Api::anonymous(&format!("http://127.0.0.1:{port}"));
    admin.get(path).await.status
}

async fn wait_for_readiness(fleet: &Fleet, status: u16) {
    for service in ["auth", "tickets", "orders", "payments"] {
        let what = format!("{service} says {status}");
        eventually_within(PATIENCE, &what, async || {
            health(fleet, service, "/readyz").await == status
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_holds_nobody_for_long_and_harms_nothing_else() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        fleet.servers().mongo().suspend().await.unwrap();
        wait_for_readiness(fleet, 503).await;
        assert_eq!(health(fleet, "tickets", "/livez").await, 200);

        let begun = Instant::now();
        // More than there are places, from clients of whom some give up.
        let impatient = join_all((0..200).map(async |_| {
            let look = buyer.request(reqwest::Method::GET, "/api/tickets");
            buyer
                .try_send(look.timeout(Duration::from_millis(500)))
                .await
        }));
        let patient = join_all((0..20).map(|_| buyer.get("/api/tickets")));
        let (_, patient) = tokio::join!(impatient, patient);
        for answer in patient {
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
            assert_eq!(answer.message(), "Service is temporarily unavailable");
        }
        assert!(begun.elapsed() < LONGEST_ANSWER, "{:?}", begun.elapsed());
        // A session needs no database, nor does the health check through the ingress.
        let user = buyer.get("/api/users/currentuser").await;
        assert_eq!(user.json["currentUser"]["id"], buyer.user_id().to_string());
        assert_eq!(buyer.get("/api/payments").await.status, 200);

        fleet.servers().mongo().resume().await.unwrap();
        wait_for_readiness(fleet, 200).await;
        let order = eventually_within(PATIENCE, "the ticket can be ordered", async || {
            let ordered = try_order(&buyer, &ticket).await;
            (ordered.status == 201).then(|| ordered.id())
        })
        .await;
        assert_eq!(pay(&buyer, &order).await.status, 201);
        wait_for_status(&buyer, &order, "complete").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_passwords_takes_the_memory_of_those_hashed_at_once_and_gives_it_back() {
    /// What a hash takes, and what is left to all else, in KiB.
    const HASH: u64 = 19 * 1_024;
    const MARGIN: u64 = 24 * 1_024;
    with_fleet(Duration::from_mins(15), async |fleet| {
        let working_set = || usage::working_set(fleet.service("auth")[0].pid()?);
        // Where the system does not tell, there is nothing to compare.
        let Some(before) = working_set() else {
            return;
        };
        let mut most = 0;
        for _ in 0..4 {
            join_all((0..24).map(|_| shopper(fleet))).await;
            most = most.max(working_set().unwrap());
        }
        let at_once = u64::try_from(available_parallelism().unwrap().get()).unwrap();
        let room = before + at_once * HASH + MARGIN;
        assert!(most < room, "{before} KiB became {most}, more than {room}");
        let what = "the memory is given back";
        eventually_within(PATIENCE, what, async || {
            let now = working_set().unwrap();
            if now < before + HASH / 2 {
                Ok(())
            } else {
                Err(format!("{before} KiB before, {now} now"))
            }
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_stripe_holds_up_payments_and_nothing_else() {
    const BUYERS: usize = 48;
    with_fleet(Duration::from_mins(15), async |fleet| {
        let buyer = shopper(fleet).await;
        let mut orders = Vec::new();
        for _ in 0..BUYERS {
            let ticket = sell(&buyer).await;
            orders.push(order(&buyer, &ticket).await);
        }
        // Longer than a call is waited for.
        fleet.stripe().inject(
            Fault::once(FaultKind::Slow {
                milliseconds: 9_000,
            })
            .times(u32::MAX),
        );
        let mut paying = pin!(join_all(orders.iter().map(|order| pay(&buyer, order))));
        let paid = loop {
            tokio::select! {
                paid = &mut paying => break paid,
                () = use_the_rest(fleet, &buyer) => {}
            }
        };
        for answer in paid {
            // Stripe's webhook may have told what its answer did not.
            if answer.status != 201 {
                assert_eq!(answer.status, 503, "{answer:?}");
                assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
            }
        }
        fleet.stripe().clear_faults();
        for order in &orders {
            wait_for_status(&buyer, order, "complete").await;
        }
    })
    .await;
}

/// Everything but paying works, and as fast as ever.
async fn use_the_rest(fleet: &Fleet, buyer: &Api) {
    let begun = Instant::now();
    assert_eq!(buyer.get("/api/payments").await.status, 200);
    assert_eq!(health(fleet, "payments", "/readyz").await, 200);
    let ticket = sell(buyer).await;
    order(buyer, &ticket).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}
