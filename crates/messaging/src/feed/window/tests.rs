use super::*;

const NOW: i64 = 1_000_000;

fn stream(created: i128, first: u64, last: u64) -> StreamState {
    StreamState {
        created,
        first,
        last,
    }
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

/// A window of stream 7 with these events, published one millisecond apart.
fn window(sequences: impl IntoIterator<Item = u64>) -> Window<u64> {
    let mut window = Window::new();
    assert_eq!(window.begin(stream(7, 1, 0)), 1);
    window.complete(0);
    for (sequence, published) in sequences.into_iter().zip(NOW..) {
        window.push(sequence, at(published), Some(sequence));
    }
    window
}

fn id(stream: i128, sequence: u64) -> EventId {
    EventId { stream, sequence }
}

fn after(sequence: u64) -> Cursor {
    Cursor::After(id(7, sequence))
}

fn events(sequences: impl IntoIterator<Item = u64>) -> Vec<News<u64>> {
    let event = |sequence| News::Event {
        id: id(7, sequence),
        item: sequence,
    };
    sequences.into_iter().map(event).collect()
}

#[test]
fn a_watcher_receives_the_events_after_its_cursor() {
    let window = window([3, 5, 8]);
    assert_eq!(window.news(after(0), at(0)), (events([3, 5, 8]), after(8)));
    assert_eq!(window.news(after(4), at(0)), (events([5, 8]), after(8)));
    assert!(window.has_news_for(after(5)));
    assert!(!window.has_news_for(after(8)));
}

#[test]
fn a_watcher_far_behind_receives_events_in_batches() {
    let window = window(1..=150);
    let (mut cursor, mut received) = (after(0), Vec::new());
    while window.has_news_for(cursor) {
        let (news, next) = window.news(cursor, at(0));
        assert!(news.len() <= BATCH);
        received.extend(news);
        cursor = next;
    }
    assert_eq!(received, events(1..=150));
}

#[test]
fn a_watcher_without_a_cursor_receives_the_latest_cursor() {
    let window = window([3, 5, 8]);
    let latest = (vec![News::Cursor(id(7, 8))], after(8));
    assert_eq!(window.news(Cursor::Now, at(0)), latest);
    assert_eq!(window.end(), id(7, 8));
}

#[test]
fn a_watcher_of_recent_events_receives_those_since_the_given_time() {
    let window = window([3, 5, 8]);
    let recent = |time| window.news(Cursor::Recent, at(time));
    assert_eq!(recent(NOW), (events([3, 5, 8]), after(8)));
    assert_eq!(recent(NOW + 2), (events([8]), after(8)));
    assert_eq!(recent(NOW + 3), (Vec::new(), after(8)));
}

#[test]
fn the_cursor_of_an_incomplete_window_misses_nothing() {
    let mut window = Window::new();
    let unknown = Cursor::After(window.end());
    assert_eq!(window.begin(stream(7, 1, 9)), 1);
    window.push(2, at(NOW), Some(2));
    let early = Cursor::After(window.end());
    window.push(5, at(NOW), Some(5));
    window.complete(9);
    assert_eq!(window.news(unknown, at(0)).0, [News::Reset(id(7, 9))]);
    assert_eq!(window.news(early, at(0)), (events([5]), after(9)));
}

#[test]
fn an_unknown_cursor_causes_a_reset() {
    let mut window = window([3, 5, 8]);
    let reset = (vec![News::Reset(id(7, 8))], after(8));
    assert_eq!(window.news(Cursor::Invalid, at(0)), reset);
    assert_eq!(window.news(Cursor::After(id(6, 5)), at(0)), reset);
    assert_eq!(window.news(after(9), at(0)), reset);
    assert!(window.is_behind(after(9)) && !window.is_behind(after(8)));
    for sequence in 9..=CAPACITY as u64 + 8 {
        window.push(sequence, at(NOW), Some(sequence));
    }
    assert!(matches!(
        window.news(after(7), at(0)).0[..],
        [News::Reset(_)]
    ));
    assert_eq!(window.news(after(8), at(0)).0, events(9..=72));
}

#[test]
fn hidden_events_advance_all_cursors() {
    let mut window = window([3]);
    window.push(4, at(NOW), None);
    assert_eq!(window.news(after(3), at(0)), (Vec::new(), after(4)));
    assert_eq!(window.news(after(2), at(0)), (events([3]), after(4)));
}

#[test]
fn watchers_receive_nothing_before_the_window_is_complete() {
    let mut window = Window::<u64>::new();
    assert!(!window.has_news_for(Cursor::Now));
    assert_eq!(window.begin(stream(7, 1, 9)), 1);
    window.push(2, at(NOW), Some(2));
    assert!(!window.has_news_for(Cursor::Invalid));
    window.complete(9);
    assert_eq!(window.news(after(0), at(0)), (events([2]), after(9)));
}

#[test]
fn reading_continues_where_it_ended_only_in_the_same_stream() {
    let mut window = window([3, 5, 8]);
    assert_eq!(window.begin(stream(7, 1, 20)), 9);
    assert!(window.has_news_for(after(5)), "it is still complete");
    // The broker lost events, or dropped some before they were read, or the stream was recreated.
    for other in [stream(7, 1, 6), stream(7, 15, 20), stream(9, 1, 20)] {
        let mut window = self::window([3, 5, 8]);
        assert_eq!(window.begin(other), other.first);
        assert!(!window.has_news_for(Cursor::Now));
    }
    let long = CAPACITY as u64 + 100;
    assert_eq!(window.begin(stream(9, 1, long)), 101);
    window.complete(long);
    assert!(matches!(
        window.news(Cursor::After(id(9, 99)), at(0)).0[..],
        [News::Reset(_)]
    ));
    let (news, cursor) = window.news(Cursor::After(id(9, 100)), at(0));
    assert_eq!((news, cursor), (Vec::new(), Cursor::After(id(9, long))));
}
