//! One's own things, a line each.

use leptos::prelude::*;

/// A line, which leads to the thing.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) href: String,
    pub(super) title: String,
    /// What has become of it: a class of badge, and the word on it.
    pub(super) state: (&'static str, &'static str),
    pub(super) price: String,
}

/// What is said where there is nothing yet, and the way to change that.
#[derive(Debug)]
pub(super) struct Empty {
    pub(super) title: &'static str,
    pub(super) text: &'static str,
    pub(super) href: &'static str,
    pub(super) action: &'static str,
}

/// The list, with the way to its next page.
pub(super) fn list(
    heading: &'static str,
    rows: Vec<Row>,
    empty: &Empty,
    next: Option<String>,
) -> impl IntoView + use<> {
    let nothing = rows.is_empty().then(|| nothing(empty));
    view! {
        <section class="list">
            <h1>{heading}</h1>
            {nothing}
            <ul class="rows">{rows.into_iter().map(row).collect_view()}</ul>
            {more(next)}
        </section>
    }
}

/// That there is nothing.
pub(super) fn nothing(empty: &Empty) -> impl IntoView + use<> {
    let Empty {
        title,
        text,
        href,
        action,
    } = *empty;
    view! {
        <div class="empty">
            <h2>{title}</h2>
            <p>{text}</p>
            <p class="actions">
                <a class="button" href=href>
                    {action}
                </a>
            </p>
        </div>
    }
}

fn row(row: Row) -> impl IntoView {
    let (class, word) = row.state;
    view! {
        <li>
            <a href=row.href>
                <span class="row-title">{row.title}</span>
                <span class=format!("badge {class}")>{word}</span>
                <span class="price">{row.price}</span>
            </a>
        </li>
    }
}

/// The way to the next page, if there is one.
fn more(next: Option<String>) -> impl IntoView {
    next.map(|href| {
        view! {
            <nav class="pages" aria-label="Pages">
                <a class="button second" href=href rel="next">
                    "More"
                </a>
            </nav>
        }
    })
}
