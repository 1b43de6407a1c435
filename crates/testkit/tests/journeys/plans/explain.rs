//! Checks with the server's query plans whether queries use an index.

use std::fmt;

use bson::{Bson, Document, doc};
use mongodb::Client;

use super::query::Query;

/// The collections whose documents a service publishes again on `POST /resync`, or after the broker lost events. Only a
/// resync may read every document.
const RESYNCED: [(&str, &str); 3] = [
    ("tickets", "tickets"),
    ("orders", "orders"),
    ("payments", "payments"),
];

/// The stages of a plan that use an index, or that find nothing without one.
const BY_INDEX: [&str; 6] = [
    "IXSCAN",
    "EXPRESS_IXSCAN",
    "IDHACK",
    "COUNT_SCAN",
    "DISTINCT_SCAN",
    "EOF",
];

/// A query that does not use an index well.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) query: Query,
    /// What the server does instead.
    pub(super) fault: &'static str,
    stages: Vec<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            query,
            fault,
            stages,
        } = self;
        write!(f, "{query}\n  {fault} ({})", stages.join(", "))
    }
}

/// The queries that do not use an index well.
pub(super) async fn without_index(client: &Client, queries: Vec<Query>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for query in queries.into_iter().filter(|query| !is_resync(query)) {
        let plan = plan_of(client, &query).await;
        let stages = stages(&plan);
        if let Some(fault) = fault_of(&stages) {
            let stages = stages.iter().map(|stage| name(stage).to_owned()).collect();
            findings.push(Finding {
                query,
                fault,
                stages,
            });
        }
    }
    findings
}

fn is_resync(query: &Query) -> bool {
    let collection = (query.database.as_str(), query.collection.as_str());
    query.finds_everything() && RESYNCED.contains(&collection)
}

/// The server's plan for the query.
async fn plan_of(client: &Client, query: &Query) -> Document {
    let explain = doc! { "explain": query.as_find(), "verbosity": "queryPlanner" };
    let database = client.database(&query.database);
    let explained = database.run_command(explain).await;
    let explained = explained.unwrap_or_else(|error| panic!("{query}: {error}"));
    let planner = explained.get_document("queryPlanner");
    let plan = planner.and_then(|planner| planner.get_document("winningPlan"));
    plan.unwrap_or_else(|error| panic!("{query}: {error}: {explained}"))
        .clone()
}

/// The stages of a plan, however they are nested. Each precedes its inputs.
fn stages(plan: &Document) -> Vec<&Document> {
    let this = plan.contains_key("stage").then_some(plan);
    this.into_iter()
        .chain(plan.values().flat_map(stages_in))
        .collect()
}

fn stages_in(value: &Bson) -> Vec<&Document> {
    match value {
        Bson::Document(document) => stages(document),
        Bson::Array(values) => values.iter().flat_map(stages_in).collect(),
        _ => Vec::new(),
    }
}

fn name(stage: &Document) -> &str {
    stage.get_str("stage").unwrap_or_default()
}

/// The first fault in the order of execution, if there is one.
fn fault_of(stages: &[&Document]) -> Option<&'static str> {
    let wrong = stages.iter().rev().find_map(|stage| match name(stage) {
        "COLLSCAN" => Some("reads every document"),
        // Without an index for the filter, the server may scan an index that has the order.
        "IXSCAN" if is_whole(stage) => Some("reads every entry of an index"),
        "SORT" => Some("sorts the found documents, for lack of an index in that order"),
        _ => None,
    });
    let is_by_index = stages.iter().any(|stage| BY_INDEX.contains(&name(stage)));
    wrong.or((!is_by_index).then_some("has no stage that this test knows"))
}

/// Whether a whole index is scanned. A partial index may be: it contains only the wanted documents.
fn is_whole(stage: &Document) -> bool {
    let bounds = stage.get_document("indexBounds").ok();
    let first = bounds.and_then(|bounds| bounds.values().next()?.as_array());
    let is_everything = |range: &Bson| {
        matches!(
            range.as_str(),
            Some("[MinKey, MaxKey]" | "[MaxKey, MinKey]")
        )
    };
    first.is_some_and(|ranges| ranges.iter().any(is_everything))
        && !stage.get_bool("isPartial").unwrap_or(false)
}
