//! Parses prices as people type them: `20`, `19,99`, `$1,250.00`, `1 250,50`, `1.250,-`.
//!
//! An ambiguous text is refused with a question. A ticket at a hundredth or a thousandth of its price would be sold
//! before its seller notices.

use crate::islands::dollars;

/// Why a text is not accepted as a price. The messages are for the seller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unclear {
    /// A single separator before three digits: it separates thousands or decimals, depending on the country.
    #[error("{}", question(.dollars, .thousands))]
    Ambiguous {
        /// The digits before the separator.
        dollars: String,
        /// The digits after it.
        thousands: String,
    },
    /// The amount is in another currency.
    #[error("Prices are in US dollars. Please write just the amount, like 19.99.")]
    OtherCurrency,
    /// Three decimals or more.
    #[error("Prices have at most two decimals, like 19.99.")]
    TooPrecise,
    /// It has digits, but is not an amount of money.
    #[error("We cannot read this as a price. Please write it like 19.99.")]
    Unreadable,
}

fn question(whole: &str, rest: &str) -> String {
    let thousands = format!("{whole}{rest}");
    let in_full = dollars(thousands.parse::<i64>().unwrap_or_default() * 100);
    match rest.strip_suffix('0') {
        Some(cents) => format!(
            "Is that {in_full} or ${whole}.{cents}? Please write {thousands}.00 or {whole}.{cents}."
        ),
        None => format!(
            "Prices have at most two decimals. If you mean {in_full}, please write {thousands}.00."
        ),
    }
}

/// Converts the text to the decimal format of the API. A text without digits or with a minus sign is passed on
/// unchanged, and the API refuses it.
pub(super) fn read(input: &str) -> Result<String, Unclear> {
    let text = input.trim();
    if !text.contains(char::is_numeric) {
        return Ok(text.to_owned());
    }
    let is_digit = |c: char| c.is_ascii_digit();
    let (Some(first), Some(last)) = (text.find(is_digit), text.rfind(is_digit)) else {
        return Err(Unclear::Unreadable);
    };
    let (before, after) = (&text[..first], &text[last + 1..]);
    if before.contains(['-', '−']) {
        return Ok(text.to_owned());
    }
    check_currency(before.strip_suffix(['.', ',']).unwrap_or(before))?;
    let empty_cents = after.strip_prefix(['.', ',']);
    let suffix = empty_cents.map_or(after, |rest| rest.trim_start_matches(['-', '–', '—']));
    check_currency(suffix)?;
    let mut amount = text[first..=last].to_owned();
    if before.ends_with(['.', ',']) {
        // `.50`
        amount.insert_str(0, "0.");
    }
    let Some(rest) = empty_cents else {
        return decimal(&amount);
    };
    // `20.`, `1.250,-`
    amount.push_str(&after[..after.len() - rest.len()]);
    amount.push_str("00");
    Ok(decimal(&amount)?.trim_end_matches(".00").to_owned())
}

/// Checks that the text next to the amount is empty or means US dollars.
fn check_currency(text: &str) -> Result<(), Unclear> {
    const DOLLARS: [&str; 6] = ["", "$", "US$", "USD", "DOLLAR", "DOLLARS"];
    let name: String = text.split_whitespace().collect();
    let name = name.to_uppercase();
    let is_code = name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_uppercase());
    if DOLLARS.contains(&name.as_str()) {
        Ok(())
    } else if is_code || name.contains(['$', '€', '£', '¥', '₹', '₩', '₽', '₺', '₪', '₫', '฿'])
    {
        Err(Unclear::OtherCurrency)
    } else {
        Err(Unclear::Unreadable)
    }
}

/// Converts an amount, which starts and ends with a digit: a point before the cents, no separators between thousands.
fn decimal(amount: &str) -> Result<String, Unclear> {
    let amount: String = amount.chars().map(normalize).collect();
    let mut marks = amount.chars().filter(|c| !c.is_ascii_digit());
    let Some(last) = marks.next_back() else {
        return Ok(amount);
    };
    let others: Vec<_> = marks.collect();
    let is_grouping = matches!(last, ' ' | '\'') || others.contains(&last);
    if is_grouping {
        return thousands(&amount, last);
    }
    let (whole, cents) = amount.rsplit_once(last).ok_or(Unclear::Unreadable)?;
    if !matches!(last, '.' | ',') {
        return Err(Unclear::Unreadable);
    }
    let could_be_thousands =
        others.is_empty() && cents.len() == 3 && whole.len() <= 3 && !whole.starts_with('0');
    if could_be_thousands {
        let (dollars, thousands) = (whole.to_owned(), cents.to_owned());
        return Err(Unclear::Ambiguous { dollars, thousands });
    }
    if cents.len() > 2 {
        return Err(Unclear::TooPrecise);
    }
    let whole = match others.first() {
        Some(mark) => thousands(whole, *mark)?,
        None => whole.to_owned(),
    };
    Ok(format!("{whole}.{cents}"))
}

/// Maps characters that look alike to one of them.
fn normalize(c: char) -> char {
    match c {
        '’' | '‘' | '`' | '´' => '\'',
        space if space.is_whitespace() => ' ',
        other => other,
    }
}

