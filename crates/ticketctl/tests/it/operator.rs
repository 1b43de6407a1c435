//! A purchase, an unreadable event, and damage, each as an operator sees them.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use testkit::{Fleet, FleetSettings, eventually_within};

use crate::{Answer, shop, ticketctl};

const TIMEOUT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_a_purchase_a_poisoned_event_and_damage() {
    let fleet = Fleet::start(FleetSettings::default()).await.unwrap();
    let file = fleet.folder().join("fleet.json");
    fleet.addresses().write(&file).unwrap();
    let sold = shop::sell(&fleet).await;

    is_well(&file).await;
    follows_the_purchase(&file, &sold).await;
    let sound = ticketctl(&file, &["audit", "--json"]).await;
    assert_eq!(
        (sound.code, &sound.json()["verdict"]),
        (0, &Value::from("sound")),
        "{sound:?}"
    );
    resyncs(&file, &sold).await;
    handles_a_poisoned_event(&fleet, &file).await;
    finds_damage(&fleet, &file, &sold).await;

    assert_eq!(fleet.unexpected_exits(), Vec::<String>::new());
    fleet.stop().await.unwrap();
}

/// Waits until the status has no problem; consumers may still be at work.
async fn is_well(file: &Path) {
    let status = eventually_within(TIMEOUT, "all is well", async || {
        let status = ticketctl(file, &["status", "--json"]).await;
        if status.code == 0 {
            Ok(status)
        } else {
            Err(format!("{status:?}"))
        }
    })
    .await
    .json();
    let services = status["services"].as_array().unwrap();
    assert_eq!(services.len(), 6, "{status:#}");
    assert!(
        services.iter().all(|service| service["state"] == "ready"),
        "{status:#}"
    );
    assert_eq!(
        status["consumers"].as_array().unwrap().len(),
        4,
        "{status:#}"
    );
    assert_eq!(
        status["outboxes"].as_array().unwrap().len(),
        3,
        "{status:#}"
    );
    assert_eq!(
        (&status["deadLetters"], &status["queue"]["overdue"]),
        (&0.into(), &0.into())
    );
    let shown = ticketctl(file, &["status"]).await;
    assert!(shown.text.contains("payments-service"), "{shown:?}");
    assert!(
        !shown.text.contains('\u{1b}'),
        "no colours without a terminal: {shown:?}"
    );
}

async fn follows_the_purchase(file: &Path, sold: &shop::Sold) {
    let tail = ["events", "tail", "--entity", &sold.order, "--json"];
    let events = ticketctl(file, &tail).await.lines();
    let subjects: Vec<_> = events
        .iter()
        .map(|event| event["subject"].as_str().unwrap())
        .collect();
    assert_eq!(
        subjects,
        ["order:created", "ticket:updated", "payment:created"]
    );

    let trace = ticketctl(file, &["order", "trace", &sold.order, "--json"])
        .await
        .json();
    let timeline = trace["timeline"].as_array().unwrap();
    let whats: Vec<_> = timeline
        .iter()
        .map(|step| step["what"].as_str().unwrap())
        .collect();
    let expected = [
        "order created",
        "ticket held",
        "payment begun",
        "attempt 1: card not charged",
        "attempt 2: card charged",
        "payment succeeded",
        "job due",
    ];
    let mut sorted = whats.clone();
    // A step whose time is only known to the second may precede others of the same second.
    sorted.sort_by_key(|what| expected.iter().position(|expected| expected == what));
    assert_eq!(sorted, expected, "{trace:#}");
    assert_eq!(
        (whats[0], whats[6]),
        (expected[0], expected[6]),
        "{trace:#}"
    );
    let states: Vec<_> = trace["now"].as_array().unwrap().iter().collect();
    let order = states
        .iter()
        .find(|now| now["document"] == "order")
        .unwrap();
    assert!(
        order["state"]
            .as_str()
            .unwrap()
            .starts_with("complete, version 2"),
        "{trace:#}"
    );
    let payment = states
        .iter()
        .find(|now| now["document"] == "payment")
        .unwrap();
    let state = payment["state"].as_str().unwrap();
    assert!(
        state.contains("1 declined (") && state.ends_with("2 succeeded"),
        "{trace:#}"
    );

    let unknown_id = "0123456789abcdef01234567";
    let unknown = ticketctl(file, &["order", "trace", unknown_id]).await;
    assert_eq!(unknown.code, 1, "{unknown:?}");
}

