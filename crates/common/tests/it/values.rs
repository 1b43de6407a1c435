//! Properties of the domain types.

use common::id::kind;
use common::search_key::search_key;
use common::{Email, Id, Price, Timestamp, Title};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

proptest! {
    #[test]
    fn every_price_is_read_as_it_was_written(cents in 1..=i64::from(Price::MAX_CENTS)) {
        let price = Price::from_cents(cents).unwrap();
        let json = serde_json::to_string(&price).unwrap();
        let read: Price = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read, price);
        let decimals = json.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        prop_assert!(decimals <= 2, "{}", json);
    }

    #[test]
    fn dollars_and_cents_agree(dollars in 0..=999_999_i64, cents in 0..=99_i64) {
        let text = format!("{dollars}.{cents:02}");
        let expected = Price::from_cents(dollars * 100 + cents);
        prop_assert_eq!(Price::from_dollars(text.parse().unwrap()), expected);
    }

    #[test]
    fn every_price_is_read_from_its_decimal(cents in 1..=i64::from(Price::MAX_CENTS)) {
        let price = Price::from_cents(cents).unwrap();
        let text = price.to_string();
        prop_assert_eq!(text.trim_start_matches('$').parse(), Ok(price));
        prop_assert_eq!(price.dollars().to_string().parse(), Ok(price));
    }

    #[test]
    fn a_decimal_string_is_the_same_price_as_the_number(text in "[0-9]{0,7}\\.?[0-9]{0,3}") {
        let number: Result<f64, _> = text.parse();
        let expected = Price::from_dollars(number.unwrap_or_default());
        prop_assert_eq!(text.parse(), expected, "{}", text);
    }

    #[test]
    fn no_number_gives_a_price_outside_the_bounds(dollars in any::<f64>()) {
        if let Ok(price) = Price::from_dollars(dollars) {
            prop_assert!((1..=i64::from(Price::MAX_CENTS)).contains(&price.cents()));
        }
    }

    #[test]
    fn every_id_is_read_as_it_was_written(bytes in any::<[u8; 12]>()) {
        let id = Id::<kind::Ticket>::from_bytes(bytes);
        prop_assert_eq!(id.to_string().len(), 24);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn no_other_text_is_an_id(text in "\\PC{0,30}") {
        let is_id = text.len() == 24 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        prop_assert_eq!(text.parse::<Id<kind::User>>().is_ok(), is_id);
    }

    #[test]
    fn every_time_is_read_as_it_was_written(milliseconds in any::<i64>()) {
        let time = Timestamp::from_milliseconds(milliseconds);
        let text = time.to_string();
        prop_assert!(text.ends_with('Z') && text.len() == 24, "{}", text);
        prop_assert_eq!(text.parse(), Ok(time));
    }

    #[test]
    fn a_search_key_is_the_same_for_every_normalization_form_and_case(text in "[\\PC]{0,20}") {
        let key = search_key(&text);
        prop_assert_eq!(search_key(&text.nfc().collect::<String>()), key.clone());
        prop_assert_eq!(search_key(&text.nfd().collect::<String>()), key.clone());
        prop_assert_eq!(search_key(&text.nfkd().collect::<String>()), key.clone());
        let composed: String = text.nfc().collect();
        prop_assert_eq!(search_key(&composed.to_uppercase()), key.clone());
        prop_assert_eq!(search_key(&composed.to_lowercase()), key);
    }

    #[test]
    fn the_parsers_never_panic(text in any::<String>()) {
        let _ = text.parse::<Timestamp>();
        let _ = text.parse::<Price>();
        let _ = search_key(&text);
        if let Ok(title) = text.parse::<Title>() {
            prop_assert_eq!(title.as_str().parse(), Ok(title.clone()));
        }
        if let Ok(email) = text.parse::<Email>() {
            prop_assert_eq!(email.as_str().parse(), Ok(email.clone()));
        }
    }
}

#[test]
fn times_are_written_with_milliseconds_and_z() {
    let time = Timestamp::from_milliseconds(1_705_314_600_007);
    assert_eq!(time.to_string(), "2024-01-15T10:30:00.007Z");
    assert_eq!("2024-01-15T11:30:00.0079+01:00".parse(), Ok(time));
}

#[test]
fn addresses_that_differ_in_case_space_or_form_of_the_domain_are_equal() {
    let one: Email = " Shopper@Example.COM ".parse().unwrap();
    assert_eq!(one.as_str(), "shopper@example.com");
    for spelling in [
        "u@bücher.example",
        "U@BÜCHER.example",
        "u@bu\u{308}cher.example",
        "u@ｂücher。example",
        "u@xn--bcher-kva.example",
        "u@XN--BCHER-KVA.EXAMPLE",
    ] {
        let email: Email = spelling.parse().unwrap();
        assert_eq!(email.as_str(), "u@xn--bcher-kva.example", "{spelling}");
        assert_eq!(email.in_unicode().as_deref(), Some("u@bücher.example"));
    }
    assert_eq!(one.in_unicode(), None);
}

