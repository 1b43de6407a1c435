//! The part of a command that determines the server's query plan.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, Result};
use bson::{Bson, Document, doc};

/// The options that can change the plan.
const OPTIONS: [&str; 6] = ["sort", "hint", "collation", "projection", "skip", "limit"];

/// A query that a service sent.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// The database, which has the name of its service.
    pub(super) database: String,
    /// The collection.
    pub(super) collection: String,
    command: String,
    filter: Document,
    options: Document,
}

impl Query {
    /// The queries in a command.
    pub(super) fn all_in(command: &Document) -> Result<Vec<Self>> {
        let (name, target) = command.iter().next().context("an empty command")?;
        let filters = match name.as_str() {
            "bulkWrite" => return Self::all_in_bulk(command),
            "find" => vec![(command, "filter")],
            "findAndModify" | "count" | "distinct" => vec![(command, "query")],
            "update" => listed(command, "updates", "q")?,
            "delete" => listed(command, "deletes", "q")?,
            // An aggregation that does not begin with a match reads everything.
            "aggregate" => {
                let first = listed(command, "pipeline", "$match")?.into_iter().next();
                vec![first.unwrap_or((command, "$match"))]
            }
            _ => return Ok(Vec::new()),
        };
        let (database, collection) = (command.get_str("$db")?, target.as_str());
        let collection = collection.with_context(|| format!("a {name} of no collection"))?;
        let queries = filters.into_iter().map(|(owner, filter)| Self {
            database: database.to_owned(),
            collection: collection.to_owned(),
            command: name.clone(),
            filter: owner.get_document(filter).cloned().unwrap_or_default(),
            options: options(owner),
        });
        Ok(queries.collect())
    }

    /// The queries in a bulk write.
    fn all_in_bulk(command: &Document) -> Result<Vec<Self>> {
        let collections = listed(command, "nsInfo", "ns")?;
        let mut queries = Vec::new();
        for (operation, filter) in listed(command, "ops", "filter")? {
            let (name, place) = operation.iter().next().context("an empty operation")?;
            if name == "insert" {
                continue;
            }
            let place = usize::try_from(place.as_i32().context("an operation of no collection")?)?;
            let (named, name_of) = collections.get(place).context("an unnamed collection")?;
            let (database, collection) = named
                .get_str(name_of)?
                .split_once('.')
                .context("a collection of no database")?;
            queries.push(Self {
                database: database.to_owned(),
                collection: collection.to_owned(),
                command: name.clone(),
                filter: operation.get_document(filter)?.clone(),
                options: options(operation),
            });
        }
        Ok(queries)
    }

    /// A `find` command with the same plan.
    pub(super) fn as_find(&self) -> Document {
        let mut find = doc! { "find": &self.collection, "filter": &self.filter };
        find.extend(self.options.clone());
        find
    }

    /// Whether it finds all documents in the order of their ids.
    pub(super) fn finds_everything(&self) -> bool {
        let is_by_id = |sort: &Document| sort.keys().eq(["_id"]);
        let sort = self.options.get_document("sort");
        self.command == "find" && self.filter.is_empty() && sort.is_ok_and(is_by_id)
    }

    /// A description of the query without its values. Queries of the same shape have the same plan.
    pub(super) fn shape(&self) -> String {
        let Self {
            database,
            collection,
            command,
            options,
            ..
        } = self;
        let filter = types(&self.filter);
        format!("{database} {command} {collection} {filter} {options}")
    }

    /// A short description without the database: `find tickets by order_id, _id $lt`.
    pub(super) fn kind(&self) -> String {
        let fields = self.filter.iter().map(|(field, value)| {
            let operator = value
                .as_document()
                .and_then(|value| value.keys().next())
                .filter(|key| key.starts_with('$'));
            operator.map_or_else(|| field.clone(), |operator| format!("{field} {operator}"))
        });
        let fields: Vec<_> = fields.collect();
        let fields = if fields.is_empty() {
            "nothing".to_owned()
        } else {
            fields.join(", ")
        };
        format!("{} {} by {fields}", self.command, self.collection)
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            database,
            collection,
            command,
            filter,
            options,
        } = self;
        write!(f, "{database}: {command} {collection} {filter}")?;
        if options.is_empty() {
            Ok(())
        } else {
            write!(f, " with {options}")
        }
    }
}

/// The documents of a list in a command, each with the name of its filter.
fn listed<'a>(
    command: &'a Document,
    list: &str,
    filter: &'a str,
) -> Result<Vec<(&'a Document, &'a str)>> {
    let documents = command.get_array(list)?.iter().map(Bson::as_document);
    let with_filter = documents.map(|document| Some((document?, filter)));
    let listed: Option<Vec<_>> = with_filter.collect();
    listed.with_context(|| format!("{list} are not all documents"))
}

fn options(command: &Document) -> Document {
    let fields = OPTIONS.into_iter();
    fields
        .filter_map(|field| Some((field.to_owned(), command.get(field)?.clone())))
        .collect()
}

/// The filter with types instead of values.
fn types(filter: &Document) -> String {
    let fields = filter.iter();
    let fields: Vec<_> = fields
        .map(|(field, value)| format!("{field}: {}", type_of(value)))
        .collect();
    format!("{{ {} }}", fields.join(", "))
}

fn type_of(value: &Bson) -> String {
    match value {
        Bson::Document(document) => types(document),
        // The number of values does not matter.
        Bson::Array(values) => {
            let types: BTreeSet<_> = values.iter().map(type_of).collect();
            let types: Vec<_> = types.into_iter().collect();
            format!("[{}]", types.join(" | "))
        }
        value => format!("{:?}", value.element_type()),
    }
}
