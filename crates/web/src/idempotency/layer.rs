//! The middleware that applies a service's idempotency keys to its endpoints.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use futures::future::{BoxFuture, Either};
use tower::{Layer, Service};

use super::{IDEMPOTENCY_KEY, Idempotency};

/// The layer. Without [`Idempotency`], it does nothing.
#[derive(Clone)]
pub(crate) struct IdempotencyLayer(pub(crate) Option<Idempotency>);

impl<S> Layer<S> for IdempotencyLayer {
    type Service = Idempotent<S>;

    fn layer(&self, endpoint: S) -> Idempotent<S> {
        Idempotent {
            endpoint,
            keys: self.0.clone(),
        }
    }
}

/// Endpoints that accept idempotency keys.
#[derive(Clone)]
pub(crate) struct Idempotent<S> {
    endpoint: S,
    keys: Option<Idempotency>,
}

type Responding = BoxFuture<'static, Result<Response, Infallible>>;

impl<S> Service<Request> for Idempotent<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<S::Future, Responding>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.endpoint.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let is_keyed =
            request.method() == Method::POST && request.headers().contains_key(IDEMPOTENCY_KEY);
        let Some(Idempotency(keys)) = self.keys.as_ref().filter(|_| is_keyed) else {
            return Either::Left(self.endpoint.call(request));
        };
        let (keys, clone) = (Arc::clone(keys), self.endpoint.clone());
        // The call must use the instance that `poll_ready` was called on.
        let endpoint = std::mem::replace(&mut self.endpoint, clone);
        Either::Right(Box::pin(async move {
            let response = keys.respond(request, endpoint).await;
            Ok(response.unwrap_or_else(IntoResponse::into_response))
        }))
    }
}
