//! The links of a fleet: each process connects to each dependency only through its own link.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::json;
use testkit::fleet::Service;
use testkit::servers::Server;
use testkit::{Api, Condition, Dependency, Fleet, FleetSettings, eventually};

async fn proxied_fleet() -> Fleet {
    let settings = FleetSettings {
        proxied: true,
        replicas: BTreeMap::from([("tickets".to_owned(), 2)]),
        ..FleetSettings::default()
    };
    Fleet::start(settings).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_link_affects_one_process_and_no_connection_bypasses_the_links() {
    let fleet = proxied_fleet().await;
    assert_links(&fleet);
    let buyer = Api::sign_up(&fleet.origin()).await;
    let order = order(&buyer).await;

    // The order needed a transaction, so transactions work through links. Now one replica loses its database.
    let tickets = fleet.service("tickets");
    let link = tickets[0].link(Dependency::Mongo).unwrap();
    link.set(Condition::Cut);
    eventually("the replica is not ready", async || {
        readiness(tickets[0]).await == 503
    })
    .await;
    assert_eq!(readiness(tickets[1]).await, 200);
    link.set(Condition::Open);
    tickets[0].wait_ready().await.unwrap();

    let stripe = fleet.service("payments")[0].link(Dependency::Stripe);
    stripe.unwrap().set(Condition::Cut);
    let payment = json!({ "token": "tok_visa", "orderId": order });
    let refused = buyer.post("/api/payments", payment.clone()).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(fleet.stripe().ledger().totals.charged, 0);
    stripe.unwrap().set(Condition::Open);
    eventually("the order is paid", async || {
        let _ = buyer.post("/api/payments", payment.clone()).await;
        let shown = buyer.get(&format!("/api/orders/{order}")).await;
        (shown.json["status"] == "complete").then_some(())
    })
    .await;
    assert_eq!(fleet.stripe().ledger().totals.charged, 1_999);

    assert_no_bypass(&fleet);
    assert_eq!(fleet.unexpected_exits(), Vec::<String>::new());
    fleet.servers().redis().kill().await.unwrap();
    assert_eq!(fleet.unexpected_exits(), Vec::<String>::new());
    fleet.servers().redis().restart().await.unwrap();
    fleet.stop().await.unwrap();
}

fn assert_links(fleet: &Fleet) {
    let links: Vec<_> = fleet
        .services()
        .flat_map(|service| {
            service
                .links()
                .map(move |(to, _)| format!("{service} {to}"))
        })
        .collect();
    let expected = [
        "auth-1 MongoDB",
        "tickets-1 MongoDB",
        "tickets-1 NATS",
        "tickets-2 MongoDB",
        "tickets-2 NATS",
        "orders-1 MongoDB",
        "orders-1 NATS",
        "payments-1 MongoDB",
        "payments-1 NATS",
        "payments-1 Stripe",
        "expiration-1 NATS",
        "expiration-1 Redis",
    ];
    assert_eq!(links, expected);
}

/// Orders a new ticket. Returns the order's id.
async fn order(buyer: &Api) -> String {
    let ticket = json!({ "title": "Front row", "price": 19.99 });
    let ticket = buyer.post("/api/tickets", ticket).await;
    assert_eq!(ticket.status, 201, "{ticket:?}");
    let wanted = json!({ "ticketId": ticket.id() });
    let order = eventually("an order", async || {
        let order = buyer.post("/api/orders", wanted.clone()).await;
        if order.status == 201 {
            Ok(order)
        } else {
            Err(order.text)
        }
    });
    let order = order.await.id();
    eventually("the order awaits its payment", async || {
        let shown = buyer.get(&format!("/api/orders/{order}")).await;
        (shown.json["status"] == "awaiting:payment").then_some(())
    })
    .await;
    order
}

async fn readiness(service: &Service) -> u16 {
    let admin = format!("http://127.0.0.1:{}", service.admin_port());
    Api::anonymous(&admin).get("/readyz").await.status
}

/// Checks that every process is connected to its links and to no server directly.
fn assert_no_bypass(fleet: &Fleet) {
    let servers = fleet.servers();
    let addresses = [servers.mongo(), servers.nats(), servers.redis()].map(Server::address);
    let stripe = fleet.stripe().base_url();
    let stripe = stripe.trim_start_matches("http://");
    let forbidden: BTreeSet<_> = addresses.into_iter().chain([stripe]).map(port).collect();
    for service in fleet.services() {
        let peers = peers(service.pid().unwrap());
        let direct: Vec<_> = peers.intersection(&forbidden).collect();
        assert!(direct.is_empty(), "{service} is connected to {direct:?}");
        // Connections to Stripe do not stay open.
        for (to, proxy) in service.links().filter(|(to, _)| *to != Dependency::Stripe) {
            let port = proxy.address().port();
            assert!(
                peers.contains(&port),
                "{service} does not use its link to {to}"
            );
        }
    }
}

fn port(address: &str) -> u16 {
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// The remote ports of a process's connections, from the kernel's tables.
fn peers(pid: u32) -> BTreeSet<u16> {
    let sockets: BTreeSet<_> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .filter_map(|target| {
            let inode = target.to_str()?.strip_prefix("socket:[")?;
            Some(inode.trim_end_matches(']').to_owned())
        })
        .collect();
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    let connections = table.lines().skip(1).filter_map(|line| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (_, port) = columns[2].split_once(':')?;
        sockets
            .contains(columns[9])
            .then(|| u16::from_str_radix(port, 16).unwrap())
    });
    connections.collect()
}
