//! A stream of the server's events, open while the page is looked at.
//!
//! A page that is not looked at gives its connection up, of which a browser has few, and takes the stream up where
//! it left it when it is looked at again. The browser itself reconnects after a loss.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, EventSource, MessageEvent, VisibilityState};

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
    /// The last event that came, from which the next connection goes on.
    last: RefCell<String>,
    source: RefCell<Option<EventSource>>,
    over: RefCell<bool>,
    open: RwSignal<bool>,
    on_event: Listener,
}

/// Listens to the events of these names at this path. Each is given to `on_event` with its name and data. `open` is
/// told whether the connection stands. To be called in the browser alone.
pub(super) fn listen(
    path: String,
    names: &'static [&'static str],
    open: RwSignal<bool>,
    on_event: impl Fn(&str, &str) -> Interest + 'static,
) {
    let live = Rc::new(Live {
        path,
        names,
        last: RefCell::default(),
        source: RefCell::default(),
        over: RefCell::new(false),
        open,
        on_event: Box::new(on_event),
    });
    let looked_at = live.clone();
    let on_visibility = Closure::<dyn Fn()>::new(move || match document().visibility_state() {
        VisibilityState::Hidden => looked_at.close(),
        _ => looked_at.connect(),
    });
    let listener = on_visibility.as_ref().unchecked_ref();
    // A page without such events stays connected.
    let _ = document().add_event_listener_with_callback("visibilitychange", listener);
    on_visibility.forget();
    if document().visibility_state() != VisibilityState::Hidden {
        live.connect();
    }
}

impl Live {
    fn connect(self: &Rc<Self>) {
        if *self.over.borrow() || self.source.borrow().is_some() {
            return;
        }
        let last = self.last.borrow().clone();
        let url = if last.is_empty() {
            self.path.clone()
        } else {
            [&self.path, "?lastEventId=", &last].concat()
        };
        let Ok(source) = EventSource::new(&url) else {
            return;
        };
        let this = self.clone();
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event| this.take(&event));
        for name in self.names.iter().chain(&[PLACE]) {
            let listener = on_message.as_ref().unchecked_ref();
            let _ = source.add_event_listener_with_callback(name, listener);
        }
        on_message.forget();
        let this = self.clone();
        let on_change = Closure::<dyn Fn(Event)>::new(move |_| this.changed());
        source.set_onopen(Some(on_change.as_ref().unchecked_ref()));
        source.set_onerror(Some(on_change.as_ref().unchecked_ref()));
        on_change.forget();
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
            self.over.replace(true);
            self.close();
        }
    }

    /// Opened, lost, or refused. After a loss the browser tries again by itself; after a refusal it does not.
    fn changed(self: &Rc<Self>) {
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
