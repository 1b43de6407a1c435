//! Stripe: the only module that knows its client and its terms.
//!
//! The duration of each call and the number of concurrent calls are limited. Every write carries an idempotency key
//! made of the payment's id, so a call whose answer was lost can be repeated without charging or refunding twice.

mod charge;
mod config;
mod failure;
mod lookup;
mod raw;
mod refund;
mod reversal;
mod trace;
mod webhook;

use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use service::app::StartError;
use telemetry::metrics::{Histograms, Metrics};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

pub use charge::{ChargeRequest, EmptyIntent, Resolution};
pub use config::StripeConfig;
pub use failure::{Failed, Unclear};
pub use raw::{Call, RawStripe};
pub use reversal::ChargedAttempt;
use trace::Operation;

use crate::metrics::catalogue::STRIPE_CALL_DURATION;
pub(crate) use webhook::{Notice, WebhookRefusal, Webhooks};

/// The timeout of a call, including the wait for a permit.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// The time that calls in progress have left when the process stops.
const CLOSING_GRACE: Duration = Duration::from_secs(3);

/// The number of concurrent calls, well below the calls a second that Stripe allows an account.
const IN_FLIGHT: usize = 32;

/// The part of Stripe's API that the service uses.
#[derive(Debug, Clone)]
pub(crate) struct Stripe {
    account: Account,
    permits: Arc<Semaphore>,
    closing: CancellationToken,
    durations: Histograms<3>,
}

/// Where the calls go.
#[derive(Debug, Clone)]
enum Account {
    Stripe(Box<::stripe::Client>),
    Replaced(Arc<dyn RawStripe>),
}

impl Stripe {
    /// A client of the configured API. Once `closing` is cancelled it starts no more calls.
    pub(crate) fn new(
        config: &StripeConfig,
        closing: CancellationToken,
        metrics: &Metrics,
    ) -> Result<Self, StartError> {
        // Stripe's client uses the process's TLS provider and cannot choose one if the build contains several. An error
        // means that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = ::stripe::ClientBuilder::new(config.key.expose_secret());
        if let Some(base) = &config.api_base {
            client = client.url(base.as_str());
        }
        let client = client
            .build()
            .map_err(|error| StartError::Other(format!("Stripe's client: {error}")))?;
        Ok(Self {
            account: Account::Stripe(Box::new(client)),
            permits: Arc::new(Semaphore::new(IN_FLIGHT)),
            closing,
            durations: metrics.histograms(&STRIPE_CALL_DURATION),
        })
    }

    /// A client of a replacement for Stripe.
    pub(crate) fn replaced_by(stripe: Arc<dyn RawStripe>, closing: CancellationToken) -> Self {
        Self {
            account: Account::Replaced(stripe),
            permits: Arc::new(Semaphore::new(IN_FLIGHT)),
            closing,
            durations: Histograms::absent(),
        }
    }

    async fn call<T>(
        &self,
        operation: Operation,
        send: impl Future<Output = Result<T, ::stripe::StripeError>>,
    ) -> Result<T, Failed> {
        let began = Instant::now();
        let span = operation.span();
        let answer = self.send(send).instrument(span.clone()).await;
        trace::record_end(&span, &answer);
        let outcome = match &answer {
            Ok(_) => "answered",
            Err(failed) => failed.label(),
        };
        let labels = [operation.method, operation.path, outcome];
        self.durations.with(labels).observe(began.elapsed());
        answer
    }

    async fn send<T>(
        &self,
        send: impl Future<Output = Result<T, ::stripe::StripeError>>,
    ) -> Result<T, Failed> {
        if self.closing.is_cancelled() {
            return Err(Failed::unclear("the process is stopping"));
        }
        let permitted = async {
            let _permit = self.permits.acquire().await;
            send.await.map_err(Failed::from)
        };
        let closed = async {
            self.closing.cancelled().await;
            sleep(CLOSING_GRACE).await;
        };
        tokio::select! {
            biased;
            answer = timeout(CALL_TIMEOUT, permitted) => {
                answer.unwrap_or_else(|_| Err(Failed::unclear("no answer in time")))
            }
            () = closed => Err(Failed::unclear("the process is stopping")),
        }
    }
}
