//! The simulation's Stripe: it charges once for each idempotency key, and is otherwise as unreliable as a network.
//!
//! A request can fail before it is processed, lose its answer afterwards, or arrive long after its sender gave up or
//! died. A 500 is stored under its key like any other answer, whether or not the request took effect. Money also leaves
//! without a request of the fleet: people make refunds in the dashboard, and banks open disputes.

mod books;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::simulation::Process;
use common::Id;
use common::id::kind;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::sleep;

use super::charge::{ChargeRequest, EmptyIntent, Resolution};
use super::failure::Failed;
use super::reversal::ChargedAttempt;
use crate::domain::{Charge, Decline, Dispute, DisputeState, Reversals};
use books::{Answer, Books, NewCharge, Purpose};

/// The card that is always declined.
const DECLINED: &str = "tok_chargeDeclined";

/// The longest delay of a request whose sender gave up, in milliseconds: well after every lease and every sweep.
const LONGEST_DELAY: u64 = 20_000;

/// The probability of each of three network failures, in percent.
const NETWORK_FAILURE: u64 = 6;

/// The probability of a 500, and that the request takes effect nevertheless, in percent.
const BROKEN: u64 = 3;
const BROKEN_AFTER: u64 = 50;

/// A process's connection to Stripe.
#[derive(Clone)]
pub struct SimulatedStripe {
    books: Arc<Mutex<Books>>,
    process: Process,
}

/// A card that was charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedCharge {
    /// The order.
    pub order: Id<kind::Order>,
    /// The attempt's number.
    pub attempt: u32,
    /// The charged cents.
    pub cents: i64,
    /// The refunded cents.
    pub refunded: i64,
    /// The cents that a lost dispute took.
    pub lost: i64,
    /// The dispute's state, if there is one.
    pub dispute: Option<DisputeState>,
    /// Stripe's ids of it.
    pub ids: Charge,
    /// Whether the fleet refunded it.
    refunded_by_us: bool,
}

/// A webhook of Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SimulatedWebhook {
    /// A card was charged.
    Charged(SimulatedCharge),
    /// The charge of this intent was refunded or disputed.
    Reversed(String),
}

impl fmt::Debug for SimulatedStripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedStripe").finish_non_exhaustive()
    }
}

impl SimulatedCharge {
    /// The cents that were not returned.
    #[must_use]
    pub const fn remaining(&self) -> i64 {
        self.cents - self.refunded - self.lost
    }
}

impl SimulatedStripe {
    /// An empty account and its webhooks.
    #[must_use]
    pub fn new(process: Process) -> (Self, UnboundedReceiver<SimulatedWebhook>) {
        let (webhooks, sent) = unbounded_channel();
        let books = Books {
            keys: BTreeMap::new(),
            charges: Vec::new(),
            webhooks,
            late: 0,
        };
        let books = Arc::new(Mutex::new(books));
        (Self { books, process }, sent)
    }

    /// Another process's connection to the same account.
    #[must_use]
    pub fn reached_by(&self, process: Process) -> Self {
        Self {
            books: Arc::clone(&self.books),
            process,
        }
    }

    /// Every charge so far.
    #[must_use]
    pub fn charges(&self) -> Vec<SimulatedCharge> {
        self.lock().charges.clone()
    }

