//! The stored documents.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, Document};
use tokio::time::Instant;

use super::Witness;
use super::filter::matches;

/// The documents of all collections.
#[derive(Default)]
pub(super) struct Data {
    /// The state of the primary.
    pub(super) tables: BTreeMap<String, Vec<Row>>,
    /// The state of a majority of the members.
    replicated: BTreeMap<String, Vec<Replicated>>,
    /// The writes that are not replicated yet, in order.
    log: VecDeque<Write>,
    pub(super) transactions: u64,
    pub(super) witness: Option<Witness>,
}

/// A document by its `_id`.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) id: Bson,
    /// `None` if the document was deleted, or exists only in an open transaction.
    pub(super) document: Option<Arc<Document>>,
    /// The number of the open transaction that wrote it.
    pub(super) held_by: Option<u64>,
}

/// A replicated document.
pub(super) struct Replicated {
    id: Bson,
    pub(super) document: Arc<Document>,
}

/// A write on the primary.
struct Write {
    table: String,
    id: Bson,
    document: Option<Arc<Document>>,
    /// When it is replicated.
    at: Instant,
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Data").finish_non_exhaustive()
    }
}

impl Data {
    /// The row of this `_id`.
    pub(super) fn row(&mut self, table: &str, id: &Bson) -> Option<&mut Row> {
        let rows = self.tables.get_mut(table)?;
        rows.iter_mut().find(|row| row.id == *id)
    }

    /// The first document that matches.
    pub(super) fn find(&self, table: &str, filter: &Document) -> Option<&Row> {
        let rows = self.tables.get(table)?;
        rows.iter().find(|row| {
            let document = row.document.as_deref();
            document.is_some_and(|document| matches(document, filter))
        })
    }

    /// When a write of now is replicated if that takes `lag`. No write overtakes an earlier one.
    pub(super) fn replicated_after(&self, lag: Duration) -> Instant {
        let at = Instant::now() + lag;
        self.log.back().map_or(at, |last| at.max(last.at))
    }

    /// The replicated documents.
    pub(super) fn replicated(&mut self, table: &str) -> &[Replicated] {
        let now = Instant::now();
        while let Some(write) = self.log.pop_front_if(|write| write.at <= now) {
            let rows = self.replicated.entry(write.table).or_default();
            let index = rows.iter().position(|row| row.id == write.id);
            match (index, write.document) {
                (Some(index), Some(document)) => rows[index].document = document,
                (None, Some(document)) => rows.push(Replicated {
                    id: write.id,
                    document,
                }),
                (Some(index), None) => drop(rows.remove(index)),
                (None, None) => {}
            }
        }
        self.replicated.get(table).map_or(&[], Vec::as_slice)
    }

    /// Writes a document and releases it. The write is replicated at the given time.
    pub(super) fn put(
        &mut self,
        table: &str,
        id: &Bson,
        document: Option<Arc<Document>>,
        at: Instant,
    ) {
        self.log.push_back(Write {
            table: table.to_owned(),
            id: id.clone(),
            document: document.clone(),
            at,
        });
        if self.row(table, id).is_none() {
            let row = Row {
                id: id.clone(),
                document: None,
                held_by: None,
            };
            self.tables.entry(table.to_owned()).or_default().push(row);
        }
        let row = self.row(table, id).expect("it exists or was just added");
        row.held_by = None;
        let before = std::mem::replace(&mut row.document, document);
        let after = row.document.clone();
        if let Some(witness) = self.witness.clone() {
            witness(table, before.as_deref(), after.as_deref());
        }
        if let Some(rows) = self.tables.get_mut(table) {
            rows.retain(|row| row.document.is_some() || row.held_by.is_some());
        }
    }
}
