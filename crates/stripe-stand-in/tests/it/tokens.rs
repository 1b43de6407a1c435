use stripe::{ApiErrorsCode, RequestStrategy};
use stripe_shared::Token;

use crate::stand_in::{Answer, StandIn, payment, refusal};

async fn tokenize(stand_in: &StandIn, number: &str) -> Answer {
    let card = [
        ("card[number]", number),
        ("card[exp_month]", "12"),
        ("card[exp_year]", "40"),
        ("card[cvc]", "123"),
    ];
    let request = stand_in.http.post(stand_in.url("/v1/tokens")).form(&card);
    Answer::of(request.bearer_auth("pk_test_stand_in").send().await).await
}

fn parsed(answer: &Answer) -> Token {
    miniserde::json::from_str(&answer.json.to_string()).expect("Stripe's shape")
}

#[tokio::test]
async fn a_typed_card_becomes_a_token_that_pays_once() {
    let stand_in = StandIn::start().await;
    let answer = tokenize(&stand_in, "4242 4242 4242 4242").await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let token = parsed(&answer);
    assert!(!token.used);
    let card = token.card.unwrap();
    assert_eq!(
        (card.last4.as_str(), card.brand.as_str(), card.exp_year),
        ("4242", "Visa", 2040)
    );
    let card = payment(token.id.as_str());
    stand_in.pay(&card, RequestStrategy::Once).await.unwrap();
    let (error, status) = refusal(stand_in.pay(&card, RequestStrategy::Once).await);
    assert_eq!(
        (error.code, status),
        (Some(ApiErrorsCode::TokenAlreadyUsed), 400)
    );
    let message = format!(
        "You cannot use a Stripe token more than once: {}.",
        token.id
    );
    assert_eq!(error.message, Some(message));
    let found = stand_in.get(&format!("/v1/tokens/{}", token.id)).await;
    assert!(parsed(&found).used);
}

#[tokio::test]
async fn a_card_that_will_be_declined_still_becomes_a_token() {
    let stand_in = StandIn::start().await;
    let expected = [
        ("4000000000000002", "generic_decline"),
        ("4000000000009995", "insufficient_funds"),
        ("4000000000009987", "lost_card"),
        ("4000000000009979", "stolen_card"),
        ("4000000000000069", "expired_card"),
        ("4000000000000127", "incorrect_cvc"),
        ("4000000000000119", "processing_error"),
        ("4000000000000341", "generic_decline"),
    ];
    for (number, decline_code) in expected {
        let token = parsed(&tokenize(&stand_in, number).await);
        let declined = stand_in
            .pay(&payment(token.id.as_str()), RequestStrategy::Once)
            .await;
        assert_eq!(
            refusal(declined).0.decline_code.as_deref(),
            Some(decline_code),
            "{number}"
        );
    }
    for number in ["5555555555554444", "378282246310005"] {
        let token = parsed(&tokenize(&stand_in, number).await);
        let paid = stand_in
            .pay(&payment(token.id.as_str()), RequestStrategy::Once)
            .await;
        paid.unwrap();
    }
}

#[tokio::test]
async fn a_test_token_pays_again_and_again() {
    let stand_in = StandIn::start().await;
    for token in [
        "tok_visa",
        "tok_visa",
        "tok_visa_debit",
        "tok_mastercard",
        "tok_amex",
    ] {
        stand_in
            .pay(&payment(token), RequestStrategy::Once)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_unknown_token_is_missing() {
    let stand_in = StandIn::start().await;
    let (error, status) = refusal(stand_in.pay(&payment("tok_x"), RequestStrategy::Once).await);
    assert_eq!(
        (error.code, status),
        (Some(ApiErrorsCode::ResourceMissing), 400)
    );
    assert_eq!(error.message.as_deref(), Some("No such token: 'tok_x'"));
    assert!(
        stand_in.get("/v1/payment_intents").await.json["data"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_mistyped_card_is_refused() {
    let stand_in = StandIn::start().await;
    let typed = |name, value| {
        let mut card = [
            ("card[number]", "4242424242424242"),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2040"),
            ("card[cvc]", "123"),
        ];
        let field = card.iter_mut().find(|(known, _)| *known == name);
        field.expect("a field of a card").1 = value;
        card
    };
    let expected = [
        (
            "card[number]",
            "4242424242424241",
            402,
            "incorrect_number",
            "Your card number is incorrect.",
        ),
        (
            "card[number]",
            "4242",
            402,
            "invalid_number",
            "The card number is not a valid credit card number.",
        ),
        (
            "card[exp_month]",
            "13",
            402,
            "invalid_expiry_month",
            "Your card's expiration month is invalid.",
        ),
        (
            "card[exp_year]",
            "2020",
            402,
            "invalid_expiry_year",
            "Your card's expiration year is invalid.",
        ),
        (
            "card[cvc]",
            "12",
            402,
            "invalid_cvc",
            "Your card's security code is invalid.",
        ),
        (
            "card[number]",
            "",
            400,
            "parameter_missing",
            "Missing required param: card[number].",
        ),
    ];
    for (name, value, status, code, message) in expected {
        let answer = stand_in.post("/v1/tokens", &typed(name, value)).await;
        let found = (answer.status, answer.error("code"), answer.error("message"));
        assert_eq!(found, (status, code, message), "{name}={value}");
    }
    let real = tokenize(&stand_in, "4111111111111111").await;
    assert_eq!(real.error("decline_code"), "test_mode_live_card");
}
