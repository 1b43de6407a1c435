//! Updates of documents.

use bson::{Bson, Document};

use super::filter::matches;

/// Applies the update to the document.
pub(super) fn apply(document: &mut Document, update: &Document) {
    for (operator, fields) in update {
        let fields = fields.as_document().expect("an operator has fields");
        for (name, operand) in fields {
            match operator.as_str() {
                "$set" => _ = document.insert(name, operand.clone()),
                "$unset" => _ = document.remove(name),
                "$inc" => increase(document, name, operand),
                "$push" => push(array(document, name), operand),
                "$pull" => pull(document, name, operand),
                other => unimplemented!("the update {other}, which no store uses"),
            }
        }
    }
}

/// The document that an upsert adds: the equalities of the filter, and then the update.
pub(super) fn upserted(filter: &Document, update: &Document) -> Document {
    let equalities = filter
        .iter()
        .filter(|(_, condition)| condition.as_document().is_none());
    let mut document = equalities
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    apply(&mut document, update);
    document
}

fn increase(document: &mut Document, name: &str, by: &Bson) {
    let before = document.get_i64(name).unwrap_or(0);
    document.insert(name, before + by.as_i64().expect("a counter of 64 bits"));
}

fn array<'a>(document: &'a mut Document, name: &str) -> &'a mut Vec<Bson> {
    let array = document.entry(name.to_owned());
    let array = array.or_insert_with(|| Bson::Array(Vec::new()));
    match array {
        Bson::Array(elements) => elements,
        other => panic!("{name} is not an array: {other}"),
    }
}

fn push(elements: &mut Vec<Bson>, operand: &Bson) {
    let options = operand.as_document().expect("a push has options");
    let each = options.get_array("$each").expect("a push has $each");
    elements.extend(each.iter().cloned());
    if let Ok(last) = options.get_i32("$slice") {
        let limit = usize::try_from(-last).expect("$slice keeps the last elements");
        let surplus = elements.len().saturating_sub(limit);
        elements.drain(..surplus);
    }
}

/// Removes the elements that match. Does not add a missing array.
fn pull(document: &mut Document, name: &str, condition: &Bson) {
    let condition = condition.as_document().expect("a pull has a condition");
    let Ok(elements) = document.get_array_mut(name) else {
        return;
    };
    elements.retain(|element| {
        !element
            .as_document()
            .is_some_and(|element| matches(element, condition))
    });
}
