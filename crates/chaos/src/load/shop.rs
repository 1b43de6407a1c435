//! What all shoppers share.

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

/// How many tickets wait on the board; older ones are left to whoever finds them in the shop.
const BOARD: usize = 200;

/// A ticket for sale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub(super) ticket: Id<kind::Ticket>,
}

/// The fleet as shoppers see it, and the notes that they take.
pub(crate) struct Shop {
    pub(super) fleet: Arc<Fleet>,
    pub(super) clock: Clock,
    /// What was acknowledged.
    pub(crate) history: Arc<History>,
    /// What was asked and answered.
    pub(crate) tally: Tally,
    pub(super) holders: Holders,
    board: Mutex<VecDeque<Offer>>,
    pub(super) closing: CancellationToken,
}

impl Shop {
    /// Opens it.
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

    /// Lets nobody begin anything new.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Waits, unless the shop closes.
    pub(super) async fn pause(&self, duration: Duration) {
        super::pause(&self.closing, duration).await;
    }

    /// Puts a fresh ticket on the board.
    pub(super) fn offer(&self, offer: Offer) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.push_back(offer);
        if board.len() > BOARD {
            board.pop_front();
        }
    }

    /// Takes the ticket from the board that has been there longest.
    pub(super) fn take_offer(&self) -> Option<Offer> {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.pop_front()
    }
}
