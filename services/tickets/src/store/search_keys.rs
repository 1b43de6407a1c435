//! Search keys of tickets that earlier releases wrote: added in the background, as soon as a process starts.
//!
//! Every process looks through all that is for sale, because an earlier release may have written some of it since the last
//! one did, during a deployment or after a rollback. What is not for sale is in no list, and gets its key with the write
//! that puts it back.

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

/// How many tickets are read at once.
const BATCH: u16 = 500;

#[derive(Debug, Serialize, Deserialize)]
struct Searchable {
    #[serde(rename = "_id")]
    id: ObjectId,
    title: String,
    search_key: Option<String>,
}

impl TicketStore {
    /// Corrects the search keys of all that is for sale, or ends at `stop`.
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
                        tracing::warn!(%error, "search keys not corrected, trying again");
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

    /// Corrects the keys of the next tickets behind this one, newest first; returns the last of them, or `None` if there
    /// are no more.
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
                // Not if the title was changed meanwhile, which wrote its key too.
                let unchanged = doc! { "_id": ticket.id, "title": &ticket.title };
                let update = doc! { "$set": { "search_key": key } };
                let written = tickets.find_one_and_update(unchanged, update).await?;
                *corrected += u64::from(written.is_some());
            }
        }
        Ok(found.last().map(|ticket| ticket.id))
    }
}
