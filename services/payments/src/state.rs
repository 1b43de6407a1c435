//! What the request handlers share.

use axum::extract::FromRef;
use base::Clock;
use web::replica_waits::ReplicaWaits;
use web::session::Sessions;

use crate::settlement::Settlement;
use crate::store::OrderStore;
use crate::stripe::Webhooks;

/// The application state. Each handler extracts the parts that it needs.
#[derive(Clone, FromRef)]
pub(crate) struct AppState {
    pub(crate) sessions: Sessions,
    pub(crate) clock: Clock,
    pub(crate) orders: OrderStore,
    pub(crate) waits: ReplicaWaits,
    pub(crate) settlement: Settlement,
    pub(crate) webhooks: Webhooks,
}
