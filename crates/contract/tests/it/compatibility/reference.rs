//! References inside a document.

use std::borrow::Cow;

use serde_json::Value;

/// Resolves `$ref`s within a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document<'a>(pub(super) &'a Value);

impl<'a> Document<'a> {
    /// The target of the part's `$ref`, or the part itself.
    pub(super) fn resolve<'b>(self, part: &'b Value) -> &'b Value
    where
        'a: 'b,
    {
        let mut part = part;
        while let Some(reference) = part["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            part = self.0.pointer(pointer).unwrap_or(&Value::Null);
        }
        part
    }

    /// The schema with the parts of `allOf` merged.
    pub(super) fn whole<'b>(self, schema: &'b Value) -> Cow<'b, Value>
    where
        'a: 'b,
    {
        let schema = self.resolve(schema);
        let Some(parts) = schema["allOf"].as_array() else {
            return Cow::Borrowed(schema);
        };
        let mut whole = schema.clone();
        let members = whole.as_object_mut().expect("it has `allOf`");
        members.remove("allOf");
        for part in parts {
            let part = self.whole(part);
            for (name, value) in part.as_object().into_iter().flatten() {
                match (members.get_mut(name), value) {
                    (Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
                    (Some(Value::Array(known)), Value::Array(more)) => {
                        known.extend(more.iter().cloned());
                    }
                    _ => drop(members.insert(name.clone(), value.clone())),
                }
            }
        }
        Cow::Owned(whole)
    }
}
