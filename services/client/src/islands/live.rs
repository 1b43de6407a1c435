//! An event stream from the server, open while the page is visible.
//!
//! A hidden page closes its connection, since browsers limit their number, and resumes the stream when it becomes
//! visible again. The browser itself reconnects after a loss.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent, VisibilityState};

/// When to retry a refused stream.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// The event that only moves the position in the stream.
const PLACE: &str = "place";

/// Whether to keep listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interest {
    Remains,
    /// No further events matter.
    Ends,
}

/// Receives an event's name and data.
type Listener = Box<dyn Fn(&str, &str) -> Interest>;

struct Live {
    path: String,
    names: &'static [&'static str],
    /// The latest event that was received or that the page reflects. The next connection resumes after it.
    last_event: RefCell<String>,
    source: RefCell<Option<EventSource>>,
    ended: Cell<bool>,
    open: RwSignal<bool>,
    on_event: Listener,
    /// The callbacks of every connection.
    on_message: Closure<dyn Fn(MessageEvent)>,
    on_change: Closure<dyn Fn()>,
}

/// Listens to events with these names after `last_event`, for the lifetime of the page. It passes each event's name and
/// data to `on_event`, and sets `open` to whether the connection is open. For the browser only.
pub(super) fn listen(
    path: String,
    last_event: String,
    names: &'static [&'static str],
    open: RwSignal<bool>,
    on_event: impl Fn(&str, &str) -> Interest + 'static,
) {
    let live = Rc::new_cyclic(|this: &Weak<Live>| {
        let (messages, changes) = (this.clone(), this.clone());
        let on_message = move |event| {
            if let Some(live) = messages.upgrade() {
                live.receive(&event);
            }
        };
        let on_change = move || {
            if let Some(live) = changes.upgrade() {
                live.update_state();
            }
        };
        Live {
            path,
            names,
            last_event: RefCell::new(last_event),
            source: RefCell::default(),
            ended: Cell::new(false),
            open,
            on_event: Box::new(on_event),
            on_message: Closure::new(on_message),
            on_change: Closure::new(on_change),
        }
    });
    let on_visibility = move || match document().visibility_state() {
        VisibilityState::Hidden => live.close(),
        _ => live.connect(),
    };
    on_visibility();
    let on_visibility = Closure::<dyn Fn()>::new(on_visibility);
    let listener = on_visibility.as_ref().unchecked_ref();
    // If this fails, the page just stays connected.
    let _ = document().add_event_listener_with_callback("visibilitychange", listener);
    on_visibility.forget();
}

impl Live {
    fn connect(&self) {
        if self.ended.get() || self.source.borrow().is_some() {
            return;
        }
        let last_event = self.last_event.borrow();
        let url = if last_event.is_empty() {
            self.path.clone()
        } else {
            [&self.path, "?lastEventId=", &last_event].concat()
        };
        let Ok(source) = EventSource::new(&url) else {
            return;
        };
        for name in self.names.iter().chain(&[PLACE]) {
            let listener = self.on_message.as_ref().unchecked_ref();
            let _ = source.add_event_listener_with_callback(name, listener);
        }
        source.set_onopen(Some(self.on_change.as_ref().unchecked_ref()));
        source.set_onerror(Some(self.on_change.as_ref().unchecked_ref()));
        self.source.replace(Some(source));
    }

    fn receive(&self, event: &MessageEvent) {
        self.last_event.replace(event.last_event_id());
        let name = event.type_();
        if name == PLACE {
            return;
        }
        let data = event.data().as_string().unwrap_or_default();
        if (self.on_event)(&name, &data) == Interest::Ends {
            self.ended.set(true);
            self.close();
        }
    }

    /// Handles an opened, lost or refused connection. The browser reconnects after a loss, but not after a refusal.
    fn update_state(self: &Rc<Self>) {
        let state = self.source.borrow().as_ref().map(EventSource::ready_state);
        self.open.set(state == Some(EventSource::OPEN));
        if state == Some(EventSource::CLOSED) {
            self.source.replace(None);
            let this = self.clone();
            set_timeout(move || this.connect(), RETRY_DELAY);
        }
    }

    fn close(&self) {
        if let Some(source) = self.source.replace(None) {
            source.close();
        }
        self.open.set(false);
    }
}
