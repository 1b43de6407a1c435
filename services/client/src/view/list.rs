//! Lists of a visitor's tickets or orders.

use leptos::prelude::*;

/// A row that links to its ticket or order.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) href: String,
    pub(super) title: String,
    /// The class and the text of its badge.
    pub(super) state: (&'static str, &'static str),
    pub(super) price: String,
}

/// The text of an empty list, with a link.
#[derive(Debug)]
pub(super) struct Empty {
    pub(super) title: &'static str,
    pub(super) text: &'static str,
    pub(super) href: &'static str,
    pub(super) action: &'static str,
}

/// A page of a list, with a link to the next page.
pub(super) fn list(
    heading: &'static str,
    rows: Vec<Row>,
    empty: &Empty,
    next: Option<String>,
) -> impl IntoView + use<> {
    let empty = rows.is_empty().then(|| empty_list(empty));
    view! {
        <section class="list">
            <h1>{heading}</h1>
            {empty}
            <ul class="rows">{rows.into_iter().map(row).collect_view()}</ul>
            {more(next)}
        </section>
    }
}

pub(super) fn empty_list(empty: &Empty) -> impl IntoView + use<> {
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

/// The link to the next page, if there is one.
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
