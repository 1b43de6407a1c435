//! The purchase: a seller, a buyer, one ticket, an order that is cancelled and one that is paid.

use anyhow::Result;
use serde_json::json;

use super::Shop;
use super::shopper::Shopper;
use super::steps::{Attempt, Failed, Steps, describe};
use crate::http::Answer;

const EVENTS: &str =
    "an event that does not arrive; check the outboxes, NATS and the dead letters of";

/// Runs the steps until one fails.
pub(super) async fn journey(
    shop: &Shop,
    card_token: &str,
    steps: &mut Steps<'_>,
) -> Result<(), Failed> {
    let Shop { seller, buyer, .. } = shop;
    let title = format!("Smoke test {:08x}", rand::random::<u32>());
    page(steps, "open the shop", buyer, "/", "</html>").await?;
    sign_up(steps, shop, "the seller", seller).await?;
    sign_up(steps, shop, "the buyer", buyer).await?;
    let ticket = sell(steps, seller, &title).await?;
    for_sale(steps, buyer, &title).await?;
    let ticket_page = format!("/tickets/{ticket}");
    page(steps, "open the ticket's page", buyer, &ticket_page, &title).await?;
    let cancelled = order(steps, "order it", buyer, &ticket).await?;
    status(
        steps,
        "the ticket is reserved for the buyer",
        "tickets and orders",
        buyer,
        &cancelled,
        "awaiting:payment",
    )
    .await?;
    cancel(steps, buyer, &cancelled).await?;
    for_sale_again(steps, buyer, &ticket).await?;
    let paid = order(steps, "order it again", buyer, &ticket).await?;
    status(
        steps,
        "the ticket is reserved again",
        "tickets and orders",
        buyer,
        &paid,
        "awaiting:payment",
    )
    .await?;
    pay(steps, buyer, &paid, card_token).await?;
    status(
        steps,
        "the order is complete",
        "payments and orders",
        buyer,
        &paid,
        "complete",
    )
    .await?;
    let order_page = format!("/orders/{paid}");
    page(
        steps,
        "open the order's page",
        buyer,
        &order_page,
        "data-state=\"paid\"",
    )
    .await?;
    sign_out(steps, buyer).await
}

/// Opens a page of the shop, which must contain this text.
async fn page(
    steps: &mut Steps<'_>,
    what: &str,
    shopper: &Shopper,
    path: &str,
    text: &str,
) -> Result<(), Failed> {
    let suspect = "client, or the API that it calls";
    steps
        .run(what, suspect, async || match shopper.get(path).await {
            Ok(answer) if answer.status == 200 && answer.text.contains(text) => Attempt::Done(()),
            Ok(answer) if answer.status == 200 => Attempt::Failed(format!(
                "the page does not contain {text:?}: {}",
                describe(&Ok(answer))
            )),
            other => Attempt::Failed(describe(&other)),
        })
        .await
}

async fn sign_up(
    steps: &mut Steps<'_>,
    shop: &Shop,
    who: &str,
    shopper: &Shopper,
) -> Result<(), Failed> {
    let email = format!("smoke-{:024x}@example.com", rand::random::<u128>() >> 32);
    // Never used again.
    let password = format!("p{:031x}", rand::random::<u128>() >> 4);
    steps
        .run(&format!("sign {who} up"), "auth", async || {
            let body = json!({ "email": email, "password": password });
            let answer = shopper.post("/api/users/signup", body).await;
            let Some(answer) = created(&answer) else {
                return Attempt::Failed(describe(&answer));
            };
            match cookie_fault(answer, shop.is_secure) {
                Some(fault) => Attempt::Failed(fault),
                None => Attempt::Done(()),
            }
        })
        .await?;
    steps
        .run(
            &format!("{who} is signed in"),
            "auth; one of its pods may have another JWT_KEY",
            async || {
                let answer = shopper.get("/api/users/currentuser").await;
                match &answer {
                    Ok(found) if found.json["currentUser"]["email"] == email.as_str() => {
                        Attempt::Done(())
                    }
                    _ => Attempt::Failed(describe(&answer)),
                }
            },
        )
        .await
}

