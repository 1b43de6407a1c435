//! Users and tickets to look at, made through the API as anybody would.

use anyhow::{Result, ensure};
use serde_json::json;
use testkit::{Api, Fleet, fresh};

const TICKETS: [(&str, [(&str, f64); 3]); 2] = [
    (
        "ann@example.com",
        [
            ("Philharmonic, row 3", 85.0),
            ("Jazz at the harbour", 24.5),
            ("Derby, north stand", 41.25),
        ],
    ),
    (
        "bob@example.com",
        [
            ("Poetry night", 9.99),
            ("Opera, box for two", 320.0),
            ("Marathon start", 55.0),
        ],
    ),
];

/// Makes two users with some tickets each, and prints how to sign in as them. Users that are there from an earlier
/// run are left as they are.
pub(super) async fn fill(fleet: &Fleet) -> Result<()> {
    println!("To sign in with:");
    for (email, tickets) in TICKETS {
        let (api, password) = (Api::anonymous(&fleet.origin()), fresh::password());
        let account = json!({ "email": email, "password": password });
        let answer = api.post("/api/users/signup", account).await;
        if answer.status == 400 {
            println!("  {email}  (made before, with the password of that time)");
            continue;
        }
        ensure!(answer.status == 201, "sign-up of {email}: {}", answer.text);
        for (title, price) in tickets {
            let ticket = json!({ "title": title, "price": price });
            let answer = api.post("/api/tickets", ticket).await;
            ensure!(answer.status == 201, "ticket of {email}: {}", answer.text);
        }
        println!("  {email}  {password}");
    }
    println!();
    Ok(())
}
