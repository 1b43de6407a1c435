//! Short texts for spans of time.

use std::time::Duration;

use common::Timestamp;

/// A span in its largest useful unit: `340 ms`, `7.2 s`, `12 min`, `3 h`, `5 d`.
pub(crate) fn age(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{} ms", span.as_millis()),
        1..=99 => format!("{:.1} s", span.as_secs_f64()),
        100..=5_999 => format!("{} min", seconds / 60),
        6_000..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// The time since the beginning: `+0.012` in seconds, or `+3:20` in minutes from a hundred seconds on.
pub(crate) fn since(beginning: Timestamp, at: Timestamp) -> String {
    if at < beginning {
        return format!("-{}", age(beginning.since(at)));
    }
    let span = at.since(beginning);
    let seconds = span.as_secs();
    if seconds < 100 {
        return format!("+{:.3}", span.as_secs_f64());
    }
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    if hours == 0 {
        return format!("+{minutes}:{:02}", seconds % 60);
    }
    format!("+{hours}:{minutes:02}:{:02}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_in_its_largest_useful_unit() {
        let spans = [340, 7_240, 720_000, 11_000_000, 500_000_000];
        let shown = spans.map(|milliseconds| age(Duration::from_millis(milliseconds)));
        assert_eq!(shown, ["340 ms", "7.2 s", "12 min", "3 h", "5 d"]);
    }

    #[test]
    fn a_time_is_shown_by_its_distance_from_the_beginning() {
        let beginning = Timestamp::from_milliseconds(1_000_000);
        let shown = |later: u64| since(beginning, beginning.plus(Duration::from_millis(later)));
        assert_eq!(shown(12), "+0.012");
        assert_eq!(shown(200_000), "+3:20");
        assert_eq!(shown(3_725_000), "+1:02:05");
        let earlier = beginning.minus(Duration::from_secs(2));
        assert_eq!(since(beginning, earlier), "-2.0 s");
    }
}
