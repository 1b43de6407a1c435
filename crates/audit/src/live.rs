//! Audits a fleet at work: read-only, page by page, with bounded memory.
//!
//! Every ticket and every order is read by its id, with everything that belongs to it, and checked by the same functions
//! as the end of a chaos run. What looks wrong may only be in transit: an event is on its way, or Stripe has not
//! answered. So it is checked again every second. It is a violation if it stays the same for longer than anything may
//! be in transit (ten seconds, and twenty-four for money), and undecided if it keeps changing until the end.
//!
//! Memory holds a page of documents, a slice of the stream (200,000 events; a longer stream is read once per slice),
//! Stripe's charges if Stripe is read, and at most 5,000 findings. The audit refuses or reports what exceeds this.

mod gathering;
mod ids;
mod stream_index;
mod suspects;
mod tally;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bson::oid::ObjectId;
use futures::TryStreamExt;
use tokio::time::sleep;

use super::access::{Access, QUEUE_GROUPS, now, within_timeout};
use super::invariants;
use super::observer::RECOVERY;
use super::snapshot::{Backlogs, Coverage, Slice, Snapshot};
use super::sources::Sources;
use super::stripe::{Account, StripeAccess, StripeReader};
use super::violation::{Invariant, Violation, bounded};
use gathering::{Roots, gather};
use ids::{Ids, ORDERS, TICKETS};
pub use stream_index::MOST_EVENTS;
use stream_index::StreamIndex;
use suspects::Suspects;
use tally::Tally;

/// How many ids are read at once.
const PAGE: usize = 500;

/// The pause between two checks of what looked wrong.
const EVERY: Duration = Duration::from_secs(1);

/// How long findings that keep changing are checked.
const LONGEST: Duration = Duration::from_mins(1);

/// What to read besides the databases and the broker's consumers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account at Stripe; without it money is checked against what payments recorded.
    pub stripe: Option<StripeAccess>,
    /// Whether to read the stream of events.
    pub stream: bool,
}

/// The result of an audit.
#[derive(Debug, Clone)]
pub struct Report {
    /// The violations: at most twenty of each invariant, and the number of further ones.
    pub violations: Vec<Violation>,
    /// What looked wrong until the end and kept changing.
    pub undecided: Vec<Violation>,
    /// The number of findings that were in transit and are gone.
    pub settled: usize,
    /// Whether there were more findings than the limit.
    pub crowded: bool,
    /// The size of what was checked, by invariant.
    pub checked: Vec<(Invariant, String)>,
    /// How long it took.
    pub took: Duration,
}

