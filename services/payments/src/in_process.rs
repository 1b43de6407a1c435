//! The service without HTTP and without a broker: its handlers, its consumer and its sweep are called directly.
//!
//! The simulation runs whole fleets this way.

use std::sync::Arc;

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
use web::replica_waits::ReplicaWaits;
use web::{ApiError, Authorized, NewId};

use crate::consumers::OrderEvents;
use crate::domain::Charge;
use crate::routes::pay;
use crate::settlement::Settlement;
use crate::store::{OrderStore, PaymentStore};
use crate::stripe::{RawStripe, Stripe};

/// A process of the service.
#[derive(Debug, Clone)]
pub struct Payments {
    orders: OrderStore,
    waits: ReplicaWaits,
    settlement: Settlement,
    store: PaymentStore,
}

impl Payments {
    /// Starts a process with this database, relay and replacement for Stripe.
    pub async fn open<P: Publisher>(
        database: &Database,
        relay: &mut Relay<P>,
        stripe: Arc<dyn RawStripe>,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let payments = PaymentStore::open(database, relay).await?;
        let orders = OrderStore::open(database);
        let closing = CancellationToken::new();
        let stripe = Stripe::replaced_by(stripe, closing.clone());
        let settlement = Settlement::new(orders.clone(), payments.clone(), stripe, clock, closing);
        Ok(Self {
            orders,
            waits: ReplicaWaits::default(),
            settlement,
            store: payments,
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

    /// Handles the webhook of a charge.
    pub async fn record_charge(
        &self,
        order: Id<kind::Order>,
        attempt: u32,
        charge: Charge,
    ) -> Result<(), ApiError> {
        self.settlement
            .record_charge(order, attempt, charge)
            .await?;
        Ok(())
    }

    /// Handles the webhook of a refund or a dispute.
    pub async fn record_reversal(&self, intent: &str) -> Result<(), ApiError> {
        self.settlement.record_reversal(intent).await?;
        Ok(())
    }

    /// Handles an event from the broker.
    pub async fn handle(&self, event: Event) -> Result<(), Failure> {
        let events = OrderEvents::new(self.orders.clone(), self.settlement.clone());
        events.handle(event).await
    }

    /// Resumes the payments of processes that died, until `stop` is cancelled.
    pub async fn sweep(&self, stop: CancellationToken) {
        self.settlement.clone().run(stop).await;
    }

    /// The events of all payments, for re-emission.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }
}
