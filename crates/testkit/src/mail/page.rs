//! The caught mail as a page and as JSON.

use std::fmt::Write;

use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Mail, Store, messages};

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\"><title>Caught mail</title>\
    <style>body{font:16px/1.5 system-ui;max-width:46rem;margin:2rem auto;padding:0 1rem}\
    article{border-top:1px solid #ccc;padding:1rem 0}pre{white-space:pre-wrap;overflow-wrap:anywhere}\
    </style><h1>Caught mail</h1><p>The newest first. Reload for more.</p>";

pub(super) async fn serve(listener: TcpListener, store: Store, stop: CancellationToken) {
    let router = Router::new()
        .route("/", get(list))
        .route(
            "/api/messages",
            get(async |State(store): State<Store>| Json(messages(&store))),
        )
        .with_state(store);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "the mail catcher's page failed");
    }
}

async fn list(State(store): State<Store>) -> Html<String> {
    let mut page = HEAD.to_owned();
    for mail in messages(&store) {
        write_mail(&mut page, &mail).expect("writing to a string cannot fail");
    }
    Html(page)
}

fn write_mail(page: &mut String, mail: &Mail) -> std::fmt::Result {
    let body = if mail.text.is_empty() {
        &mail.html
    } else {
        &mail.text
    };
    write!(
        page,
        "<article><h2>{}</h2><p>From {} to {}</p><pre>{}</pre></article>",
        escape(&mail.subject),
        escape(&mail.from),
        escape(&mail.to.join(", ")),
        with_links(body),
    )
}

/// The text with web addresses as links.
fn with_links(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    let linked = words.map(|word| {
        let address = word.trim_end();
        let shown = escape(address);
        if address.starts_with("http://") || address.starts_with("https://") {
            let space = &word[address.len()..];
            format!("<a href=\"{shown}\">{shown}</a>{space}")
        } else {
            escape(word)
        }
    });
    linked.collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
