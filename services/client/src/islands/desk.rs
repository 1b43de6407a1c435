//! An order from its making to its end: the countdown, the card form, and what came of it.

use std::rc::Rc;
use std::time::Duration;

use common::OrderStatus;
use common::events::CancellationReason;
use leptos::prelude::*;

use super::clock::{WARNINGS, lead_of_server, minutes, now};
use super::item::{OrderItem, OrderState};
use super::live::{Interest, listen};
use super::money::dollars;
use super::payment::pay;
use super::stripe::CardForm;

/// How often the countdown looks at the clock.
const TICK: Duration = Duration::from_millis(250);

/// What the order's page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It can be paid.
    Open,
    /// The card was charged; the order does not know yet.
    Charged,
    /// The time is over; the order does not know yet.
    Over,
    Paid,
    GivenUp,
    Expired,
}

/// An order, alive.
#[island]
pub fn OrderDesk(
    /// The order.
    order: OrderItem,
    /// The server's clock when it rendered this, in milliseconds since 1970.
    rendered_at: i64,
    /// Names our account to Stripe.
    stripe_key: String,
) -> impl IntoView {
    let news = RwSignal::new(order.state);
    let (remaining, set_remaining) = signal(order.expires_at - rendered_at);
    let (charged, set_charged) = signal(false);
    let stage = Memo::new(move |_| stage_of(news.get(), charged.get(), remaining.get() <= 0));

    let (id, expires_at) = (order.id.clone(), order.expires_at);
    Effect::new(move |_| {
        follow(&id, news);
        let lead = lead_of_server(rendered_at);
        let tick = move || set_remaining.set(expires_at - now(lead));
        // Without a timer the page still shows what the stream tells.
        let _ = set_interval_with_handle(tick, TICK);
        tick();
    });
    // Where the content changes by itself, the keyboard and the screen reader are taken along.
    Effect::new(move |before: Option<Stage>| {
        let now = stage.get();
        if before.is_some_and(|before| before != now) {
            focus("stage");
        }
        now
    });

    let paying = Paying {
        order: order.id.clone(),
        price: order.price,
        stripe_key,
        set_charged,
    };
    let ticket = order.ticket.clone();
    view! {
        <div class="desk">
            {move || match stage.get() {
                Stage::Open => paying.clone().view(remaining).into_any(),
                Stage::Charged => {
                    outcome("waiting", "Payment received", "Writing your name on the ticket…", ()).into_any()
                }
                Stage::Over => {
                    outcome("waiting", "Time is up", "Giving the ticket back…", ()).into_any()
                }
                Stage::Paid => {
                    let all = view! {
                        <a class="button" href="/orders">
                            "All your orders"
                        </a>
                    };
                    outcome("good", "It is yours", "Paid, and nobody can take it away. Enjoy it.", all)
                        .into_any()
                }
                Stage::GivenUp => {
                    let text = "You gave this order up. Nothing was charged that is not refunded.";
                    outcome("over", "Cancelled", text, again(&ticket)).into_any()
                }
                Stage::Expired => {
                    let text = "It was not paid in time, so the ticket is for sale again. Nothing was charged that is not refunded.";
                    outcome("over", "Expired", text, again(&ticket)).into_any()
                }
            }}
        </div>
    }
}

fn stage_of(state: OrderState, charged: bool, over: bool) -> Stage {
    match state.status {
        OrderStatus::Complete => Stage::Paid,
        OrderStatus::Cancelled if state.reason == Some(CancellationReason::Owner) => Stage::GivenUp,
        OrderStatus::Cancelled => Stage::Expired,
        OrderStatus::Created | OrderStatus::AwaitingPayment if charged => Stage::Charged,
        OrderStatus::Created | OrderStatus::AwaitingPayment if over => Stage::Over,
        OrderStatus::Created | OrderStatus::AwaitingPayment => Stage::Open,
    }
}

/// Keeps `state` the newest that the server tells.
fn follow(id: &str, state: RwSignal<OrderState>) {
    let ended = |state: OrderState| !state.status.is_active();
    if ended(state.get_untracked()) {
        return;
    }
    listen(
        format!("/api/orders/{id}/stream"),
        &["order"],
        move |_, data| {
            if let Ok(news) = serde_json::from_str::<OrderState>(data)
                && news.version > state.get_untracked().version
            {
                state.set(news);
            }
            if ended(state.get_untracked()) {
                Interest::Ends
            } else {
                Interest::Remains
            }
        },
    );
}

