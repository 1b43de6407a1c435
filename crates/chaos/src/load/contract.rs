//! What an answer may look like. What lies outside is a violation, whatever goes wrong behind it.

use std::fmt;

use common::ErrorBody;
use reqwest::header::RETRY_AFTER;
use testkit::Answer;

use super::Ask;

/// An answer that the contract does not know, or that contradicts another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// To what it was the answer.
    pub ask: Ask,
    /// What it is about.
    pub entities: Vec<String>,
    /// What is wrong with it.
    pub words: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.ask, self.words)?;
        if self.entities.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.entities.join(", "))
    }
}

/// What an answer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// As asked.
    Done,
    /// No, and asking again is of no use.
    Refused,
    /// Not now.
    Unavailable,
    /// None came.
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

/// What is wrong with the answer by its form and status alone.
pub(super) fn fault(ask: Ask, path: &str, answer: &Answer) -> Option<String> {
    let status = answer.status;
    match status {
        200..400 if ask.is_done(status) => None,
        // The gateway's, when a process died in mid-answer or hangs.
        502 | 504 => None,
        429 | 503 if !answer.headers.contains_key(RETRY_AFTER) => {
            Some(format!("{status} without Retry-After"))
        }
        // Pages of the shop are for people.
        429 | 503 if !path.starts_with("/api/") => None,
        400 | 404 if !may_refuse(ask, status) => Some(format!(
            "{status} for what is there and allowed: {}",
            short(&answer.text)
        )),
        400 | 404 | 429 | 503 => (!is_error(&answer.text))
            .then(|| format!("{status} in another shape: {}", short(&answer.text))),
        _ => Some(format!("{status}: {}", short(&answer.text))),
    }
}

/// Whether a shopper who does nothing wrong can be told so.
const fn may_refuse(ask: Ask, status: u16) -> bool {
    match ask {
        Ask::Look | Ask::WhoAmI | Ask::ListOrders | Ask::ShowOrder | Ask::Sell | Ask::AskLink => {
            false
        }
        Ask::SignUp | Ask::SignIn | Ask::FollowLink | Ask::Edit | Ask::Withdraw | Ask::Cancel => {
            status == 400
        }
        // 404: the replica of the ticket, or of the order, may be long on its way while the broker is away.
        Ask::Order | Ask::Pay => true,
    }
}

fn is_error(text: &str) -> bool {
    serde_json::from_str::<ErrorBody>(text).is_ok_and(|body| !body.errors.is_empty())
}

/// The beginning of a text that may be long.
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
        assert_eq!(fault(Ask::Order, "/api/orders", &answer(201, "{}")), None);
        assert_eq!(
            fault(Ask::Order, "/api/orders", &answer(400, REFUSAL)),
            None
        );
        assert_eq!(fault(Ask::Pay, "/api/payments", &answer(502, "")), None);
        let mut unavailable = answer(503, REFUSAL);
        unavailable
            .headers
            .insert(RETRY_AFTER, HeaderValue::from(1));
        assert_eq!(fault(Ask::Sell, "/api/tickets", &unavailable), None);
    }

    #[test]
    fn what_it_does_not_know_is_one() {
        let breaches = [
            (Ask::Sell, answer(500, REFUSAL)),
            (Ask::Sell, answer(503, REFUSAL)),
            (Ask::Order, answer(400, "sorry")),
            (Ask::Order, answer(400, r#"{"errors":[]}"#)),
            (Ask::Order, answer(200, "{}")),
            (Ask::Pay, answer(401, REFUSAL)),
            (Ask::ShowOrder, answer(404, REFUSAL)),
        ];
        for (ask, answer) in breaches {
            assert!(fault(ask, "/api/", &answer).is_some(), "{answer:?}");
        }
    }
}
