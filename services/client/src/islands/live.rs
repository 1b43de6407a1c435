//! A stream of the server's events, open while the page is looked at.
//!
//! A page that is not looked at gives its connection up, of which a browser has few, and takes the stream up where
//! it left it when it is looked at again. The browser itself reconnects after a loss.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent, VisibilityState};

/// After how long a stream is asked for again that was refused.
const REFUSED: Duration = Duration::from_secs(5);

/// The event that tells nothing but an id to go on from.
const PLACE: &str = "place";

/// Whether to go on listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interest {
    Remains,
    /// There can be no more news.
    Ends,
}

/// What is done with an event's name and data.
type Listener = Box<dyn Fn(&str, &str) -> Interest>;

struct Live {
    path: String,
    names: &'static [&'static str],
    /// The last event that came, or that the page shows already: from there the next connection goes on.
    last: RefCell<String>,
    source: RefCell<Option<EventSource>>,
    over: Cell<bool>,
    open: RwSignal<bool>,
    on_event: Listener,
    /// Every connection calls these.
    heard: Closure<dyn Fn(MessageEvent)>,
    changed: Closure<dyn Fn()>,
}

/// Listens to the events of these names at this path that come after `last`, as long as the page is there. Each is given
/// to `on_event` with its name and data. `open` is told whether the connection stands. To be called in the browser alone.
pub(super) fn listen(
    path: String,
    last: String,
    names: &'static [&'static str],
    open: RwSignal<bool>,
    on_event: impl Fn(&str, &str) -> Interest + 'static,
) {
    let live = Rc::new_cyclic(|this: &Weak<Live>| {
        let (hearing, changing) = (this.clone(), this.clone());
        let heard = move |event| {
            if let Some(live) = hearing.upgrade() {
                live.take(&event);
            }
        };
        let changed = move || {
            if let Some(live) = changing.upgrade() {
                live.change();
            }
        };
        Live {
            path,
            names,
            last: RefCell::new(last),
            source: RefCell::default(),
            over: Cell::new(false),
            open,
            on_event: Box::new(on_event),
            heard: Closure::new(heard),
            changed: Closure::new(changed),
        }
    });
    let looked_at = move || match document().visibility_state() {
        VisibilityState::Hidden => live.close(),
        _ => live.connect(),
    };
    looked_at();
    let looked_at = Closure::<dyn Fn()>::new(looked_at);
    let listener = looked_at.as_ref().unchecked_ref();
    // A page without such events stays connected.
    let _ = document().add_event_listener_with_callback("visibilitychange", listener);
    looked_at.forget();
}

impl Live {
    fn connect(&self) {
        if self.over.get() || self.source.borrow().is_some() {
            return;
        }
        let last = self.last.borrow();
        let url = if last.is_empty() {
            self.path.clone()
        } else {
            [&self.path, "?lastEventId=", &last].concat()
        };
        let Ok(source) = EventSource::new(&url) else {
            return;
        };
        for name in self.names.iter().chain(&[PLACE]) {
            let listener = self.heard.as_ref().unchecked_ref();
            let _ = source.add_event_listener_with_callback(name, listener);
        }
        source.set_onopen(Some(self.changed.as_ref().unchecked_ref()));
        source.set_onerror(Some(self.changed.as_ref().unchecked_ref()));
        self.source.replace(Some(source));
    }

    fn take(&self, event: &MessageEvent) {
        self.last.replace(event.last_event_id());
        let name = event.type_();
        if name == PLACE {
            return;
        }
        let data = event.data().as_string().unwrap_or_default();
        if (self.on_event)(&name, &data) == Interest::Ends {
            self.over.set(true);
            self.close();
        }
    }

    /// Opened, lost, or refused. After a loss the browser tries again by itself; after a refusal it does not.
    fn change(self: &Rc<Self>) {
        let state = self.source.borrow().as_ref().map(EventSource::ready_state);
        self.open.set(state == Some(EventSource::OPEN));
        if state == Some(EventSource::CLOSED) {
            self.source.replace(None);
            let this = self.clone();
            set_timeout(move || this.connect(), REFUSED);
        }
    }

    fn close(&self) {
        if let Some(source) = self.source.replace(None) {
            source.close();
        }
        self.open.set(false);
    }
}
