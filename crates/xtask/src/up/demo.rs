//! Creates demo users and tickets through the API.

mod tickets;

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{Api, Fleet};

use tickets::{Fate, TICKETS};

/// Each sells one half of the tickets and buys from the other half.
const USERS: [&str; 2] = ["ann@example.com", "bob@example.com"];

/// Easy to type. The fleet listens only on loopback.
const PASSWORD: &str = "correct horse battery";

/// Creates two users, offers and buys tickets, and prints how to sign in. If the users exist from an earlier run, it
/// creates nothing.
pub(super) async fn fill(fleet: &Fleet) -> Result<()> {
    let users = USERS.map(|_| Api::anonymous(&fleet.origin()));
    let mut exists = false;
    for (email, user) in USERS.iter().zip(&users) {
        let account = json!({ "email": email, "password": PASSWORD });
        let response = user.post("/api/users/signup", account).await;
        exists |= response.status == 400;
        ensure!(
            [201, 400].contains(&response.status),
            "sign-up of {email}: {}",
            response.text
        );
    }
    if !exists {
        sell_and_buy(&users).await?;
    }
    println!("To sign in with:");
    for email in USERS {
        println!("  {email}  {PASSWORD}");
    }
    println!("To pay with:  4242 4242 4242 4242, any future date, any code\n");
    Ok(())
}

/// Each user offers every second ticket. The other user reserves or buys some of them.
async fn sell_and_buy(users: &[Api; 2]) -> Result<()> {
    let mut wanted = Vec::new();
    for (number, (title, price, fate)) in TICKETS.into_iter().enumerate() {
        let (seller, buyer) = (&users[number % 2], &users[(number + 1) % 2]);
        let ticket = json!({ "title": title, "price": price });
        let response = seller.post("/api/tickets", ticket).await;
        ensure!(response.status == 201, "ticket {title}: {}", response.text);
        if fate != Fate::ForSale {
            wanted.push((buyer, response.id(), fate));
        }
    }
    for (buyer, ticket, fate) in wanted {
        let order = json!({ "ticketId": ticket });
        let response = buyer.post("/api/orders", order).await;
        ensure!(response.status == 201, "an order: {}", response.text);
        if fate == Fate::Sold {
            // The order may have expired already, which does no harm.
            let payment = json!({ "token": "tok_visa", "orderId": response.id() });
            buyer.post("/api/payments", payment).await;
        }
    }
    Ok(())
}
