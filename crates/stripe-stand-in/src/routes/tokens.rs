//! `/v1/tokens`. See <https://docs.stripe.com/api/tokens>.

use serde_json::Value;

use crate::books::Books;
use crate::cards::Card;
use crate::pipeline::Call;
use crate::refusal::Refusal;
use crate::wire;

pub(super) fn create(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    let form = &call.form;
    form.accept_only(&[
        "card[number]",
        "card[exp_month]",
        "card[exp_year]",
        "card[cvc]",
        "card[name]",
        "card[currency]",
        "card[address_zip]",
    ])?;
    let number = form.required("card[number]")?;
    let month = form.required_integer("card[exp_month]")?;
    let year = full_year(form.required_integer("card[exp_year]")?);
    let cvc = form.text("card[cvc]");
    let card = Card::typed(number, month, year, cvc)?;
    let id = books.add_token(card, cvc.is_some());
    Ok(wire::token(books.tokens.existing(&id)))
}

pub(super) fn show(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    call.form.accept_only(&[])?;
    Ok(wire::token(books.tokens.find(&call.id)?))
}

/// The full year. Two digits mean this century.
const fn full_year(year: i64) -> i64 {
    if year < 100 { 2000 + year } else { year }
}
