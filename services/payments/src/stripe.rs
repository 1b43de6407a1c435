//! Stripe: the one place that knows its client and its words.
//!
//! Every call is bounded in time, and so is how many are under way. Every write carries an idempotency key made of
//! the payment's id, so that a call whose answer was lost can be made again without charging or refunding twice.

mod charge;
mod config;
mod failure;
mod lookup;
mod refund;
mod reversal;
mod signature;
#[cfg(feature = "simulation")]
mod simulated;
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

pub(crate) use charge::{ChargeRequest, Charged, Withdrawal};
pub use config::StripeConfig;
use failure::Failed;
pub(crate) use failure::Unclear;
pub(crate) use reversal::Success;
#[cfg(feature = "simulation")]
pub use simulated::{SimulatedCharge, SimulatedStripe, SimulatedWebhook};
use trace::Operation;

use crate::metrics::catalogue::STRIPE_CALL_DURATION;
pub(crate) use webhook::{Notice, WebhookRefusal, Webhooks};

/// The longest that a call takes, waiting for its turn included.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// How much longer calls under way may take when the process was told to stop.
const CLOSING_GRACE: Duration = Duration::from_secs(3);

/// How many calls are under way at once; well below what Stripe allows an account a second.
const IN_FLIGHT: usize = 32;

/// Stripe's API, as far as we use it.
#[derive(Debug, Clone)]
pub(crate) struct Stripe {
    account: Account,
    turns: Arc<Semaphore>,
    closing: CancellationToken,
    durations: Histograms<3>,
}

/// Whom the calls go to.
#[derive(Debug, Clone)]
enum Account {
    Stripe(Box<::stripe::Client>),
    #[cfg(feature = "simulation")]
    Simulated(SimulatedStripe),
}

impl Stripe {
    /// A client of the configured API. Once `closing` is cancelled it begins no more calls.
    pub(crate) fn new(
        config: &StripeConfig,
        closing: CancellationToken,
        metrics: &Metrics,
    ) -> Result<Self, StartError> {
        // Stripe's client takes the process's provider, and finds none by itself where a build has several. An
        // error means that one was named before.
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
            turns: Arc::new(Semaphore::new(IN_FLIGHT)),
            closing,
            durations: metrics.histograms(&STRIPE_CALL_DURATION),
        })
    }

    /// A client of the simulation's Stripe.
    #[cfg(feature = "simulation")]
    pub(crate) fn simulated(stripe: SimulatedStripe, closing: CancellationToken) -> Self {
        Self {
            account: Account::Simulated(stripe),
            turns: Arc::new(Semaphore::new(IN_FLIGHT)),
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
        let answered = self.send(send).instrument(span.clone()).await;
        trace::ended(&span, &answered);
        let outcome = match &answered {
            Ok(_) => "answered",
            Err(failed) => failed.word(),
        };
        let said = [operation.method, operation.path, outcome];
        self.durations.with(said).observe(began.elapsed());
        answered
    }

    async fn send<T>(
        &self,
        send: impl Future<Output = Result<T, ::stripe::StripeError>>,
    ) -> Result<T, Failed> {
        if self.closing.is_cancelled() {
            return Err(Failed::unclear("the process is stopping"));
        }
        let in_turn = async {
            let _turn = self.turns.acquire().await;
            send.await.map_err(Failed::from)
        };
        let no_more = async {
            self.closing.cancelled().await;
            sleep(CLOSING_GRACE).await;
        };
        tokio::select! {
            biased;
            answered = timeout(CALL_TIMEOUT, in_turn) => {
                answered.unwrap_or_else(|_| Err(Failed::unclear("no answer in time")))
            }
            () = no_more => Err(Failed::unclear("the process is stopping")),
        }
    }
}
