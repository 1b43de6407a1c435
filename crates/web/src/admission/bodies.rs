//! Request bodies, which are received completely before their requests are admitted.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use base::Limits;
use futures::StreamExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Refusal;
use crate::BODY_LIMIT;

/// How much of a body that is too large is read and discarded, in bytes: more than the ingress passes on.
const DISCARD_LIMIT: usize = 10_000_000;

/// Receives a limited number of bodies concurrently.
pub(super) struct Bodies {
    permits: Arc<Semaphore>,
    time: Duration,
}

impl Bodies {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limits.bodies)),
            time: limits.body_time,
        }
    }

    /// The complete body of a request with these headers.
    pub(super) async fn receive(&self, headers: &HeaderMap, body: Body) -> Result<Body, Refusal> {
        if body.is_end_stream() {
            return Ok(Body::empty());
        }
        let too_large = body.size_hint().lower() > BODY_LIMIT as u64;
        let mut body = body.into_data_stream();
        let received = if too_large {
            Err(Refusal::BodyTooLarge)
        } else {
            let _permit = self
                .permits
                .try_acquire()
                .map_err(|_| Refusal::Overloaded)?;
            let received = timeout(self.time, collect(&mut body)).await;
            received.unwrap_or(Err(Refusal::BodyTooSlow))
        };
        if received == Err(Refusal::BodyTooLarge) {
            self.discard(headers, body);
        }
        received.map(Body::from)
    }

    /// Reads and discards the rest of a body that is too large, while the refusal is sent.
    ///
    /// Closing a connection while its client still sends resets it, and the client, or a proxy, may then lose the
    /// response. So the connection is closed only after the client has sent everything, or far too much. A client that
    /// waits for `100 Continue` sends nothing after a refusal, and reading would ask it to send.
    fn discard(&self, headers: &HeaderMap, mut body: BodyDataStream) {
        if headers.contains_key(header::EXPECT) {
            return;
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return;
        };
        let time = self.time;
        tokio::spawn(async move {
            let discarding = async {
                let mut left = DISCARD_LIMIT;
                while let Some(Ok(part)) = body.next().await
                    && let Some(rest) = left.checked_sub(part.len())
                {
                    left = rest;
                }
            };
            // After either limit, the connection is closed with the rest unread.
            let _ = timeout(time, discarding).await;
            drop(permit);
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
