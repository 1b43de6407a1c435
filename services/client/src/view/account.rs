//! Signing up, in and out.

use leptos::prelude::*;

use super::form::{Alert, Faults, Field, SentOnce};

/// What the account forms hold when they come back. Passwords never do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) email: String,
    /// Where to go after it.
    pub(crate) next: String,
    pub(crate) faults: Faults,
}

/// What the sign-in page says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignInNotice {
    None,
    /// A page was asked for that only one who is signed in can see.
    First,
    /// A magic link did not work.
    InvalidLink,
    /// A magic link is on its way to this address.
    LinkSent(String),
}

const FIELDS: &[&str] = &["email", "password"];

/// `/auth/signup`
pub(crate) fn sign_up(account: Account) -> impl IntoView {
    let Account {
        email,
        next,
        faults,
    } = account;
    view! {
        <section class="sheet">
            <h1>"Sign up"</h1>
            <Alert faults=faults.clone() fields=FIELDS />
            <form method="post" action="/auth/signup" novalidate>
                <SentOnce />
                <Next next=next.clone() />
                <EmailField email faults=faults.clone() />
                <Field
                    name="password"
                    label="Password"
                    kind="password"
                    hint="8 characters or more. A sentence is better than a puzzle."
                    autocomplete="new-password"
                    faults
                />
                <button class="wide">"Create account"</button>
            </form>
            <p class="aside">
                "Been here before? " <a href=leading_to("/auth/signin", &next)>"Sign in"</a>
            </p>
        </section>
    }
}

/// `/auth/signin`
pub(crate) fn sign_in(account: Account, notice: SignInNotice) -> impl IntoView {
    let Account {
        email,
        next,
        faults,
    } = account;
    view! {
        <section class="sheet">
            <h1>"Sign in"</h1>
            <Notice notice />
            <Alert faults=faults.clone() fields=FIELDS />
            <form method="post" action="/auth/signin" novalidate>
                <Next next=next.clone() />
                <EmailField email faults=faults.clone() />
                <Field
                    name="password"
                    label="Password"
                    kind="password"
                    autocomplete="current-password"
                    faults
                />
                <button class="wide">"Sign in"</button>
                <p class="or">
                    <span>"or, without a password"</span>
                </p>
                <button class="wide second" formaction="/auth/magic-link">
                    "Mail me a link that signs in"
                </button>
            </form>
            <p class="aside">
                "New here? " <a href=leading_to("/auth/signup", &next)>"Sign up"</a>
            </p>
        </section>
    }
}

/// `/auth/signout`
pub(crate) fn sign_out(email: String) -> impl IntoView {
    view! {
        <section class="sheet">
            <h1>"Sign out?"</h1>
            <p>"You are signed in as " <strong class="break">{email}</strong> "."</p>
            <form method="post" action="/auth/signout">
                <button class="wide">"Sign out"</button>
            </form>
            <p class="aside">
                <a href="/">"Stay, and look at the tickets"</a>
            </p>
        </section>
    }
}

/// Where everything about an account begins.
#[component]
fn EmailField(email: String, faults: Faults) -> impl IntoView {
    view! {
        <Field
            name="email"
            label="Email"
            kind="email"
            value=email
            autocomplete="username"
            first=true
            faults
        />
    }
}

#[component]
fn Notice(notice: SignInNotice) -> impl IntoView {
    match notice {
        SignInNotice::None => ().into_any(),
        SignInNotice::First => view! {
            <div class="notice" role="status">
                <p>"Please sign in first. You will come back to where you were."</p>
            </div>
        }
        .into_any(),
        SignInNotice::InvalidLink => view! {
            <div class="notice bad" role="alert">
                <p>
                    "This link was used already or is too old. Each works once, and not for long: ask for a fresh one below."
                </p>
            </div>
        }
        .into_any(),
        SignInNotice::LinkSent(email) => view! {
            <div class="notice good" role="status">
                <p>
                    "Look into your mail: a link is on its way to " <strong class="break">{email}</strong>
                    ". It works once, and not for long."
                </p>
            </div>
        }
        .into_any(),
    }
}

#[component]
fn Next(next: String) -> impl IntoView {
    (!next.is_empty()).then(|| view! { <input type="hidden" name="next" value=next /> })
}

/// The address of an account page that leads on to `next`, if that is worth remembering.
pub(crate) fn leading_to(path: &str, next: &str) -> String {
    if matches!(next, "" | "/") || next.starts_with("/auth/") {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    format!("{path}?{query}")
}
