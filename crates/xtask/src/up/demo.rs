//! Users and tickets to look at, made through the API as anybody would.

mod tickets;

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{Api, Fleet};

use tickets::{Fate, TICKETS};

/// Who sells one half of the tickets and buys of the other.
const USERS: [&str; 2] = ["ann@example.com", "bob@example.com"];

/// Easy to type. Nobody but this machine reaches the fleet.
const PASSWORD: &str = "correct horse battery";

/// Makes two users, puts tickets of theirs up for sale, has some of them bought, and prints how to sign in. A fleet
/// that has them from an earlier run is left as it is.
pub(super) async fn fill(fleet: &Fleet) -> Result<()> {
    let users = USERS.map(|_| Api::anonymous(&fleet.origin()));
    let mut known = false;
    for (email, user) in USERS.iter().zip(&users) {
        let account = json!({ "email": email, "password": PASSWORD });
        let answer = user.post("/api/users/signup", account).await;
        known |= answer.status == 400;
        ensure!(
            [201, 400].contains(&answer.status),
            "sign-up of {email}: {}",
            answer.text
        );
    }
    if !known {
        sell_and_buy(&users).await?;
    }
    println!("To sign in with:");
    for email in USERS {
        println!("  {email}  {PASSWORD}");
    }
    println!("To pay with:  4242 4242 4242 4242, any date to come, any code\n");
    Ok(())
}

/// Each user sells every second ticket, and the other one buys what is to be bought.
async fn sell_and_buy(users: &[Api; 2]) -> Result<()> {
    let mut wanted = Vec::new();
    for (number, (title, price, fate)) in TICKETS.into_iter().enumerate() {
        let (seller, buyer) = (&users[number % 2], &users[(number + 1) % 2]);
        let ticket = json!({ "title": title, "price": price });
        let answer = seller.post("/api/tickets", ticket).await;
        ensure!(answer.status == 201, "ticket {title}: {}", answer.text);
        if fate != Fate::ForSale {
            wanted.push((buyer, answer.id(), fate));
        }
    }
    for (buyer, ticket, fate) in wanted {
        let order = json!({ "ticketId": ticket });
        let answer = buyer.post("/api/orders", order).await;
        ensure!(answer.status == 201, "an order: {}", answer.text);
        if fate == Fate::Sold {
            // Where orders end within seconds, this may come too late, which does no harm.
            let payment = json!({ "token": "tok_visa", "orderId": answer.id() });
            buyer.post("/api/payments", payment).await;
        }
    }
    Ok(())
}
