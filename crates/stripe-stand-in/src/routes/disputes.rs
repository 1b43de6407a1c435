//! `/v1/disputes`. See <https://docs.stripe.com/api/disputes>.

use serde_json::Value;

use crate::books::{Books, Page};
use crate::pipeline::Call;
use crate::refusal::Refusal;
use crate::wire;

pub(super) fn show(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    call.form.accept_only(&[])?;
    Ok(wire::dispute(books.disputes.find(&call.id)?))
}

pub(super) fn list(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    let form = &call.form;
    form.accept_only(&[&Page::ACCEPTED[..], &["charge", "payment_intent"]].concat())?;
    let page = Page::read(form)?;
    let (charge, intent) = (form.text("charge"), form.text("payment_intent"));
    let (found, more) = books.disputes.page(&page, |dispute| {
        charge.is_none_or(|id| id == dispute.charge) && intent.is_none_or(|id| id == dispute.intent)
    })?;
    let found = found.into_iter().map(wire::dispute);
    Ok(wire::list(&call.path, found, more))
}
