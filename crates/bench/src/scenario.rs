//! The scenarios. Each one creates the data that it needs, so that it can be run alone.

mod compare;
mod event_lag;
mod expirations;
mod flash_sale;
mod growth;
mod orders;
mod pay;
mod reads;
mod sign_up;
mod start;
mod tickets;
mod viewers;

use std::fmt;
use std::str::FromStr;

use anyhow::Result;

use crate::lab::Lab;
use crate::report::Outcome;

/// A scenario of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// The signed-in user.
    CurrentUser,
    /// The first page of tickets for sale.
    List,
    /// One ticket.
    Show,
    /// The home page, rendered.
    Home,
    /// New tickets.
    Create,
    /// Changes of tickets.
    Edit,
    /// Orders of distinct tickets, until every service has handled the events.
    Order,
    /// Payments.
    Pay,
    /// New accounts.
    SignUp,
    /// The time from the response to the last consumer.
    EventLag,
    /// Many shoppers for a few tickets, then for one.
    FlashSale,
    /// Open event streams.
    Viewers,
    /// Orders that expire.
    Expirations,
    /// The time from exec to ready.
    Start,
    /// The list, with a growing number of tickets.
    ListGrowth,
    /// Orders, with a growing number of orders.
    OrderGrowth,
}

impl Scenario {
    /// All scenarios, in an order in which they do not disturb each other.
    pub const ALL: [Self; 16] = [
        Self::CurrentUser,
        Self::List,
        Self::Show,
        Self::Home,
        Self::Create,
        Self::Edit,
        Self::Order,
        Self::Pay,
        Self::SignUp,
        Self::EventLag,
        Self::FlashSale,
        Self::Viewers,
        Self::Expirations,
        Self::ListGrowth,
        Self::OrderGrowth,
        Self::Start,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CurrentUser => "current-user",
            Self::List => "list",
            Self::Show => "show",
            Self::Home => "home",
            Self::Create => "create",
            Self::Edit => "edit",
            Self::Order => "order",
            Self::Pay => "pay",
            Self::SignUp => "sign-up",
            Self::EventLag => "event-lag",
            Self::FlashSale => "flash-sale",
            Self::Viewers => "viewers",
            Self::Expirations => "expirations",
            Self::Start => "start",
            Self::ListGrowth => "list-growth",
            Self::OrderGrowth => "order-growth",
        }
    }

    /// What it measures.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::CurrentUser => "the signed-in user",
            Self::List => "the first page of tickets for sale",
            Self::Show => "one ticket",
            Self::Home => "the home page, rendered by the shop",
            Self::Create => "new tickets, until they are replicated",
            Self::Edit => "changes of tickets, until they are replicated",
            Self::Order => "orders of distinct tickets, until every service has handled the events",
            Self::Pay => "payments, until their orders are complete",
            Self::SignUp => "new accounts, which is password hashing",
            Self::EventLag => "time from the response to the last consumer",
            Self::FlashSale => "1,000 shoppers for 100 tickets, then 10,000 requests for one",
            Self::Viewers => "2,000 event streams: memory, and time to show a change",
            Self::Expirations => "20,000 orders that expire: rate of enqueueing, and lateness",
            Self::Start => "time from exec to ready, each service",
            Self::ListGrowth => "the list with 1,000 to 1,000,000 tickets",
            Self::OrderGrowth => "orders with 1,000 to 1,000,000 orders",
        }
    }

    pub(crate) async fn run(self, lab: &Lab) -> Result<Outcome> {
        match self {
            Self::CurrentUser => reads::current_user(lab).await,
            Self::List => reads::list(lab).await,
            Self::Show => reads::show(lab).await,
            Self::Home => reads::home(lab).await,
            Self::Create => tickets::create(lab).await,
            Self::Edit => tickets::edit(lab).await,
            Self::Order => orders::order(lab).await,
            Self::Pay => pay::pay(lab).await,
            Self::SignUp => sign_up::sign_up(lab).await,
            Self::EventLag => event_lag::run(lab).await,
            Self::FlashSale => flash_sale::run(lab).await,
            Self::Viewers => viewers::run(lab).await,
            Self::Expirations => expirations::run(lab).await,
            Self::Start => start::run(lab).await,
            Self::ListGrowth => growth::list(lab).await,
            Self::OrderGrowth => growth::orders(lab).await,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no such scenario.
#[derive(Debug, Clone, Copy)]
pub struct UnknownScenario;

impl fmt::Display for UnknownScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}", Scenario::ALL.map(Scenario::name).join(", "))
    }
}

impl std::error::Error for UnknownScenario {}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, UnknownScenario> {
        let mut all = Self::ALL.into_iter();
        all.find(|scenario| scenario.name() == text)
            .ok_or(UnknownScenario)
    }
}
