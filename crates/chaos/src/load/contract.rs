//! Which responses the contract allows. Any other response is a violation, whatever fault caused it.

use std::fmt;

use common::ErrorBody;
use reqwest::header::RETRY_AFTER;
use testkit::Answer;

use super::Operation;

/// A response that breaks the contract, or contradicts another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The operation.
    pub operation: Operation,
    /// The entities that it concerns.
    pub entities: Vec<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.message)?;
        if self.entities.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.entities.join(", "))
    }
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Success.
    Done,
    /// Refused; to repeat the request is of no use.
    Refused,
    /// Refused for now.
    Unavailable,
    /// No response.
    NoAnswer,
}

impl Outcome {
    pub(super) const fn of(status: u16) -> Self {
        match status {
            200..400 => Self::Done,
            429 | 500.. => Self::Unavailable,
            _ => Self::Refused,
        }
    }
}

/// What is wrong with the status or shape of a response.
pub(super) fn fault(operation: Operation, path: &str, answer: &Answer) -> Option<String> {
    let status = answer.status;
    match status {
        200..400 if operation.is_done(status) => None,
        // The gateway's, if a process died while it responded, or hangs.
        502 | 504 => None,
        429 | 503 if !answer.headers.contains_key(RETRY_AFTER) => {
            Some(format!("{status} without Retry-After"))
        }
        // Pages of the shop have HTML errors.
        429 | 503 if !path.starts_with("/api/") => None,
        400 | 404 if !may_refuse(operation, status) => Some(format!(
            "{status} to a valid request: {}",
            short(&answer.text)
        )),
        400 | 404 | 429 | 503 => (!is_error(&answer.text))
            .then(|| format!("{status} in a wrong shape: {}", short(&answer.text))),
        _ => Some(format!("{status}: {}", short(&answer.text))),
    }
}

/// Whether a valid request may be refused with this status.
const fn may_refuse(operation: Operation, status: u16) -> bool {
    match operation {
        Operation::Browse
        | Operation::CurrentUser
        | Operation::ListOrders
        | Operation::ShowOrder
        | Operation::Sell
        | Operation::RequestLink => false,
        Operation::SignUp
        | Operation::SignIn
        | Operation::FollowLink
        | Operation::Edit
        | Operation::Withdraw
        | Operation::Cancel => status == 400,
        // 404: the replica of the ticket or of the order may be late while the broker is unavailable.
        Operation::Order | Operation::Pay => true,
    }
}

fn is_error(text: &str) -> bool {
    serde_json::from_str::<ErrorBody>(text).is_ok_and(|body| !body.errors.is_empty())
}

/// The beginning of a long text.
pub(super) fn short(text: &str) -> String {
    const LONGEST: usize = 160;
    let begin: String = text.chars().take(LONGEST).collect();
    if begin.len() < text.len() {
        format!("{begin}…")
    } else {
        begin
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    fn answer(status: u16, text: &str) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            json: serde_json::from_str(text).unwrap_or_default(),
            text: text.to_owned(),
        }
    }

    const REFUSAL: &str = r#"{"errors":[{"message":"Ticket is already reserved"}]}"#;

    #[test]
    fn what_the_contract_knows_is_no_breach() {
        assert_eq!(
            fault(Operation::Order, "/api/orders", &answer(201, "{}")),
            None
        );
        assert_eq!(
            fault(Operation::Order, "/api/orders", &answer(400, REFUSAL)),
            None
        );
        assert_eq!(
            fault(Operation::Pay, "/api/payments", &answer(502, "")),
            None
        );
        let mut unavailable = answer(503, REFUSAL);
        unavailable
            .headers
            .insert(RETRY_AFTER, HeaderValue::from(1));
        assert_eq!(fault(Operation::Sell, "/api/tickets", &unavailable), None);
    }

    #[test]
    fn other_responses_are_breaches() {
        let breaches = [
            (Operation::Sell, answer(500, REFUSAL)),
            (Operation::Sell, answer(503, REFUSAL)),
            (Operation::Order, answer(400, "sorry")),
            (Operation::Order, answer(400, r#"{"errors":[]}"#)),
            (Operation::Order, answer(200, "{}")),
            (Operation::Pay, answer(401, REFUSAL)),
            (Operation::ShowOrder, answer(404, REFUSAL)),
        ];
        for (operation, answer) in breaches {
            assert!(fault(operation, "/api/", &answer).is_some(), "{answer:?}");
        }
    }
}
