//! Objects of one kind, found by id and listed newest first.

use std::collections::HashMap;

use crate::form::Form;
use crate::refusal::Refusal;

/// What has an id and a time of creation.
pub(crate) trait Item {
    /// What Stripe calls it in messages: `payment_intent`.
    const NAME: &'static str;

    fn id(&self) -> &str;

    /// Seconds since 1970.
    fn created(&self) -> i64;
}

/// The objects of one kind. Nothing is ever taken away.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    items: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            places: HashMap::new(),
        }
    }
}

impl<T: Item> Shelf<T> {
    pub(crate) fn put(&mut self, item: T) {
        self.places.insert(item.id().to_owned(), self.items.len());
        self.items.push(item);
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.places.get(id).map(|place| &self.items[*place])
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.places.get(id).map(|place| &mut self.items[*place])
    }

    /// The object that an address names.
    pub(crate) fn find(&self, id: &str) -> Result<&T, Refusal> {
        self.get(id).ok_or_else(|| Refusal::not_found(T::NAME, id))
    }

    /// The object that another one refers to.
    pub(crate) fn known(&self, id: &str) -> &T {
        self.get(id).expect("nothing is ever taken away")
    }

    /// As [`Shelf::known`], to change it.
    pub(crate) fn known_mut(&mut self, id: &str) -> &mut T {
        self.get_mut(id).expect("nothing is ever taken away")
    }

    /// From the oldest to the newest.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter()
    }

    /// Those of the page that pass, newest first, and whether there are more.
    pub(crate) fn page(
        &self,
        page: &Page,
        passes: impl Fn(&T) -> bool,
    ) -> Result<(Vec<&T>, bool), Refusal> {
        let place = |id: &Option<String>, param| {
            id.as_ref()
                .map(|id| self.places.get(id).copied().ok_or((id, param)))
                .transpose()
                .map_err(|(id, param)| Refusal::missing(T::NAME, id, param))
        };
        let end = place(&page.starting_after, "starting_after")?.unwrap_or(self.items.len());
        let start = place(&page.ending_before, "ending_before")?.map_or(0, |place| place + 1);
        let between = self.items.get(start..end).unwrap_or_default();
        let fits = |item: &&T| page.created(item.created()) && passes(item);
        if page.ending_before.is_some() {
            let mut found: Vec<&T> = between.iter().filter(fits).take(page.limit + 1).collect();
            let more = found.len() > page.limit;
            found.truncate(page.limit);
            found.reverse();
            return Ok((found, more));
        }
        let mut found: Vec<&T> = between
            .iter()
            .rev()
            .filter(fits)
            .take(page.limit + 1)
            .collect();
        let more = found.len() > page.limit;
        found.truncate(page.limit);
        Ok((found, more))
    }
}

/// Which part of a list is asked for.
#[derive(Debug)]
pub(crate) struct Page {
    limit: usize,
    starting_after: Option<String>,
    ending_before: Option<String>,
    not_before: i64,
    not_after: i64,
}

impl Page {
    /// The parameters that every list takes.
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

    fn created(&self, at: i64) -> bool {
        (self.not_before..=self.not_after).contains(&at)
    }
}
