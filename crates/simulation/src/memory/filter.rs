//! Filters of documents.

use std::cmp::Ordering;

use bson::{Bson, Document};

/// Whether the document matches every condition of the filter.
pub(super) fn matches(document: &Document, filter: &Document) -> bool {
    filter.iter().all(|(path, condition)| {
        let values = values(document, path);
        match condition {
            Bson::Document(operators) if is_operators(operators) => operators
                .iter()
                .all(|(operator, operand)| holds(&values, operator, operand)),
            equal => any_equal(&values, equal),
        }
    })
}

/// Compares two values of one type; `None` for other values.
pub(super) fn compare(a: Option<&Bson>, b: Option<&Bson>) -> Option<Ordering> {
    match (a?, b?) {
        (Bson::DateTime(a), Bson::DateTime(b)) => Some(a.cmp(b)),
        (Bson::ObjectId(a), Bson::ObjectId(b)) => Some(a.cmp(b)),
        (Bson::String(a), Bson::String(b)) => Some(a.cmp(b)),
        (a, b) => Some(integer(a)?.cmp(&integer(b)?)),
    }
}

fn integer(value: &Bson) -> Option<i64> {
    value.as_i64().or_else(|| value.as_i32().map(i64::from))
}

fn is_operators(document: &Document) -> bool {
    document
        .keys()
        .next()
        .is_some_and(|key| key.starts_with('$'))
}

/// The values at a path. An array on the path stands for each of its elements.
fn values<'a>(document: &'a Document, path: &str) -> Vec<&'a Bson> {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let Some(value) = document.get(name) else {
        return Vec::new();
    };
    let elements = match value {
        Bson::Array(elements) => elements.iter().collect(),
        single => vec![single],
    };
    match rest {
        None => elements,
        Some(rest) => elements
            .into_iter()
            .filter_map(Bson::as_document)
            .flat_map(|inner| self::values(inner, rest))
            .collect(),
    }
}

fn any_equal(values: &[&Bson], wanted: &Bson) -> bool {
    match wanted {
        Bson::Null => values.is_empty() || values.contains(&&Bson::Null),
        wanted => values.iter().any(|value| equal(value, wanted)),
    }
}

fn equal(a: &Bson, b: &Bson) -> bool {
    a == b || compare(Some(a), Some(b)) == Some(Ordering::Equal)
}

fn is_among(values: &[&Bson], wanted: &Bson) -> bool {
    let mut wanted = wanted.as_array().into_iter().flatten();
    wanted.any(|wanted| any_equal(values, wanted))
}

fn holds(values: &[&Bson], operator: &str, operand: &Bson) -> bool {
    let any = |wanted: fn(Ordering) -> bool| {
        let mut orders = values
            .iter()
            .filter_map(|value| compare(Some(value), Some(operand)));
        orders.any(wanted)
    };
    match operator {
        "$lt" => any(Ordering::is_lt),
        "$lte" => any(Ordering::is_le),
        "$gt" => any(Ordering::is_gt),
        "$ne" => !any_equal(values, operand),
        "$exists" => operand.as_bool() == Some(!values.is_empty()),
        "$in" => is_among(values, operand),
        "$nin" => !is_among(values, operand),
        "$type" => {
            assert_eq!(
                operand.as_str(),
                Some("string"),
                "no store uses another type"
            );
            values.iter().any(|value| value.as_str().is_some())
        }
        "$elemMatch" => {
            let wanted = operand.as_document().expect("conditions");
            let mut elements = values.iter().filter_map(|value| value.as_document());
            elements.any(|element| matches(element, wanted))
        }
        other => unimplemented!("the filter {other}, which no store uses"),
    }
}
