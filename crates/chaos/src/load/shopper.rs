//! A shopper who runs one scenario after the other, drawn from the seed.

use std::sync::Arc;
use std::time::Duration;

use common::id::kind;
use common::{Id, Price};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::buying::OwnOrder;
use super::customer::Customer;
use super::reversal::Reversal;
use super::selling::OwnTicket;
use super::shop::Offer;
use super::{Operation, Scenario, Shop, racing};

/// How many of its tickets and orders a shopper remembers.
const REMEMBERED: usize = 12;

/// How many customers compete for one ticket at most.
const RUNNERS: usize = 5;

/// The pause before the next scenario, in milliseconds.
const THINKING: std::ops::Range<u64> = 30..250;

/// A shopper.
pub(crate) struct Shopper {
    shop: Arc<Shop>,
    number: usize,
    random: StdRng,
    me: Customer,
    /// The customers that compete; the first is the shopper itself.
    runners: Vec<Customer>,
    tickets: Vec<OwnTicket>,
    orders: Vec<Id<kind::Order>>,
    made: u32,
    seed: u64,
}

impl Shopper {
    /// The shopper of this number in the run of this seed.
    pub(crate) fn new(shop: Arc<Shop>, seed: u64, number: usize) -> Self {
        let own_seed = seed.wrapping_mul(1_000_003).wrapping_add(number as u64);
        let mut random = StdRng::seed_from_u64(own_seed);
        let runners: Vec<_> = (0..RUNNERS)
            .map(|_| Customer::signed_in(&shop, Id::from_bytes(random.random())))
            .collect();
        Self {
            me: runners[0].clone(),
            runners,
            shop,
            number,
            random,
            tickets: Vec::new(),
            orders: Vec::new(),
            made: 0,
            seed,
        }
    }

    /// Runs scenarios until the shop closes.
    pub(crate) async fn go_shopping(mut self) {
        while !self.shop.is_closing() {
            let scenario = Scenario::draw(&mut self.random);
            self.shop.tally.scenario(scenario);
            self.act(scenario).await;
            let thinking = self.random.random_range(THINKING);
            self.shop.pause(Duration::from_millis(thinking)).await;
        }
    }

    /// Runs one scenario; none if it ends early for lack of a clear response.
    pub(crate) async fn act(&mut self, scenario: Scenario) -> Option<()> {
        match scenario {
            Scenario::Sell => {
                let ticket = self.sell().await?;
                self.shop.offer(ticket.offer());
            }
            Scenario::Edit => self.edit().await?,
            Scenario::Withdraw => self.withdraw().await?,
            Scenario::Race => self.race().await?,
            Scenario::SignUp => {
                let (email, password) = (self.email(), testkit::fresh::password());
                let visitor = Customer::anonymous(&self.shop);
                visitor
                    .sign_up_and_in(&email, &password)
                    .await
                    .then_some(())?;
            }
            Scenario::MagicLink => {
                let (email, visitor) = (self.email(), Customer::anonymous(&self.shop));
                visitor.sign_in_by_link(&email).await.then_some(())?;
            }
            Scenario::Browse => self.browse().await,
            _ => {
                let own = self.order().await?;
                self.end(scenario, own).await;
            }
        }
        Some(())
    }

    /// Pays or cancels an order, or lets it expire.
    async fn end(&mut self, scenario: Scenario, own: OwnOrder) {
        match scenario {
            Scenario::PayTwice => self.me.pay_twice(own).await,
            Scenario::Reverse => {
                let how = Reversal::draw(&mut self.random);
                self.me.pay_and_reverse(own, how).await;
            }
            Scenario::Decline => self.me.pay_at_second_try(own).await,
            Scenario::Cancel => self.me.cancel(own).await,
            Scenario::CancelWhilePaying => self.me.cancel_while_paying(own).await,
            Scenario::LetExpire => self.me.let_expire(own).await,
            Scenario::LastMoment => {
                let before = Duration::from_millis(self.random.random_range(0..500));
                self.me.pay_at_the_last_moment(own, before).await;
            }
            _ => {
                self.me.pay(own).await;
            }
        }
    }

    async fn sell(&mut self) -> Option<OwnTicket> {
        let (title, price) = (self.title(), self.price());
        let ticket = self.me.sell(&title, price).await?;
        remember(&mut self.tickets, ticket);
        Some(ticket)
    }

    /// Orders a ticket from the board, or a new one of its own if the board is empty.
    async fn order(&mut self) -> Option<OwnOrder> {
        let offer = match self.shop.take_offer() {
            Some(offer) => offer,
            None => self.sell().await?.offer(),
        };
        let own = self.me.order(offer).await?;
        remember(&mut self.orders, own.order);
        Some(own)
    }

    async fn edit(&mut self) -> Option<()> {
        if self.tickets.is_empty() {
            self.sell().await?;
        }
        let chosen = self.random.random_range(0..self.tickets.len());
        let (title, price, sends_version) = (self.title(), self.price(), self.random.random());
        let ticket = self.tickets[chosen];
        let edited = self.me.edit(ticket, (&title, price), sends_version).await;
        // It may have a newer version by now, which the next edit has to send.
        let current = match edited {
            Some(edited) => edited,
            None => self.me.show_ticket(ticket.ticket).await?,
        };
        self.tickets[chosen] = current;
        Some(())
    }

    /// Withdraws a new ticket while another customer orders it.
    async fn withdraw(&mut self) -> Option<()> {
        let (title, price) = (self.title(), self.price());
        let offer = self.me.sell(&title, price).await?.offer();
        let body = serde_json::json!({ "ticketId": offer.ticket });
        let other = &self.runners[1];
        let ordered = other.send_once(Operation::Order, "/api/orders", Some(&body));
        let (ordered, ()) = tokio::join!(ordered, self.me.withdraw(offer.ticket));
        let ordered = ordered.filter(|answer| answer.status == 201);
        if let Some(own) = ordered.and_then(|answer| other.ordered(&answer, offer)) {
            other.pay(own).await;
        }
        Some(())
    }

    async fn race(&mut self) -> Option<()> {
        let offer: Offer = self.sell().await?.offer();
        let count = self.random.random_range(2..=RUNNERS);
        let (winner, own) = racing::race(&self.runners[..count], offer).await?;
        match self.random.random_range(0..3) {
            0 => {
                winner.pay(own).await;
            }
            1 => winner.cancel(own).await,
            // It expires.
            _ => {}
        }
        Some(())
    }

    async fn browse(&mut self) {
        let path = match self.random.random_range(0..3) {
            0 => "/",
            1 => "/api/tickets?limit=20",
            _ => "/api/payments",
        };
        self.me.send_once(Operation::Browse, path, None).await;
        if let Some(&order) = self.orders.first() {
            // An acknowledged order must still exist.
            self.me.show_order(order).await;
        }
    }

    fn title(&mut self) -> String {
        self.made += 1;
        format!("Seat {}-{}-{}", self.seed, self.number, self.made)
    }

    /// At least Stripe's minimum.
    fn price(&mut self) -> Price {
        let cents = self.random.random_range(50..50_000);
        Price::from_cents(cents).expect("some cents are a price")
    }

    fn email(&mut self) -> String {
        self.made += 1;
        format!(
            "shopper-{}-{}-{}@example.com",
            self.seed, self.number, self.made
        )
    }
}

fn remember<T>(things: &mut Vec<T>, thing: T) {
    things.push(thing);
    if things.len() > REMEMBERED {
        things.remove(0);
    }
}
