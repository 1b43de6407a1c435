//! JSON schemas of the domain types, for the OpenAPI and AsyncAPI documents, which refer to them by name.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{Object, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::price::PriceInput;
use crate::{Email, Price, Timestamp, Title};

/// Describes every [`Id`](crate::Id), whatever it identifies.
#[derive(Debug)]
pub enum IdSchema {}

/// Describes a [`PriceInput`] for a ticket's new price, which has a minimum.
#[derive(Debug)]
pub enum NewPriceSchema {}

fn text(description: &str, example: Value) -> ObjectBuilder {
    let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    text.description(Some(description)).examples([example])
}

fn finished(object: impl Into<Object>) -> RefOr<Schema> {
    RefOr::T(Schema::Object(object.into()))
}

impl PartialSchema for IdSchema {
    fn schema() -> RefOr<Schema> {
        let id = text(
            "24 hex digits in lower case.",
            json!("65f1c0ffee0123456789abcd"),
        );
        finished(id.pattern(Some("^[0-9a-f]{24}$")))
    }
}

impl ToSchema for IdSchema {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Id")
    }
}

/// An amount of dollars. The description says that it has at most two decimals, since `multipleOf: 0.01` would make
/// most validators reject 19.99.
fn dollars(types: SchemaType, minimum: f64, description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(types)
        .description(Some(description))
        .minimum(Some(minimum))
        .maximum(Some(999_999.99))
        .examples([json!(19.99)])
}

/// An amount of dollars in a request. The bounds apply to numbers, the pattern to strings.
fn dollars_in_a_request(minimum: f64, description: &str) -> RefOr<Schema> {
    let types = SchemaType::Array(vec![Type::Number, Type::String]);
    let dollars = dollars(types, minimum, description);
    finished(dollars.pattern(Some(r"^[0-9]+(\.[0-9]{1,2})?$")))
}

impl PartialSchema for Price {
    fn schema() -> RefOr<Schema> {
        let number = SchemaType::Type(Type::Number);
        let description = "US dollars with at most two decimals.";
        finished(dollars(number, 0.01, description))
    }
}

impl ToSchema for Price {}

impl PartialSchema for PriceInput {
    fn schema() -> RefOr<Schema> {
        let description = "US dollars with at most two decimals, as a number or in a string.";
        dollars_in_a_request(0.01, description)
    }
}

impl ToSchema for PriceInput {}

impl PartialSchema for NewPriceSchema {
    fn schema() -> RefOr<Schema> {
        let description =
            "US dollars with at most two decimals, as a number or in a string, 0.50 or more.";
        dollars_in_a_request(0.5, description)
    }
}

impl ToSchema for NewPriceSchema {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("NewPrice")
    }
}

impl PartialSchema for Title {
    fn schema() -> RefOr<Schema> {
        let title = text(
            "A ticket's title: visible text in Unicode's normalization form C, without surrounding space.",
            json!("Front row"),
        );
        finished(
            title
                .min_length(Some(1))
                .max_length(Some(Self::MAX_CHARACTERS)),
        )
    }
}

impl ToSchema for Title {}

impl PartialSchema for Email {
    fn schema() -> RefOr<Schema> {
        let email = text(
            "An email address in lower case, its domain in ASCII (IDNA).",
            json!("shopper@example.com"),
        );
        let format = SchemaFormat::KnownFormat(KnownFormat::Email);
        finished(email.format(Some(format)).max_length(Some(Self::MAX_BYTES)))
    }
}

impl ToSchema for Email {}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        let time = text(
            "A time: RFC 3339 in UTC, with milliseconds and `Z`.",
            json!("2030-05-17T19:30:00.000Z"),
        );
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        finished(time.format(Some(format)))
    }
}

impl ToSchema for Timestamp {}
