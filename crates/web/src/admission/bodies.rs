//! Bodies of requests, each received as a whole before its request is admitted.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use futures::StreamExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Refusal;
use crate::BODY_LIMIT;
use base::Limits;

/// How much of a body that is too long is read and discarded, in bytes: more than the ingress passes on.
const DISCARDED: usize = 10_000_000;

/// Receives bodies, a bounded number at a time.
pub(super) struct Bodies {
    places: Arc<Semaphore>,
    time: Duration,
}

impl Bodies {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.bodies)),
            time: limits.body_time,
        }
    }

    /// The whole body of a request with these headers.
    pub(super) async fn receive(&self, headers: &HeaderMap, body: Body) -> Result<Body, Refusal> {
        if body.is_end_stream() {
            return Ok(Body::empty());
        }
        let too_large = body.size_hint().lower() > BODY_LIMIT as u64;
        let mut body = body.into_data_stream();
        let received = if too_large {
            Err(Refusal::BodyTooLarge)
        } else {
            let _place = self.places.try_acquire().map_err(|_| Refusal::Overloaded)?;
            let received = timeout(self.time, collect(&mut body)).await;
            received.unwrap_or(Err(Refusal::BodyTooSlow))
        };
        if received == Err(Refusal::BodyTooLarge) {
            self.discard(headers, body);
        }
        received.map(Body::from)
    }

    /// Reads and discards the rest of a body that is too long, while the refusal is sent.
    ///
    /// A connection that is closed while its client still sends is reset, and the client, or a proxy, may then lose the
    /// response. So the connection is closed only when the client has sent everything, or far too much. A client that
    /// waits for `100 Continue` sends nothing after a refusal, and must not be invited to.
    fn discard(&self, headers: &HeaderMap, mut body: BodyDataStream) {
        if headers.contains_key(header::EXPECT) {
            return;
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return;
        };
        let time = self.time;
        tokio::spawn(async move {
            let discarding = async {
                let mut left = DISCARDED;
                while let Some(Ok(part)) = body.next().await
                    && let Some(rest) = left.checked_sub(part.len())
                {
                    left = rest;
                }
            };
            // At whichever limit: what is not read by now is cut off with the connection.
            let _ = timeout(time, discarding).await;
            drop(place);
        });
    }
}

async fn collect(body: &mut BodyDataStream) -> Result<Bytes, Refusal> {
    let mut whole = Vec::new();
    while let Some(part) = body.next().await {
        let part = part.map_err(|_| Refusal::BodyUnreadable)?;
        if whole.len() + part.len() > BODY_LIMIT {
            return Err(Refusal::BodyTooLarge);
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}
