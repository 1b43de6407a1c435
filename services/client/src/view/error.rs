//! Pages for what cannot be shown.

use axum::http::StatusCode;
use leptos::prelude::*;

/// There is no such page, ticket or order, or it is somebody else's.
pub(crate) fn not_found() -> impl IntoView {
    view! {
        <section class="message">
            <p class="code" aria-hidden="true">"404"</p>
            <h1>"No seat by that number"</h1>
            <p>"There is nothing at this address, or it belongs to somebody else."</p>
            <p class="actions">
                <a class="button" href="/">"See what is for sale"</a>
            </p>
        </section>
    }
}

/// Something that the page needs does not answer. `again` is where to try again.
pub(crate) fn unavailable(again: Option<String>) -> impl IntoView {
    view! {
        <section class="message">
            <p class="code" aria-hidden="true">"503"</p>
            <h1>"A short intermission"</h1>
            <p>
                "A part of the shop does not answer at the moment. Nothing is lost: what you reserved stays reserved, and what you paid for is yours."
            </p>
            <p class="actions">
                {match again {
                    Some(address) => {
                        view! { <a class="button" href=address>"Try again"</a> }.into_any()
                    }
                    None => {
                        view! {
                            <span>"Go back, and send the form again in a moment."</span>
                        }
                            .into_any()
                    }
                }}
            </p>
        </section>
    }
}

/// The request was refused, with a reason if there is one to tell.
pub(crate) fn refused(status: StatusCode, message: Option<String>) -> impl IntoView {
    let message = message.unwrap_or_else(|| reason(status).to_owned());
    view! {
        <section class="message">
            <p class="code" aria-hidden="true">{status.as_u16()}</p>
            <h1>"That did not work"</h1>
            <p>{message}</p>
            <p class="actions">
                <a class="button" href="/">"See what is for sale"</a>
            </p>
        </section>
    }
}

fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "This form was sent from another site, so it was not taken.",
        StatusCode::PAYLOAD_TOO_LARGE => "That was more than the form takes.",
        StatusCode::TOO_MANY_REQUESTS => "Too many tries. Please wait a while.",
        status if status.is_server_error() => {
            "The mistake is ours, and it was noted. Please try again in a moment."
        }
        _ => "The request could not be understood.",
    }
}
