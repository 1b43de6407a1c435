//! Compares the allocations of the hot handlers with those recorded in `costs.json`. Unlike times, they do not depend
//! on the machine, so they show regressions.
//!
//! The service runs in one thread, whose allocations are counted; another thread sends requests. All that a request
//! causes is counted, including the driver and the relay, which run on the same thread. The servers are real. `cargo
//! xtask bench --check --record` records the allocations.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;

use bson::oid::ObjectId;
use bson::{Document, doc};
use serde::{Deserialize, Serialize};
use testkit::TestApp;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use web::response_cache::WROTE;

/// The number of requests in a round, and of rounds. The cheapest round counts: background work (sweeps, monitoring of
/// servers) adds to the others.
const REQUESTS: usize = 100;
const ROUNDS: usize = 4;

/// The allowed deviation from the recorded cost, and the one with another database, whose responses differ in length.
const TOLERANCE: f64 = 0.05;
const TOLERANCE_ELSEWHERE: f64 = 0.25;

/// The variable that is set to `record` to record.
const RECORD: &str = "TICKETING_COSTS";

/// The content of `costs.json`.
#[derive(Serialize, Deserialize)]
struct Costs {
    /// The database's version and commit.
    database: String,
    /// Allocations per request.
    allocations: BTreeMap<String, f64>,
}