/// Why a browser would reject the cookie, or why the cookie is unsafe.
fn cookie_fault(answer: &Answer, is_secure: bool) -> Option<String> {
    let mut cookies = answer.headers.get_all("set-cookie").iter();
    let cookie = cookies.find_map(|cookie| {
        cookie
            .to_str()
            .ok()
            .filter(|text| text.starts_with("session="))
    });
    let Some(cookie) = cookie.map(str::to_lowercase) else {
        return Some("no session cookie was set".to_owned());
    };
    let has = |attribute: &str| cookie.split(';').any(|part| part.trim() == attribute);
    if has("secure") && !is_secure {
        return Some(
            "a browser rejects a Secure cookie without TLS: use https, or set COOKIE_SECURE=false"
                .to_owned(),
        );
    }
    if is_secure && !has("secure") {
        return Some(
            "browsers may send the session cookie without TLS: set COOKIE_SECURE=true".to_owned(),
        );
    }
    (!has("httponly")).then(|| "scripts can read the session cookie".to_owned())
}

async fn sell(steps: &mut Steps<'_>, seller: &Shopper, title: &str) -> Result<String, Failed> {
    steps
        .run("sell a ticket", "tickets", async || {
            let body = json!({ "title": title, "price": 1 });
            let answer = seller.post("/api/tickets", body).await;
            created_id(&answer)
        })
        .await
}

async fn for_sale(steps: &mut Steps<'_>, buyer: &Shopper, title: &str) -> Result<(), Failed> {
    let path = format!("/api/tickets?q={}", title.replace(' ', "%20"));
    steps
        .run(
            "find it among the tickets for sale",
            "tickets",
            async || {
                let answer = buyer.get(&path).await;
                let listed = answer
                    .as_ref()
                    .ok()
                    .and_then(|answer| answer.json.as_array());
                match listed {
                    Some(tickets) if tickets.iter().any(|ticket| ticket["title"] == title) => {
                        Attempt::Done(())
                    }
                    _ => Attempt::Failed(describe(&answer)),
                }
            },
        )
        .await
}

async fn order(
    steps: &mut Steps<'_>,
    what: &str,
    buyer: &Shopper,
    ticket: &str,
) -> Result<String, Failed> {
    let suspect = format!("orders; if it does not know the ticket, {EVENTS} tickets and orders");
    steps
        .wait(what, &suspect, async || {
            let answer = buyer
                .post("/api/orders", json!({ "ticketId": ticket }))
                .await;
            match &answer {
                Ok(answer) if answer.status == 404 && !answer.json.is_null() => {
                    Attempt::Retry(format!("orders does not know the ticket: {}", answer.text))
                }
                _ => created_id(&answer),
            }
        })
        .await
}

/// Waits until the order has this status.
async fn status(
    steps: &mut Steps<'_>,
    what: &str,
    suspects: &str,
    buyer: &Shopper,
    order: &str,
    wanted: &str,
) -> Result<(), Failed> {
    let path = format!("/api/orders/{order}");
    steps
        .wait(what, &format!("{EVENTS} {suspects}"), async || {
            let answer = buyer.get(&path).await;
            match &answer {
                Ok(found) if found.json["status"] == wanted => Attempt::Done(()),
                Ok(found) if found.status == 200 => {
                    Attempt::Retry(format!("it is {} and not {wanted}", found.json["status"]))
                }
                _ => Attempt::Failed(describe(&answer)),
            }
        })
        .await
}

