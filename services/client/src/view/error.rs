//! The error pages.

use axum::http::StatusCode;
use leptos::prelude::*;

/// The page, ticket or order does not exist, or it belongs to another user.
pub(crate) fn not_found() -> impl IntoView {
    view! {
        <section class="message">
            <p class="code" aria-hidden="true">"404"</p>
            <h1>"No seat by that number"</h1>
            <p>"This page does not exist, or it belongs to someone else."</p>
            <p class="actions">
                <a class="button" href="/">"See what is for sale"</a>
            </p>
        </section>
    }
}

/// A service does not answer. `retry_url` is the link to try again, if a link can repeat the request.
pub(crate) fn unavailable(retry_url: Option<String>) -> impl IntoView {
    view! {
        <section class="message">
            <p class="code" aria-hidden="true">"503"</p>
            <h1>"A short intermission"</h1>
            <p>
                "We will be right back. Nothing is lost: your reservations and the tickets you paid for are safe."
            </p>
            <p class="actions">
                {match retry_url {
                    Some(url) => {
                        view! { <a class="button" href=url>"Try again"</a> }.into_any()
                    }
                    None => {
                        view! {
                            <span>"Please go back and send the form again in a moment."</span>
                        }
                            .into_any()
                    }
                }}
            </p>
        </section>
    }
}

/// The request was refused. `message` is the reason, if it is known.
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
        StatusCode::FORBIDDEN => "This form was sent from another site, so we did not accept it.",
        StatusCode::PAYLOAD_TOO_LARGE => "That is more than this form accepts.",
        StatusCode::TOO_MANY_REQUESTS => "Too many attempts. Please wait a while and try again.",
        status if status.is_server_error() => {
            "Something went wrong on our side. Please try again in a moment."
        }
        _ => "Sorry, we could not understand that request.",
    }
}