#[test]
fn an_address_that_cannot_receive_mail_is_refused() {
    let long =
        |local: usize, label: usize| format!("{}@{}.example", "a".repeat(local), "b".repeat(label));
    let too_long = format!("a@{}example", "bbbbbbbbbbbbbbb.".repeat(16));
    for wrong in [
        "",
        "shopper",
        "@example.com",
        "shopper@",
        "a b@example.com",
        "a@b@c",
        "ü@example.com",
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        "\"a b\"@example.com",
        "\"a\"@example.com",
        "a@localhost",
        "a@example.com.",
        "a@.example.com",
        "a@example..com",
        "a@-example.com",
        "a@example-.com",
        "a@exa_mple.com",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@[::1]",
        "a@xn--a.example",
        "a\u{0}@example.com",
        "a@exam\u{202e}ple.com",
        "a(comment)@example.com",
        "A <a@example.com>",
        &long(65, 1),
        &long(1, 64),
        &too_long,
    ] {
        assert!(wrong.parse::<Email>().is_err(), "{wrong}");
    }
    for right in [
        "a+tag@example.com",
        "o'neill@example.co.uk",
        "a@r3---sn-apo3qvuoxuxbt-j5pe.example.com",
        "first.last@sub.example.museum",
        "a@3com.example",
        &long(64, 63),
    ] {
        assert_eq!(right.parse::<Email>().unwrap().as_str(), right);
    }
}

#[test]
fn an_address_of_an_earlier_release_is_read_in_its_canonical_spelling_if_it_has_one() {
    let read = |text: &str| {
        let email: Email = serde_json::from_value(text.into()).unwrap();
        email.as_str().to_owned()
    };
    assert_eq!(read("u@bücher.example"), "u@xn--bcher-kva.example");
    assert_eq!(read("u@localhost"), "u@localhost");
}

#[test]
fn a_title_loses_control_characters_and_keeps_what_languages_need() {
    for (typed, title) in [
        ("\u{a0}\u{3000}Front\trow\r\n", "Front row"),
        ("Fro\u{0}nt\u{1b}[31m ro\u{9b}w\u{7f}", "Front[31m row"),
        ("\u{202e}tnorF\u{202c} row", "tnorF row"),
        ("\u{2066}Front\u{2069}\u{feff} row", "Front row"),
        ("Cafe\u{301}", "Café"),
        ("e\u{202d}\u{301}", "é"),
        // The emoji of a family, of England's flag and of a heart.
        (
            "👨\u{200d}👩\u{200d}👧 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} ❤\u{fe0f}",
            "",
        ),
        ("שלום C++\u{200e}", ""),
        ("می\u{200c}خواهم", ""),
        ("مرحبا 20\u{200f}%", ""),
    ] {
        let expected = if title.is_empty() { typed } else { title };
        assert_eq!(typed.parse::<Title>().unwrap().as_str(), expected);
    }
}

#[test]
fn a_title_has_a_visible_character() {
    for blank in [
        "",
        "   ",
        "\u{a0}\u{2003}\u{3000}",
        "\u{200b}",
        "\u{200d}\u{200c}\u{2060}\u{feff}",
        "\u{202e}\u{202c}",
        "\u{0}\u{7}\n",
        "\u{ad}",
        "\u{3164}\u{115f}\u{ffa0}",
        "\u{2800}",
        "\u{fe0f}",
        "\u{e0020}",
    ] {
        let refused = blank.parse::<Title>().unwrap_err();
        assert_eq!(refused.to_string(), "Title is required", "{blank:?}");
    }
}

#[test]
fn a_title_of_an_earlier_release_is_read_unchanged() {
    for stored in ["\u{200b}", "Cafe\u{301}", "\u{202e}tnorF", "Front\u{0}row"] {
        let title: Title = serde_json::from_value(stored.into()).unwrap();
        assert_eq!(title.as_str(), stored);
    }
}

#[test]
fn a_search_ignores_differences_that_readers_do_not_mean() {
    for (one, other) in [
        ("straße", "STRASSE"),
        ("STRAẞE", "strasse"),
        ("Cafe\u{301}", "CAFÉ"),
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "ıstanbul"),
        ("Ｊａｚｚ", "jazz"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("ﬁnal", "FINAL"),
        ("ｶﾞ", "ガ"),
        ("co\u{ad}op", "coop"),
        ("❤\u{fe0f}", "❤"),
        ("각", "\u{1100}\u{1161}\u{11a8}"),
    ] {
        assert_eq!(search_key(one), search_key(other), "{one} {other}");
    }
    assert_ne!(search_key("resume"), search_key("résumé"));
}

#[test]
fn titles_are_trimmed_and_limited() {
    assert_eq!(
        "  Front row ".parse::<Title>().unwrap().as_str(),
        "Front row"
    );
    assert!("   ".parse::<Title>().is_err());
    assert!("é".repeat(Title::MAX_CHARACTERS).parse::<Title>().is_ok());
    assert!(
        "é".repeat(Title::MAX_CHARACTERS + 1)
            .parse::<Title>()
            .is_err()
    );
}