#[test]
fn hot_handlers_allocate_as_much_as_recorded() {
    telemetry::log_to_sink();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let allocations = [of_auth(&runtime), of_tickets(&runtime), of_orders(&runtime)];
    let measured = Costs {
        database: database(&runtime),
        allocations: allocations.into_iter().flatten().collect(),
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("costs.json");
    if std::env::var(RECORD).is_ok_and(|wish| wish == "record") {
        let text = serde_json::to_string_pretty(&measured).unwrap();
        std::fs::write(file, text + "\n").unwrap();
        eprintln!("recorded: {:#?}", measured.allocations);
        return;
    }
    let recorded: Costs = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let names: Vec<_> = recorded.allocations.keys().collect();
    assert_eq!(names, measured.allocations.keys().collect::<Vec<_>>());
    let tolerance = if measured.database == recorded.database {
        TOLERANCE
    } else {
        TOLERANCE_ELSEWHERE
    };
    let mut wrong = Vec::new();
    for (name, recorded) in &recorded.allocations {
        let measured = measured.allocations[name];
        eprintln!("{name}: {measured:.1} allocations, recorded {recorded:.1}");
        if (measured / recorded - 1.0).abs() > tolerance {
            wrong.push(format!("{name}: {measured:.1} instead of {recorded:.1}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "allocations per request changed; if intended, run `cargo xtask bench --check --record`:\n{}",
        wrong.join("\n")
    );
}

/// The database's version and commit, as it reports them.
fn database(runtime: &Runtime) -> String {
    let app = runtime.block_on(TestApp::new(auth::NAME).start(auth::Config::read, auth::build));
    let built = app.database().run_command(doc! { "buildInfo": 1 });
    let built = runtime.block_on(async { built.await }).unwrap();
    runtime.block_on(app.finish());
    ["version", "gitVersion"]
        .map(|name| built.get_str(name).unwrap())
        .join(" ")
}

fn of_auth(runtime: &Runtime) -> Vec<(String, f64)> {
    let app = runtime.block_on(TestApp::new(auth::NAME).start(auth::Config::read, auth::build));
    let cookie = cookie(&app);
    let get = get("/api/users/currentuser", &cookie);
    let cost = cost_of(runtime, &app, |_| get.clone());
    runtime.block_on(app.finish());
    vec![("GET /api/users/currentuser".to_owned(), cost)]
}

fn of_tickets(runtime: &Runtime) -> Vec<(String, f64)> {
    let app =
        runtime.block_on(TestApp::new(tickets::NAME).start(tickets::Config::read, tickets::build));
    let cookie = cookie(&app);
    let body = r#"{"title":"Front row, on the left","price":19.99}"#;
    let new = post("/api/tickets", &cookie, body);
    let create = cost_of(runtime, &app, |_| new.clone());
    let list = |cookie| {
        let list = get("/api/tickets?limit=20", cookie);
        cost_of(runtime, &app, |_| list.clone())
    };
    let writer = format!("{cookie}; {WROTE}=1");
    let (list, list_of_writer) = (list(&cookie), list(&writer));
    let tickets = app.database().collection::<Document>("tickets");
    let one = runtime.block_on(async { tickets.find_one(doc! {}).await });
    let one = one.unwrap().unwrap().get_object_id("_id").unwrap();
    let show = |cookie| {
        let show = get(&format!("/api/tickets/{one}"), cookie);
        cost_of(runtime, &app, |_| show.clone())
    };
    let (show, show_of_writer) = (show(&cookie), show(&writer));
    runtime.block_on(app.finish());
    [
        ("GET /api/tickets, 20 tickets", list),
        (
            "GET /api/tickets, 20 tickets, after a write",
            list_of_writer,
        ),
        ("GET /api/tickets/{id}", show),
        ("GET /api/tickets/{id}, after a write", show_of_writer),
        ("POST /api/tickets", create),
    ]
    .map(|(name, cost)| (name.to_owned(), cost))
    .into()
}

fn of_orders(runtime: &Runtime) -> Vec<(String, f64)> {
    let app =
        runtime.block_on(TestApp::new(orders::NAME).start(orders::Config::read, orders::build));
    let cookie = cookie(&app);
    let tickets: Vec<_> = (0..REQUESTS * (ROUNDS + 1))
        .map(|_| ObjectId::new())
        .collect();
    let replicas = tickets.iter().map(|id| {
        doc! {
            "_id": id, "title": "Front row, on the left", "price_cents": 1_999_i64,
            "user_id": id, "order_id": null, "version": 0_i64,
        }
    });
    let stored = app.database().collection::<Document>("tickets");
    runtime
        .block_on(async { stored.insert_many(replicas).await })
        .unwrap();
    let place = cost_of(runtime, &app, |number| {
        let body = format!(r#"{{"ticketId":"{}"}}"#, tickets[number]);
        post("/api/orders", &cookie, &body)
    });
    runtime.block_on(app.finish());
    vec![("POST /api/orders".to_owned(), place)]
}

fn cookie(app: &TestApp) -> String {
    app.user().cookie().unwrap()
}

fn get(path: &str, cookie: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: session={cookie}\r\n\r\n")
}

fn post(path: &str, cookie: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: session={cookie}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// The allocations per request in this thread, which is the service's.
fn cost_of(runtime: &Runtime, app: &TestApp, request: impl Fn(usize) -> String) -> f64 {
    let address = app.base_url().trim_start_matches("http://").to_owned();
    let round = |number: usize| {
        let first = number * REQUESTS;
        let requests: Vec<_> = (first..first + REQUESTS).map(&request).collect();
        let (done, all_done) = oneshot::channel();
        let address = address.clone();
        let asking = thread::spawn(move || {
            send(&address, &requests);
            done.send(()).unwrap();
        });
        let counted = allocation_counter::measure(|| {
            // The sending thread panics on an error, and is joined below.
            let _ = runtime.block_on(all_done);
        });
        asking.join().unwrap();
        counted.count_total
    };
    // The first round fills pools and buffers.
    round(0);
    let least = (1..=ROUNDS).map(round).min().unwrap();
    let each =
        f64::from(u32::try_from(least).unwrap()) / f64::from(u32::try_from(REQUESTS).unwrap());
    (each * 10.0).round() / 10.0
}

/// Sends the requests one after the other on one connection.
fn send(address: &str, requests: &[String]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    for request in requests {
        stream.write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let begin = head.len();
            assert!(
                answers.read_line(&mut head).unwrap() > 0,
                "connection closed: {head}"
            );
            let line = head[begin..].to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        answers.read_exact(&mut body).unwrap();
        let good = head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.1 201");
        assert!(good, "{request}\n{head}{}", String::from_utf8_lossy(&body));
    }
}
