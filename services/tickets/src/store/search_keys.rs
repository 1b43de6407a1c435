//! Corrects the search keys of tickets that earlier releases wrote, in the background after the start of a process.
//!
//! Every process checks all tickets for sale, because an earlier release may have written some of them since the last
//! check, during a deployment or after a rollback. Other tickets are in no list; the write that puts them back on sale
//! also writes their keys.

use std::time::Duration;

use base::backoff::Backoff;
use bson::doc;
use bson::oid::ObjectId;
use common::search_key::search_key;
use mongo::{Find, StoreError};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::TicketStore;

/// How many tickets are read in one query.
const BATCH: u16 = 500;

#[derive(Debug, Serialize, Deserialize)]
struct Searchable {
    #[serde(rename = "_id")]
    id: ObjectId,
    title: String,
    search_key: Option<String>,
}

impl TicketStore {
    /// Corrects the search keys of all tickets for sale, or returns at `stop`.
    pub(crate) async fn correct_search_keys(self, stop: CancellationToken) {
        let all = async {
            let mut delays = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
            let (mut after, mut corrected) = (None, 0_u64);
            loop {
                match self.correct_batch(after, &mut corrected).await {
                    Ok(None) => break,
                    Ok(last) => {
                        after = last;
                        delays.reset();
                    }
                    Err(error) => {
                        tracing::warn!(%error, "search keys not corrected, will retry");
                        sleep(delays.next_delay()).await;
                    }
                }
            }
            if corrected > 0 {
                tracing::info!(count = corrected, "search keys corrected");
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = all => {}
        }
    }

    /// Corrects the keys of the next tickets older than `after`. Returns the last of them, or `None` if there are no
    /// more.
    async fn correct_batch(
        &self,
        after: Option<ObjectId>,
        corrected: &mut u64,
    ) -> Result<Option<ObjectId>, StoreError> {
        let mut filter = doc! { "order_id": null };
        if let Some(after) = after {
            filter.insert("_id", doc! { "$lt": after });
        }
        let batch = Find::matching(filter)
            .sort(doc! { "_id": -1 })
            .limit(BATCH.into())
            .project(doc! { "title": 1, "search_key": 1 });
        let tickets = self.tickets.documents().with_type::<Searchable>();
        let found = tickets.find(batch).await?;
        for ticket in &found {
            let key = search_key(&ticket.title);
            if ticket.search_key.as_ref() != Some(&key) {
                // Skips a title that changed meanwhile, since that change wrote its key too.
                let unchanged = doc! { "_id": ticket.id, "title": &ticket.title };
                let update = doc! { "$set": { "search_key": key } };
                let written = tickets.find_one_and_update(unchanged, update).await?;
                *corrected += u64::from(written.is_some());
            }
        }
        Ok(found.last().map(|ticket| ticket.id))
    }
}
