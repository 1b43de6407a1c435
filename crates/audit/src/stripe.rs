//! Reads payment intents and their charges from Stripe's API.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ::stripe::StripeRequest;
use anyhow::{Context, Result, ensure};
use bson::oid::ObjectId;
use secrecy::{ExposeSecret, SecretString};
use stripe_core::payment_intent::{ListPaymentIntent, RetrievePaymentIntent};
use stripe_core::refund::ListRefund;
use stripe_shared::{Dispute, DisputeStatus, PaymentIntent};
use stripe_types::List;
use tokio::time::timeout;

use super::ledger::{Charge, Ledger};

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How many intents a call returns.
const PAGE: i64 = 100;

/// The limit of intents. Each takes some 300 bytes of memory, and a call for a hundred of them takes some tenths of a
/// second.
pub const MOST_INTENTS: usize = 200_000;

/// The account at Stripe.
#[derive(Debug, Clone)]
pub struct StripeAccess {
    /// The secret key of the account, or a restricted key that may read payment intents.
    pub key: SecretString,
    /// The address of a stand-in to use instead of Stripe.
    pub api_base: Option<String>,
}

/// A read-only client of Stripe's API.
#[derive(Debug, Clone)]
pub struct StripeReader {
    client: ::stripe::Client,
}

/// The charges of an account, by the orders in their metadata.
#[derive(Debug, Default)]
pub(crate) struct Account {
    charges: BTreeMap<ObjectId, Vec<Charge>>,
    /// The number of intents, charged or not.
    pub(crate) intents: usize,
    /// The number of charges without an order, which do not belong to the fleet.
    pub(crate) foreign: usize,
    newest: Option<String>,
}

impl StripeReader {
    /// A client of this account.
    pub fn new(access: &StripeAccess) -> Result<Self> {
        // Stripe's client uses the process's provider, and chooses none where a build has several. An error means that
        // it was installed before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = ::stripe::ClientBuilder::new(access.key.expose_secret());
        if let Some(base) = &access.api_base {
            client = client.url(base.as_str());
        }
        let client = client.build().context("Stripe's client")?;
        Ok(Self { client })
    }

    /// Passes intents to `take`, the newest first, until it returns false.
    pub async fn each_intent(&self, mut take: impl FnMut(&PaymentIntent) -> bool) -> Result<()> {
        let mut after: Option<String> = None;
        loop {
            let mut list = ListPaymentIntent::new()
                .limit(PAGE)
                .expand(["data.latest_charge".to_owned()]);
            if let Some(after) = after {
                list = list.starting_after(after);
            }
            let page = timeout(TIMEOUT, list.send(&self.client)).await;
            let page = page
                .context("Stripe: no answer in time")?
                .context("Stripe")?;
            if !page.data.iter().all(&mut take) || !page.has_more {
                return Ok(());
            }
            after = page.data.last().map(|intent| intent.id.to_string());
        }
    }

    /// The amount that banks took back by lost disputes of the intent's charge.
    async fn lost(&self, intent: &str) -> Result<i64> {
        // The list of disputes takes the same parameters as the list of refunds. The client's own request for it is in
        // a crate that takes long to compile.
        let mut list = ListRefund::new().payment_intent(intent).limit(PAGE).build();
        "/disputes".clone_into(&mut list.path);
        let disputes = list.customize::<List<Dispute>>().send(&self.client);
        let disputes = timeout(TIMEOUT, disputes).await;
        let disputes = disputes
            .context("Stripe: no answer in time")?
            .context("Stripe")?;
        let disputes = disputes.data.iter();
        let taken = disputes.filter(|dispute| dispute.status == DisputeStatus::Lost);
        Ok(taken.map(|dispute| dispute.amount).sum())
    }

    async fn intent(&self, id: &str) -> Result<PaymentIntent> {
        let retrieve = RetrievePaymentIntent::new(id).expand(["latest_charge".to_owned()]);
        let intent = timeout(TIMEOUT, retrieve.send(&self.client)).await;
        intent
            .context("Stripe: no answer in time")?
            .context("Stripe")
    }
}

