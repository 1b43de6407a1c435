//! What a search compares: text without the differences that a reader does not see or does not mean.

use unicode_normalization::UnicodeNormalization;

use crate::title::is_ignorable;

/// The text for a search: two texts that differ only in case, in the Unicode normalization form, in width (`Ｊａｚｚ`) or in
/// characters that show nothing have the same key.
///
/// This is close to Unicode's `NFKC_Casefold`. In addition `İ` and `ı` are an `i`, as people who search for `istanbul`
/// expect. Case is folded by way of upper case, so that `ß` is `ss` and the final sigma is a sigma, and of lower case before
/// that, which makes a `ß` of `ẞ`.
#[must_use]
pub fn search_key(text: &str) -> String {
    const DOT_ABOVE: char = '\u{307}';
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let visible = text.nfkc().filter(|c| !is_ignorable(*c));
    let folded = visible
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase);
    let mut key = String::with_capacity(text.len());
    for c in folded.nfkc() {
        if !(c == DOT_ABOVE && key.ends_with('i')) {
            key.push(c);
        }
    }
    key
}
