//! `/v1/charges`. See <https://docs.stripe.com/api/charges>.

use serde_json::Value;

use crate::books::Books;
use crate::pipeline::Call;
use crate::refusal::Refusal;
use crate::wire::{self, Expand};

pub(super) fn show(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    call.form.accept_only(&["expand[*]"])?;
    let expand = Expand::read(&call.form, &["payment_intent", "refunds"])?;
    let charge = books.charges.find(&call.id)?;
    Ok(wire::expanded_charge(books, charge, &expand))
}
