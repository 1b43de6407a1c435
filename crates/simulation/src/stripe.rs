//! Stripe in memory: charges once for each idempotency key, and otherwise is as unreliable as a network.
//!
//! A request may fail before it is processed, lose its response, or arrive long after its sender gave up or died. A
//! response of 500 is stored under its key like any other, whether the work was done or not. Refunds in the dashboard
//! and disputes happen independently of the fleet.

mod books;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::Id;
use common::id::kind;
use futures::FutureExt;
use payments::domain::{Charge, Decline, Dispute, Reversals, Standing};
use payments::in_process::Payments;
use payments::stripe::{
    Call, ChargeRequest, Charged, Failed, RawStripe, Spending, Success, Withdrawal,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::sleep;
use web::ApiError;

use crate::world::Process;
use books::{Answer, Books, Purpose, Wish};

/// The card that is always declined.
const DECLINED: &str = "tok_chargeDeclined";

/// How many milliseconds late a request may arrive that its sender gave up: well after every lease and every sweep.
const LATEST: u64 = 20_000;

/// In percent of requests: each of the three failures of the network.
const MISFORTUNE: u64 = 6;

/// In percent of requests: a response of 500. In percent of those: the work is done nevertheless.
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
    /// What it pays.
    pub(crate) order: Id<kind::Order>,
    /// The number of the attempt.
    pub(crate) attempt: u32,
    /// The charged cents.
    pub(crate) cents: i64,
    /// The refunded cents.
    pub(crate) refunded: i64,
    /// The cents of a lost dispute.
    pub(crate) lost: i64,
    /// The state of its dispute.
    pub(crate) dispute: Option<Standing>,
    /// Stripe's names for it.
    pub(crate) names: Charge,
    /// Whether the fleet refunded it.
    by_us: bool,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SimulatedWebhook {
    /// A card was charged.
    Charged(SimulatedCharge),
    /// The charge of this payment intent was refunded or disputed.
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
                let names = charge.names.clone();
                payments.charged(charge.order, charge.attempt, names).await
            }
            Self::Reversed(intent) => payments.reversed(intent).await,
        }
    }
}

impl SimulatedCharge {
    /// The cents that are left of it.
    #[must_use]
    pub(crate) const fn kept(&self) -> i64 {
        self.cents - self.refunded - self.lost
    }
}

impl SimulatedStripe {
    /// An empty account, and its webhooks.
    #[must_use]
    pub(crate) fn new(process: Process) -> (Self, UnboundedReceiver<SimulatedWebhook>) {
        let (published, webhooks) = unbounded_channel();
        let books = Books {
            keys: BTreeMap::new(),
            charges: Vec::new(),
            published,
            late: 0,
        };
        let books = Arc::new(Mutex::new(books));
        (Self { books, process }, webhooks)
    }

    /// The same account for another process.
    #[must_use]
    pub(crate) fn reached_by(&self, process: Process) -> Self {
        Self {
            books: Arc::clone(&self.books),
            process,
        }
    }

    /// All charges.
    #[must_use]
    pub(crate) fn charges(&self) -> Vec<SimulatedCharge> {
        self.lock().charges.clone()
    }

    /// Whether no request is still in flight that its sender gave up.
    #[must_use]
    pub(crate) fn is_quiet(&self) -> bool {
        self.lock().late == 0
    }

    /// Refunds this many cents, or what is left, in the dashboard.
    pub(crate) fn refund_by_hand(&self, intent: &str, cents: i64) {
        self.lock().reverse(intent, |charge| {
            let refunded = match charge.dispute {
                Some(Standing::Open) => 0,
                _ => charge.kept().min(cents),
            };
            charge.refunded += refunded;
            refunded > 0
        });
    }

    /// The buyer's bank opens or decides a dispute.
    pub(crate) fn dispute(&self, intent: &str, standing: Standing) {
        self.lock().reverse(intent, |charge| {
            let is_next = match charge.dispute {
                None => standing == Standing::Open && charge.kept() > 0,
                Some(Standing::Open) => standing != Standing::Open,
                Some(Standing::Won | Standing::Lost) => false,
            };
            if is_next {
                charge.dispute = Some(standing);
                if standing == Standing::Lost {
                    charge.lost = charge.kept();
                }
            }
            is_next
        });
    }

