//! A slow or hanging dependency affects only what needs it, and a flood of requests uses bounded memory.

use std::pin::pin;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use futures::future::join_all;
use stripe_stand_in::{Fault, FaultKind};
use testkit::{Api, Fleet, eventually_within, usage};

use crate::{
    NO_EXPIRY, TIMEOUT, order, pay, sell, shopper, try_order, wait_for_status, with_fleet,
};

/// The limit for any response while a dependency hangs, on a busy machine.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);

/// The status code of this path on the service's admin port.
async fn health(fleet: &Fleet, service: &str, path: &str) -> u16 {
    let port = fleet.service(service)[0].admin_port();
    let admin = Api::anonymous(&format!("http://127.0.0.1:{port}"));
    admin.get(path).await.status
}

async fn wait_for_readiness(fleet: &Fleet, status: u16) {
    for service in ["auth", "tickets", "orders", "payments"] {
        let what = format!("{service} responds with {status}");
        eventually_within(TIMEOUT, &what, async || {
            health(fleet, service, "/readyz").await == status
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_database_delays_no_request_for_long_and_affects_nothing_else() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let buyer = shopper(fleet).await;
        let ticket = sell(&buyer).await;
        fleet.servers().mongo().suspend().await.unwrap();
        wait_for_readiness(fleet, 503).await;
        assert_eq!(health(fleet, "tickets", "/livez").await, 200);

        let start = Instant::now();
        // More requests than the service accepts at the same time. Some clients disconnect early.
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
        assert!(start.elapsed() < RESPONSE_LIMIT, "{:?}", start.elapsed());
        // Neither a session nor the public health check needs the database.
        let user = buyer.get("/api/users/currentuser").await;
        assert_eq!(user.json["currentUser"]["id"], buyer.user_id().to_string());
        assert_eq!(buyer.get("/api/payments").await.status, 200);

        fleet.servers().mongo().resume().await.unwrap();
        wait_for_readiness(fleet, 200).await;
        let order = eventually_within(TIMEOUT, "the ticket can be ordered", async || {
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
async fn a_flood_of_passwords_uses_memory_only_for_parallel_hashes_and_returns_it() {
    /// The memory of a hash, and a margin for everything else, in KiB.
    const HASH: u64 = 19 * 1_024;
    const MARGIN: u64 = 24 * 1_024;
    with_fleet(NO_EXPIRY, async |fleet| {
        let working_set = || usage::working_set(fleet.service("auth")[0].pid()?);
        // Only Linux reports the memory.
        let Some(before) = working_set() else {
            return;
        };
        let mut peak = 0;
        for _ in 0..4 {
            join_all((0..24).map(|_| shopper(fleet))).await;
            peak = peak.max(working_set().unwrap());
        }
        let parallel = u64::try_from(available_parallelism().unwrap().get()).unwrap();
        let limit = before + parallel * HASH + MARGIN;
        assert!(
            peak < limit,
            "{before} KiB became {peak}, more than {limit}"
        );
        let what = "the memory is returned";
        eventually_within(TIMEOUT, what, async || {
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
async fn a_slow_stripe_delays_payments_and_nothing_else() {
    const BUYERS: usize = 48;
    with_fleet(NO_EXPIRY, async |fleet| {
        let buyer = shopper(fleet).await;
        let mut orders = Vec::new();
        for _ in 0..BUYERS {
            let ticket = sell(&buyer).await;
            orders.push(order(&buyer, &ticket).await);
        }
        // Longer than the timeout of a call.
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
                () = use_other_services(fleet, &buyer) => {}
            }
        };
        for answer in paid {
            // Stripe's webhook may have confirmed the charge.
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

/// Checks that everything except payments works at normal speed.
async fn use_other_services(fleet: &Fleet, buyer: &Api) {
    let start = Instant::now();
    assert_eq!(buyer.get("/api/payments").await.status, 200);
    assert_eq!(health(fleet, "payments", "/readyz").await, 200);
    let ticket = sell(buyer).await;
    order(buyer, &ticket).await;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}
