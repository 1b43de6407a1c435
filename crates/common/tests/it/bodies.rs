//! Validation of request bodies: errors name their fields, in the order of the fields.

use common::api::auth::{SignIn, SignUp};
use common::api::orders::{OrderSort, PlaceOrder};
use common::api::payments::PayOrder;
use common::api::tickets::{TicketBody, TicketDetails, TicketListing, TicketSort, TitleSearch};
use common::{FieldError, Input};
use serde_json::{Value, json};

fn parse<T: Input>(body: Value) -> Result<T, Vec<FieldError>> {
    T::parse(serde_json::from_value(body).unwrap())
}

fn faults<T: Input>(body: Value) -> Vec<(String, String)> {
    parse::<T>(body)
        .err()
        .unwrap()
        .into_iter()
        .map(|fault| (fault.field.unwrap_or_default(), fault.message))
        .collect()
}

fn fault(field: &str, message: &str) -> (String, String) {
    (field.to_owned(), message.to_owned())
}

#[test]
fn all_missing_fields_are_reported_in_order() {
    assert_eq!(
        faults::<TicketDetails>(json!({})),
        [
            fault("title", "Title is required"),
            fault("price", "Price must be greater than 0"),
        ]
    );
    assert_eq!(
        faults::<SignUp>(json!({})),
        [
            fault("email", "Email must be valid"),
            fault("password", "Password must be between 8 and 128 characters"),
        ]
    );
    assert_eq!(
        faults::<SignIn>(json!({})),
        [
            fault("email", "Email must be valid"),
            fault("password", "You must supply a password"),
        ]
    );
    assert_eq!(
        faults::<PlaceOrder>(json!({})),
        [fault("ticketId", "TicketId must be provided")]
    );
    assert_eq!(
        faults::<PayOrder>(json!({})),
        [
            fault("token", "Token must be provided"),
            fault("orderId", "OrderId must be provided"),
        ]
    );
}

#[test]
fn a_field_of_the_wrong_type_counts_as_missing() {
    assert_eq!(
        faults::<TicketDetails>(json!({ "title": 5, "price": ["20"] })),
        faults::<TicketDetails>(json!({}))
    );
    assert_eq!(
        faults::<PayOrder>(json!({ "token": [], "orderId": {} })),
        faults::<PayOrder>(json!({}))
    );
}

/// The cents of a ticket with this price, or the error message.
fn of_price(price: Value) -> Result<i64, String> {
    let mut body = json!({ "title": "Front row" });
    body["price"] = price;
    parse::<TicketDetails>(body)
        .map(|details| details.price.cents())
        .map_err(|faults| faults[0].message.clone())
}

#[test]
fn an_optional_field_of_the_wrong_type_is_refused() {
    let version = |version: Value| {
        let body = json!({ "title": "Front row", "price": 1, "version": version });
        parse::<TicketDetails>(body).map(|details| details.version)
    };
    assert_eq!(version(json!(0)), Ok(Some(0)));
    assert_eq!(version(json!(null)), Ok(None));
    let absent = parse::<TicketDetails>(json!({ "title": "Front row", "price": 1 }));
    assert_eq!(absent.unwrap().version, None);
    let wrong = FieldError::new("version", "Version must be a whole number");
    for other in [
        json!("0"),
        json!(-1),
        json!(0.5),
        json!(true),
        json!([0]),
        json!({}),
    ] {
        assert_eq!(version(other.clone()), Err(vec![wrong.clone()]), "{other}");
    }
    assert_eq!(
        faults::<TicketDetails>(json!({ "version": "0" })),
        [
            fault("title", "Title is required"),
            fault("price", "Price must be greater than 0"),
            fault("version", "Version must be a whole number"),
        ]
    );
}

#[test]
fn an_unknown_version_is_omitted_from_the_body() {
    let body = |version: Option<u64>| {
        let version = version.into();
        json!(TicketBody {
            version,
            ..TicketBody::default()
        })
    };
    assert_eq!(body(Some(3))["version"], 3);
    assert!(!body(None).as_object().unwrap().contains_key("version"));
}

#[test]
fn orders_are_listed_oldest_first_by_default() {
    assert_eq!(parse::<OrderSort>(json!({})), Ok(OrderSort::Oldest));
    for sort in OrderSort::ALL {
        assert_eq!(
            parse::<OrderSort>(json!({ "sort": sort.to_string() })),
            Ok(sort)
        );
    }
    for wrong in ["", "Newest", "price"] {
        assert_eq!(
            faults::<OrderSort>(json!({ "sort": wrong })),
            [fault("sort", "Sort must be oldest or newest")]
        );
    }
}

#[test]
fn a_price_is_positive_and_in_whole_cents() {
    assert_eq!(of_price(json!(19.99)), Ok(1_999));
    assert_eq!(of_price(json!(20)), Ok(2_000));
    assert_eq!(
        of_price(json!(0)),
        Err("Price must be greater than 0".to_owned())
    );
    assert_eq!(
        of_price(json!(-1)),
        Err("Price must be greater than 0".to_owned())
    );
    assert_eq!(
        of_price(json!(null)),
        Err("Price must be greater than 0".to_owned())
    );
    assert_eq!(
        of_price(json!(1.999)),
        Err("Price must have at most two decimals".to_owned())
    );
    assert_eq!(
        of_price(json!(1e-9)),
        Err("Price must have at most two decimals".to_owned())
    );
    assert_eq!(
        of_price(json!(1e300)),
        Err("Price must be at most 999999.99".to_owned())
    );
    assert_eq!(
        of_price(json!(1_000_000)),
        Err("Price must be at most 999999.99".to_owned())
    );
}

