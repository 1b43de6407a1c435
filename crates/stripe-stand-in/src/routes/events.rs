//! `/v1/events`. See <https://docs.stripe.com/api/events>.

use serde_json::Value;

use crate::books::{Books, Page};
use crate::event::Event;
use crate::pipeline::Call;
use crate::refusal::Refusal;
use crate::wire;

pub(super) fn show(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    call.form.accept_only(&[])?;
    Ok(books.events.find(&call.id)?.to_json())
}

pub(super) fn list(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    let form = &call.form;
    form.accept_only(
        &[
            &Page::ACCEPTED[..],
            &["type", "types[*]", "delivery_success"],
        ]
        .concat(),
    )?;
    let page = Page::read(form)?;
    let mut kinds = form.list("types");
    kinds.extend(form.text("type"));
    let delivered = form.boolean("delivery_success")?;
    let (found, more) = books.events.page(&page, |event| {
        (kinds.is_empty() || kinds.contains(&event.kind))
            && delivered.is_none_or(|delivered| delivered != event.pending)
    })?;
    let found = found.into_iter().map(Event::to_json);
    Ok(wire::list(&call.path, found, more))
}
