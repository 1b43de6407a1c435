//! Payment intents.
//!
//! See <https://docs.stripe.com/payments/paymentintents/lifecycle>.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Books, new_id};
use crate::clock::now;

/// A payment that is planned, attempted or completed.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) params: NewIntent,
    pub(crate) status: Status,
    pub(crate) method: Option<String>,
    pub(crate) latest_charge: Option<String>,
    /// Why the last confirmation failed.
    pub(crate) last_error: Option<Value>,
    pub(crate) next_action: Option<Value>,
    pub(crate) canceled: Option<Canceled>,
    pub(crate) client_secret: String,
    pub(crate) created: i64,
}

/// The parameters of a new intent.
#[derive(Debug, Clone)]
pub(crate) struct NewIntent {
    /// In the smallest unit of the currency.
    pub(crate) amount: i64,
    /// Lower-case ISO code.
    pub(crate) currency: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) description: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) statement_descriptor: Option<String>,
    pub(crate) statement_descriptor_suffix: Option<String>,
    pub(crate) setup_future_usage: Option<&'static str>,
    pub(crate) capture_method: &'static str,
    pub(crate) confirmation_method: &'static str,
    pub(crate) allowed_methods: AllowedMethods,
}

/// The payment methods that a buyer can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AllowedMethods {
    /// Those that the request lists: cards.
    Listed,
    /// Those that the account allows, with or without redirects to another site.
    Automatic { redirects: bool },
}

/// The state of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Canceled,
    Succeeded,
}

/// When and why an intent was cancelled.
#[derive(Debug, Clone)]
pub(crate) struct Canceled {
    pub(crate) at: i64,
    pub(crate) reason: Option<&'static str>,
}

impl Status {
    /// Stripe's spelling.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Canceled => "canceled",
            Self::Succeeded => "succeeded",
        }
    }
}

impl Books {
    /// Adds an intent and returns its id.
    pub(crate) fn create_intent(&mut self, params: NewIntent, method: Option<String>) -> String {
        let id = new_id("pi");
        let status = match method {
            Some(_) => Status::RequiresConfirmation,
            None => Status::RequiresPaymentMethod,
        };
        self.intents.insert(Intent {
            client_secret: new_id(&format!("{id}_secret")),
            id: id.clone(),
            params,
            status,
            method,
            latest_charge: None,
            last_error: None,
            next_action: None,
            canceled: None,
            created: now(),
        });
        id
    }
}
