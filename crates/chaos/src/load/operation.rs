//! The kinds of requests to the fleet.

use std::fmt;

use reqwest::Method;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Creates an account.
    SignUp,
    /// Signs in with a password.
    SignIn,
    /// Requests a magic link.
    RequestLink,
    /// Signs in by a magic link.
    FollowLink,
    /// Reads the session's account.
    CurrentUser,
    /// Creates a ticket.
    Sell,
    /// Changes a ticket's title and price.
    Edit,
    /// Withdraws a ticket.
    Withdraw,
    /// Reads all tickets, one ticket, or a page of the shop.
    Browse,
    /// Places an order.
    Order,
    /// Reads an order.
    ShowOrder,
    /// Lists the customer's orders.
    ListOrders,
    /// Cancels an order.
    Cancel,
    /// Pays an order.
    Pay,
}

impl Operation {
    /// Its name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignUp => "sign up",
            Self::SignIn => "sign in",
            Self::RequestLink => "request a link",
            Self::FollowLink => "follow a link",
            Self::CurrentUser => "current user",
            Self::Sell => "sell",
            Self::Edit => "edit",
            Self::Withdraw => "withdraw",
            Self::Browse => "browse",
            Self::Order => "order",
            Self::ShowOrder => "show an order",
            Self::ListOrders => "list orders",
            Self::Cancel => "cancel",
            Self::Pay => "pay",
        }
    }

    pub(super) const fn method(self) -> Method {
        match self {
            Self::SignUp
            | Self::SignIn
            | Self::RequestLink
            | Self::Sell
            | Self::Order
            | Self::Pay => Method::POST,
            Self::Edit => Method::PUT,
            Self::Cancel | Self::Withdraw => Method::DELETE,
            Self::FollowLink
            | Self::CurrentUser
            | Self::Browse
            | Self::ShowOrder
            | Self::ListOrders => Method::GET,
        }
    }

    /// Whether this is the contract's status of success.
    pub(super) const fn is_done(self, status: u16) -> bool {
        match self {
            Self::SignUp | Self::Sell | Self::Order | Self::Pay => status == 201,
            Self::Cancel | Self::Withdraw => status == 204,
            Self::FollowLink => status == 303,
            _ => status == 200,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
