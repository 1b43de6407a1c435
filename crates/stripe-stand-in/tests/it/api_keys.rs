use stripe::ApiErrorsType;
use stripe_stand_in::Settings;

use crate::stand_in::{Answer, StandIn, client_builder, empty_intent, refusal};

#[tokio::test]
async fn a_wrong_key_is_refused_in_stripes_shape() {
    let stand_in = StandIn::start().await;
    let stranger = client_builder("sk_test_other").url(stand_in.server.base_url());
    let (error, status) = refusal(empty_intent().send(&stranger.build().unwrap()).await);
    assert_eq!(
        (error.type_, status),
        (ApiErrorsType::InvalidRequestError, 401)
    );
    let without = stand_in
        .http
        .get(stand_in.url("/v1/payment_intents"))
        .send()
        .await;
    assert_eq!(Answer::of(without).await.status, 401);
}

#[tokio::test]
async fn a_publishable_key_creates_tokens_and_nothing_else() {
    let settings = Settings {
        publishable_key: "pk_mine".to_owned(),
        ..Settings::default()
    };
    let stand_in = StandIn::with(settings).await;
    let request = stand_in.http.get(stand_in.url("/v1/payment_intents"));
    let answer = Answer::of(request.bearer_auth("pk_mine").send().await).await;
    assert_eq!(
        (answer.status, answer.error("code")),
        (401, "secret_key_required")
    );
}
