//! What the contract's own values look like in JSON, for the documents that describe it.
//!
//! Each is described once, here, and the documents of services and events refer to it by its name.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{Object, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::{Email, Price, Timestamp, Title};

/// Stands for every [`Id`](crate::Id), whatever it identifies.
#[derive(Debug)]
pub enum IdSchema {}

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
            "24 hex digits, in lower case.",
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

impl PartialSchema for Price {
    fn schema() -> RefOr<Schema> {
        let price = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Number))
            .description(Some("US dollars with at most two decimals."))
            .minimum(Some(0.01))
            .maximum(Some(999_999.99))
            .multiple_of(Some(0.01))
            .examples([json!(19.99)]);
        finished(price)
    }
}

impl ToSchema for Price {}

impl PartialSchema for Title {
    fn schema() -> RefOr<Schema> {
        let title = text(
            "What a ticket is called, without space around it.",
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
            "An email address, in lower case.",
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
            "A moment: RFC 3339 in UTC, with milliseconds and `Z`.",
            json!("2030-05-17T19:30:00.000Z"),
        );
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        finished(time.format(Some(format)))
    }
}

impl ToSchema for Timestamp {}
