//! The services' responses match the schemas in their documents, according to a validator that clients use.

use std::collections::{BTreeMap, BTreeSet};

use contract::APIS;
use serde_json::{Value, json};
use testkit::json_schema::{Check, validate};
use testkit::{Answer, Api, Fleet, fresh};

use crate::{NO_EXPIRY, wait_for_holder, with_fleet};

/// Prices that binary fractions do not represent exactly.
const PRICES: [f64; 10] = [
    19.99, 0.57, 1.1, 4.35, 8.7, 16.08, 64.1, 69.99, 1150.55, 999_999.99,
];

const UNKNOWN_ID: &str = "665f0000000000000000abcd";

/// The operation that only Stripe can call, with its signature.
const WEBHOOK: (&str, &str) = ("post", "/api/payments/webhook");

/// Calls the services directly, and collects their responses.
struct Recording<'a> {
    fleet: &'a Fleet,
    documents: BTreeMap<String, Value>,
    checks: Vec<Check>,
    undocumented: Vec<String>,
    /// The operations that succeeded with a body.
    succeeded: BTreeSet<(String, String)>,
}

impl<'a> Recording<'a> {
    fn of(fleet: &'a Fleet) -> Self {
        let documents = APIS.iter().map(|api| {
            let document = serde_json::from_str(api.json).unwrap();
            (api.service.to_owned(), document)
        });
        Self {
            fleet,
            documents: documents.collect(),
            checks: Vec::new(),
            undocumented: Vec::new(),
            succeeded: BTreeSet::new(),
        }
    }

    async fn get(&mut self, api: &Api, service: &str, path: &str) -> Answer {
        self.call(api, (service, "GET", path), "", None).await
    }

    /// Calls an operation with `body`, and with `id` in the place of `{id}` in its path.
    async fn call(
        &mut self,
        api: &Api,
        (service, method, template): (&str, &str, &str),
        id: &str,
        body: Option<Value>,
    ) -> Answer {
        let address = self.fleet.service(service)[0].address();
        let api = api.at(&format!("http://{address}"));
        let request = api.request(method.parse().unwrap(), &template.replace("{id}", id));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = api.send(request).await;
        let template = template.split('?').next().unwrap();
        self.record(service, &method.to_lowercase(), template, &answer);
        answer
    }

    fn record(&mut self, service: &str, method: &str, template: &str, answer: &Answer) {
        let (status, what) = (
            answer.status,
            format!("{method} {template} {}", answer.status),
        );
        let mut path = ["paths", template, method, "responses", &status.to_string()]
            .map(str::to_owned)
            .to_vec();
        let documented = at(&self.documents[service], &path);
        if let Some(reference) = documented["$ref"].as_str() {
            path = reference.split('/').skip(1).map(str::to_owned).collect();
        }
        let content = &at(&self.documents[service], &path)["content"]["application/json"];
        if documented.is_null() {
            self.undocumented.push(what);
        } else if content["schema"].is_null() {
            assert!(answer.text.is_empty(), "{what}: {answer:?}");
        } else {
            if (200..300).contains(&status) {
                self.succeeded
                    .insert((method.to_owned(), template.to_owned()));
            }
            path.extend(["content", "application/json", "schema"].map(str::to_owned));
            self.checks.push(Check {
                document: service.to_owned(),
                path,
                value: answer.json.clone(),
                what,
            });
        }
    }

    /// The operations that can succeed with a JSON body and did not.
    fn missing(&self) -> Vec<(String, String)> {
        let mut missing = Vec::new();
        for document in self.documents.values() {
            for (template, methods) in document["paths"].as_object().unwrap() {
                for (method, operation) in methods.as_object().unwrap() {
                    let answers = operation["responses"].as_object().unwrap();
                    let has_body = answers.iter().any(|(status, answer)| {
                        status.starts_with('2') && !answer["content"]["application/json"].is_null()
                    });
                    let name = (method.clone(), template.clone());
                    let is_ours = (method.as_str(), template.as_str()) != WEBHOOK;
                    let is_alias = operation["deprecated"] == json!(true);
                    if has_body && is_ours && !is_alias && !self.succeeded.contains(&name) {
                        missing.push(name);
                    }
                }
            }
        }
        missing
    }
}

fn at<'a>(document: &'a Value, path: &[String]) -> &'a Value {
    path.iter()
        .fold(document, |part, name| &part[name.as_str()])
}

