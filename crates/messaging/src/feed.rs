//! The live feed: recent events, for as many watchers as there are, from one subscription a process.
//!
//! A [`FeedReader`] reads the stream into a bounded window; each [`Subscription`] goes through that window at its own
//! pace and holds nothing of its own but its place in it. Places are [`EventId`]s, the same at every replica, so that a
//! watcher goes on at any of them, also after a restart. A watcher that cannot be told all it missed is told that.
//! Nothing here is acknowledged and no effect may rest on it: a feed shows what happened to those who look.

mod event_id;
mod reader;
mod window;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use common::{Event, Subject};
use futures::stream::{self, Stream};
use tokio::sync::watch;
use tokio::sync::watch::error::RecvError;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::broker::Broker;
use super::metrics::FeedMetrics;
use base::clock::Clock;
pub use event_id::{EventId, InvalidEventId};
pub use reader::FeedReader;
use window::{Place, Window};

/// What is recent: nobody is so late to act on an event while all is well.
const RECENT: Duration = Duration::from_mins(1);

/// How long to wait for events that another replica has told of already.
const OTHER_REPLICA: Duration = Duration::from_secs(1);

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News<T> {
    /// Something happened.
    Event {
        /// The watcher's place after it.
        id: EventId,
        /// What happened.
        item: T,
    },
    /// More happened than can be told; the watcher has to look for itself, and goes on from here.
    Reset(EventId),
    /// Nothing yet; the watcher's place, from which it can go on.
    Place(EventId),
}

/// Recent events, and those to come. Clones share them.
#[derive(Debug)]
pub struct Feed<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    window: watch::Receiver<Window<T>>,
    ended: CancellationToken,
    metrics: FeedMetrics,
}

// Written out because a derive would ask the same of `T`.
impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone + Send + Sync + 'static> Feed<T> {
    /// A feed of these subjects, and the task that keeps it. `read` makes of an event what watchers are told, or nothing;
    /// it is called once an event, however many watch.
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

    /// The place after all that this process has heard of: who goes on from here is told of all that was not in the
    /// database when this was asked for. A process that has not heard from the broker yet gives a place that is none,
    /// from which nobody goes on without looking again.
    #[must_use]
    pub fn place(&self) -> EventId {
        self.0.window.borrow().end()
    }

    /// What happens from the place `after` on, as the watcher remembers it; from now on if it remembers none.
    #[must_use]
    pub fn subscribe(&self, after: Option<&str>) -> Subscription<T> {
        self.subscription(after.map_or(Place::Now, |id| {
            id.parse().map_or(Place::Lost, Place::After)
        }))
    }

    /// What happens from a minute ago on: for whoever takes events for hints at what consumers do, which may not have
    /// done it yet.
    #[must_use]
    pub fn subscribe_to_recent(&self) -> Subscription<T> {
        self.subscription(Place::Recent)
    }

    fn subscription(&self, place: Place) -> Subscription<T> {
        Subscription {
            window: self.0.window.clone(),
            place,
            fetched: VecDeque::new(),
            metrics: self.0.metrics.clone(),
        }
    }
}

/// One watcher's way through the feed.
#[derive(Debug)]
pub struct Subscription<T> {
    window: watch::Receiver<Window<T>>,
    place: Place,
    fetched: VecDeque<News<T>>,
    metrics: FeedMetrics,
}

impl<T: Clone + Send + Sync + 'static> Subscription<T> {
    /// The next news, as soon as there are any; `None` once the feed has ended.
    ///
    /// While the broker is away there are none; what happened meanwhile is told afterwards.
    pub async fn next(&mut self) -> Option<News<T>> {
        loop {
            if let Some(news) = self.fetched.pop_front() {
                return Some(news);
            }
            self.fetch().await.ok()?;
        }
    }

    async fn fetch(&mut self) -> Result<(), RecvError> {
        // What is left in the window of a feed that has ended, another process tells.
        self.window.has_changed()?;
        let place = self.place;
        self.window
            .wait_for(|window| window.has_news_for(place))
            .await?;
        if self.window.borrow().is_behind(place) {
            let catches_up = self.window.wait_for(|window| !window.is_behind(place));
            // If it does not, the broker lost what it had acknowledged, and the place with it.
            let _ = timeout(OTHER_REPLICA, catches_up).await;
        }
        let recent = Clock::system().now().minus(RECENT);
        let (news, place) = self.window.borrow().news(place, recent);
        if matches!(news.first(), Some(News::Reset(_))) {
            self.metrics.resets.increment();
        }
        self.fetched.extend(news);
        self.place = place;
        Ok(())
    }

    /// The news as a stream, which ends with the feed.
    pub fn into_stream(self) -> impl Stream<Item = News<T>> + Send {
        stream::unfold(self, |mut subscription| async move {
            let news = subscription.next().await?;
            Some((news, subscription))
        })
    }
}
