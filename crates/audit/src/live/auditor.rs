//! Reads the fleet's data page by page and checks it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use bson::oid::ObjectId;
use futures::TryStreamExt;
use tokio::time::sleep;

use super::gathering::{Roots, gather};
use super::ids::{Ids, ORDERS, TICKETS};
use super::stream_index::StreamIndex;
use super::suspects::Suspects;
use super::tally::Tally;
use super::{Report, Settings};
use crate::access::{QUEUE_GROUPS, now, within_timeout};
use crate::invariants;
use crate::observer::RECOVERY;
use crate::snapshot::{Backlogs, Snapshot};
use crate::sources::Sources;
use crate::stripe::{Account, StripeReader};
use crate::violation::{Violation, bounded};

/// How many ids are read at once.
const PAGE: usize = 500;

/// The pause between two checks of what looked wrong.
const EVERY: Duration = Duration::from_secs(1);

/// How long findings that keep changing are checked.
const LONGEST: Duration = Duration::from_mins(1);

/// Checks pages of entities, and checks findings again until each is decided.
pub(super) struct Auditor {
    sources: Sources,
    stripe: Option<(StripeReader, Account)>,
    suspects: Suspects,
    tally: Tally,
}

impl Auditor {
    pub(super) async fn new(sources: Sources, settings: &Settings) -> Result<Self> {
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
    pub(super) async fn part(
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

    pub(super) async fn accounts(&mut self) -> Result<()> {
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
    pub(super) async fn consumers(
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

    pub(super) fn finish(self, settings: &Settings) -> Report {
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
