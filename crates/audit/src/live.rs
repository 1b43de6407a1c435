//! The audit of a fleet at work: read-only, page by page, in a bounded amount of memory.
//!
//! Every ticket and every order is read by its id, with all that belongs to it, and judged by the same functions as the
//! end of a chaos run. What is not right may be under way: events travel, payments are asked for. So it is looked at
//! again every second, until it comes right, or has been wrong in the same way for as long as nothing under way may be
//! (ten seconds, and twenty-four where money is concerned). What keeps changing until the end is said to be undecided.
//!
//! What is kept in memory: a page of documents, a slice of the stream (200,000 events; a longer stream is read once for
//! each slice), Stripe's charges if it is asked, and at most 5,000 findings. What is beyond is refused, or said.

mod book;
mod gathering;
mod ids;
mod suspects;
mod tally;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bson::oid::ObjectId;
use futures::TryStreamExt;
use tokio::time::sleep;

use super::access::{Access, QUEUE_GROUPS, answered, now};
use super::invariants;
use super::sightings::RECOVERY;
use super::snapshot::{Backlogs, Reach, Slice, Snapshot};
use super::sources::Sources;
use super::stripe::{Account, StripeAccess, StripeReader};
use super::violation::{Invariant, Violation, bounded};
use book::Book;
pub use book::MOST_EVENTS;
use gathering::{Roots, gather};
use ids::{Ids, ORDERS, TICKETS};
use suspects::Suspects;
use tally::Tally;

/// How many ids are looked at together.
const PAGE: usize = 500;

/// How often what is not right is looked at again.
const EVERY: Duration = Duration::from_secs(1);

/// How long what keeps changing is looked at.
const LONGEST: Duration = Duration::from_mins(1);

/// What to look at beside the databases and the broker's consumers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom to ask for the money; without, it is judged by what payments recorded.
    pub stripe: Option<StripeAccess>,
    /// Whether to read the stream of events.
    pub stream: bool,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Report {
    /// What does not hold; nothing, one hopes. At most twenty of an invariant, and how many more there are.
    pub violations: Vec<Violation>,
    /// What was never right and never the same for long enough to be sure.
    pub undecided: Vec<Violation>,
    /// How much was under way and came right.
    pub settled: usize,
    /// Whether there was more to find than is looked at.
    pub crowded: bool,
    /// What was looked at, in figures.
    pub checked: Vec<(Invariant, String)>,
    /// How long it took.
    pub took: Duration,
}

/// Looks at everything, and says what does not hold. An error means that something could not be read.
pub async fn audit(access: &Access, settings: &Settings, say: &dyn Fn(&str)) -> Result<Report> {
    let began = Instant::now();
    let sources = Sources::connect(access).await?;
    let backlogs = sources.broker().backlogs().await?;
    let mut audit = Audit::new(sources, settings).await?;
    let extent = audit.sources.broker().extent().await?;
    let slices = match (settings.stream, book::slices(extent.events)) {
        (false, _) => 1,
        (true, Some(slices)) => slices,
        (true, None) => bail!(
            "the stream has {} events and an audit reads at most {MOST_EVENTS}; leave the stream out (--no-stream)",
            extent.events
        ),
    };
    for index in 0..slices {
        let slice = Slice { index, of: slices };
        let book = if settings.stream {
            say(&format!("reading the stream ({} of {slices})", index + 1));
            Book::read(audit.sources.broker(), extent, slice).await?
        } else {
            Book::empty(slice, Reach::Since(now()))
        };
        audit.part(book, settings.stream, say).await?;
    }
    audit.accounts().await?;
    audit.consumers(&backlogs, began, say).await?;
    let mut report = audit.finish(settings);
    report.took = began.elapsed();
    Ok(report)
}

struct Audit {
    sources: Sources,
    stripe: Option<(StripeReader, Account)>,
    suspects: Suspects,
    tally: Tally,
}

impl Audit {
    async fn new(sources: Sources, settings: &Settings) -> Result<Self> {
        let stripe = match &settings.stripe {
            None => None,
            Some(access) => {
                let reader = StripeReader::new(access)?;
                let mut account = Account::default();
                account.catch_up(&reader).await?;
                Some((reader, account))
            }
        };
        Ok(Self {
            sources,
            stripe,
            suspects: Suspects::default(),
            tally: Tally::default(),
        })
    }

    /// Everything, as far as this book tells of it.
    async fn part(&mut self, mut book: Book, reads: bool, say: &dyn Fn(&str)) -> Result<()> {
        for (collections, what) in [(TICKETS, "tickets"), (ORDERS, "orders")] {
            let besides = match &self.stripe {
                Some((_, account)) if what == "orders" => account.orders().collect(),
                _ => BTreeSet::new(),
            };
            let mut ids = Ids::new(collections, besides, PAGE);
            let mut seen = 0;
            while let Some(page) = ids.next(self.sources.databases()).await? {
                seen += page.len();
                self.page(&mut book, page, what).await?;
                say(&format!("{what}: {seen}"));
            }
        }
        if reads {
            for strays in book.strays().chunks(PAGE) {
                let mut roots = Roots::default();
                for id in strays {
                    roots.extend(&book.roots(*id));
                }
                let snapshot = self.gather(&roots).await?;
                self.suspect(&mut book, &snapshot, &roots);
            }
            self.tally.events += book.events;
            self.tally.unreadable += book.unreadable;
        }
        self.settle(&mut book, reads, say).await
    }

