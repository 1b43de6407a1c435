//! What is measured, one kind of thing after the other. Each scenario makes what it needs, so that any can be run alone.

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

/// One kind of thing that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Who is signed in.
    CurrentUser,
    /// The first page of what is for sale.
    List,
    /// One ticket.
    Show,
    /// The home page, rendered.
    Home,
    /// A ticket put up.
    Create,
    /// A ticket changed.
    Edit,
    /// Orders of distinct tickets, until every service has its events.
    Order,
    /// Payments.
    Pay,
    /// Accounts.
    SignUp,
    /// How long events take from the answer to the last consumer.
    EventLag,
    /// A crowd for a few tickets, then a crowd for one.
    FlashSale,
    /// Open event streams.
    Viewers,
    /// Orders whose time is over.
    Expirations,
    /// From exec to ready.
    Start,
    /// The list among more and more tickets.
    ListGrowth,
    /// Orders among more and more orders.
    OrderGrowth,
}

impl Scenario {
    /// All of them, in the order in which they leave each other undisturbed.
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

    /// How it is called on the command line.
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

    /// What it measures, in a few words.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::CurrentUser => "who is signed in",
            Self::List => "the first page of what is for sale",
            Self::Show => "one ticket",
            Self::Home => "the home page, rendered by the shop",
            Self::Create => "a ticket put up, until its replica is there",
            Self::Edit => "a ticket changed, until its replica is",
            Self::Order => "orders of distinct tickets, until every service has its events",
            Self::Pay => "payments, until their orders are complete",
            Self::SignUp => "accounts, which is password hashing",
            Self::EventLag => "from the answer to the last consumer",
            Self::FlashSale => "1,000 shoppers for 100 tickets, then 10,000 requests for one",
            Self::Viewers => "2,000 event streams: memory, and time to show a change",
            Self::Expirations => "20,000 orders whose time ends: enqueued, and how late",
            Self::Start => "from exec to ready, each service",
            Self::ListGrowth => "the list among 1,000 to 1,000,000 tickets",
            Self::OrderGrowth => "orders among 1,000 to 1,000,000 orders",
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
