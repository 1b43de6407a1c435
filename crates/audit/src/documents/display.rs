//! Short descriptions of documents for violations.

use std::fmt;

use super::{Order, OrderReplica, Outcome, Payment, Ticket, timestamp};

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version,
            title,
            price_cents,
            ..
        } = self;
        write!(f, "version {version}, {title:?}, {price_cents} cents, ")?;
        if self.is_withdrawn() {
            return f.write_str("withdrawn");
        }
        match self.order_id {
            Some(order) => write!(f, "held by order {order}"),
            None => f.write_str("free"),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, version) = (self.status, self.version);
        let (cents, until) = (self.ticket.price_cents, timestamp(self.expires_at));
        write!(
            f,
            "{status}, version {version}, {cents} cents, until {until}"
        )
    }
}

impl fmt::Display for OrderReplica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, version) = (self.status, self.version);
        let (cents, until) = (self.price_cents, timestamp(self.expires_at));
        write!(
            f,
            "{status}, version {version}, {cents} cents, until {until}"
        )
    }
}

impl fmt::Display for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, version) = (self.status.as_str(), self.version);
        let (cents, attempts) = (self.price_cents, self.attempts.len());
        write!(
            f,
            "{status}, version {version}, {cents} cents, {attempts} attempts"
        )?;
        match self.given_back() {
            0 => Ok(()),
            given_back => write!(f, ", {given_back} cents returned"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined { code } if !code.is_empty() => write!(f, "declined ({code})"),
            _ => f.write_str(self.as_str()),
        }
    }
}