async fn resyncs(file: &Path, sold: &shop::Sold) {
    let resync = ticketctl(file, &["resync", "orders", "--json"]).await;
    assert_eq!(
        (resync.code, &resync.json()["events"]),
        (0, &Value::from(1)),
        "{resync:?}"
    );
    let trace = ticketctl(file, &["order", "trace", &sold.order, "--json"])
        .await
        .json();
    let events = trace["timeline"].as_array().unwrap();
    assert!(
        events
            .iter()
            .any(|step| step["what"] == "order republished"),
        "{trace:#}"
    );
    let nothing = ticketctl(file, &["resync", "auth"]).await;
    assert_eq!(nothing.code, 2, "{nothing:?}");
}

async fn handles_a_poisoned_event(fleet: &Fleet, file: &Path) {
    shop::poison(fleet, "{ poison").await;
    let letter = only_letter(file, None).await;
    assert_eq!(letter["consumer"], "orders-service", "{letter:#}");
    assert_eq!(letter["event"]["body"], "{ poison", "{letter:#}");
    let number = letter["number"].to_string();
    let shown = ticketctl(file, &["dead-letters", "show", &number]).await;
    assert!(
        shown.text.contains("{ poison") && shown.text.contains("reason"),
        "{shown:?}"
    );

    let status = ticketctl(file, &["status"]).await;
    assert_eq!(status.code, 1, "{status:?}");
    assert!(status.text.contains("dead letters: 1;"), "{status:?}");
    let violated = ticketctl(file, &["audit", "--json"]).await;
    assert_eq!(
        (violated.code, names(&violated, "I3", "orders-service")),
        (1, true),
        "{violated:?}"
    );

    // It is unreadable the second time, too.
    let replayed = ticketctl(file, &["dead-letters", "replay", &number]).await;
    assert_eq!(replayed.code, 0, "{replayed:?}");
    let again = only_letter(file, Some(&number)).await;
    assert_eq!(again["event"]["body"], "{ poison", "{again:#}");
    let gone = ticketctl(file, &["dead-letters", "show", &number]).await;
    assert_eq!(gone.code, 1, "{gone:?}");

    let discarded = ticketctl(file, &["dead-letters", "discard", "--all"]).await;
    assert_eq!(discarded.code, 0, "{discarded:?}");
    let none = ticketctl(file, &["dead-letters", "list"]).await;
    assert_eq!(
        (none.code, none.text.trim()),
        (0, "no dead letters"),
        "{none:?}"
    );
    is_well(file).await;
}

/// Waits for the only dead letter, which must have another number than this.
async fn only_letter(file: &Path, previous: Option<&str>) -> Value {
    eventually_within(TIMEOUT, "there is a dead letter", async || {
        let letters = ticketctl(file, &["dead-letters", "list", "--json"])
            .await
            .json();
        match letters.as_array().map(Vec::as_slice) {
            Some([letter]) if Some(letter["number"].to_string().as_str()) != previous => {
                Ok(letter.clone())
            }
            _ => Err(letters),
        }
    })
    .await
}

async fn finds_damage(fleet: &Fleet, file: &Path, sold: &shop::Sold) {
    let other = shop::sell(fleet).await;
    let sound = ticketctl(file, &["audit"]).await;
    assert_eq!(sound.code, 0, "{sound:?}");

    let second = shop::sell_twice(fleet, sold).await;
    shop::cancel_without_refund(fleet, &other).await;
    let violated = ticketctl(file, &["audit", "--json"]).await;
    assert_eq!(violated.code, 1, "{violated:?}");
    for (invariant, entity) in [
        ("I1", &second),
        ("I1", &sold.ticket),
        ("I2", &second),
        ("I5", &second),
        ("I7", &second),
        ("I5", &other.order),
        ("I2", &other.order),
    ] {
        assert!(
            names(&violated, invariant, entity),
            "{invariant} {entity}: {violated:?}"
        );
    }
    let shown = ticketctl(file, &["audit", "--no-stream"]).await;
    assert_eq!(shown.code, 1, "{shown:?}");
    assert!(
        shown.text.contains("I1  VIOLATED") && shown.text.contains(&second),
        "{shown:?}"
    );
}

fn names(audit: &Answer, invariant: &str, entity: &str) -> bool {
    let audit = audit.json();
    let mut violations = audit["violations"].as_array().unwrap().iter();
    violations.any(|violation| {
        let mut entities = violation["entities"].as_array().unwrap().iter();
        violation["invariant"] == invariant && entities.any(|named| named == entity)
    })
}
