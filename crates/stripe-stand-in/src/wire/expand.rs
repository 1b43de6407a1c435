//! `expand[]`: full objects in place of their ids.

use crate::form::Form;
use crate::refusal::Refusal;

/// The properties that a request expands.
#[derive(Debug, Default)]
pub(crate) struct Expand(Vec<String>);

impl Expand {
    /// Reads what to expand in a single object. Only `known` properties can be expanded.
    pub(crate) fn read(form: &Form, known: &[&str]) -> Result<Self, Refusal> {
        Self::read_below(form, "", known)
    }

    /// Reads what to expand in each object of a list.
    pub(crate) fn read_of_list(form: &Form, known: &[&str]) -> Result<Self, Refusal> {
        Self::read_below(form, "data.", known)
    }

    /// Whether to expand this property.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.0.iter().any(|wanted| wanted == name)
    }

    fn read_below(form: &Form, prefix: &str, known: &[&str]) -> Result<Self, Refusal> {
        let wanted = form.list("expand").into_iter().map(|path| {
            path.strip_prefix(prefix)
                .filter(|name| known.contains(name))
                .map(str::to_owned)
                .ok_or_else(|| {
                    Refusal::invalid(format!("This property cannot be expanded ({path})."))
                        .param("expand")
                })
        });
        wanted.collect::<Result<_, _>>().map(Self)
    }
}
