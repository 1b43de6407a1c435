//! The document of every page: head, header and footer.

use std::sync::Arc;

use leptos::prelude::*;

use super::account::with_next;
use super::page::{Page, Section, Visitor};
use crate::state::Shop;

const NAME: &str = "Ticketing";

pub(crate) fn layout(
    shop: Arc<Shop>,
    visitor: Visitor,
    nonce: String,
    page: Page,
    content: AnyView,
) -> impl IntoView {
    let (here, next) = (page.section, page.next.clone());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <Head shop nonce page />
            <body>
                <a class="skip" href="#main">
                    "Skip to the content"
                </a>
                <Header visitor here next />
                <main id="main" tabindex="-1">
                    {content}
                </main>
                <Footer />
            </body>
        </html>
    }
}

#[component]
fn Head(shop: Arc<Shop>, nonce: String, page: Page) -> impl IntoView {
    let site = &shop.site;
    let title = format!("{} · {NAME}", page.title);
    let canonical = page
        .canonical
        .as_ref()
        .map(|path| format!("{}{path}", shop.origin));
    let picture = format!("{}{}", shop.origin, site.url("card.png"));
    view! {
        <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width, initial-scale=1" />
            <title>{title.clone()}</title>
            {page.description.clone().map(|text| view! { <meta name="description" content=text /> })}
            {match canonical {
                Some(url) => {
                    view! {
                        <link rel="canonical" href=url.clone() />
                        {open_graph("og:url", url)}
                        {open_graph("og:type", "website".to_owned())}
                        {open_graph("og:site_name", NAME.to_owned())}
                        {open_graph("og:title", page.title.clone())}
                        {page.description.clone().map(|text| open_graph("og:description", text))}
                        {open_graph("og:image", picture)}
                        <meta name="twitter:card" content="summary" />
                    }
                        .into_any()
                }
                None => view! { <meta name="robots" content="noindex" /> }.into_any(),
            }}
            <meta name="color-scheme" content="light dark" />
            <meta name="theme-color" media="(prefers-color-scheme: light)" content="#faf6ef" />
            <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#16130f" />
            <link rel="icon" href=site.url("favicon.svg") type="image/svg+xml" />
            <link rel="stylesheet" href=site.url("shop.css") />
            {page.card_form.then(|| view! { <script src=shop.stripe.script.clone() defer></script> })}
            {page.has_islands.then(|| view! { <Script shop=shop.clone() nonce /> })}
            {page
                .card_form
                .then(|| {
                    view! {
                        <noscript>
                            <meta http-equiv="refresh" content="10" />
                        </noscript>
                    }
                })}
        </head>
    }
}

/// An Open Graph property, for previews of links (<https://ogp.me>).
fn open_graph(property: &'static str, content: String) -> impl IntoView {
    leptos::html::meta()
        .attr("property", property)
        .content(content)
}

/// Preloads the WASM and hydrates each island.
#[component]
fn Script(shop: Arc<Shop>, nonce: String) -> impl IntoView {
    let script = shop.site.url("client.js");
    let wasm = shop.site.url("client_bg.wasm");
    let start = format!(
        "import * as shop from {script:?};\
         await shop.default({{ module_or_path: {wasm:?} }});\
         shop.hydrate();\
         for (const island of document.querySelectorAll('leptos-island')) shop[island.dataset.component](island);"
    );
    view! {
        <link rel="modulepreload" href=script />
        <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
        <script type="module" nonce=nonce>
            {start}
        </script>
    }
}

#[component]
fn Header(visitor: Visitor, here: Section, next: String) -> impl IntoView {
    let signed_in = !matches!(visitor, Visitor::Anonymous);
    let link = move |section: Section, href: &'static str, text: &'static str| {
        let current = (section == here).then_some("page");
        view! {
            <li>
                <a href=href aria-current=current>
                    {text}
                </a>
            </li>
        }
    };
    view! {
        <header class="top">
            <div class="top-inner">
                <a class="brand" href="/" aria-label=format!("{NAME}, tickets from people")>
                    <Mark />
                    <span aria-hidden="true">{NAME}</span>
                </a>
                <nav class="sections" aria-label="Shop">
                    <ul>
                        {link(Section::Tickets, "/", "Browse")}
                        {link(Section::Sell, "/tickets/new", "Sell")}
                        {signed_in.then(|| link(Section::Mine, "/tickets/mine", "My tickets"))}
                        {signed_in.then(|| link(Section::Orders, "/orders", "Orders"))}
                    </ul>
                </nav>
                <AccountMenu visitor next />
            </div>
        </header>
    }
}

#[component]
fn AccountMenu(visitor: Visitor, next: String) -> impl IntoView {
    match visitor {
        Visitor::SignedIn(session) => {
            let email = session.email.to_string();
            view! {
                <div class="account">
                    <span class="who" title=email.clone()>
                        {email.clone()}
                    </span>
                    <form method="post" action="/auth/signout">
                        <button class="quiet">"Sign out"</button>
                    </form>
                </div>
            }
            .into_any()
        }
        Visitor::Anonymous => view! {
            <div class="account">
                <a class="button quiet" href=with_next("/auth/signin", &next)>
                    "Sign in"
                </a>
                <a class="button small" href=with_next("/auth/signup", &next)>
                    "Sign up"
                </a>
            </div>
        }
        .into_any(),
        Visitor::Unknown => ().into_any(),
    }
}

/// The logo: a torn ticket.
#[component]
fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
            <path d="M3 9a2 2 0 0 1 2-2h15v18H5a2 2 0 0 1-2-2v-3a4 4 0 0 0 0-8z" />
            <path class="torn" d="M23 7.6l5.2 1.2a1.5 1.5 0 0 1 1.1 1.8l-.6 2.6a3.4 3.4 0 0 0-1.3 6l-.9 3.7a1.5 1.5 0 0 1-1.8 1.1L23 23.6z" />
        </svg>
    }
}

#[component]
fn Footer() -> impl IntoView {
    view! {
        <footer class="bottom">
            <p>
                "Reserved means reserved: while you pay, nobody else can buy. Cards are handled by Stripe; their numbers never reach us. "
                <a href="/docs">"API for developers"</a>
            </p>
        </footer>
    }
}
