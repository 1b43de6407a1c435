//! `/v1/refunds`. See <https://docs.stripe.com/api/refunds>.

use serde_json::Value;

use crate::books::{Books, Page};
use crate::operations::NewRefund;
use crate::pipeline::Call;
use crate::refusal::Refusal;
use crate::wire::{self, Expand};

const EXPANDABLE: [&str; 2] = ["charge", "payment_intent"];

pub(super) fn create(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];
    let form = &call.form;
    form.accept_only(&[
        "charge",
        "payment_intent",
        "amount",
        "reason",
        "metadata[*]",
        "expand[*]",
    ])?;
    let expand = Expand::read(form, &EXPANDABLE)?;
    let amount = form.positive("amount")?;
    let reason = form.choice("reason", &REASONS)?;
    let charge = match (form.text("charge"), form.text("payment_intent")) {
        (Some(charge), None) => charge.to_owned(),
        (None, Some(intent)) => books.paid_charge(intent)?,
        _ => {
            let message = "One of the following params should be provided for this request: payment_intent or charge.";
            return Err(Refusal::invalid(message).code("parameter_missing"));
        }
    };
    let new = NewRefund {
        charge,
        amount,
        reason,
        metadata: form.map("metadata"),
    };
    let id = books.refund(new, &call.cause)?;
    let refund = books.refunds.existing(&id);
    Ok(wire::expanded_refund(books, refund, &expand))
}

pub(super) fn show(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    call.form.accept_only(&["expand[*]"])?;
    let expand = Expand::read(&call.form, &EXPANDABLE)?;
    let refund = books.refunds.find(&call.id)?;
    Ok(wire::expanded_refund(books, refund, &expand))
}

pub(super) fn list(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    let form = &call.form;
    form.accept_only(&[&Page::ACCEPTED[..], &["charge", "payment_intent"]].concat())?;
    let expand = Expand::read_of_list(form, &EXPANDABLE)?;
    let page = Page::read(form)?;
    let (charge, intent) = (form.text("charge"), form.text("payment_intent"));
    let (found, more) = books.refunds.page(&page, |refund| {
        charge.is_none_or(|id| id == refund.charge) && intent.is_none_or(|id| id == refund.intent)
    })?;
    let found = found
        .into_iter()
        .map(|refund| wire::expanded_refund(books, refund, &expand));
    Ok(wire::list(&call.path, found, more))
}
