//! What is stored.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bson::{Bson, Document};

use super::Witness;
use super::filter::matches;

/// The documents of all collections.
#[derive(Default)]
pub(super) struct Data {
    pub(super) tables: BTreeMap<String, Vec<Row>>,
    pub(super) transactions: u64,
    pub(super) witness: Option<Witness>,
}

/// One of them, by its `_id`.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) id: Bson,
    /// None while the row exists only in an open transaction, or not any more.
    pub(super) document: Option<Arc<Document>>,
    /// The open transaction that wrote it.
    pub(super) held_by: Option<u64>,
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

    /// The first document that matches, with what holds it.
    pub(super) fn find(&self, table: &str, filter: &Document) -> Option<&Row> {
        let rows = self.tables.get(table)?;
        rows.iter().find(|row| {
            let document = row.document.as_deref();
            document.is_some_and(|document| matches(document, filter))
        })
    }

    /// What becomes of a row, which nobody holds then.
    pub(super) fn put(&mut self, table: &str, id: &Bson, document: Option<Arc<Document>>) {
        if self.row(table, id).is_none() {
            let row = Row {
                id: id.clone(),
                document: None,
                held_by: None,
            };
            self.tables.entry(table.to_owned()).or_default().push(row);
        }
        let row = self.row(table, id).expect("it is there, or was just made");
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