fn focus(id: &str) {
    use wasm_bindgen::JsCast;
    let element = document().get_element_by_id(id);
    if let Some(element) =
        element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok())
    {
        // An element that cannot take the focus leaves it where it is.
        let _ = element.focus();
    }
}

fn outcome<V: IntoView + 'static>(
    kind: &'static str,
    title: &'static str,
    text: &'static str,
    actions: V,
) -> impl IntoView {
    view! {
        <div class=format!("outcome {kind}")>
            <h2 id="stage" tabindex="-1">{title}</h2>
            <p>{text}</p>
            <p class="actions">{actions}</p>
        </div>
    }
}

fn again(ticket: &str) -> impl IntoView + use<> {
    view! {
        <a class="button" href=format!("/tickets/{ticket}")>
            "Look at the ticket again"
        </a>
        <a class="button second" href="/">
            "Find another"
        </a>
    }
}

/// The part of an order that can be paid.
#[derive(Clone)]
struct Paying {
    order: String,
    price: i64,
    stripe_key: String,
    set_charged: WriteSignal<bool>,
}

impl Paying {
    fn view(self, remaining: ReadSignal<i64>) -> impl IntoView {
        let Self {
            order,
            price,
            stripe_key,
            set_charged,
        } = self;
        let (fault, set_fault) = signal(String::new());
        let (busy, set_busy) = signal(false);
        let form = StoredValue::new_local(None::<Rc<CardForm>>);
        Effect::new(move |_| {
            let mounted = CardForm::mount(&stripe_key, "#card", prefers_dark());
            if mounted.is_none() {
                let missing = "The card form could not be loaded. Please reload the page; your reservation stands.";
                set_fault.set(missing.to_owned());
            }
            form.set_value(mounted.map(Rc::new));
        });
        let submit = move |event: web_sys::SubmitEvent| {
            event.prevent_default();
            let (order, Some(form)) = (order.clone(), form.get_value()) else {
                return;
            };
            // The second click of a double click.
            if busy.get_untracked() {
                return;
            }
            set_busy.set(true);
            set_fault.set(String::new());
            leptos::task::spawn_local(async move {
                let paid = match form.token().await {
                    Ok(token) => pay(&token, &order).await,
                    Err(reason) => Err(reason),
                };
                match paid {
                    Ok(()) => set_charged.set(true),
                    Err(reason) => set_fault.set(reason),
                }
                set_busy.set(false);
            });
        };
        view! {
            {countdown(remaining)}
            <form class="pay" on:submit=submit>
                <h2>"Pay by card"</h2>
                <div id="card" class="card-form"></div>
                <p class="fault" role="alert">{move || fault.get()}</p>
                <button class="wide" aria-disabled=move || busy.get().then_some("true")>
                    {move || if busy.get() { "Paying…".to_owned() } else { format!("Pay {}", dollars(price)) }}
                </button>
            </form>
        }
    }
}

fn prefers_dark() -> bool {
    let dark = window().match_media("(prefers-color-scheme: dark)");
    dark.ok().flatten().is_some_and(|query| query.matches())
}

fn countdown(remaining: ReadSignal<i64>) -> impl IntoView {
    let urgent = move || remaining.get() <= WARNINGS[1].0;
    let (said, say) = signal("");
    Effect::new(move |before: Option<i64>| {
        let left = remaining.get();
        let passed = |mark: i64| before.is_some_and(|before| before > mark) && left <= mark;
        if let Some((_, warning)) = WARNINGS.iter().find(|(mark, _)| passed(*mark)) {
            say.set(warning);
        }
        left
    });
    view! {
        <div class="countdown" class:urgent=urgent>
            <p class="left" role="timer" aria-live="off">
                <span class="digits">{move || minutes(remaining.get())}</span>
                " left to pay"
            </p>
            <p class="sr" aria-live="polite">{move || said.get()}</p>
        </div>
    }
}
