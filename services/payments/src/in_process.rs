//! The service without its sockets: what its routes, its consumer and its sweep do, for the saga's simulation.

use axum::Json;
use axum::extract::State;
use base::Clock;
use common::api::auth::SessionView;
use common::api::payments::{PayOrder, PaymentView};
use common::id::kind;
use common::{Event, Id};
use messaging::resync::Snapshot;
use messaging::{Failure, Handler, Publisher, Relay};
use mongo::{Database, StoreError};
use tokio_util::sync::CancellationToken;
use web::ApiError;
use web::replica_waits::ReplicaWaits;
use web::{Authorized, NewId};

use crate::consumers::OrderEvents;
use crate::routes::pay;
use crate::settlement::Settlement;
use crate::store::{OrderStore, PaymentStore};
use crate::stripe::Stripe;
pub use crate::stripe::{SimulatedCharge, SimulatedStripe, SimulatedWebhook};

/// A process of the service.
#[derive(Debug, Clone)]
pub struct Payments {
    orders: OrderStore,
    waits: ReplicaWaits,
    settlement: Settlement,
    snapshot: Snapshotter,
}

/// Says how to tell of every payment.
#[derive(Clone)]
struct Snapshotter(Snapshot);

impl std::fmt::Debug for Snapshotter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl Payments {
    /// The service on this database, its events published by this relay, its cards charged by this Stripe.
    pub async fn open<P: Publisher>(
        database: &Database,
        relay: &mut Relay<P>,
        stripe: SimulatedStripe,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let payments = PaymentStore::open(database, relay).await?;
        let orders = OrderStore::open(database);
        let snapshot = Snapshotter(payments.snapshot());
        let closing = CancellationToken::new();
        let stripe = Stripe::simulated(stripe, closing.clone());
        let settlement = Settlement::new(orders.clone(), payments, stripe, clock, closing);
        Ok(Self {
            orders,
            waits: ReplicaWaits::default(),
            settlement,
            snapshot,
        })
    }

    /// `POST /api/payments`
    pub async fn pay(
        &self,
        user: SessionView,
        order: Id<kind::Order>,
        card: &str,
    ) -> Result<PaymentView, ApiError> {
        let input = PayOrder {
            token: card.to_owned(),
            order_id: Some(order),
        };
        let paid = pay::pay(
            State(self.orders.clone()),
            State(self.waits.clone()),
            State(self.settlement.clone()),
            NewId::fresh(),
            Authorized { user, input },
        );
        let (_, Json(payment)) = paid.await?;
        Ok(payment)
    }

    /// `POST /api/payments/webhook`, once its signature is checked.
    pub async fn hear_of(&self, webhook: &SimulatedWebhook) -> Result<(), ApiError> {
        match webhook {
            SimulatedWebhook::Charged(charge) => {
                let (order, names) = (charge.order, charge.names.clone());
                self.settlement.paid(order, charge.attempt, names).await?;
            }
            SimulatedWebhook::Reversed(intent) => self.settlement.reversed(intent).await?,
        }
        Ok(())
    }

    /// An event from the broker.
    pub async fn handle(&self, event: Event) -> Result<(), Failure> {
        let events = OrderEvents::new(self.orders.clone(), self.settlement.clone());
        events.handle(event).await
    }

    /// Takes up what was left by processes that died, until told to stop.
    pub async fn sweep(&self, stop: CancellationToken) {
        self.settlement.clone().run(stop).await;
    }

    /// The state of every payment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.0.clone()
    }
}
