//! The text that searches compare, without differences that readers do not see or do not mean.

use unicode_normalization::UnicodeNormalization;

use crate::title::is_ignorable;

/// The search key of a text. Texts have the same key if they differ only in case, Unicode normalization form, width
/// (`Ｊａｚｚ`) or invisible characters.
///
/// This is close to Unicode's `NFKC_Casefold`. In addition, `İ` and `ı` become `i`, so that `istanbul` finds them. Case
/// is folded through upper case, so that `ß` equals `ss` and a final sigma equals any other; and through lower case
/// before that, which turns `ẞ` into `ß`.
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
