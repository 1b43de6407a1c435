//! The purchase: two shoppers, one ticket, an order that is given up and one that is paid.

use serde_json::{Value, json};

use super::Shop;
use super::steps::{Attempt, Steps, Stopped, words};
use crate::http::{Answer, Api};

const EVENTS: &str =
    "an event that does not arrive; look at the outboxes, NATS and the dead letters of";

/// Takes all the steps, or stops at the first that fails.
pub(super) async fn journey(
    shop: &Shop,
    card_token: &str,
    steps: &mut Steps<'_>,
) -> Result<(), Stopped> {
    let (seller, buyer) = (shop.shopper(), shop.shopper());
    let title = format!("Smoke test {:08x}", rand::random::<u32>());
    page(steps, "open the shop", &buyer, "/", "</html>").await?;
    sign_up(steps, shop, "the seller", &seller).await?;
    sign_up(steps, shop, "the buyer", &buyer).await?;
    let ticket = sell(steps, &seller, &title).await?;
    for_sale(steps, &buyer, &title).await?;
    let ticket_page = format!("/tickets/{ticket}");
    page(
        steps,
        "look at the ticket's page",
        &buyer,
        &ticket_page,
        &title,
    )
    .await?;
    let given_up = order(steps, "order it", &buyer, &ticket).await?;
    status(
        steps,
        "the ticket is held for the buyer",
        "tickets and orders",
        &buyer,
        &given_up,
        "awaiting:payment",
    )
    .await?;
    give_up(steps, &buyer, &given_up).await?;
    free(steps, &buyer, &ticket).await?;
    let paid = order(steps, "order it again", &buyer, &ticket).await?;
    status(
        steps,
        "the ticket is held again",
        "tickets and orders",
        &buyer,
        &paid,
        "awaiting:payment",
    )
    .await?;
    pay(steps, &buyer, &paid, card_token).await?;
    status(
        steps,
        "the order is complete",
        "payments and orders",
        &buyer,
        &paid,
        "complete",
    )
    .await?;
    let order_page = format!("/orders/{paid}");
    page(
        steps,
        "look at the order's page",
        &buyer,
        &order_page,
        "data-state=\"paid\"",
    )
    .await?;
    sign_out(steps, &buyer).await
}

/// A page of the shop, which must say this.
async fn page(
    steps: &mut Steps<'_>,
    what: &str,
    shopper: &Api,
    path: &str,
    words_of_it: &str,
) -> Result<(), Stopped> {
    let suspect = "client, or what it asks the API for";
    steps
        .take(what, suspect, async || match try_get(shopper, path).await {
            Ok(answer) if answer.status == 200 && answer.text.contains(words_of_it) => {
                Attempt::Done(())
            }
            Ok(answer) if answer.status == 200 => Attempt::Failed(format!(
                "the page does not say {words_of_it:?}: {}",
                words(&Ok(answer))
            )),
            other => Attempt::Failed(words(&other)),
        })
        .await
}

async fn sign_up(
    steps: &mut Steps<'_>,
    shop: &Shop,
    who: &str,
    shopper: &Api,
) -> Result<(), Stopped> {
    let email = format!("smoke-{:024x}@example.com", rand::random::<u128>() >> 32);
    // Nobody signs in with it again.
    let password = format!("p{:031x}", rand::random::<u128>() >> 4);
    steps
        .take(&format!("sign {who} up"), "auth", async || {
            let body = json!({ "email": email, "password": password });
            let answer = try_post(shopper, "/api/users/signup", body).await;
            let Some(answer) = created(&answer) else {
                return Attempt::Failed(words(&answer));
            };
            match cookie_fault(answer, shop.is_secure) {
                Some(fault) => Attempt::Failed(fault),
                None => Attempt::Done(()),
            }
        })
        .await?;
    steps
        .take(
            &format!("{who} is signed in"),
            "auth, by another JWT_KEY in one of its pods",
            async || {
                let answer = try_get(shopper, "/api/users/currentuser").await;
                match &answer {
                    Ok(found) if found.json["currentUser"]["email"] == email.as_str() => {
                        Attempt::Done(())
                    }
                    _ => Attempt::Failed(words(&answer)),
                }
            },
        )
        .await
}

/// Why a browser would not keep the cookie, or should not.
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
        return Some("a browser keeps no Secure cookie that came without TLS: ask by https, or set COOKIE_SECURE=false".to_owned());
    }
    if is_secure && !has("secure") {
        return Some(
            "the session cookie may travel without TLS: set COOKIE_SECURE=true".to_owned(),
        );
    }
    (!has("httponly")).then(|| "scripts can read the session cookie".to_owned())
}

async fn sell(steps: &mut Steps<'_>, seller: &Api, title: &str) -> Result<String, Stopped> {
    steps
        .take("sell a ticket", "tickets", async || {
            let body = json!({ "title": title, "price": 1 });
            let answer = try_post(seller, "/api/tickets", body).await;
            made(&answer)
        })
        .await
}