async fn cancel(steps: &mut Steps<'_>, buyer: &Shopper, order: &str) -> Result<(), Failed> {
    let path = format!("/api/orders/{order}");
    steps
        .run("cancel the order", "orders", async || {
            let answer = buyer.delete(&path).await;
            match &answer {
                Ok(found) if found.status == 204 => Attempt::Done(()),
                _ => Attempt::Failed(describe(&answer)),
            }
        })
        .await
}

async fn for_sale_again(
    steps: &mut Steps<'_>,
    buyer: &Shopper,
    ticket: &str,
) -> Result<(), Failed> {
    let path = format!("/api/tickets/{ticket}");
    let suspect = format!("{EVENTS} orders and tickets");
    steps
        .wait("the ticket is for sale again", &suspect, async || {
            let answer = buyer.get(&path).await;
            match &answer {
                Ok(found) if found.status == 200 && found.json["orderId"].is_null() => {
                    Attempt::Done(())
                }
                Ok(found) if found.status == 200 => {
                    Attempt::Retry("it is still reserved".to_owned())
                }
                _ => Attempt::Failed(describe(&answer)),
            }
        })
        .await
}

async fn pay(
    steps: &mut Steps<'_>,
    buyer: &Shopper,
    order: &str,
    card_token: &str,
) -> Result<(), Failed> {
    let suspect =
        "payments, its STRIPE_KEY or Stripe; a live key accepts no test card, see --card-token";
    steps
        .wait("pay", suspect, async || {
            let body = json!({ "token": card_token, "orderId": order });
            let answer = buyer.post("/api/payments", body).await;
            match &answer {
                Ok(found) if found.status == 201 => Attempt::Done(()),
                Ok(found) if found.status == 404 && !found.json.is_null() => {
                    Attempt::Retry(format!("payments does not know the order: {}", found.text))
                }
                _ => Attempt::Failed(describe(&answer)),
            }
        })
        .await
}

async fn sign_out(steps: &mut Steps<'_>, shopper: &Shopper) -> Result<(), Failed> {
    steps
        .run("sign out", "auth", async || {
            let answer = shopper.post("/api/users/signout", json!({})).await;
            if shopper.has_session() {
                return Attempt::Failed(format!(
                    "the cookie was not removed: {}",
                    describe(&answer)
                ));
            }
            let answer = shopper.get("/api/users/currentuser").await;
            match &answer {
                Ok(found) if found.status == 200 && found.json["currentUser"].is_null() => {
                    Attempt::Done(())
                }
                _ => Attempt::Failed(describe(&answer)),
            }
        })
        .await
}

fn created(answer: &Result<Answer>) -> Option<&Answer> {
    answer.as_ref().ok().filter(|answer| answer.status == 201)
}

/// The id of the created resource.
fn created_id(answer: &Result<Answer>) -> Attempt<String> {
    match created(answer).and_then(|answer| answer.json["id"].as_str()) {
        Some(id) => Attempt::Done(id.to_owned()),
        None => Attempt::Failed(describe(answer)),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};
    use serde_json::Value;

    use super::*;

    fn with_cookie(cookie: &'static str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", HeaderValue::from_static(cookie));
        Answer {
            status: 201,
            headers,
            json: Value::Null,
            text: String::new(),
        }
    }

    #[test]
    fn a_cookie_that_a_browser_would_reject_is_found() {
        let secure = with_cookie("session=a; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert_eq!(cookie_fault(&secure, true), None);
        assert!(
            cookie_fault(&secure, false)
                .unwrap()
                .contains("COOKIE_SECURE=false")
        );
        let open = with_cookie("session=a; HttpOnly; Path=/");
        assert_eq!(cookie_fault(&open, false), None);
        assert!(
            cookie_fault(&open, true)
                .unwrap()
                .contains("COOKIE_SECURE=true")
        );
        assert!(
            cookie_fault(&with_cookie("session=a"), false)
                .unwrap()
                .contains("scripts")
        );
        assert!(
            cookie_fault(&with_cookie("theme=a"), false)
                .unwrap()
                .contains("no session")
        );
    }
}