/// Checks everything. `progress` receives a line for each step. An error means that something could not be read.
pub async fn audit(
    access: &Access,
    settings: &Settings,
    progress: &dyn Fn(&str),
) -> Result<Report> {
    let began = Instant::now();
    let sources = Sources::connect(access).await?;
    let backlogs = sources.broker().backlogs().await?;
    let mut audit = Audit::new(sources, settings).await?;
    let extent = audit.sources.broker().extent().await?;
    let slices = match (settings.stream, stream_index::slices(extent.events)) {
        (false, _) => 1,
        (true, Some(slices)) => slices,
        (true, None) => bail!(
            "the stream has {} events and an audit reads at most {MOST_EVENTS}; leave the stream out (--no-stream)",
            extent.events
        ),
    };
    for index in 0..slices {
        let slice = Slice { index, of: slices };
        let stream_index = if settings.stream {
            progress(&format!("reading the stream ({} of {slices})", index + 1));
            StreamIndex::read(audit.sources.broker(), extent, slice).await?
        } else {
            StreamIndex::empty(slice, Coverage::Since(now()))
        };
        audit.part(stream_index, settings.stream, progress).await?;
    }
    audit.accounts().await?;
    audit.consumers(&backlogs, began, progress).await?;
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

    /// Checks everything with this part of the stream.
    async fn part(
        &mut self,
        mut stream_index: StreamIndex,
        reads: bool,
        progress: &dyn Fn(&str),
    ) -> Result<()> {
        for (collections, what) in [(TICKETS, "tickets"), (ORDERS, "orders")] {
            let further = match &self.stripe {
                Some((_, account)) if what == "orders" => account.orders().collect(),
                _ => BTreeSet::new(),
            };
            let mut ids = Ids::new(collections, further, PAGE);
            let mut seen = 0;
            while let Some(page) = ids.next(self.sources.databases()).await? {
                seen += page.len();
                self.page(&mut stream_index, page, what).await?;
                progress(&format!("{what}: {seen}"));
            }
        }
        if reads {
            for strays in stream_index.take_unread().chunks(PAGE) {
                let mut roots = Roots::default();
                for id in strays {
                    roots.extend(&stream_index.roots(*id));
                }
                let snapshot = self.gather(&roots).await?;
                self.check(&mut stream_index, &snapshot, &roots);
            }
            self.tally.events += stream_index.events;
            self.tally.unreadable += stream_index.unreadable;
        }
        self.settle(&mut stream_index, reads, progress).await
    }

    async fn page(
        &mut self,
        stream_index: &mut StreamIndex,
        mut page: BTreeSet<ObjectId>,
        what: &str,
    ) -> Result<()> {
        let first = stream_index.slice().index == 0;
        if !first {
            // Everything else was checked with the first slice.
            page.retain(|id| stream_index.slice().holds(*id));
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
        self.check(stream_index, &snapshot, &roots);
        Ok(())
    }

    fn check(&mut self, stream_index: &mut StreamIndex, snapshot: &Snapshot, roots: &Roots) {
        for (violation, roots) in find(stream_index, snapshot, roots) {
            self.suspects.add(violation, roots, snapshot.taken_at);
        }
    }

    async fn gather(&self, roots: &Roots) -> Result<Snapshot> {
        let account = self.stripe.as_ref().map(|(_, account)| account);
        gather(&self.sources, account, roots).await
    }

    /// Checks findings again until each is decided.
    async fn settle(
        &mut self,
        stream_index: &mut StreamIndex,
        reads: bool,
        progress: &dyn Fn(&str),
    ) -> Result<()> {
        let began = Instant::now();
        while !self.suspects.is_empty() && began.elapsed() < LONGEST {
            progress("checking findings again");
            sleep(EVERY).await;
            let at = now();
            let roots = self.suspects.roots(PAGE);
            if reads {
                stream_index.catch_up(self.sources.broker()).await?;
            }
            self.refresh_stripe(&roots).await?;
            let mut again = Vec::new();
            for roots in roots {
                let snapshot = self.gather(&roots).await?;
                again.extend(find(stream_index, &snapshot, &roots));
            }
            self.suspects.recheck(again, at);
        }
        Ok(())
    }

    async fn refresh_stripe(&mut self, roots: &[Roots]) -> Result<()> {
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
            // The future is large and seldom needed.
            Box::pin(account.refresh(reader, &intents)).await?;
        }
        Ok(())
    }

    async fn accounts(&mut self) -> Result<()> {
        let mut users = self.sources.databases().users_by_address().await?;
        let mut before: Option<(String, ObjectId)> = None;
        while let Some(user) = within_timeout("auth.users", users.try_next()).await? {
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

    /// Dead letters stay until an operator handles them. A consumer with a backlog that handles nothing for as long as
    /// recovery may take is behind.
    async fn consumers(
        &mut self,
        before: &Backlogs,
        began: Instant,
        progress: &dyn Fn(&str),
    ) -> Result<()> {
        self.tally.consumers = QUEUE_GROUPS.len();
        let dead_letters = self.sources.broker().dead_letters().await?;
        self.tally.dead_letters = dead_letters.len();
        let given_up = invariants::of_consumers(&Backlogs::new(), &dead_letters);
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
            progress("waiting for consumers");
            sleep(EVERY).await;
        }
    }

    fn finish(self, settings: &Settings) -> Report {
        let foreign = self.stripe.map(|(_, account)| account.foreign);
        let checked = self.tally.summary(foreign, settings.stream);
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

/// The violations, each with what to read again to see whether it lasts.
fn find(
    stream_index: &mut StreamIndex,
    snapshot: &Snapshot,
    roots: &Roots,
) -> Vec<(Violation, Roots)> {
    let mut violations = invariants::of_entities(snapshot);
    let stream = stream_index.events_of(snapshot, roots);
    violations.extend(invariants::of_stream(snapshot, &stream));
    let again = |violation: Violation| {
        let roots = Roots::of(&violation, snapshot, stream_index);
        (violation, roots)
    };
    violations.into_iter().map(again).collect()
}
