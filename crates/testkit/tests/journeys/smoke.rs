//! The smoke test of deployed fleets, against a working fleet and against an address without pages.

use testkit::smoke::{SmokeSettings, Step, Trust, buy_a_ticket};

use crate::{NO_EXPIRY, TIMEOUT, net_charged, with_fleet};

async fn buy(url: String) -> (bool, Vec<Step>) {
    let settings = SmokeSettings {
        url,
        trust: Trust::Public,
        card_token: "tok_visa".to_owned(),
        timeout: TIMEOUT,
    };
    let mut steps = Vec::new();
    let bought = buy_a_ticket(&settings, &mut |step: &Step| steps.push(step.clone())).await;
    (bought.unwrap(), steps)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_bought_and_a_failed_step_names_the_probable_cause() {
    with_fleet(NO_EXPIRY, async |fleet| {
        let (bought, steps) = buy(fleet.origin()).await;
        assert!(bought, "{steps:#?}");
        assert_eq!(net_charged(fleet), 100);

        // The auth service alone serves no pages.
        let auth = format!("http://{}", fleet.service("auth")[0].address());
        let (bought, steps) = buy(auth).await;
        assert!(!bought);
        let trouble = steps.last().and_then(|step| step.trouble.as_ref()).unwrap();
        assert!(trouble.suspect.starts_with("client"), "{trouble}");
    })
    .await;
}
