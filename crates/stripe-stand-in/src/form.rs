//! Form-encoded parameters with nested brackets, such as `payment_method_data[card][token]`.

use std::collections::BTreeMap;

use crate::refusal::Refusal;

/// The parameters of one request, in order. An empty value counts as absent, as at Stripe.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body or a query.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(encoded).into_owned();
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Refuses parameters that are not in the list, where `name[*]` includes everything below `name`.
    pub(crate) fn accept_only(&self, accepted: &[&str]) -> Result<(), Refusal> {
        let unknown = self.0.iter().find(|(key, _)| {
            !accepted
                .iter()
                .any(|pattern| match pattern.strip_suffix("*]") {
                    Some(below) => key.starts_with(below),
                    None => key == pattern,
                })
        });
        match unknown {
            None => Ok(()),
            Some((key, _)) => Err(
                Refusal::invalid(format!("Received unknown parameter: {key}"))
                    .code("parameter_unknown")
                    .param(key),
            ),
        }
    }

    /// The value, if it is present.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    /// The value, which must be present.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| {
            Refusal::invalid(format!("Missing required param: {name}."))
                .code("parameter_missing")
                .param(name)
        })
    }

    /// The integer, which must be present.
    pub(crate) fn required_integer(&self, name: &str) -> Result<i64, Refusal> {
        self.required(name)?;
        Ok(self.integer(name)?.unwrap_or_default())
    }

    /// The positive integer, if it is present.
    pub(crate) fn positive(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.integer(name)? {
            Some(..1) => Err(
                Refusal::invalid("This value must be greater than or equal to 1.")
                    .code("parameter_invalid_integer")
                    .param(name),
            ),
            number => Ok(number),
        }
    }

    /// The integer, if it is present.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.parsed(name, "integer", "parameter_invalid_integer", |text| {
            text.parse().ok()
        })
    }

    /// `true` or `false`, if it is present.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.parsed(name, "boolean", "parameter_invalid_boolean", |text| {
            text.parse().ok()
        })
    }

    /// One of the choices, if it is present.
    pub(crate) fn choice(
        &self,
        name: &str,
        choices: &[&'static str],
    ) -> Result<Option<&'static str>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let chosen = choices.iter().find(|choice| **choice == text);
        chosen.copied().map(Some).ok_or_else(|| {
            let choices = choices.join(", ");
            Refusal::invalid(format!("Invalid {name}: must be one of {choices}")).param(name)
        })
    }

    /// The elements of `name[]` or `name[0]`, `name[1]`, ….
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        self.below(name).map(|(_, value)| value).collect()
    }

    /// The entries of `name[key]`.
    pub(crate) fn map(&self, name: &str) -> BTreeMap<String, String> {
        self.below(name)
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// A text that is equal for equal parameters in any order.
    pub(crate) fn fingerprint(&self) -> String {
        let mut pairs: Vec<_> = self
            .0
            .iter()
            .map(|(key, value)| format!("{key}={value:?}"))
            .collect();
        pairs.sort_unstable();
        pairs.join("&")
    }

    fn below<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(key, value)| {
            let inner = key.strip_prefix(name)?.strip_prefix('[')?;
            Some((inner.strip_suffix(']')?, value.as_str()))
        })
    }

    fn parsed<T>(
        &self,
        name: &str,
        kind: &str,
        code: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        parse(text).map(Some).ok_or_else(|| {
            Refusal::invalid(format!("Invalid {kind}: {text}"))
                .code(code)
                .param(name)
        })
    }
}
