//! Properties of the contract's values.

use common::id::kind;
use common::{Email, Id, Price, Timestamp, Title};
use proptest::prelude::*;

proptest! {
    #[test]
    fn every_price_survives_the_wire(cents in 1..=i64::from(Price::MAX_CENTS)) {
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
    fn no_number_makes_a_price_outside_the_bounds(dollars in any::<f64>()) {
        if let Ok(price) = Price::from_dollars(dollars) {
            prop_assert!((1..=i64::from(Price::MAX_CENTS)).contains(&price.cents()));
        }
    }

    #[test]
    fn every_id_survives_the_wire(bytes in any::<[u8; 12]>()) {
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
    fn every_moment_survives_the_wire(milliseconds in any::<i64>()) {
        let moment = Timestamp::from_milliseconds(milliseconds);
        let text = moment.to_string();
        prop_assert!(text.ends_with('Z') && text.len() == 24, "{}", text);
        prop_assert_eq!(text.parse(), Ok(moment));
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in "\\PC*") {
        let _ = text.parse::<Timestamp>();
        let _ = text.parse::<Title>();
        if let Ok(email) = text.parse::<Email>() {
            prop_assert_eq!(email.as_str().parse(), Ok(email.clone()));
        }
    }
}

#[test]
fn times_are_written_with_milliseconds_and_z() {
    let moment = Timestamp::from_milliseconds(1_705_314_600_007);
    assert_eq!(moment.to_string(), "2024-01-15T10:30:00.007Z");
    assert_eq!("2024-01-15T11:30:00.0079+01:00".parse(), Ok(moment));
}

#[test]
fn emails_that_differ_in_case_or_space_are_one() {
    let one: Email = " Shopper@Example.COM ".parse().unwrap();
    assert_eq!(one.as_str(), "shopper@example.com");
    for wrong in ["", "shopper", "@example.com", "a b@example.com", "a@b@c"] {
        assert!(wrong.parse::<Email>().is_err(), "{wrong}");
    }
    assert!(
        format!("{}@example.com", "a".repeat(300))
            .parse::<Email>()
            .is_err()
    );
}

#[test]
fn titles_are_trimmed_and_bounded() {
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
