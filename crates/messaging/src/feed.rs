//! The live feed: recent events for any number of watchers, from one consumer per process.
//!
//! A [`FeedReader`] reads the stream into a bounded window. Each [`Subscription`] reads that window at its own pace and
//! only holds its cursor. Cursors are [`EventId`]s and are valid in every process, so a watcher can continue in any of
//! them, also after a restart. If the window no longer contains everything that a watcher missed, the watcher receives
//! [`News::Reset`]. Nothing is acknowledged, so no effect may depend on a feed: it only displays events.

mod event_id;
mod reader;
mod window;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base::clock::Clock;
use common::{Event, Subject};
use futures::stream::{self, Stream};
use tokio::sync::watch;
use tokio::sync::watch::error::RecvError;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::broker::Broker;
use super::metrics::FeedMetrics;
pub use event_id::{EventId, InvalidEventId};
pub use reader::FeedReader;
use window::{Cursor, Window};

/// The age up to which events are recent: without failures, consumers act on an event much sooner.
const RECENT: Duration = Duration::from_mins(1);

/// How long to wait for events that another process has already delivered to the watcher.
const OTHER_PROCESS: Duration = Duration::from_secs(1);

/// What a watcher receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News<T> {
    /// An event.
    Event {
        /// The watcher's cursor after it.
        id: EventId,
        /// What the feed shows of the event.
        item: T,
    },
    /// Events were missed: the watcher must reload what it shows, and continues from this cursor.
    Reset(EventId),
    /// No event yet, only the watcher's cursor.
    Cursor(EventId),
}

/// Recent and future events. Clones share them.
#[derive(Debug)]
pub struct Feed<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    window: watch::Receiver<Window<T>>,
    ended: CancellationToken,
    metrics: FeedMetrics,
}

// A derived implementation would require `T: Clone`.
impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone + Send + Sync + 'static> Feed<T> {
    /// A feed of these subjects, and the task that fills it. `read` converts an event to what watchers receive, or
    /// hides it. It is called once per event, not once per watcher.
    #[must_use]
    pub fn new(
        broker: Broker,
        subjects: &'static [Subject],
        read: fn(Event) -> Option<T>,
    ) -> (Self, FeedReader<T>) {
        let (sender, window) = watch::channel(Window::new());
        let ended = CancellationToken::new();
        let metrics = FeedMetrics::of(broker.metrics());
        let reader = FeedReader::new(
            broker,
            subjects,
            read,
            sender,
            ended.clone().drop_guard(),
            metrics.clone(),
        );
        let feed = Shared {
            window,
            ended,
            metrics,
        };
        (Self(Arc::new(feed)), reader)
    }

    /// Cancelled when the feed has ended, as the process stops.
    #[must_use]
    pub fn ended(&self) -> &CancellationToken {
        &self.0.ended
    }

    /// The cursor after everything that this process has read. A watcher that continues from it receives every event
    /// whose change was not in the database before this call. If this process has not read anything yet, the cursor is
    /// invalid, and a watcher that continues from it is reset.
    #[must_use]
    pub fn cursor(&self) -> EventId {
        self.0.window.borrow().end()
    }

    /// The events after the watcher's cursor, given as text; without one, the events from now on.
    #[must_use]
    pub fn subscribe(&self, after: Option<&str>) -> Subscription<T> {
        self.subscription(after.map_or(Cursor::Now, |id| {
            id.parse().map_or(Cursor::Invalid, Cursor::After)
        }))
    }

    /// The events from a minute ago on, for code that uses events as hints that a consumer is about to act.
    #[must_use]
    pub fn subscribe_to_recent(&self) -> Subscription<T> {
        self.subscription(Cursor::Recent)
    }

    fn subscription(&self, cursor: Cursor) -> Subscription<T> {
        Subscription {
            window: self.0.window.clone(),
            cursor,
            fetched: VecDeque::new(),
            metrics: self.0.metrics.clone(),
        }
    }
}

/// One watcher's subscription to the feed.
#[derive(Debug)]
pub struct Subscription<T> {
    window: watch::Receiver<Window<T>>,
    cursor: Cursor,
    fetched: VecDeque<News<T>>,
    metrics: FeedMetrics,
}

impl<T: Clone + Send + Sync + 'static> Subscription<T> {
    /// Waits for the next news; `None` once the feed has ended.
    ///
    /// While the broker is away there are none. They follow once it is back.
    pub async fn next(&mut self) -> Option<News<T>> {
        loop {
            if let Some(news) = self.fetched.pop_front() {
                return Some(news);
            }
            self.fetch().await.ok()?;
        }
    }

    async fn fetch(&mut self) -> Result<(), RecvError> {
        // Once the feed has ended, another process delivers the rest of the window.
        self.window.has_changed()?;
        let cursor = self.cursor;
        self.window
            .wait_for(|window| window.has_news_for(cursor))
            .await?;
        if self.window.borrow().is_behind(cursor) {
            let catches_up = self.window.wait_for(|window| !window.is_behind(cursor));
            // If it does not catch up, the broker lost acknowledged events, and the cursor is invalid.
            let _ = timeout(OTHER_PROCESS, catches_up).await;
        }
        let recent = Clock::system().now().minus(RECENT);
        let (news, cursor) = self.window.borrow().news(cursor, recent);
        if matches!(news.first(), Some(News::Reset(_))) {
            self.metrics.resets.increment();
        }
        self.fetched.extend(news);
        self.cursor = cursor;
        Ok(())
    }

    /// The news as a stream that ends with the feed.
    pub fn into_stream(self) -> impl Stream<Item = News<T>> + Send {
        stream::unfold(self, |mut subscription| async move {
            let news = subscription.next().await?;
            Some((news, subscription))
        })
    }
}