    /// Whether no abandoned request is still in transit.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.lock().late == 0
    }

    /// A person refunds the cents in the dashboard, or what is left if that is less.
    pub fn refund_by_hand(&self, intent: &str, cents: i64) {
        self.lock().reverse(intent, |charge| {
            let refunded = match charge.dispute {
                Some(DisputeState::Open) => 0,
                _ => charge.remaining().min(cents),
            };
            charge.refunded += refunded;
            refunded > 0
        });
    }

    /// The buyer's bank opens a dispute, or decides it.
    pub fn dispute(&self, intent: &str, state: DisputeState) {
        self.lock().reverse(intent, |charge| {
            let is_next = match charge.dispute {
                None => state == DisputeState::Open && charge.remaining() > 0,
                Some(DisputeState::Open) => state != DisputeState::Open,
                Some(DisputeState::Won | DisputeState::Lost) => false,
            };
            if is_next {
                charge.dispute = Some(state);
                if state == DisputeState::Lost {
                    charge.lost = charge.remaining();
                }
            }
            is_next
        });
    }

    pub(super) async fn confirm(&self, request: &ChargeRequest<'_>) -> Result<Resolution, Failed> {
        let charge = NewCharge {
            key: request.key(),
            order: request.order,
            attempt: request.attempt,
            cents: request.price.cents(),
            declined: request.card.expose() == DECLINED,
        };
        let work = move |books: &mut Books| books.charge(&charge);
        match self.request(request.key(), Purpose::Charge, work).await {
            Ok(Answer::Charged(charge)) => Ok(Resolution::Charged(charge)),
            Ok(_) => Err(Failed::unclear("another answer")),
            Err(Failed::Refused(decline)) => Ok(Resolution::Declined(decline)),
            Err(failed) => Err(failed),
        }
    }

    pub(super) async fn spend_key(
        &self,
        request: &ChargeRequest<'_>,
        intent: EmptyIntent,
    ) -> Result<(), Failed> {
        let (key, cents) = (request.key(), request.price.cents());
        let purpose = Purpose::EmptyIntent(intent);
        let spend = move |books: &mut Books| books.spend(&key, purpose, cents);
        self.request(request.key(), purpose, spend).await?;
        Ok(())
    }

    pub(super) async fn refund(&self, key: &str, charge: &Charge) -> Result<String, Failed> {
        let (own_key, charge) = (key.to_owned(), charge.clone());
        let refund = move |books: &mut Books| books.refund(&own_key, &charge);
        match self
            .request(key.to_owned(), Purpose::Refund, refund)
            .await?
        {
            Answer::Refunded(id) => Ok(id),
            _ => Err(Failed::unclear("another answer")),
        }
    }

    /// How the attempt ended, if it created an intent.
    pub(super) async fn look_up(
        &self,
        request: &ChargeRequest<'_>,
    ) -> Result<Option<Resolution>, Failed> {
        self.read().await?;
        let charges = self.charges();
        let mut of_attempt = charges
            .into_iter()
            .filter(|charge| charge.order == request.order && charge.attempt == request.attempt);
        let charge = of_attempt.next();
        Ok(charge.map(|charge| Resolution::Charged(charge.ids)))
    }

    pub(super) async fn charged_attempt(
        &self,
        intent: &str,
    ) -> Result<Option<ChargedAttempt>, Failed> {
        let charge = self.charge_of(intent).await?;
        Ok(charge.map(|charge| ChargedAttempt {
            order: charge.order,
            attempt: charge.attempt,
            charge: charge.ids,
        }))
    }

    pub(super) async fn reversals(&self, intent: &str) -> Result<Reversals, Failed> {
        let Some(charge) = self.charge_of(intent).await? else {
            return Ok(Reversals::default());
        };
        Ok(Reversals {
            refunded: charge.refunded,
            refund: (charge.refunded > 0).then(|| format!("re_{}", charge.ids.id)),
            lost: charge.lost,
            dispute: charge.dispute.map(|state| Dispute {
                id: format!("dp_{}", charge.ids.id),
                state,
            }),
        })
    }

    async fn charge_of(&self, intent: &str) -> Result<Option<SimulatedCharge>, Failed> {
        self.read().await?;
        let mut charges = self.charges().into_iter();
        Ok(charges.find(|charge| charge.ids.intent == intent))
    }

    /// A request that only reads.
    async fn read(&self) -> Result<(), Failed> {
        self.process.step().await;
        if self.process.world().percent(NETWORK_FAILURE) {
            return Err(Failed::unclear("the connection broke"));
        }
        Ok(())
    }

    async fn request(
        &self,
        key: String,
        purpose: Purpose,
        work: impl FnOnce(&mut Books) -> Answer + Send + 'static,
    ) -> Result<Answer, Failed> {
        self.process.step().await;
        let world = self.process.world();
        if world.percent(NETWORK_FAILURE) {
            // A failure in front of Stripe, which stores nothing.
            return Err(if purpose != Purpose::Refund && world.percent(50) {
                Failed::broken("answered 503")
            } else {
                Failed::unclear("no connection")
            });
        }
        if world.percent(NETWORK_FAILURE) {
            let (stripe, late) = (self.clone(), world.below(LONGEST_DELAY));
            self.lock().late += 1;
            tokio::spawn(async move {
                sleep(Duration::from_millis(late)).await;
                let mut books = stripe.lock();
                books.late -= 1;
                work(&mut books);
            });
            return Err(Failed::unclear("no answer in time"));
        }
        let answer = if world.percent(BROKEN) {
            let is_done = world.percent(BROKEN_AFTER);
            self.lock().fail(key, purpose, is_done, work)
        } else {
            work(&mut self.lock())
        };
        self.process.step().await;
        if world.percent(NETWORK_FAILURE) {
            return Err(Failed::unclear("the connection broke"));
        }
        match answer {
            Answer::Broken => Err(Failed::broken("answered 500")),
            Answer::KeyTaken => Err(Failed::KeyTaken),
            Answer::Refused(code) | Answer::Declined(code) => {
                Err(Failed::Refused(Decline::new(code)))
            }
            answer => Ok(answer),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
