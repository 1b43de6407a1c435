//! The parts of the API description that all services share, so that endpoints describe only what is theirs.
//!
//! An endpoint describes its input, its responses and its errors. This module adds the responses of the middleware
//! [`stack`](crate::stack), `Retry-After` for 409, 429 and 503, the header `Idempotency-Key` of each POST, the session
//! cookie, and an example of each error.

mod responses;

use base::build_info::BUILD_INFO;
use common::ErrorBody;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Deprecated, HttpMethod, Info, LicenseBuilder, OpenApi, OpenApiBuilder,
    Required, Server,
};
use utoipa_axum::router::OpenApiRouter;

use crate::session::COOKIE;
use crate::{KEY_NAME, LONGEST_KEY};

const ABOUT_ALL: &str = "\n\n\
    The cookie `session`, set by signing up and signing in, identifies the user. \
    Every error has one shape, `{\"errors\":[{\"message\":…,\"field\":…?}]}`; its messages are for people. \
    A request is checked in this order: JSON, session, fields (all invalid ones are listed), existence, owner, state. \
    Lists are plain arrays of at most 100 items; the address of the next page is in the header `Link` with `rel=\"next\"`. \
    `HEAD` works where `GET` does, and a trailing slash makes no difference. \
    A POST with an `Idempotency-Key` may be sent again: it is executed once, and its result is repeated for 24 hours. \
    Ids are 24 hex digits, prices US dollars with at most two decimals, times RFC 3339 in UTC with milliseconds.";

/// Routes of a service with this description.
#[must_use]
pub fn routes<S: Clone + Send + Sync + 'static>(about: &str) -> OpenApiRouter<S> {
    let mut description = OpenApiBuilder::new().build();
    description.info.description = Some(about.to_owned());
    OpenApiRouter::with_openapi(description)
}

/// Describes another address of an operation, marked as deprecated. It does not add the route.
///
/// # Panics
/// If there is no such operation.
#[must_use]
pub fn alias<S: Clone + Send + Sync + 'static>(
    mut routes: OpenApiRouter<S>,
    method: &HttpMethod,
    path: &str,
    alias: &str,
) -> OpenApiRouter<S> {
    let paths = &mut routes.get_openapi_mut().paths;
    let original = paths.get_path_operation(path, method.clone());
    let mut operation = original.expect("an alias is of an operation").clone();
    let verb = verb(method);
    operation.summary = Some(format!(
        "The same as `{verb} {path}`, as older clients spell it."
    ));
    operation.description = None;
    operation.deprecated = Some(Deprecated::True);
    let id = operation.operation_id.unwrap_or_default();
    operation.operation_id = Some(format!("{id}_alias"));
    paths.add_path_operation(alias, vec![method.clone()], operation);
    routes
}

const fn verb(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Head => "HEAD",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Trace => "TRACE",
    }
}

/// The complete description of a service with these routes.
#[must_use]
pub fn describe<S>(name: &str, routes: OpenApiRouter<S>) -> OpenApi
where
    S: Clone + Send + Sync + 'static,
{
    complete(name, routes.into_openapi())
}

/// Adds the shared parts to a description.
#[must_use]
pub fn complete(name: &str, mut description: OpenApi) -> OpenApi {
    let about = description.info.description.take().unwrap_or_default();
    description.info = Info::new(name, BUILD_INFO.version);
    description.info.description = Some(about + ABOUT_ALL);
    let licence = LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE"));
    description.info.license = Some(licence.identifier(Some(env!("CARGO_PKG_LICENSE"))).build());
    description.servers = Some(vec![Server::new("/")]);
    for item in description.paths.paths.values_mut() {
        if let Some(post) = item.post.as_mut() {
            responses::add_idempotency_key(post);
        }
        for (writes, operation) in operations(item) {
            responses::complete(operation, writes);
        }
    }
    let components = description
        .components
        .get_or_insert_with(|| ComponentsBuilder::new().build());
    let mut schemas = Vec::new();
    ErrorBody::schemas(&mut schemas);
    schemas.push((
        ErrorBody::name().into_owned(),
        <ErrorBody as utoipa::PartialSchema>::schema(),
    ));
    components.schemas.extend(schemas);
    components.responses.extend(responses::shared());
    components.parameters.insert(KEY.to_owned(), key().into());
    let session = ApiKeyValue::with_description(
        COOKIE,
        "Set by signing up, by signing in and by following a magic link; HttpOnly, good for seven days.",
    );
    let session = SecurityScheme::ApiKey(ApiKey::Cookie(session));
    components
        .security_schemes
        .insert(COOKIE.to_owned(), session.into());
    description
}

/// The component name of the header `Idempotency-Key`.
const KEY: &str = "IdempotencyKey";

/// The header that every POST takes.
fn key() -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(LONGEST_KEY))
        .pattern(Some("^[ -~]+$"))
        .examples(["5f0c1a52-6e0e-4d9c-9a0f-2b7f6f1c3d4e"]);
    ParameterBuilder::new()
        .name(KEY_NAME)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .schema(Some(text))
        .description(Some(
            "Names this request, so that it can be sent again after a lost answer: a repeat with the same key and body \
             is answered with the first result, and `Idempotency-Replayed: true`, for 24 hours. Use a random value for \
             each new request. With another body the key is refused.",
        ))
        .build()
}

/// The operations of a path, each with whether it writes.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    let reading = [&mut item.get, &mut item.head];
    let writing = [
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ];
    let reading = reading
        .into_iter()
        .flatten()
        .map(|operation| (false, operation));
    reading.chain(
        writing
            .into_iter()
            .flatten()
            .map(|operation| (true, operation)),
    )
}
