//! What the services really answer has the schema that their documents promise, by the word of a validator that clients use.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contract::APIS;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::json_schema::{Check, validate};
use testkit::{Answer, Api, Fleet, fresh};

use crate::{wait_for_holder, with_fleet};

/// Prices of which binary fractions, or multiples of 0.01 in them, are a little off.
const PRICES: [f64; 10] = [
    19.99, 0.57, 1.1, 4.35, 8.7, 16.08, 64.1, 69.99, 1150.55, 999_999.99,
];

const NOTHING: &str = "665f0000000000000000abcd";

/// What is asked for by Stripe alone, which signs it.
const NOT_OURS_TO_ASK: (&str, &str) = ("post", "/api/payments/webhook");

/// Asks the services themselves, and collects what they answered.
struct Interview<'a> {
    fleet: &'a Fleet,
    documents: BTreeMap<String, Value>,
    checks: Vec<Check>,
    undocumented: Vec<String>,
    /// Operations that were seen to succeed with a body.
    succeeded: BTreeSet<(String, String)>,
}

impl<'a> Interview<'a> {
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

    /// Sends `body` to an operation, `{id}` in whose path stands for `id`.
    async fn ask(
        &mut self,
        api: &Api,
        operation: (&str, Method, &str),
        id: &str,
        body: Option<Value>,
    ) -> Answer {
        let (service, method, template) = operation;
        let address = self.fleet.service(service)[0].address();
        let api = api.at(&format!("http://{address}"));
        let request = api.request(method.clone(), &template.replace("{id}", id));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = api.send(request).await;
        let template = template.split('?').next().unwrap();
        self.note(service, &method.as_str().to_lowercase(), template, &answer);
        answer
    }

    fn note(&mut self, service: &str, method: &str, template: &str, answer: &Answer) {
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

    /// Operations that can answer with a body of JSON and were not seen to.
    fn left_out(&self) -> Vec<(String, String)> {
        let mut left_out = Vec::new();
        for document in self.documents.values() {
            for (template, methods) in document["paths"].as_object().unwrap() {
                for (method, operation) in methods.as_object().unwrap() {
                    let answers = operation["responses"].as_object().unwrap();
                    let has_body = answers.iter().any(|(status, answer)| {
                        status.starts_with('2') && !answer["content"]["application/json"].is_null()
                    });
                    let name = (method.clone(), template.clone());
                    let is_ours = (method.as_str(), template.as_str()) != NOT_OURS_TO_ASK;
                    let is_alias = operation["deprecated"] == json!(true);
                    if has_body && is_ours && !is_alias && !self.succeeded.contains(&name) {
                        left_out.push(name);
                    }
                }
            }
        }
        left_out
    }
}

fn at<'a>(document: &'a Value, path: &[String]) -> &'a Value {
    path.iter()
        .fold(document, |part, name| &part[name.as_str()])
}

async fn ask_auth(interview: &mut Interview<'_>) {
    let (guest, email) = (Api::anonymous(""), fresh::email());
    let right = json!({ "email": email, "password": fresh::password() });
    let wrong = json!({ "email": "ü@example.com", "password": "" });
    let current = ("auth", Method::GET, "/api/users/currentuser");
    interview.ask(&guest, current.clone(), "", None).await;
    for path in [
        "/api/users/signup",
        "/api/users/signin",
        "/api/users/signup-pl",
    ] {
        let operation = ("auth", Method::POST, path);
        for body in [&wrong, &right] {
            interview
                .ask(&guest, operation.clone(), "", Some(body.clone()))
                .await;
        }
    }
    interview.ask(&guest, current, "", None).await;
    let link = "/api/users/verify-magic-links?token=guessed";
    interview
        .ask(&guest, ("auth", Method::GET, link), "", None)
        .await;
    interview
        .ask(
            &guest,
            ("auth", Method::POST, "/api/users/signout"),
            "",
            Some(json!({})),
        )
        .await;
}

