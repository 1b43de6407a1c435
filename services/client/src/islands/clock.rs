//! The server's clock, as far as the browser can know it.

use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// How far the server's clock is before the browser's, in milliseconds. The server read `server` on its clock when
/// it rendered the page, about when the first byte of it arrived. To be called in the browser alone.
#[expect(
    clippy::cast_possible_truncation,
    reason = "milliseconds since 1970 fit by far"
)]
pub(super) fn lead_of_server(server: i64) -> i64 {
    let arrived = arrival().unwrap_or_else(js_sys::Date::now);
    server - arrived as i64
}

/// Milliseconds since 1970 on the browser's clock, moved by `lead`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "milliseconds since 1970 fit by far"
)]
pub(super) fn now(lead: i64) -> i64 {
    js_sys::Date::now() as i64 + lead
}

/// When the page's first byte came, on the browser's clock.
fn arrival() -> Option<f64> {
    let number = |of: &JsValue, name: &str| js_sys::Reflect::get(of, &name.into()).ok()?.as_f64();
    let performance = window().performance()?;
    let navigation = performance.get_entries_by_type("navigation").get(0);
    let first_byte = number(&navigation, "responseStart")?;
    Some(number(performance.as_ref(), "timeOrigin")? + first_byte)
}

/// When it is time to hurry, in milliseconds before the end.
pub(super) const URGENT: i64 = 60_000;

/// Time that remains, as a person reads a clock: `14:05`. What has begun counts.
pub fn minutes(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0).saturating_add(999) / 1000;
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let colon = if seconds < 10 { ":0" } else { ":" };
    [&minutes.to_string(), colon, &seconds.to_string()].concat()
}

/// What is said aloud when so much remains, once each.
pub(super) const WARNINGS: [(i64, &str); 4] = [
    (5 * 60_000, "Five minutes left to pay."),
    (URGENT, "One minute left to pay."),
    (30_000, "30 seconds left to pay."),
    (10_000, "10 seconds left to pay."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_countdown_shows_the_second_that_has_begun() {
        assert_eq!(minutes(900_000), "15:00");
        assert_eq!(minutes(899_001), "15:00");
        assert_eq!(minutes(899_000), "14:59");
        assert_eq!(minutes(61_000), "1:01");
        assert_eq!(minutes(1), "0:01");
        assert_eq!(minutes(0), "0:00");
        assert_eq!(minutes(-5_000), "0:00");
    }
}
