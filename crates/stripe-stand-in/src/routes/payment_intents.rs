//! `/v1/payment_intents`. See <https://docs.stripe.com/api/payment_intents>.

use serde_json::Value;

use crate::books::{AllowedMethods, Books, NewIntent, Page};
use crate::form::Form;
use crate::operations::Confirmation;
use crate::pipeline::Call;
use crate::refusal::Refusal;
use crate::wire::{self, Expand};

/// The parameters of creation and confirmation.
const CONFIRMATION: [&str; 13] = [
    "payment_method",
    "payment_method_data[type]",
    "payment_method_data[card][token]",
    "payment_method_data[allow_redisplay]",
    "payment_method_data[billing_details][*]",
    "payment_method_data[metadata][*]",
    "payment_method_options[*]",
    "radar_options[*]",
    "off_session",
    "error_on_requires_action",
    "return_url",
    "use_stripe_sdk",
    "expand[*]",
];
const CREATION: [&str; 16] = [
    "amount",
    "currency",
    "confirm",
    "metadata[*]",
    "description",
    "receipt_email",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "setup_future_usage",
    "capture_method",
    "confirmation_method",
    "customer",
    "payment_method_types[*]",
    "allowed_payment_method_types[*]",
    "excluded_payment_method_types[*]",
    "automatic_payment_methods[*]",
];
const EXPANDABLE: [&str; 2] = ["latest_charge", "payment_method"];
/// The limits of an amount, in cents.
const MINIMUM: i64 = 50;
const MAXIMUM: i64 = 99_999_999;

pub(super) fn create(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    let form = &call.form;
    form.accept_only(&[&CREATION[..], &CONFIRMATION[..]].concat())?;
    let expand = Expand::read(form, &EXPANDABLE)?;
    let params = new_intent(form)?;
    let confirmation = confirmation(form)?;
    let confirm = form.boolean("confirm")?.unwrap_or(false);
    if confirm {
        confirmation.check(params.allowed_methods)?;
    } else {
        refuse_without_confirm(form)?;
    }
    if let Some(customer) = form.text("customer") {
        return Err(Refusal::missing("customer", customer, "customer"));
    }
    let method = books.named_method(form)?;
    let id = books.create_intent(params, method);
    if confirm {
        books.confirm(&id, &confirmation, &call.cause)?;
    }
    Ok(wire::payment_intent(
        books,
        books.intents.existing(&id),
        &expand,
    ))
}

pub(super) fn confirm(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    let form = &call.form;
    form.accept_only(&CONFIRMATION)?;
    let expand = Expand::read(form, &EXPANDABLE)?;
    let confirmation = confirmation(form)?;
    books.check_confirmable(&call.id, &confirmation)?;
    if let Some(method) = books.named_method(form)? {
        books.intents.existing_mut(&call.id).method = Some(method);
    }
    books.confirm(&call.id, &confirmation, &call.cause)?;
    Ok(wire::payment_intent(
        books,
        books.intents.find(&call.id)?,
        &expand,
    ))
}

pub(super) fn cancel(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    const REASONS: [&str; 4] = [
        "duplicate",
        "fraudulent",
        "requested_by_customer",
        "abandoned",
    ];
    call.form
        .accept_only(&["cancellation_reason", "expand[*]"])?;
    let expand = Expand::read(&call.form, &EXPANDABLE)?;
    let reason = call.form.choice("cancellation_reason", &REASONS)?;
    books.cancel(&call.id, reason, &call.cause)?;
    Ok(wire::payment_intent(
        books,
        books.intents.find(&call.id)?,
        &expand,
    ))
}

pub(super) fn show(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    call.form.accept_only(&["client_secret", "expand[*]"])?;
    let expand = Expand::read(&call.form, &EXPANDABLE)?;
    Ok(wire::payment_intent(
        books,
        books.intents.find(&call.id)?,
        &expand,
    ))
}

pub(super) fn list(books: &mut Books, call: &Call) -> Result<Value, Refusal> {
    call.form.accept_only(&Page::ACCEPTED)?;
    let expand = Expand::read_of_list(&call.form, &EXPANDABLE)?;
    let page = Page::read(&call.form)?;
    let (found, more) = books.intents.page(&page, |_| true)?;
    let found = found
        .into_iter()
        .map(|intent| wire::payment_intent(books, intent, &expand));
    Ok(wire::list(&call.path, found, more))
}

