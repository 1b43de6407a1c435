//! The recent events that a process holds in memory, and what a watcher receives from them. No I/O.

use std::collections::VecDeque;

use common::Timestamp;

use super::{EventId, News};

/// The capacity in events, and how far back the stream is read at the start.
pub(super) const CAPACITY: usize = 4_096;

/// How many events a watcher receives at a time.
const BATCH: usize = 64;

/// A watcher's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cursor {
    /// Before all future events.
    Now,
    /// Before all recent events.
    Recent,
    /// After this event.
    After(EventId),
    /// The watcher sent an invalid cursor.
    Invalid,
}

/// Every event of the feed after `floor`, up to `end`.
#[derive(Debug)]
pub(super) struct Window<T> {
    /// When the stream was created, in nanoseconds since 1970.
    stream: i128,
    floor: u64,
    end: u64,
    /// Whether everything was read that was in the stream when reading began.
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
    /// When it was created, in nanoseconds since 1970.
    pub(super) created: i128,
    /// The number of its first message.
    pub(super) first: u64,
    /// The number of its last message.
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

    /// Prepares for reading the stream, and returns the number to start at. Reading continues where it ended if the
    /// stream allows it; otherwise the window is cleared.
    pub(super) fn begin(&mut self, stream: StreamState) -> u64 {
        let continues = stream.created == self.stream
            && (stream.first..=stream.last.saturating_add(1)).contains(&(self.end + 1));
        if !continues {
            let oldest = stream.last.saturating_sub(CAPACITY as u64);
            let floor = oldest.max(stream.first.saturating_sub(1));
            *self = Self {
                stream: stream.created,
                floor,
                end: floor,
                ..Self::new()
            };
        }
        self.end + 1
    }

    /// Marks the window as complete: everything was read that was in the stream when reading began, up to this number.
    pub(super) fn complete(&mut self, last: u64) {
        self.complete = true;
        self.end = self.end.max(last);
    }

    /// Adds the event with this number; `None` if watchers do not receive it.
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

    /// The last event that was read. Before any was read, an id that no stream has.
    pub(super) fn end(&self) -> EventId {
        self.id(self.end)
    }

    fn id(&self, sequence: u64) -> EventId {
        EventId {
            stream: self.stream,
            sequence,
        }
    }

    /// Whether there is something to deliver to a watcher at this cursor.
    pub(super) fn has_news_for(&self, cursor: Cursor) -> bool {
        self.complete && cursor != Cursor::After(self.end())
    }

    /// Whether the cursor, which another process delivered, is ahead of what was read.
    pub(super) fn is_behind(&self, cursor: Cursor) -> bool {
        matches!(cursor, Cursor::After(id) if id.stream == self.stream && id.sequence > self.end)
    }
}

impl<T: Clone> Window<T> {
    /// What a watcher at this cursor receives, and its next cursor. `recent` is the time since which events are recent.
    pub(super) fn news(&self, cursor: Cursor, recent: Timestamp) -> (Vec<News<T>>, Cursor) {
        let end = self.end();
        let after = match cursor {
            Cursor::Now => return (vec![News::Cursor(end)], Cursor::After(end)),
            Cursor::Recent => self.last_before(recent),
            Cursor::After(id) if self.holds_all_after(id) => id.sequence,
            Cursor::After(_) | Cursor::Invalid => {
                return (vec![News::Reset(end)], Cursor::After(end));
            }
        };
        let first = self.entries.partition_point(|it| it.sequence <= after);
        let rest = self.entries.range(first..);
        let all = rest.len() <= BATCH;
        let news: Vec<_> = rest.take(BATCH).map(|entry| self.event(entry)).collect();
        let cursor = match news.last() {
            Some(News::Event { id, .. }) if !all => *id,
            // After the last entry there may be events that watchers do not receive.
            _ => end,
        };
        (news, Cursor::After(cursor))
    }

    fn event(&self, entry: &Entry<T>) -> News<T> {
        News::Event {
            id: self.id(entry.sequence),
            item: entry.item.clone(),
        }
    }

    fn holds_all_after(&self, id: EventId) -> bool {
        id.stream == self.stream && (self.floor..=self.end).contains(&id.sequence)
    }

    /// The number of the last event published before this time.
    fn last_before(&self, time: Timestamp) -> u64 {
        let newer = self
            .entries
            .iter()
            .rev()
            .take_while(|entry| entry.published >= time);
        match newer.last() {
            Some(oldest) => oldest.sequence - 1,
            None => self.end,
        }
    }
}

#[cfg(test)]
mod tests;
