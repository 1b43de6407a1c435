//! The server's clock in the browser.

use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// The server's time minus the browser's, in milliseconds. `server` is the server's time when it rendered the page,
/// which is about when the first byte arrived. For the browser only.
#[expect(
    clippy::cast_possible_truncation,
    reason = "milliseconds since 1970 fit by far"
)]
pub(super) fn server_offset(server: i64) -> i64 {
    let arrived = first_byte().unwrap_or_else(js_sys::Date::now);
    server - arrived as i64
}

/// The browser's time plus `offset`, in milliseconds since 1970.
#[expect(
    clippy::cast_possible_truncation,
    reason = "milliseconds since 1970 fit by far"
)]
pub(super) fn now(offset: i64) -> i64 {
    js_sys::Date::now() as i64 + offset
}

/// When the first byte of the page arrived, on the browser's clock.
fn first_byte() -> Option<f64> {
    let number = |of: &JsValue, name: &str| js_sys::Reflect::get(of, &name.into()).ok()?.as_f64();
    let performance = window().performance()?;
    let navigation = performance.get_entries_by_type("navigation").get(0);
    let first_byte = number(&navigation, "responseStart")?;
    Some(number(performance.as_ref(), "timeOrigin")? + first_byte)
}

/// The countdown is urgent from this time on, in milliseconds before the end.
pub(super) const URGENT: i64 = 60_000;

/// The remaining time as minutes and seconds, rounded up: `14:05`.
pub fn minutes(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0).saturating_add(999) / 1000;
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let colon = if seconds < 10 { ":0" } else { ":" };
    [&minutes.to_string(), colon, &seconds.to_string()].concat()
}

/// The announcements for screen readers, by remaining time.
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
    fn the_countdown_rounds_up_to_seconds() {
        assert_eq!(minutes(900_000), "15:00");
        assert_eq!(minutes(899_001), "15:00");
        assert_eq!(minutes(899_000), "14:59");
        assert_eq!(minutes(61_000), "1:01");
        assert_eq!(minutes(1), "0:01");
        assert_eq!(minutes(0), "0:00");
        assert_eq!(minutes(-5_000), "0:00");
    }
}