fn new_intent(form: &Form) -> Result<NewIntent, Refusal> {
    let text = |name| form.text(name).map(str::to_owned);
    let currency = currency(form)?;
    Ok(NewIntent {
        amount: amount(form, &currency)?,
        currency,
        metadata: form.map("metadata"),
        description: text("description"),
        receipt_email: text("receipt_email"),
        statement_descriptor: text("statement_descriptor"),
        statement_descriptor_suffix: text("statement_descriptor_suffix"),
        setup_future_usage: form.choice("setup_future_usage", &["off_session", "on_session"])?,
        capture_method: form
            .choice("capture_method", &["automatic_async", "automatic"])?
            .unwrap_or("automatic_async"),
        confirmation_method: form
            .choice("confirmation_method", &["automatic", "manual"])?
            .unwrap_or("automatic"),
        allowed_methods: allowed_methods(form)?,
    })
}

fn currency(form: &Form) -> Result<String, Refusal> {
    let currency = form.required("currency")?.to_ascii_lowercase();
    if currency.len() == 3 && currency.bytes().all(|letter| letter.is_ascii_lowercase()) {
        return Ok(currency);
    }
    let message = format!("Invalid currency: {currency}.");
    Err(Refusal::invalid(message).param("currency"))
}

fn amount(form: &Form, currency: &str) -> Result<i64, Refusal> {
    form.required("amount")?;
    let amount = form.positive("amount")?.unwrap_or_default();
    let (code, limit) = match amount {
        ..MINIMUM => ("amount_too_small", "at least $0.50"),
        MINIMUM..=MAXIMUM => return Ok(amount),
        _ => ("amount_too_large", "no more than $999,999.99"),
    };
    let message = format!("Amount must be {limit} {currency}");
    Err(Refusal::invalid(message).code(code).param("amount"))
}

fn allowed_methods(form: &Form) -> Result<AllowedMethods, Refusal> {
    let listed = [
        form.list("payment_method_types"),
        form.list("allowed_payment_method_types"),
    ]
    .concat();
    if let Some(other) = listed.iter().find(|kind| **kind != "card") {
        let message = format!(
            "The payment method type \"{other}\" is invalid. Please ensure the provided type is activated in your \
             dashboard."
        );
        return Err(Refusal::invalid(message).param("payment_method_types"));
    }
    if !listed.is_empty() {
        return Ok(AllowedMethods::Listed);
    }
    let redirects = form.choice(
        "automatic_payment_methods[allow_redirects]",
        &["always", "never"],
    )?;
    Ok(match form.boolean("automatic_payment_methods[enabled]")? {
        Some(false) => AllowedMethods::Listed,
        _ => AllowedMethods::Automatic {
            redirects: redirects != Some("never"),
        },
    })
}

fn confirmation(form: &Form) -> Result<Confirmation, Refusal> {
    let kind = form.text("payment_method_data[type]");
    if let Some(other) = kind.filter(|kind| *kind != "card") {
        let message = format!("Invalid payment_method_data[type]: {other} is not supported here");
        return Err(Refusal::invalid(message).param("payment_method_data[type]"));
    }
    let off_session = matches!(
        form.text("off_session"),
        Some("true" | "one_off" | "recurring")
    );
    Ok(Confirmation {
        return_url: form.text("return_url").map(str::to_owned),
        off_session,
        error_on_requires_action: form.boolean("error_on_requires_action")?.unwrap_or(false),
    })
}

/// Refuses parameters that need a confirmation.
fn refuse_without_confirm(form: &Form) -> Result<(), Refusal> {
    let given = ["off_session", "error_on_requires_action", "return_url"]
        .into_iter()
        .find(|name| form.text(name).is_some());
    match given {
        None => Ok(()),
        Some(name) => {
            let message = format!(
                "You cannot set `{name}` when creating a PaymentIntent unless you confirm it, by setting `confirm` to \
                 true."
            );
            Err(Refusal::invalid(message).param(name))
        }
    }
}
