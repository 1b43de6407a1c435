//! Formatting of prices.

/// Cents as US dollars: `$1,250.00`.
#[must_use]
pub fn dollars(cents: i64) -> String {
    let (whole, rest) = (cents / 100, cents % 100);
    let digits = whole.to_string();
    let mut text = String::from("$");
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text.push('.');
    text.push(char::from(b'0' + u8::try_from(rest / 10).unwrap_or(0)));
    text.push(char::from(b'0' + u8::try_from(rest % 10).unwrap_or(0)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_formatted_as_dollars_and_cents() {
        assert_eq!(dollars(5), "$0.05");
        assert_eq!(dollars(1999), "$19.99");
        assert_eq!(dollars(99_900), "$999.00");
        assert_eq!(dollars(125_000), "$1,250.00");
        assert_eq!(dollars(123_456_789), "$1,234,567.89");
    }
}