/// The digits of a number whose thousands are separated by `mark` and nothing else.
fn thousands(number: &str, mark: char) -> Result<String, Unclear> {
    let mut groups = number.split(mark);
    let first = groups.next().unwrap_or_default();
    let is_first = (1..=3).contains(&first.len()) && !first.starts_with('0');
    let whole = number.replace(mark, "");
    let is_number = whole.bytes().all(|byte| byte.is_ascii_digit());
    if is_first && is_number && groups.all(|group| group.len() == 3) {
        Ok(whole)
    } else {
        Err(Unclear::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn common_notations_are_understood() {
        for (typed, price) in [
            ("20", "20"),
            (" 20 ", "20"),
            ("19.99", "19.99"),
            ("19,99", "19.99"),
            ("19,9", "19.9"),
            (".50", "0.50"),
            (",50", "0.50"),
            ("$.50", "0.50"),
            ("20.", "20"),
            ("20,-", "20"),
            ("20.– USD", "20"),
            ("1.250,-", "1250"),
            ("1,250.", "1250"),
            ("20.- USD", "20"),
            ("$1,250.00", "1250.00"),
            ("US$ 1,250.5", "1250.5"),
            ("1250 usd", "1250"),
            ("20 dollars", "20"),
            ("1.250,00", "1250.00"),
            ("1 250,50", "1250.50"),
            ("1\u{a0}250,50 $", "1250.50"),
            ("1\u{202f}250", "1250"),
            ("1'250.50", "1250.50"),
            ("1’250", "1250"),
            ("1,250,000", "1250000"),
            ("1.250.000,5", "1250000.5"),
            ("12345,67", "12345.67"),
            // The API refuses these.
            ("", ""),
            ("a lot", "a lot"),
            ("-5", "-5"),
            ("$-5", "$-5"),
            ("0", "0"),
            ("0.30", "0.30"),
        ] {
            assert_eq!(read(typed), Ok(price.to_owned()), "{typed:?}");
        }
    }

    #[test]
    fn an_ambiguous_price_is_refused_with_a_question() {
        for (typed, question) in [
            (
                "1,250",
                "Is that $1,250.00 or $1.25? Please write 1250.00 or 1.25.",
            ),
            (
                "$1.250",
                "Is that $1,250.00 or $1.25? Please write 1250.00 or 1.25.",
            ),
            (
                "120,000",
                "Is that $120,000.00 or $120.00? Please write 120000.00 or 120.00.",
            ),
            (
                "1,255",
                "Prices have at most two decimals. If you mean $1,255.00, please write 1255.00.",
            ),
        ] {
            assert_eq!(read(typed).unwrap_err().to_string(), question, "{typed:?}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_reason() {
        for (typed, expected) in [
            ("20 €", Unclear::OtherCurrency),
            ("£20", Unclear::OtherCurrency),
            ("20 EUR", Unclear::OtherCurrency),
            ("CA$20", Unclear::OtherCurrency),
            (
                "19.999",
                Unclear::Ambiguous {
                    dollars: "19".into(),
                    thousands: "999".into(),
                },
            ),
            ("0.001", Unclear::TooPrecise),
            ("0,500", Unclear::TooPrecise),
            ("1234,567", Unclear::TooPrecise),
            ("1,250.000", Unclear::TooPrecise),
            ("1 250.500", Unclear::TooPrecise),
            ("20 50", Unclear::Unreadable),
            ("1,25,000.00", Unclear::Unreadable),
            ("1.250,000,000", Unclear::Unreadable),
            ("1,250 000", Unclear::Unreadable),
            ("12,34.56", Unclear::Unreadable),
            (".250.000", Unclear::Unreadable),
            (".5,", Unclear::Unreadable),
            ("19.99,", Unclear::Unreadable),
            ("20-30", Unclear::Unreadable),
            ("1..5", Unclear::Unreadable),
            ("1,.5", Unclear::Unreadable),
            ("20,,", Unclear::Unreadable),
            ("1e3", Unclear::Unreadable),
            ("20/30", Unclear::Unreadable),
            ("about 20", Unclear::Unreadable),
            ("２０", Unclear::Unreadable),
        ] {
            assert_eq!(read(typed), Err(expected), "{typed:?}");
        }
    }

    proptest! {
        #[test]
        fn a_displayed_price_is_read_as_that_price(cents in 1..=99_999_999_i64) {
            let shown = dollars(cents);
            let german: String = shown[1..]
                .chars()
                .map(|c| match c { ',' => '.', '.' => ',', digit => digit })
                .collect();
            let french = german.replace('.', "\u{202f}");
            let expected = format!("{}.{:02}", cents / 100, cents % 100);
            for typed in [shown, german, french, expected.clone()] {
                prop_assert_eq!(read(&typed), Ok(expected.clone()), "{}", typed);
            }
        }

        #[test]
        fn the_result_has_the_same_digits_as_the_input(typed in "[0-9.,' ]{0,5}[0-9][0-9.,' ]{0,5}") {
            if let Ok(price) = read(&typed) {
                let digits = |text: &str| {
                    let digits = text.replace(|c: char| !c.is_ascii_digit(), "");
                    digits.trim_start_matches('0').to_owned()
                };
                let (whole, cents) = price.split_once('.').unwrap_or((&price, ""));
                prop_assert!(cents.len() <= 2, "{} {}", typed, price);
                prop_assert_eq!(digits(&price), digits(&typed));
                // Thousands are never read as cents, nor cents as dollars.
                prop_assert!(cents.is_empty() || typed.trim_end_matches(' ').ends_with(cents));
                prop_assert!(whole.chars().all(|c| c.is_ascii_digit()));
            }
        }

        #[test]
        fn no_input_causes_a_panic(typed in any::<String>()) {
            let _ = read(&typed).map_err(|unclear| unclear.to_string());
        }
    }
}
