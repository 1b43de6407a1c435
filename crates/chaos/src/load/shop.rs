//! The state that all shoppers share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Clock;
use common::Id;
use common::id::kind;
use testkit::Fleet;
use tokio_util::sync::CancellationToken;

use super::holders::Holders;
use super::tally::Tally;
use crate::history::History;

/// How many tickets the board holds; older ones are dropped.
const BOARD: usize = 200;

/// A ticket for sale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub(super) ticket: Id<kind::Ticket>,
}

/// The fleet as shoppers use it, and what they record.
pub(crate) struct Shop {
    pub(super) fleet: Arc<Fleet>,
    pub(super) clock: Clock,
    /// The acknowledgements.
    pub(crate) history: Arc<History>,
    /// The counts of requests and responses.
    pub(crate) tally: Tally,
    pub(super) holders: Holders,
    board: Mutex<VecDeque<Offer>>,
    pub(super) closing: CancellationToken,
}

impl Shop {
    /// Opens the shop.
    pub(crate) fn open(fleet: Arc<Fleet>) -> Self {
        Self {
            fleet,
            clock: Clock::system(),
            history: Arc::default(),
            tally: Tally::default(),
            holders: Holders::default(),
            board: Mutex::default(),
            closing: CancellationToken::new(),
        }
    }

    /// Stops shoppers from starting anything new.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Sleeps until the shop closes at the latest.
    pub(super) async fn pause(&self, duration: Duration) {
        super::pause(&self.closing, duration).await;
    }

    /// Puts a new ticket on the board.
    pub(super) fn offer(&self, offer: Offer) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.push_back(offer);
        if board.len() > BOARD {
            board.pop_front();
        }
    }

    /// Takes the oldest ticket from the board.
    pub(super) fn take_offer(&self) -> Option<Offer> {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.pop_front()
    }
}