/// Puts tickets up for sale at all prices, and gives their ids.
async fn ask_tickets(interview: &mut Interview<'_>, seller: &Api) -> Vec<String> {
    let create = ("tickets", Method::POST, "/api/tickets");
    let (show, change) = (
        ("tickets", Method::GET, "/api/tickets/{id}"),
        ("tickets", Method::PUT, "/api/tickets/{id}"),
    );
    let mut ids = Vec::new();
    for price in PRICES {
        let body = json!({ "title": "Front row", "price": price });
        let created = interview
            .ask(seller, create.clone(), "", Some(body.clone()))
            .await;
        assert_eq!(created.json["price"], json!(price), "{created:?}");
        let body = json!({ "title": "Cafe\u{301}", "price": format!("{price:.2}") });
        let changed = interview
            .ask(seller, change.clone(), &created.id(), Some(body))
            .await;
        assert_eq!(changed.json["price"], json!(price), "{changed:?}");
        interview
            .ask(seller, show.clone(), &created.id(), None)
            .await;
        ids.push(created.id());
    }
    let wrong = json!({ "title": "\u{200b}", "price": 0.3 });
    let guest = Api::anonymous("");
    for api in [seller, &guest] {
        interview
            .ask(api, create.clone(), "", Some(wrong.clone()))
            .await;
        interview
            .ask(api, change.clone(), &ids[0], Some(wrong.clone()))
            .await;
        interview.ask(api, show.clone(), NOTHING, None).await;
        for list in [
            "/api/tickets",
            "/api/tickets?sort=price&q=cafe",
            "/api/tickets?sort=x",
            "/api/tickets/mine",
        ] {
            interview
                .ask(api, ("tickets", Method::GET, list), "", None)
                .await;
        }
    }
    ids
}

async fn ask_orders_and_payments(interview: &mut Interview<'_>, tickets: &[String]) {
    let buyer = Api::sign_up(&interview.fleet.origin()).await;
    let (place, show, cancel, pay) = (
        ("orders", Method::POST, "/api/orders"),
        ("orders", Method::GET, "/api/orders/{id}"),
        ("orders", Method::DELETE, "/api/orders/{id}"),
        ("payments", Method::POST, "/api/payments"),
    );
    let mut orders = Vec::new();
    for ticket in tickets {
        let body = json!({ "ticketId": ticket });
        let placed = interview.ask(&buyer, place.clone(), "", Some(body)).await;
        interview
            .ask(&buyer, show.clone(), &placed.id(), None)
            .await;
        orders.push(placed.id());
    }
    wait_for_holder(&buyer, &tickets[0], Some(&orders[0])).await;
    interview
        .ask(
            &buyer,
            ("tickets", Method::GET, "/api/tickets/{id}"),
            &tickets[0],
            None,
        )
        .await;
    let guest = Api::anonymous("");
    for api in [&buyer, &guest] {
        for body in [json!({}), json!({ "ticketId": NOTHING })] {
            interview.ask(api, place.clone(), "", Some(body)).await;
        }
        for order in [&orders[0], &NOTHING.to_owned()] {
            interview.ask(api, show.clone(), order, None).await;
            interview.ask(api, cancel.clone(), order, None).await;
        }
        interview
            .ask(api, ("orders", Method::GET, "/api/orders"), "", None)
            .await;
        interview
            .ask(
                api,
                ("orders", Method::GET, "/api/orders?limit=0"),
                "",
                None,
            )
            .await;
        for order in [&orders[0], &orders[1], &NOTHING.to_owned()] {
            let body = json!({ "token": "tok_visa", "orderId": order });
            interview.ask(api, pay.clone(), "", Some(body)).await;
        }
    }
    interview
        .ask(&guest, ("payments", Method::GET, "/api/payments"), "", None)
        .await;
    if interview.documents.contains_key("expiration") {
        interview
            .ask(
                &guest,
                ("expiration", Method::GET, "/api/expiration"),
                "",
                None,
            )
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_services_answer_is_what_their_documents_say() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let mut interview = Interview::of(fleet);
        ask_auth(&mut interview).await;
        let seller = Api::sign_up(&fleet.origin()).await;
        let tickets = ask_tickets(&mut interview, &seller).await;
        ask_orders_and_payments(&mut interview, &tickets).await;
        assert_eq!(interview.undocumented, Vec::<String>::new());
        assert_eq!(interview.left_out(), Vec::new());
        let faults = validate(&interview.documents, &interview.checks).await;
        assert_eq!(faults.unwrap(), Vec::<String>::new());
    })
    .await;
}
