//! The sign-up, sign-in and sign-out pages.

use leptos::prelude::*;

use super::form::{Alert, Faults, Field, Token};

/// The contents of the account forms. Passwords are never sent back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) email: String,
    /// The page after the sign-in.
    pub(crate) next: String,
    pub(crate) faults: Faults,
}

/// The notice at the top of the sign-in page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignInNotice {
    None,
    /// The requested page requires a session.
    Required,
    /// A magic link was invalid.
    InvalidLink,
    /// A magic link was sent to this address.
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
                <Token />
                <Next next=next.clone() />
                <EmailField email faults=faults.clone() />
                <Field
                    name="password"
                    label="Password"
                    kind="password"
                    hint="At least 8 characters. A short sentence works well."
                    autocomplete="new-password"
                    faults
                />
                <button class="wide">"Create account"</button>
            </form>
            <p class="aside">
                "Already have an account? " <a href=with_next("/auth/signin", &next)>"Sign in"</a>
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
                    "Email me a sign-in link"
                </button>
            </form>
            <p class="aside">
                "New here? " <a href=with_next("/auth/signup", &next)>"Sign up"</a>
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
                <a href="/">"Stay and browse tickets"</a>
            </p>
        </section>
    }
}

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
        SignInNotice::Required => view! {
            <div class="notice" role="status">
                <p>"Please sign in first. We will bring you right back."</p>
            </div>
        }
        .into_any(),
        SignInNotice::InvalidLink => view! {
            <div class="notice bad" role="alert">
                <p>
                    "This link was already used or has expired. Enter your email and we will send you a new one."
                </p>
            </div>
        }
        .into_any(),
        SignInNotice::LinkSent(email) => view! {
            <div class="notice good" role="status">
                <p>
                    "Check your inbox: a link is on its way to " <strong class="break">{email}</strong>
                    ". It works once and expires soon."
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

/// The URL of an account page that leads on to `next`, unless that is the default.
pub(crate) fn with_next(path: &str, next: &str) -> String {
    if matches!(next, "" | "/") || next.starts_with("/auth/") {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    format!("{path}?{query}")
}