async fn call_auth(recording: &mut Recording<'_>) {
    let (guest, email) = (Api::anonymous(""), fresh::email());
    let right = json!({ "email": email, "password": fresh::password() });
    let wrong = json!({ "email": "ü@example.com", "password": "" });
    let current = "/api/users/currentuser";
    recording.get(&guest, "auth", current).await;
    for path in [
        "/api/users/signup",
        "/api/users/signin",
        "/api/users/signup-pl",
    ] {
        let operation = ("auth", "POST", path);
        for body in [&wrong, &right] {
            recording
                .call(&guest, operation, "", Some(body.clone()))
                .await;
        }
    }
    recording.get(&guest, "auth", current).await;
    let link = "/api/users/verify-magic-links?token=guessed";
    recording.get(&guest, "auth", link).await;
    recording
        .call(
            &guest,
            ("auth", "POST", "/api/users/signout"),
            "",
            Some(json!({})),
        )
        .await;
}

/// Puts tickets up for sale at all prices. Returns their ids.
async fn call_tickets(recording: &mut Recording<'_>, seller: &Api) -> Vec<String> {
    let create = ("tickets", "POST", "/api/tickets");
    let (show, change) = (
        ("tickets", "GET", "/api/tickets/{id}"),
        ("tickets", "PUT", "/api/tickets/{id}"),
    );
    let mut ids = Vec::new();
    for price in PRICES {
        let body = json!({ "title": "Front row", "price": price });
        let created = recording.call(seller, create, "", Some(body)).await;
        assert_eq!(created.json["price"], json!(price), "{created:?}");
        let body = json!({ "title": "Cafe\u{301}", "price": format!("{price:.2}") });
        let changed = recording
            .call(seller, change, &created.id(), Some(body))
            .await;
        assert_eq!(changed.json["price"], json!(price), "{changed:?}");
        recording.call(seller, show, &created.id(), None).await;
        ids.push(created.id());
    }
    let wrong = json!({ "title": "\u{200b}", "price": 0.3 });
    let guest = Api::anonymous("");
    for api in [seller, &guest] {
        recording.call(api, create, "", Some(wrong.clone())).await;
        recording
            .call(api, change, &ids[0], Some(wrong.clone()))
            .await;
        recording.call(api, show, UNKNOWN_ID, None).await;
        for list in [
            "/api/tickets",
            "/api/tickets?sort=price&q=cafe",
            "/api/tickets?sort=x",
            "/api/tickets/mine",
        ] {
            recording.get(api, "tickets", list).await;
        }
    }
    ids
}

async fn call_orders_and_payments(recording: &mut Recording<'_>, tickets: &[String]) {
    let buyer = Api::sign_up(&recording.fleet.origin()).await;
    let (place, show, cancel, pay) = (
        ("orders", "POST", "/api/orders"),
        ("orders", "GET", "/api/orders/{id}"),
        ("orders", "DELETE", "/api/orders/{id}"),
        ("payments", "POST", "/api/payments"),
    );
    let mut orders = Vec::new();
    for ticket in tickets {
        let body = json!({ "ticketId": ticket });
        let placed = recording.call(&buyer, place, "", Some(body)).await;
        recording.call(&buyer, show, &placed.id(), None).await;
        orders.push(placed.id());
    }
    wait_for_holder(&buyer, &tickets[0], Some(&orders[0])).await;
    recording
        .call(
            &buyer,
            ("tickets", "GET", "/api/tickets/{id}"),
            &tickets[0],
            None,
        )
        .await;
    let guest = Api::anonymous("");
    for api in [&buyer, &guest] {
        for body in [json!({}), json!({ "ticketId": UNKNOWN_ID })] {
            recording.call(api, place, "", Some(body)).await;
        }
        for order in [&orders[0], &UNKNOWN_ID.to_owned()] {
            recording.call(api, show, order, None).await;
            recording.call(api, cancel, order, None).await;
        }
        recording.get(api, "orders", "/api/orders").await;
        recording.get(api, "orders", "/api/orders?limit=0").await;
        for order in [&orders[0], &orders[1], &UNKNOWN_ID.to_owned()] {
            let body = json!({ "token": "tok_visa", "orderId": order });
            recording.call(api, pay, "", Some(body)).await;
        }
    }
    recording.get(&guest, "payments", "/api/payments").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_response_matches_its_documented_schema() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let mut recording = Recording::of(fleet);
        call_auth(&mut recording).await;
        let seller = Api::sign_up(&fleet.origin()).await;
        let tickets = call_tickets(&mut recording, &seller).await;
        call_orders_and_payments(&mut recording, &tickets).await;
        assert_eq!(recording.undocumented, Vec::<String>::new());
        assert_eq!(recording.missing(), Vec::new());
        let faults = validate(&recording.documents, &recording.checks).await;
        assert_eq!(faults.unwrap(), Vec::<String>::new());
    })
    .await;
}
