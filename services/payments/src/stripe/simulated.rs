//! Stripe as the simulation has it: charges once for each idempotency key, and otherwise as unreliable as a network.
//!
//! A request may fail before it is worked on, lose its answer after, or arrive long after its sender gave it up or died.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::Id;
use common::id::kind;
use service::simulation::Process;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use super::charge::{ChargeRequest, Charged};
use super::failure::Failed;
use crate::domain::{Charge, Decline};

/// The card that is always declined.
const DECLINED: &str = "tok_chargeDeclined";

/// How late a request may arrive that its sender gave up: well after every lease and every sweep.
const LATEST: u64 = 20_000;

/// How often in a hundred a request meets each of the three misfortunes.
const MISFORTUNE: u64 = 6;

/// Stripe, as one process reaches it.
#[derive(Clone)]
pub struct SimulatedStripe {
    books: Arc<Mutex<Books>>,
    process: Process,
}

struct Books {
    keys: BTreeMap<String, Used>,
    charges: Vec<SimulatedCharge>,
    told: UnboundedSender<SimulatedCharge>,
    /// How many requests are still on their way whose senders gave them up.
    late: usize,
}

/// What an idempotency key was used for, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Used {
    Charge(Result<Charge, Decline>),
    Nothing,
    Refund(String),
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
    /// Stripe's names for it.
    pub names: Charge,
}

impl fmt::Debug for SimulatedStripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedStripe").finish_non_exhaustive()
    }
}

impl SimulatedStripe {
    /// An empty account, and word of its charges as they happen.
    #[must_use]
    pub fn new(process: Process) -> (Self, UnboundedReceiver<SimulatedCharge>) {
        let (told, charges) = unbounded_channel();
        let books = Books {
            keys: BTreeMap::new(),
            charges: Vec::new(),
            told,
            late: 0,
        };
        let books = Arc::new(Mutex::new(books));
        (Self { books, process }, charges)
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

    pub(super) async fn confirm(&self, request: &ChargeRequest<'_>) -> Result<Charged, Failed> {
        let charge = Wish {
            key: request.key(),
            order: request.order,
            attempt: request.attempt,
            cents: request.price.cents(),
            declined: request.card.0 == DECLINED,
        };
        match self.request(move |books| books.charge(&charge)).await? {
            Used::Charge(Ok(charge)) => Ok(Charged::Paid(charge)),
            Used::Charge(Err(decline)) => Err(Failed::Refused(decline)),
            Used::Nothing | Used::Refund(_) => Err(Failed::KeyTaken),
        }
    }

    pub(super) async fn spend_key(&self, request: &ChargeRequest<'_>) -> Result<(), Failed> {
        let key = request.key();
        let spend = move |books: &mut Books| books.used(&key, |_| Used::Nothing);
        match self.request(spend).await? {
            Used::Nothing => Ok(()),
            _ => Err(Failed::KeyTaken),
        }
    }

    pub(super) async fn refund(&self, key: &str, charge: &Charge) -> Result<String, Failed> {
        let (key, charge) = (key.to_owned(), charge.clone());
        let refund = move |books: &mut Books| books.used(&key, |books| books.give_back(&charge));
        match self.request(refund).await? {
            Used::Refund(id) => Ok(id),
            _ => Err(Failed::KeyTaken),
        }
    }

    async fn request(
        &self,
        work: impl FnOnce(&mut Books) -> Used + Send + 'static,
    ) -> Result<Used, Failed> {
        self.process.step().await;
        let world = self.process.world();
        if world.percent(MISFORTUNE) {
            return Err(Failed::unclear("answered 500"));
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
        let answer = work(&mut self.lock());
        self.process.step().await;
        if world.percent(MISFORTUNE) {
            return Err(Failed::unclear("the connection broke"));
        }
        Ok(answer)
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Wish {
    key: String,
    order: Id<kind::Order>,
    attempt: u32,
    cents: i64,
    declined: bool,
}

impl Books {
    /// What the key was used for; if for nothing yet, then for this.
    fn used(&mut self, key: &str, work: impl FnOnce(&mut Self) -> Used) -> Used {
        if let Some(used) = self.keys.get(key) {
            return used.clone();
        }
        let used = work(self);
        self.keys.insert(key.to_owned(), used.clone());
        used
    }

    fn charge(&mut self, wish: &Wish) -> Used {
        self.used(&wish.key, |books| {
            if wish.declined {
                return Used::Charge(Err(Decline {
                    code: "generic_decline".to_owned(),
                    message: "Your card was declined.".to_owned(),
                }));
            }
            let number = books.charges.len() + 1;
            let charge = SimulatedCharge {
                order: wish.order,
                attempt: wish.attempt,
                cents: wish.cents,
                refunded: 0,
                names: Charge {
                    intent: format!("pi_{number}"),
                    id: format!("ch_{number}"),
                },
            };
            books.charges.push(charge.clone());
            // Nobody listens any more when the schedule is over.
            let _ = books.told.send(charge.clone());
            Used::Charge(Ok(charge.names))
        })
    }

    fn give_back(&mut self, charge: &Charge) -> Used {
        let charged = (self.charges.iter_mut())
            .find(|charged| charged.names == *charge)
            .expect("only what was charged is given back");
        charged.refunded += charged.cents;
        Used::Refund(format!("re_{}", charge.id))
    }
}
