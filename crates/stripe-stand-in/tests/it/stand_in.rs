//! A stand-in for one test, with clients.

use std::collections::HashMap;
use std::future::Future;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use reqwest::Response;
use serde::Serialize;
use serde_json::Value;
use stripe::{
    ApiErrors, Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeError, StripeRequest,
};
use stripe_core::payment_intent::{
    CreatePaymentIntent, CreatePaymentIntentAutomaticPaymentMethods,
    CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects,
};
use stripe_shared::PaymentIntent;
use stripe_stand_in::{Settings, StripeStandIn};
use stripe_types::Currency;
use tokio::net::TcpListener;
use tokio::time::sleep;

pub(crate) const PRICE: i64 = 2_050;

pub(crate) struct StandIn {
    pub(crate) server: StripeStandIn,
    pub(crate) stripe: Client,
    pub(crate) http: reqwest::Client,
}

/// The parameters that charge a card's token at once. The client's builder does not support tokens.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are Stripe's")]
pub(crate) struct Payment {
    pub(crate) amount: i64,
    currency: Currency,
    confirm: bool,
    error_on_requires_action: bool,
    automatic_payment_methods: CreatePaymentIntentAutomaticPaymentMethods,
    payment_method_data: CardData,
    metadata: HashMap<String, String>,
}

#[derive(Debug, Clone, Serialize)]
struct CardData {
    #[serde(rename = "type")]
    kind: &'static str,
    card: TokenData,
}

#[derive(Debug, Clone, Serialize)]
struct TokenData {
    token: String,
}

/// The payment of an order with this card.
pub(crate) fn payment(token: &str) -> Payment {
    Payment {
        amount: PRICE,
        currency: Currency::USD,
        confirm: true,
        error_on_requires_action: true,
        automatic_payment_methods: no_redirects(),
        payment_method_data: CardData {
            kind: "card",
            card: TokenData {
                token: token.to_owned(),
            },
        },
        metadata: HashMap::from([("order_id".to_owned(), "order-1".to_owned())]),
    }
}

pub(crate) const fn no_redirects() -> CreatePaymentIntentAutomaticPaymentMethods {
    CreatePaymentIntentAutomaticPaymentMethods {
        allow_redirects: Some(CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects::Never),
        enabled: true,
    }
}

/// An intent without a card.
pub(crate) fn empty_intent() -> CreatePaymentIntent {
    CreatePaymentIntent::new(PRICE, Currency::USD).automatic_payment_methods(no_redirects())
}

pub(crate) fn keyed(key: &str) -> RequestStrategy {
    RequestStrategy::Idempotent(IdempotencyKey::new(key).expect("a short key"))
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let key = settings.secret_key.clone();
        let server = StripeStandIn::start(listener, settings).await;
        Self {
            stripe: client_builder(&key)
                .url(server.base_url())
                .build()
                .expect("a client"),
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client"),
            server,
        }
    }

    pub(crate) async fn pay(
        &self,
        payment: &Payment,
        strategy: RequestStrategy,
    ) -> Result<PaymentIntent, StripeError> {
        empty_intent()
            .build()
            .form(payment)
            .customize::<PaymentIntent>()
            .request_strategy(strategy)
            .send(&self.stripe)
            .await
    }

    /// A payment that succeeds.
    pub(crate) async fn paid(&self) -> PaymentIntent {
        self.pay(&payment("tok_visa"), RequestStrategy::Once)
            .await
            .expect("a payment")
    }

    /// `POST` of form parameters with the secret key.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.http.post(self.url(path)).form(form);
        Answer::of(request.bearer_auth("sk_test_stand_in").send().await).await
    }

    /// `GET` with the secret key.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = self.http.get(self.url(path));
        Answer::of(request.bearer_auth("sk_test_stand_in").send().await).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base_url())
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) async fn of(sent: reqwest::Result<Response>) -> Self {
        let response = sent.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self {
            status,
            headers,
            text,
            json,
        }
    }

    pub(crate) fn error(&self, field: &str) -> &str {
        self.json["error"][field].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

/// Stripe's error and its status.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, StripeError>) -> (ApiErrors, u16) {
    match result {
        Err(StripeError::Stripe(error, status)) => (*error, status),
        other => panic!("not an error of Stripe: {other:?}"),
    }
}

/// Repeats the attempt until it returns a value, for at most ten seconds.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A builder of Stripe's client. It installs the process's TLS provider, because the build contains two.
pub(crate) fn client_builder(key: &str) -> ClientBuilder {
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ClientBuilder::new(key)
}
