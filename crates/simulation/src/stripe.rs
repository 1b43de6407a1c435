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

use common::Id;
use common::id::kind;
use futures::FutureExt;
use payments::domain::{Charge, Decline, Dispute, DisputeState, Reversals};
use payments::in_process::Payments;
use payments::stripe::{
    Call, ChargeRequest, ChargedAttempt, EmptyIntent, Failed, RawStripe, Resolution,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::sleep;
use web::ApiError;

use crate::world::Process;
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
pub(crate) struct SimulatedStripe {
    books: Arc<Mutex<Books>>,
    process: Process,
}

/// A card that was charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SimulatedCharge {
    /// The order.
    pub(crate) order: Id<kind::Order>,
    /// The attempt's number.
    pub(crate) attempt: u32,
    /// The charged cents.
    pub(crate) cents: i64,
    /// The refunded cents.
    pub(crate) refunded: i64,
    /// The cents that a lost dispute took.
    pub(crate) lost: i64,
    /// The dispute's state, if there is one.
    pub(crate) dispute: Option<DisputeState>,
    /// Stripe's ids of it.
    pub(crate) ids: Charge,
    /// Whether the fleet refunded it.
    refunded_by_us: bool,
}

/// A webhook of Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SimulatedWebhook {
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

impl SimulatedWebhook {
    /// Delivers it to a process of the payments service.
    pub(crate) async fn deliver_to(&self, payments: &Payments) -> Result<(), ApiError> {
        match self {
            Self::Charged(charge) => {
                let ids = charge.ids.clone();
                let recorded = payments.record_charge(charge.order, charge.attempt, ids);
                recorded.await
            }
            Self::Reversed(intent) => payments.record_reversal(intent).await,
        }
    }
}

impl SimulatedCharge {
    /// The cents that were not returned.
    #[must_use]
    pub(crate) const fn remaining(&self) -> i64 {
        self.cents - self.refunded - self.lost
    }
}

impl SimulatedStripe {
    /// An empty account and its webhooks.
    #[must_use]
    pub(crate) fn new(process: Process) -> (Self, UnboundedReceiver<SimulatedWebhook>) {
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
    pub(crate) fn reached_by(&self, process: Process) -> Self {
        Self {
            books: Arc::clone(&self.books),
            process,
        }
    }

    /// Every charge so far.
    #[must_use]
    pub(crate) fn charges(&self) -> Vec<SimulatedCharge> {
        self.lock().charges.clone()
    }

    /// Whether no abandoned request is still in transit.
    #[must_use]
    pub(crate) fn is_quiet(&self) -> bool {
        self.lock().late == 0
    }

    /// A person refunds the cents in the dashboard, or what is left if that is less.
    pub(crate) fn refund_by_hand(&self, intent: &str, cents: i64) {
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
    pub(crate) fn dispute(&self, intent: &str, state: DisputeState) {
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

impl RawStripe for SimulatedStripe {
    fn confirm<'a>(&'a self, request: &'a ChargeRequest<'a>) -> Call<'a, Resolution> {
        let charge = NewCharge {
            key: request.key(),
            order: request.order,
            attempt: request.attempt,
            cents: request.price.cents(),
            declined: request.card.expose() == DECLINED,
        };
        async move {
            let work = move |books: &mut Books| books.charge(&charge);
            match self.request(request.key(), Purpose::Charge, work).await {
                Ok(Answer::Charged(charge)) => Ok(Resolution::Charged(charge)),
                Ok(_) => Err(Failed::unclear("another answer")),
                Err(failed) => Err(failed),
            }
        }
        .boxed()
    }

    fn spend_key<'a>(
        &'a self,
        request: &'a ChargeRequest<'a>,
        intent: EmptyIntent,
    ) -> Call<'a, ()> {
        async move {
            let (key, cents) = (request.key(), request.price.cents());
            let purpose = Purpose::EmptyIntent(intent);
            let spend = move |books: &mut Books| books.spend(&key, purpose, cents);
            self.request(request.key(), purpose, spend).await?;
            Ok(())
        }
        .boxed()
    }

    fn look_up<'a>(&'a self, request: &'a ChargeRequest<'a>) -> Call<'a, Option<Resolution>> {
        async move {
            self.read().await?;
            let mut charges = self.charges().into_iter();
            let charge = charges
                .find(|charge| charge.order == request.order && charge.attempt == request.attempt);
            Ok(charge.map(|charge| Resolution::Charged(charge.ids)))
        }
        .boxed()
    }

    fn refund<'a>(&'a self, key: &'a str, charge: &'a Charge) -> Call<'a, String> {
        async move {
            let (own_key, charge) = (key.to_owned(), charge.clone());
            let refund = move |books: &mut Books| books.refund(&own_key, &charge);
            let key = key.to_owned();
            match self.request(key, Purpose::Refund, refund).await? {
                Answer::Refunded(id) => Ok(id),
                _ => Err(Failed::unclear("another answer")),
            }
        }
        .boxed()
    }

    fn charged_attempt<'a>(&'a self, intent: &'a str) -> Call<'a, Option<ChargedAttempt>> {
        async move {
            let charge = self.charge_of(intent).await?;
            Ok(charge.map(|charge| ChargedAttempt {
                order: charge.order,
                attempt: charge.attempt,
                charge: charge.ids,
            }))
        }
        .boxed()
    }

    fn reversals<'a>(&'a self, intent: &'a str) -> Call<'a, Reversals> {
        async move {
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
        .boxed()
    }
}