    async fn page(
        &mut self,
        book: &mut Book,
        mut page: BTreeSet<ObjectId>,
        what: &str,
    ) -> Result<()> {
        let first = book.slice().index == 0;
        if !first {
            // Only what the stream says of them is new.
            page.retain(|id| book.slice().holds(*id));
        }
        let mut roots = Roots::default();
        if what == "tickets" {
            roots.tickets = page;
        } else {
            roots.orders = page;
        }
        let snapshot = self.gather(&roots).await?;
        if first {
            self.tally.add(&snapshot, &roots);
        }
        self.suspect(book, &snapshot, &roots);
        Ok(())
    }

    fn suspect(&mut self, book: &mut Book, snapshot: &Snapshot, roots: &Roots) {
        for (violation, roots) in found(book, snapshot, roots) {
            self.suspects.suspect(violation, roots, snapshot.taken_at);
        }
    }

    async fn gather(&self, roots: &Roots) -> Result<Snapshot> {
        let account = self.stripe.as_ref().map(|(_, account)| account);
        gather(&self.sources, account, roots).await
    }

    /// Looks again at what was not right.
    async fn settle(&mut self, book: &mut Book, reads: bool, say: &dyn Fn(&str)) -> Result<()> {
        let began = Instant::now();
        while !self.suspects.is_empty() && began.elapsed() < LONGEST {
            say("looking again at what was not right");
            sleep(EVERY).await;
            let at = now();
            let roots = self.suspects.roots(PAGE);
            if reads {
                book.catch_up(self.sources.broker()).await?;
            }
            self.ask_stripe_again(&roots).await?;
            let mut again = Vec::new();
            for roots in roots {
                let snapshot = self.gather(&roots).await?;
                again.extend(found(book, &snapshot, &roots));
            }
            self.suspects.look(again, at);
        }
        Ok(())
    }

    async fn ask_stripe_again(&mut self, roots: &[Roots]) -> Result<()> {
        if !self.suspects.are_of_money() {
            return Ok(());
        }
        let mut intents = BTreeSet::new();
        for roots in roots {
            let snapshot = self.gather(roots).await?;
            let payments = snapshot.databases.payments.values();
            let charges = payments.filter_map(|payment| payment.status.charge());
            intents.extend(charges.map(|(intent, _)| intent.to_owned()));
        }
        if let Some((reader, account)) = &mut self.stripe {
            account.catch_up(reader).await?;
            // Large, and seldom needed.
            Box::pin(account.look_again(reader, &intents)).await?;
        }
        Ok(())
    }

    async fn accounts(&mut self) -> Result<()> {
        let mut users = self.sources.databases().users_by_address().await?;
        let mut before: Option<(String, ObjectId)> = None;
        while let Some(user) = answered("auth.users", users.try_next()).await? {
            self.tally.accounts += 1;
            if let Some((email, other)) = &before
                && *email == user.email
            {
                let shared = invariants::shared_address(email, *other, user.id);
                self.suspects.violations.push(shared);
            }
            before = Some((user.email, user.id));
        }
        Ok(())
    }

    /// Dead letters are there until somebody sees to them. Whoever has something to do and does none of it for as long
    /// as recovery may take is behind.
    async fn consumers(
        &mut self,
        before: &Backlogs,
        began: Instant,
        say: &dyn Fn(&str),
    ) -> Result<()> {
        self.tally.consumers = QUEUE_GROUPS.len();
        let letters = self.sources.broker().dead_letters().await?;
        self.tally.letters = letters.len();
        let given_up = invariants::of_consumers(&Backlogs::new(), &letters);
        self.suspects.violations.extend(given_up);
        loop {
            let mut stuck = self.sources.broker().backlogs().await?;
            stuck.retain(|group, now| match (now, before.get(group)) {
                (Some(now), Some(Some(before))) => {
                    now.done == before.done && before.waiting + before.unacknowledged as u64 > 0
                }
                _ => true,
            });
            let behind = invariants::of_consumers(&stuck, &[]);
            if behind.is_empty() {
                return Ok(());
            }
            if began.elapsed() > RECOVERY {
                self.suspects.violations.extend(behind);
                return Ok(());
            }
            say("waiting whether consumers go on");
            sleep(EVERY).await;
        }
    }

    fn finish(self, settings: &Settings) -> Report {
        let strange = self.stripe.map(|(_, account)| account.strange);
        let checked = self.tally.words(strange, settings.stream);
        let outcome = self.suspects.finish();
        Report {
            violations: bounded(outcome.violations),
            undecided: bounded(outcome.undecided),
            settled: outcome.settled,
            crowded: outcome.crowded,
            checked,
            took: Duration::ZERO,
        }
    }
}

/// What is not right, each with where to look whether it lasts.
fn found(book: &mut Book, snapshot: &Snapshot, roots: &Roots) -> Vec<(Violation, Roots)> {
    let mut violations = invariants::of_entities(snapshot);
    let stream = book.about(snapshot, roots);
    violations.extend(invariants::of_stream(snapshot, &stream));
    let again = |violation: Violation| {
        let roots = Roots::of(&violation, snapshot, book);
        (violation, roots)
    };
    violations.into_iter().map(again).collect()
}
