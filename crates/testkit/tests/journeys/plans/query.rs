//! A query: what a command looks for, as far as it decides how the server finds it.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, Result};
use bson::{Bson, Document, doc};

/// What beside the filter may decide how documents are found.
const BESIDE: [&str; 6] = ["sort", "hint", "collation", "projection", "skip", "limit"];

/// A query that a service sent.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// The database, which is called as the service whose it is.
    pub(super) database: String,
    /// The collection.
    pub(super) collection: String,
    command: String,
    filter: Document,
    beside: Document,
}

impl Query {
    /// Those in a command; none if it looks for nothing.
    pub(super) fn all_in(command: &Document) -> Result<Vec<Self>> {
        let (name, target) = command.iter().next().context("an empty command")?;
        let asked = match name.as_str() {
            "bulkWrite" => return Self::all_in_bulk(command),
            "find" => vec![(command, "filter")],
            "findAndModify" | "count" | "distinct" => vec![(command, "query")],
            "update" => listed(command, "updates", "q")?,
            "delete" => listed(command, "deletes", "q")?,
            // One that does not match first looks at everything, as one without a filter does.
            "aggregate" => {
                let first = listed(command, "pipeline", "$match")?.into_iter().next();
                vec![first.unwrap_or((command, "$match"))]
            }
            _ => return Ok(Vec::new()),
        };
        let (database, collection) = (command.get_str("$db")?, target.as_str());
        let collection = collection.with_context(|| format!("a {name} of no collection"))?;
        let queries = asked.into_iter().map(|(asked, filter)| Self {
            database: database.to_owned(),
            collection: collection.to_owned(),
            command: name.clone(),
            filter: asked.get_document(filter).cloned().unwrap_or_default(),
            beside: beside(asked),
        });
        Ok(queries.collect())
    }

    /// Those in a command that writes to several collections.
    fn all_in_bulk(command: &Document) -> Result<Vec<Self>> {
        let collections = listed(command, "nsInfo", "ns")?;
        let mut queries = Vec::new();
        for (asked, filter) in listed(command, "ops", "filter")? {
            let (name, place) = asked.iter().next().context("an empty operation")?;
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
                filter: asked.get_document(filter)?.clone(),
                beside: beside(asked),
            });
        }
        Ok(queries)
    }

    /// It as a command that only finds, which is planned the same.
    pub(super) fn as_find(&self) -> Document {
        let mut find = doc! { "find": &self.collection, "filter": &self.filter };
        find.extend(self.beside.clone());
        find
    }

    /// Whether it finds everything there is, in the order of ids and page by page.
    pub(super) fn finds_everything(&self) -> bool {
        let is_by_id = |sort: &Document| sort.keys().eq(["_id"]);
        let sort = self.beside.get_document("sort");
        self.command == "find" && self.filter.is_empty() && sort.is_ok_and(is_by_id)
    }

    /// What it has in common with all that are planned the same: everything but the values that it looks for.
    pub(super) fn shape(&self) -> String {
        let Self {
            database,
            collection,
            command,
            beside,
            ..
        } = self;
        let filter = types(&self.filter);
        format!("{database} {command} {collection} {filter} {beside}")
    }

    /// It in short, without its database: `find tickets by order_id, _id $lt`.
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
            beside,
        } = self;
        write!(f, "{database}: {command} {collection} {filter}")?;
        if beside.is_empty() {
            Ok(())
        } else {
            write!(f, " with {beside}")
        }
    }
}

/// The documents of a list in a command, each with the name that its filter has in it.
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

fn beside(asked: &Document) -> Document {
    let fields = BESIDE.into_iter();
    fields
        .filter_map(|field| Some((field.to_owned(), asked.get(field)?.clone())))
        .collect()
}

/// The filter with types in the places of its values.
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
        // However many of the same kind.
        Bson::Array(values) => {
            let types: BTreeSet<_> = values.iter().map(type_of).collect();
            let types: Vec<_> = types.into_iter().collect();
            format!("[{}]", types.join(" | "))
        }
        value => format!("{:?}", value.element_type()),
    }
}