#[test]
fn a_new_price_is_at_least_what_stripe_charges() {
    let refused = Err("Price must be at least 0.50".to_owned());
    for price in [
        json!(0.01),
        json!(0.3),
        json!(0.49),
        json!("0.49"),
        json!("0.01"),
    ] {
        assert_eq!(of_price(price.clone()), refused, "{price}");
    }
    for price in [json!(0.5), json!("0.50"), json!("0.5"), json!(".5")] {
        assert_eq!(of_price(price.clone()), Ok(50), "{price}");
    }
}

#[test]
fn a_price_may_be_a_decimal_in_a_string() {
    for (text, cents) in [
        ("20.00", 2_000),
        ("20", 2_000),
        ("20.", 2_000),
        ("19.99", 1_999),
        ("0019.9", 1_990),
        ("1150.55", 115_055),
        ("4.350000", 435),
        ("999999.99", 99_999_999),
    ] {
        assert_eq!(of_price(json!(text)), Ok(cents), "{text}");
    }
    for text in [
        "", " ", ".", "0", "0.00", "-1", "+1", "1e3", "a lot", "19,99", "1,250.00", "$20", " 20",
        "20 ", "0x10", "NaN", "inf", "1.2.3", "٢٠",
    ] {
        let refused = Err("Price must be greater than 0".to_owned());
        assert_eq!(of_price(json!(text)), refused, "{text:?}");
    }
    for text in ["1.999", "0.001"] {
        let refused = Err("Price must have at most two decimals".to_owned());
        assert_eq!(of_price(json!(text)), refused, "{text}");
    }
    for text in ["1000000", "999999999999999999999999999999", "1000000.00"] {
        let refused = Err("Price must be at most 999999.99".to_owned());
        assert_eq!(of_price(json!(text)), refused, "{text}");
    }
}

#[test]
fn a_malformed_id_is_accepted_and_names_no_ticket() {
    let order = parse::<PlaceOrder>(json!({ "ticketId": "not an id" })).unwrap();
    assert_eq!(order.ticket_id, None);
    let order = parse::<PlaceOrder>(json!({ "ticketId": "64b7f0c2a1b2c3d4e5f60718" })).unwrap();
    assert_eq!(
        order.ticket_id.unwrap().to_string(),
        "64b7f0c2a1b2c3d4e5f60718"
    );
}

#[test]
fn passwords_are_measured_in_characters_and_not_printed() {
    let sign_up =
        |password: &str| parse::<SignUp>(json!({ "email": "a@example.com", "password": password }));
    assert!(sign_up("1234567").is_err());
    assert!(sign_up("ünïcödé!").is_ok());
    assert!(sign_up(&"é".repeat(128)).is_ok());
    assert!(sign_up(&"é".repeat(129)).is_err());
    let printed = format!("{:?}", sign_up("correct horse").unwrap());
    assert!(!printed.contains("correct horse"));
}

#[test]
fn an_account_of_an_earlier_release_can_still_sign_in() {
    for (typed, email, stored) in [
        (
            "U@Bücher.example",
            "u@xn--bcher-kva.example",
            "u@bücher.example",
        ),
        ("u@localhost", "u@localhost", "u@localhost"),
        ("u..u@example.com", "u..u@example.com", "u..u@example.com"),
    ] {
        let sign_in: SignIn = parse(json!({ "email": typed, "password": "x" })).unwrap();
        assert_eq!(sign_in.email.as_str(), email);
        assert_eq!(sign_in.earlier_spelling.as_deref().unwrap_or(email), stored);
    }
    for refused in ["", "nobody", "a@b@example.com", "ü@example.com"] {
        let expected = [fault("email", "Email must be valid")];
        let body = json!({ "email": refused, "password": "x" });
        assert_eq!(faults::<SignIn>(body), expected, "{refused}");
    }
}

#[test]
fn a_sign_in_accepts_a_password_that_is_too_short_for_a_sign_up() {
    assert!(parse::<SignIn>(json!({ "email": "a@example.com", "password": "x" })).is_ok());
}

#[test]
fn a_list_has_all_tickets_newest_first_by_default() {
    let listing = |query| parse::<TicketListing>(query).unwrap();
    assert_eq!(listing(json!({})), TicketListing::default());
    assert_eq!(listing(json!({ "q": " \t" })), TicketListing::default());
    let filtered = listing(json!({ "q": "front  ROW\u{0}a+b", "sort": "-price" }));
    assert_eq!(filtered.search.words(), ["front", "ROW", "a+b"]);
    assert_eq!(filtered.sort, TicketSort::Dearest);
    for sort in TicketSort::ALL {
        assert_eq!(listing(json!({ "sort": sort.to_string() })).sort, sort);
    }
    let longest = "é".repeat(TitleSearch::MAX_CHARACTERS);
    assert_eq!(listing(json!({ "q": longest })).search.words().len(), 1);
    assert_eq!(
        faults::<TicketListing>(json!({ "q": format!("{longest}é"), "sort": "" })),
        [
            fault("q", "Search must be at most 100 characters"),
            fault("sort", "Sort must be newest, price or -price"),
        ]
    );
}
