//! Stripe as the simulation has it: charges once for each idempotency key, and otherwise as unreliable as a network.
//!
//! A request may fail before it is worked on, lose its answer after, or arrive long after its sender gave it up or died.
//! An answer of 500 is stored under its key like any other, whether or not the work was done. Money also goes back
//! without the fleet's asking: people make refunds in the dashboard, and banks open disputes.

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

use super::charge::{ChargeRequest, Charged, Spending, Withdrawal};
use super::failure::Failed;
use super::reversal::Success;
use crate::domain::{Charge, Decline, Dispute, Reversals, Standing};
use books::{Answer, Books, Purpose, Wish};

/// The card that is always declined.
const DECLINED: &str = "tok_chargeDeclined";

/// How late a request may arrive that its sender gave up: well after every lease and every sweep.
const LATEST: u64 = 20_000;

/// How often in a hundred a request meets each of the three misfortunes.
const MISFORTUNE: u64 = 6;

/// How often in a hundred a request is answered with 500, and how often its work is done all the same.
const BROKEN: u64 = 3;
const BROKEN_AFTER: u64 = 50;

/// Stripe, as one process reaches it.
#[derive(Clone)]
pub struct SimulatedStripe {
    books: Arc<Mutex<Books>>,
    process: Process,
}

/// A card that was charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedCharge {
    /// What for.
    pub order: Id<kind::Order>,
    /// The number of the attempt.
    pub attempt: u32,
    /// How much, in cents.
    pub cents: i64,
    /// How much of it was given back, in cents.
    pub refunded: i64,
    /// How much of it a bank took back for good, in cents.
    pub lost: i64,
    /// Where the dispute about it stands, if there is one.
    pub dispute: Option<Standing>,
    /// Stripe's names for it.
    pub names: Charge,
    /// Whether the fleet gave it back.
    by_us: bool,
}

/// What Stripe tells by webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SimulatedWebhook {
    /// A card was charged.
    Charged(SimulatedCharge),
    /// Something happened to this intent's charge afterwards.
    Reversed(String),
}

impl fmt::Debug for SimulatedStripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedStripe").finish_non_exhaustive()
    }
}

impl SimulatedCharge {
    /// What is left of it, in cents.
    #[must_use]
    pub const fn kept(&self) -> i64 {
        self.cents - self.refunded - self.lost
    }
}

impl SimulatedStripe {
    /// An empty account, and its webhooks.
    #[must_use]
    pub fn new(process: Process) -> (Self, UnboundedReceiver<SimulatedWebhook>) {
        let (told, webhooks) = unbounded_channel();
        let books = Books {
            keys: BTreeMap::new(),
            charges: Vec::new(),
            told,
            late: 0,
        };
        let books = Arc::new(Mutex::new(books));
        (Self { books, process }, webhooks)
    }

    /// The same account, as another process reaches it.
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

    /// Whether no request is on its way that its sender gave up.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.lock().late == 0
    }

    /// Somebody gives so many cents back in the dashboard, or what is left if that is less.
    pub fn refund_by_hand(&self, intent: &str, cents: i64) {
        self.lock().reverse(intent, |charge| {
            let refunded = match charge.dispute {
                Some(Standing::Open) => 0,
                _ => charge.kept().min(cents),
            };
            charge.refunded += refunded;
            refunded > 0
        });
    }

    /// The buyer's bank opens a dispute, or decides it.
    pub fn dispute(&self, intent: &str, standing: Standing) {
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

    pub(super) async fn confirm(&self, request: &ChargeRequest<'_>) -> Result<Charged, Failed> {
        let wish = Wish {
            key: request.key(),
            order: request.order,
            attempt: request.attempt,
            cents: request.price.cents(),
            declined: request.card.0 == DECLINED,
        };
        let charge = move |books: &mut Books| books.charge(&wish);
        match self.request(request.key(), Purpose::Charge, charge).await? {
            Answer::Charged(Ok(charge)) => Ok(Charged::Paid(charge)),
            Answer::Charged(Err(decline)) => Err(Failed::Refused(decline)),
            _ => Err(Failed::unclear("another answer")),
        }
    }

    pub(super) async fn spend_key(
        &self,
        request: &ChargeRequest<'_>,
        spending: Spending,
    ) -> Result<(), Failed> {
        let (key, cents) = (request.key(), request.price.cents());
        let purpose = Purpose::Nothing(spending);
        let spend = move |books: &mut Books| books.spend(&key, purpose, cents);
        self.request(request.key(), purpose, spend).await?;
        Ok(())
    }

    pub(super) async fn refund(&self, key: &str, charge: &Charge) -> Result<String, Failed> {
        let (own, charge) = (key.to_owned(), charge.clone());
        let refund = move |books: &mut Books| books.give_back(&own, &charge);
        match self
            .request(key.to_owned(), Purpose::Refund, refund)
            .await?
        {
            Answer::Refunded(id) => Ok(id),
            _ => Err(Failed::unclear("another answer")),
        }
    }

    /// How the attempt ended, if it came to an intent.
    pub(super) async fn look_up(
        &self,
        request: &ChargeRequest<'_>,
    ) -> Result<Option<Withdrawal>, Failed> {
        self.read().await?;
        let charges = self.charges();
        let mut of_attempt = charges
            .into_iter()
            .filter(|charge| charge.order == request.order && charge.attempt == request.attempt);
        let charge = of_attempt.next();
        Ok(charge.map(|charge| Withdrawal::TooLate(Charged::Paid(charge.names))))
    }

    pub(super) async fn success(&self, intent: &str) -> Result<Option<Success>, Failed> {
        let charge = self.charge_of(intent).await?;
        Ok(charge.map(|charge| Success {
            order: charge.order,
            attempt: charge.attempt,
            charge: charge.names,
        }))
    }

    pub(super) async fn reversals(&self, intent: &str) -> Result<Reversals, Failed> {
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

    async fn charge_of(&self, intent: &str) -> Result<Option<SimulatedCharge>, Failed> {
        self.read().await?;
        let mut charges = self.charges().into_iter();
        Ok(charges.find(|charge| charge.names.intent == intent))
    }

    /// A request that changes nothing.
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
            // In front of Stripe, which stores nothing.
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