async fn for_sale(steps: &mut Steps<'_>, buyer: &Api, title: &str) -> Result<(), Stopped> {
    let path = format!("/api/tickets?q={}", title.replace(' ', "%20"));
    steps
        .take("find it among what is for sale", "tickets", async || {
            let answer = try_get(buyer, &path).await;
            let listed = answer
                .as_ref()
                .ok()
                .and_then(|answer| answer.json.as_array());
            match listed {
                Some(tickets) if tickets.iter().any(|ticket| ticket["title"] == title) => {
                    Attempt::Done(())
                }
                _ => Attempt::Failed(words(&answer)),
            }
        })
        .await
}

async fn order(
    steps: &mut Steps<'_>,
    what: &str,
    buyer: &Api,
    ticket: &str,
) -> Result<String, Stopped> {
    let suspect = format!("orders; if it does not know the ticket, {EVENTS} tickets and orders");
    steps
        .wait(what, &suspect, async || {
            let answer = try_post(buyer, "/api/orders", json!({ "ticketId": ticket })).await;
            match &answer {
                Ok(answer) if answer.status == 404 && !answer.json.is_null() => {
                    Attempt::NotYet(format!("orders does not know the ticket: {}", answer.text))
                }
                _ => made(&answer),
            }
        })
        .await
}

/// Waits until the order is in this state.
async fn status(
    steps: &mut Steps<'_>,
    what: &str,
    suspects: &str,
    buyer: &Api,
    order: &str,
    wanted: &str,
) -> Result<(), Stopped> {
    let path = format!("/api/orders/{order}");
    steps
        .wait(what, &format!("{EVENTS} {suspects}"), async || {
            let answer = try_get(buyer, &path).await;
            match &answer {
                Ok(found) if found.json["status"] == wanted => Attempt::Done(()),
                Ok(found) if found.status == 200 => {
                    Attempt::NotYet(format!("it is {} and not {wanted}", found.json["status"]))
                }
                _ => Attempt::Failed(words(&answer)),
            }
        })
        .await
}

async fn give_up(steps: &mut Steps<'_>, buyer: &Api, order: &str) -> Result<(), Stopped> {
    let path = format!("/api/orders/{order}");
    steps
        .take("give the order up", "orders", async || {
            let request = buyer.request(reqwest::Method::DELETE, &path);
            let answer = buyer.try_send(request).await;
            match &answer {
                Ok(found) if found.status == 204 => Attempt::Done(()),
                _ => Attempt::Failed(words(&answer)),
            }
        })
        .await
}

async fn free(steps: &mut Steps<'_>, buyer: &Api, ticket: &str) -> Result<(), Stopped> {
    let path = format!("/api/tickets/{ticket}");
    let suspect = format!("{EVENTS} orders and tickets");
    steps
        .wait("the ticket is for sale again", &suspect, async || {
            let answer = try_get(buyer, &path).await;
            match &answer {
                Ok(found) if found.status == 200 && found.json["orderId"].is_null() => {
                    Attempt::Done(())
                }
                Ok(found) if found.status == 200 => Attempt::NotYet("it is still held".to_owned()),
                _ => Attempt::Failed(words(&answer)),
            }
        })
        .await
}

async fn pay(
    steps: &mut Steps<'_>,
    buyer: &Api,
    order: &str,
    card_token: &str,
) -> Result<(), Stopped> {
    let suspect =
        "payments, its STRIPE_KEY or Stripe; a live key takes no test card, see --card-token";
    steps
        .wait("pay", suspect, async || {
            let body = json!({ "token": card_token, "orderId": order });
            let answer = try_post(buyer, "/api/payments", body).await;
            match &answer {
                Ok(found) if found.status == 201 => Attempt::Done(()),
                Ok(found) if found.status == 404 && !found.json.is_null() => {
                    Attempt::NotYet(format!("payments does not know the order: {}", found.text))
                }
                _ => Attempt::Failed(words(&answer)),
            }
        })
        .await
}

async fn sign_out(steps: &mut Steps<'_>, shopper: &Api) -> Result<(), Stopped> {
    steps
        .take("sign out", "auth", async || {
            let answer = try_post(shopper, "/api/users/signout", json!({})).await;
            if shopper.cookie().is_some() {
                return Attempt::Failed(format!("the cookie stays: {}", words(&answer)));
            }
            let answer = try_get(shopper, "/api/users/currentuser").await;
            match &answer {
                Ok(found) if found.status == 200 && found.json["currentUser"].is_null() => {
                    Attempt::Done(())
                }
                _ => Attempt::Failed(words(&answer)),
            }
        })
        .await
}

async fn try_get(shopper: &Api, path: &str) -> reqwest::Result<Answer> {
    shopper
        .try_send(shopper.request(reqwest::Method::GET, path))
        .await
}

async fn try_post(shopper: &Api, path: &str, body: Value) -> reqwest::Result<Answer> {
    let request = shopper.request(reqwest::Method::POST, path);
    shopper.try_send(request.json(&body)).await
}

fn created(answer: &reqwest::Result<Answer>) -> Option<&Answer> {
    answer.as_ref().ok().filter(|answer| answer.status == 201)
}

/// The id of what was made.
fn made(answer: &reqwest::Result<Answer>) -> Attempt<String> {
    match created(answer).and_then(|answer| answer.json["id"].as_str()) {
        Some(id) => Attempt::Done(id.to_owned()),
        None => Attempt::Failed(words(answer)),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

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
    fn a_cookie_that_a_browser_would_not_keep_is_found() {
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
