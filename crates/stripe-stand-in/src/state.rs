//! The state of a stand-in.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::books::Books;
use crate::event::Cause;
use crate::faults::Faults;
use crate::idempotency::IdempotencyKeys;
use crate::operations::NewRefund;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::webhooks::WebhookSender;

/// The state that all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) faults: Faults,
    pub(crate) webhooks: WebhookSender,
    pub(crate) keys: IdempotencyKeys,
    /// Cancelled when the stand-in stops, which ends injected delays.
    pub(crate) stop: CancellationToken,
    books: Mutex<Books>,
}

impl Shared {
    pub(crate) fn new(settings: Settings, webhooks: WebhookSender) -> Self {
        Self {
            settings,
            faults: Faults::default(),
            keys: IdempotencyKeys::default(),
            stop: CancellationToken::new(),
            books: Mutex::new(Books::new(webhooks.clone())),
            webhooks,
        }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refunds a charge, as a person does in the dashboard, and returns the refund's id.
    pub(crate) fn refund_by_hand(
        &self,
        intent: &str,
        amount: Option<i64>,
    ) -> Result<String, Refusal> {
        let mut books = self.books();
        let refund = NewRefund {
            charge: books.paid_charge(intent)?,
            amount,
            reason: Some("requested_by_customer"),
            metadata: BTreeMap::new(),
        };
        books.refund(refund, &Cause::by_hand())
    }

    /// Disputes what is left of a charge, as the buyer's bank does, and returns the dispute's id.
    pub(crate) fn open_dispute(&self, intent: &str) -> Result<String, Refusal> {
        self.books().open_dispute(intent, &Cause::by_hand())
    }

    /// Closes a dispute with the bank's decision.
    pub(crate) fn close_dispute(&self, id: &str, won: bool) -> Result<(), Refusal> {
        self.books().close_dispute(id, won, &Cause::by_hand())
    }
}
