//! Connects the checker (`audit`) to the servers of a run's fleet, and to the ledger of Stripe's stand-in.

use std::sync::Arc;

use anyhow::Result;
use audit::ledger::{Charge, Declined, Ledger};
use audit::{Access, BrokerAccess, DatabaseUris, QueueAccess};
pub use audit::{Invariant, Verdict, Violation, Watch};
use bson::oid::ObjectId;
use common::Timestamp;
use stripe_stand_in::{DeclinedAttempt, LedgerCharge};
use testkit::Fleet;

use crate::history::History;

/// Reads the servers of a fleet, not through its proxies.
#[derive(Debug)]
pub struct Checker(audit::Checker);

impl Checker {
    /// Connects directly to the fleet's servers, all of which must be available now.
    pub async fn connect(fleet: &Arc<Fleet>) -> Result<Self> {
        let with_ledger = fleet.clone();
        let ledger = move || ledger(&with_ledger);
        let access = access(fleet);
        let checker = Box::pin(audit::Checker::connect(&access, ledger));
        Ok(Self(checker.await?))
    }

    /// Starts to observe the databases in the background, whenever they are available.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.0.watch()
    }

    /// Waits until everything agrees or the time for it is over, and checks every invariant. An error means that the
    /// servers could not be read.
    pub async fn check(
        &self,
        history: &History,
        healed_at: Timestamp,
        load_ended_at: Timestamp,
    ) -> Result<Verdict> {
        let acknowledged = history.all();
        self.0.check(&acknowledged, healed_at, load_ended_at).await
    }
}

fn access(fleet: &Fleet) -> Access {
    let servers = fleet.servers();
    let uri = |database: &str| servers.mongo_uri(database).into();
    Access {
        databases: DatabaseUris {
            auth: uri("auth"),
            tickets: uri("tickets"),
            orders: uri("orders"),
            payments: uri("payments"),
        },
        broker: BrokerAccess {
            url: servers.nats_url(),
            credentials: None,
            stream: "ticketing".to_owned(),
            subject_prefix: String::new(),
        },
        queue: QueueAccess {
            url: servers.redis_url().into(),
            namespace: "expiration".to_owned(),
        },
    }
}

fn ledger(fleet: &Fleet) -> Ledger {
    let ledger = fleet.stripe().ledger();
    Ledger {
        charges: ledger.charges.into_iter().map(charge).collect(),
        declined: ledger.declined.into_iter().map(declined).collect(),
    }
}

fn charge(of: LedgerCharge) -> Charge {
    let id = |name: &str| {
        let id = of.metadata.get(name)?;
        ObjectId::parse_str(id).ok()
    };
    Charge {
        order: id("order_id"),
        payment: id("payment_id"),
        intent: of.payment_intent,
        id: of.charge,
        amount: of.amount,
        refunded: of.refunded,
        lost: of.lost,
        currency: of.currency,
        created: Some(of.created),
        idempotency_key: of.idempotency_key,
    }
}

fn declined(of: DeclinedAttempt) -> Declined {
    Declined {
        charge: of.charge,
        idempotency_key: of.idempotency_key,
    }
}