impl Account {
    /// Reads all intents that are newer than the last call.
    pub(crate) async fn catch_up(&mut self, stripe: &StripeReader) -> Result<()> {
        let known = self.newest.clone();
        let mut newest = None;
        let mut fresh = Vec::new();
        let mut seen = self.intents;
        stripe
            .each_intent(|intent| {
                let id = intent.id.to_string();
                if known.as_ref() == Some(&id) {
                    return false;
                }
                newest.get_or_insert(id);
                seen += 1;
                fresh.extend(charge_of(intent).map(|charge| (charge, is_disputed(intent))));
                seen <= MOST_INTENTS
            })
            .await?;
        ensure!(
            seen <= MOST_INTENTS,
            "Stripe's account has more than {MOST_INTENTS} payment intents, which is more than an audit keeps in \
             memory; leave STRIPE_KEY out to use what payments recorded"
        );
        self.intents = seen;
        self.newest = newest.or(known);
        for (charge, disputed) in fresh {
            self.put_with_losses(stripe, charge, disputed).await?;
        }
        Ok(())
    }

    /// Reads these intents again.
    pub(crate) async fn refresh(
        &mut self,
        stripe: &StripeReader,
        intents: &BTreeSet<String>,
    ) -> Result<()> {
        for id in intents {
            // An intent that Stripe does not have is a violation, not an error.
            if let Ok(intent) = stripe.intent(id).await
                && let Some(charge) = charge_of(&intent)
            {
                let disputed = is_disputed(&intent);
                self.put_with_losses(stripe, charge, disputed).await?;
            }
        }
        Ok(())
    }

    async fn put_with_losses(
        &mut self,
        stripe: &StripeReader,
        mut charge: Charge,
        disputed: bool,
    ) -> Result<()> {
        if disputed {
            charge.lost = stripe.lost(&charge.intent).await?;
        }
        self.put(charge);
        Ok(())
    }

    fn put(&mut self, charge: Charge) {
        let Some(order) = charge.order else {
            self.foreign += 1;
            return;
        };
        let of_order = self.charges.entry(order).or_default();
        match of_order.iter_mut().find(|known| known.id == charge.id) {
            Some(known) => *known = charge,
            None => of_order.push(charge),
        }
    }

    /// The orders that have charges.
    pub(crate) fn orders(&self) -> impl Iterator<Item = ObjectId> {
        self.charges.keys().copied()
    }

    /// The charges of these orders.
    pub(crate) fn of<'a>(&self, orders: impl IntoIterator<Item = &'a ObjectId>) -> Ledger {
        let charges = orders.into_iter().filter_map(|id| self.charges.get(id));
        Ledger {
            charges: charges.flatten().cloned().collect(),
            declined: Vec::new(),
        }
    }
}

/// Whether the intent's charge was ever disputed.
#[must_use]
pub fn is_disputed(intent: &PaymentIntent) -> bool {
    let charge = intent.latest_charge.as_ref();
    let charge = charge.and_then(|charge| charge.as_object());
    charge.is_some_and(|charge| charge.disputed)
}

/// The intent's charge, if a card was charged. Its lost disputes have to be read separately.
#[must_use]
pub fn charge_of(intent: &PaymentIntent) -> Option<Charge> {
    let charge = intent.latest_charge.as_ref()?.as_object()?;
    let id = |name: &str| {
        let id = intent.metadata.get(name)?;
        ObjectId::parse_str(id).ok()
    };
    charge.paid.then(|| Charge {
        intent: intent.id.to_string(),
        id: charge.id.to_string(),
        amount: charge.amount,
        refunded: charge.amount_refunded,
        lost: 0,
        currency: charge.currency.to_string(),
        order: id("order_id"),
        payment: id("payment_id"),
        created: Some(charge.created),
        idempotency_key: None,
    })
}