    async fn charge_of(&self, intent: &str) -> Result<Option<SimulatedCharge>, Failed> {
        self.read().await?;
        let mut charges = self.charges().into_iter();
        Ok(charges.find(|charge| charge.names.intent == intent))
    }

    /// The network of a request that only reads.
    async fn read(&self) -> Result<(), Failed> {
        self.process.step().await;
        if self.process.world().percent(MISFORTUNE) {
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
        if world.percent(MISFORTUNE) {
            // The proxy before Stripe fails, which stores nothing.
            return Err(if purpose != Purpose::Refund && world.percent(50) {
                Failed::broken("answered 503")
            } else {
                Failed::unclear("no connection")
            });
        }
        if world.percent(MISFORTUNE) {
            let (stripe, late) = (self.clone(), world.below(LATEST));
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
        if world.percent(MISFORTUNE) {
            return Err(Failed::unclear("the connection broke"));
        }
        match answer {
            Answer::Broken => Err(Failed::broken("answered 500")),
            Answer::KeyTaken => Err(Failed::KeyTaken),
            Answer::Refused(code) => Err(Failed::Refused(Decline::new(code))),
            Answer::Disputed => Err(Failed::Refused(Decline::new("charge_disputed"))),
            answer => Ok(answer),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RawStripe for SimulatedStripe {
    fn confirm<'a>(&'a self, request: &'a ChargeRequest<'a>) -> Call<'a, Charged> {
        let wish = Wish {
            key: request.key(),
            order: request.order,
            attempt: request.attempt,
            cents: request.price.cents(),
            declined: request.card.0 == DECLINED,
        };
        async move {
            let charge = move |books: &mut Books| books.charge(&wish);
            match self.request(request.key(), Purpose::Charge, charge).await? {
                Answer::Charged(Ok(charge)) => Ok(Charged::Paid(charge)),
                Answer::Charged(Err(decline)) => Err(Failed::Refused(decline)),
                _ => Err(Failed::unclear("another answer")),
            }
        }
        .boxed()
    }

    fn spend_key<'a>(&'a self, request: &'a ChargeRequest<'a>, spending: Spending) -> Call<'a, ()> {
        async move {
            let (key, cents) = (request.key(), request.price.cents());
            let purpose = Purpose::Nothing(spending);
            let spend = move |books: &mut Books| books.spend(&key, purpose, cents);
            self.request(request.key(), purpose, spend).await?;
            Ok(())
        }
        .boxed()
    }

    fn look_up<'a>(&'a self, request: &'a ChargeRequest<'a>) -> Call<'a, Option<Withdrawal>> {
        async move {
            self.read().await?;
            let mut charges = self.charges().into_iter();
            let charge = charges
                .find(|charge| charge.order == request.order && charge.attempt == request.attempt);
            Ok(charge.map(|charge| Withdrawal::TooLate(Charged::Paid(charge.names))))
        }
        .boxed()
    }

    fn refund<'a>(&'a self, key: &'a str, charge: &'a Charge) -> Call<'a, String> {
        async move {
            let (own, charge) = (key.to_owned(), charge.clone());
            let refund = move |books: &mut Books| books.give_back(&own, &charge);
            let key = key.to_owned();
            match self.request(key, Purpose::Refund, refund).await? {
                Answer::Refunded(id) => Ok(id),
                _ => Err(Failed::unclear("another answer")),
            }
        }
        .boxed()
    }

    fn success<'a>(&'a self, intent: &'a str) -> Call<'a, Option<Success>> {
        async move {
            let charge = self.charge_of(intent).await?;
            Ok(charge.map(|charge| Success {
                order: charge.order,
                attempt: charge.attempt,
                charge: charge.names,
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
                refund: (charge.refunded > 0).then(|| format!("re_{}", charge.names.id)),
                lost: charge.lost,
                dispute: charge.dispute.map(|standing| Dispute {
                    id: format!("dp_{}", charge.names.id),
                    standing,
                }),
            })
        }
        .boxed()
    }
}
