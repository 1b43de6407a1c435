//! A collection of objects of one kind, found by id and listed newest first.

use std::collections::HashMap;

use crate::form::Form;
use crate::refusal::Refusal;

/// An object with an id and a time of creation.
pub(crate) trait Item {
    /// The name of its kind in Stripe's messages, such as `payment_intent`.
    const NAME: &'static str;

    fn id(&self) -> &str;

    /// Seconds since 1970.
    fn created(&self) -> i64;
}

/// The objects of one kind. They are never removed.
#[derive(Debug)]
pub(crate) struct Collection<T> {
    items: Vec<T>,
    positions: HashMap<String, usize>,
}

impl<T> Default for Collection<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            positions: HashMap::new(),
        }
    }
}

impl<T: Item> Collection<T> {
    pub(crate) fn insert(&mut self, item: T) {
        self.positions
            .insert(item.id().to_owned(), self.items.len());
        self.items.push(item);
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        let position = self.positions.get(id)?;
        Some(&self.items[*position])
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        let position = self.positions.get(id)?;
        Some(&mut self.items[*position])
    }

    /// The object that a URL names.
    pub(crate) fn find(&self, id: &str) -> Result<&T, Refusal> {
        self.get(id).ok_or_else(|| Refusal::not_found(T::NAME, id))
    }

    /// The object that another object refers to.
    pub(crate) fn existing(&self, id: &str) -> &T {
        self.get(id).expect("objects are never removed")
    }

    /// As [`Collection::existing`], to change it.
    pub(crate) fn existing_mut(&mut self, id: &str) -> &mut T {
        self.get_mut(id).expect("objects are never removed")
    }

    /// All objects, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter()
    }

    /// The matching objects of the page, newest first, and whether there are more.
    pub(crate) fn page(
        &self,
        page: &Page,
        matches: impl Fn(&T) -> bool,
    ) -> Result<(Vec<&T>, bool), Refusal> {
        let position = |id: &Option<String>, param| {
            id.as_ref()
                .map(|id| self.positions.get(id).copied().ok_or((id, param)))
                .transpose()
                .map_err(|(id, param)| Refusal::missing(T::NAME, id, param))
        };
        let end = position(&page.starting_after, "starting_after")?.unwrap_or(self.items.len());
        let start = position(&page.ending_before, "ending_before")?.map_or(0, |before| before + 1);
        let oldest_first = page.ending_before.is_some();
        let items = self.items.get(start..end).unwrap_or_default().iter();
        let items: Box<dyn Iterator<Item = &T>> = if oldest_first {
            Box::new(items)
        } else {
            Box::new(items.rev())
        };
        let found = items.filter(|item| page.includes(item.created()) && matches(item));
        let mut found: Vec<_> = found.take(page.limit + 1).collect();
        let more = found.len() > page.limit;
        found.truncate(page.limit);
        if oldest_first {
            found.reverse();
        }
        Ok((found, more))
    }
}

/// The part of a list that a request asks for.
#[derive(Debug)]
pub(crate) struct Page {
    limit: usize,
    starting_after: Option<String>,
    ending_before: Option<String>,
    not_before: i64,
    not_after: i64,
}

impl Page {
    /// The parameters that every list accepts.
    pub(crate) const ACCEPTED: [&'static str; 6] = [
        "limit",
        "starting_after",
        "ending_before",
        "created",
        "created[*]",
        "expand[*]",
    ];

    pub(crate) fn read(form: &Form) -> Result<Self, Refusal> {
        let limit = form.integer("limit")?.unwrap_or(10);
        let valid = usize::try_from(limit)
            .ok()
            .filter(|n| (1..=100).contains(n));
        let limit = valid.ok_or_else(|| {
            Refusal::invalid("Invalid limit: must be between 1 and 100")
                .code("parameter_invalid_integer")
                .param("limit")
        })?;
        let exactly = form.integer("created")?;
        let from = form.integer("created[gte]")?;
        let after = form.integer("created[gt]")?.map(|time| time + 1);
        let to = form.integer("created[lte]")?;
        let before = form.integer("created[lt]")?.map(|time| time - 1);
        Ok(Self {
            limit,
            starting_after: form.text("starting_after").map(str::to_owned),
            ending_before: form.text("ending_before").map(str::to_owned),
            not_before: exactly.or(from).or(after).unwrap_or(i64::MIN),
            not_after: exactly.or(to).or(before).unwrap_or(i64::MAX),
        })
    }

    fn includes(&self, created: i64) -> bool {
        (self.not_before..=self.not_after).contains(&created)
    }
}
