//! What is asked of the fleet, and by which request.

use std::fmt;

use reqwest::Method;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    /// A new account.
    SignUp,
    /// A session.
    SignIn,
    /// A magic link.
    AskLink,
    /// Signing in by a magic link.
    FollowLink,
    /// Whose session it is.
    WhoAmI,
    /// A new ticket.
    Sell,
    /// Another title and price.
    Edit,
    /// A ticket, no longer for sale.
    Withdraw,
    /// All tickets, one ticket, or a page of the shop.
    Look,
    /// A ticket, please.
    Order,
    /// How an order of one's own stands.
    ShowOrder,
    /// One's own orders.
    ListOrders,
    /// An order, no longer wanted.
    Cancel,
    /// Money.
    Pay,
}

impl Ask {
    /// How the report calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignUp => "sign up",
            Self::SignIn => "sign in",
            Self::AskLink => "ask for a link",
            Self::FollowLink => "follow a link",
            Self::WhoAmI => "current user",
            Self::Sell => "sell",
            Self::Edit => "edit",
            Self::Withdraw => "withdraw",
            Self::Look => "look around",
            Self::Order => "order",
            Self::ShowOrder => "look at an order",
            Self::ListOrders => "list orders",
            Self::Cancel => "cancel",
            Self::Pay => "pay",
        }
    }

    pub(super) const fn method(self) -> Method {
        match self {
            Self::SignUp | Self::SignIn | Self::AskLink | Self::Sell | Self::Order | Self::Pay => {
                Method::POST
            }
            Self::Edit => Method::PUT,
            Self::Cancel | Self::Withdraw => Method::DELETE,
            Self::FollowLink | Self::WhoAmI | Self::Look | Self::ShowOrder | Self::ListOrders => {
                Method::GET
            }
        }
    }

    /// Whether this status is the contract's way of saying that it was done.
    pub(super) const fn is_done(self, status: u16) -> bool {
        match self {
            Self::SignUp | Self::Sell | Self::Order | Self::Pay => status == 201,
            Self::Cancel | Self::Withdraw => status == 204,
            Self::FollowLink => status == 303,
            _ => status == 200,
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
