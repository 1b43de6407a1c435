//! The smoke test of deployed fleets, against one that is right and one that is not.

use std::time::Duration;

use testkit::smoke::{SmokeSettings, Step, Trust, buy_a_ticket};

use crate::{PATIENCE, net_charged, with_fleet};

async fn buy(url: String) -> (bool, Vec<Step>) {
    let settings = SmokeSettings {
        url,
        trust: Trust::Public,
        card_token: "tok_visa".to_owned(),
        patience: PATIENCE,
    };
    let mut steps = Vec::new();
    let bought = buy_a_ticket(&settings, &mut |step: &Step| steps.push(step.clone())).await;
    (bought.unwrap(), steps)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_bought_in_a_fleet_and_what_is_in_the_way_is_named() {
    with_fleet(Duration::from_mins(15), async |fleet| {
        let (bought, steps) = buy(fleet.origin()).await;
        assert!(bought, "{steps:#?}");
        assert_eq!(net_charged(fleet), 100);

        // The API behind the shop's pages, asked by itself, has none of them.
        let auth = format!("http://{}", fleet.service("auth")[0].address());
        let (bought, steps) = buy(auth).await;
        assert!(!bought);
        let trouble = steps.last().and_then(|step| step.trouble.as_ref()).unwrap();
        assert!(trouble.suspect.starts_with("client"), "{trouble}");
    })
    .await;
}
