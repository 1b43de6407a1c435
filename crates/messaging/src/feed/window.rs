//! The recent part of a stream that a process keeps, and what it tells a watcher at a place. No I/O.

use std::collections::VecDeque;

use common::Timestamp;

use super::{EventId, News};

/// How many events are kept, and how far back the stream is read at the start.
pub(super) const CAPACITY: usize = 4_096;

/// How much a watcher is given at a time.
const BATCH: usize = 64;

/// Where a watcher is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It asks for what is to come.
    Now,
    /// It saw everything until a moment ago.
    Recent,
    /// It saw everything up to this event.
    After(EventId),
    /// It names a place that is none.
    Lost,
}

/// Every event of the feed after `floor`, up to `end`.
#[derive(Debug)]
pub(super) struct Window<T> {
    /// When the stream was made, in nanoseconds since 1970.
    stream: i128,
    floor: u64,
    end: u64,
    /// Whether all was read that was there when reading began.
    complete: bool,
    entries: VecDeque<Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    sequence: u64,
    published: Timestamp,
    item: T,
}

/// A stream as the broker describes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamState {
    /// When it was made, in nanoseconds since 1970.
    pub(super) created: i128,
    /// The first number that it still holds.
    pub(super) first: u64,
    /// The last number that it gave.
    pub(super) last: u64,
}

impl<T> Window<T> {
    pub(super) const fn new() -> Self {
        Self {
            stream: 0,
            floor: 0,
            end: 0,
            complete: false,
            entries: VecDeque::new(),
        }
    }

    /// Prepares for reading the stream, from where reading ended if that is possible; gives the number to read from.
    pub(super) fn begin(&mut self, stream: StreamState) -> u64 {
        let goes_on = stream.created == self.stream
            && (stream.first..=stream.last.saturating_add(1)).contains(&(self.end + 1));
        if !goes_on {
            let kept = stream.last.saturating_sub(CAPACITY as u64);
            let floor = kept.max(stream.first.saturating_sub(1));
            *self = Self {
                stream: stream.created,
                floor,
                end: floor,
                ..Self::new()
            };
        }
        self.end + 1
    }

    /// Everything was read that was there when reading began, up to this number.
    pub(super) fn complete(&mut self, last: u64) {
        self.complete = true;
        self.end = self.end.max(last);
    }

    /// Takes in the event with this number; `None` if watchers need not be told of it.
    pub(super) fn push(&mut self, sequence: u64, published: Timestamp, item: Option<T>) {
        self.end = sequence;
        let Some(item) = item else {
            return;
        };
        self.entries.push_back(Entry {
            sequence,
            published,
            item,
        });
        if self.entries.len() > CAPACITY
            && let Some(oldest) = self.entries.pop_front()
        {
            self.floor = oldest.sequence;
        }
    }

    /// The last event that was read; before any stream was, a place that none of them has.
    pub(super) fn end(&self) -> EventId {
        self.id(self.end)
    }

    fn id(&self, sequence: u64) -> EventId {
        EventId {
            stream: self.stream,
            sequence,
        }
    }

    /// Whether there is something to tell a watcher at this place.
    pub(super) fn has_news_for(&self, place: Place) -> bool {
        self.complete && place != Place::After(self.end())
    }

    /// Whether the place lies further on in this stream than was read.
    pub(super) fn is_behind(&self, place: Place) -> bool {
        matches!(place, Place::After(id) if id.stream == self.stream && id.sequence > self.end)
    }
}

impl<T: Clone> Window<T> {
    /// What to tell a watcher at this place, and where it is then. `recent` is when a moment ago was.
    pub(super) fn news(&self, place: Place, recent: Timestamp) -> (Vec<News<T>>, Place) {
        let end = self.end();
        let after = match place {
            Place::Now => return (vec![News::Place(end)], Place::After(end)),
            Place::Recent => self.last_before(recent),
            Place::After(id) if self.holds_all_after(id) => id.sequence,
            Place::After(_) | Place::Lost => return (vec![News::Reset(end)], Place::After(end)),
        };
        let first = self.entries.partition_point(|it| it.sequence <= after);
        let rest = self.entries.range(first..);
        let all = rest.len() <= BATCH;
        let news: Vec<_> = rest.take(BATCH).map(|entry| self.told(entry)).collect();
        let place = match news.last() {
            Some(News::Event { id, .. }) if !all => *id,
            // Behind the last entry there may be events of which nobody is told.
            _ => end,
        };
        (news, Place::After(place))
    }

    fn told(&self, entry: &Entry<T>) -> News<T> {
        News::Event {
            id: self.id(entry.sequence),
            item: entry.item.clone(),
        }
    }

    fn holds_all_after(&self, id: EventId) -> bool {
        id.stream == self.stream && (self.floor..=self.end).contains(&id.sequence)
    }

    /// The number of the last event that was published before this moment.
    fn last_before(&self, moment: Timestamp) -> u64 {
        let newer = self
            .entries
            .iter()
            .rev()
            .take_while(|entry| entry.published >= moment);
        match newer.last() {
            Some(oldest) => oldest.sequence - 1,
            None => self.end,
        }
    }
}

#[cfg(test)]
mod tests;
