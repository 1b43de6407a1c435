//! The scenarios of shoppers, and their shares.

use rand::RngExt;
use rand::rngs::StdRng;

/// What a shopper does from beginning to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    Sell,
    Edit,
    Withdraw,
    Buy,
    Race,
    PayTwice,
    Reverse,
    Decline,
    Cancel,
    CancelWhilePaying,
    LetExpire,
    LastMoment,
    SignUp,
    MagicLink,
    Browse,
}

/// The scenarios with their shares in percent.
const SHARES: [(Scenario, u32); 15] = [
    (Scenario::Sell, 14),
    (Scenario::Edit, 8),
    (Scenario::Withdraw, 4),
    (Scenario::Buy, 14),
    (Scenario::Race, 9),
    (Scenario::PayTwice, 6),
    (Scenario::Reverse, 4),
    (Scenario::Decline, 6),
    (Scenario::Cancel, 9),
    (Scenario::CancelWhilePaying, 8),
    (Scenario::LetExpire, 5),
    (Scenario::LastMoment, 5),
    (Scenario::SignUp, 3),
    (Scenario::MagicLink, 3),
    (Scenario::Browse, 2),
];

impl Scenario {
    /// One at random.
    pub(super) fn draw(random: &mut StdRng) -> Self {
        let all = SHARES.iter().map(|(_, share)| share).sum();
        let mut drawn = random.random_range(0..all);
        for (scenario, share) in SHARES {
            if drawn < share {
                return scenario;
            }
            drawn -= share;
        }
        unreachable!("the drawn number is below the sum of all shares")
    }

    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sell => "sell",
            Self::Edit => "edit",
            Self::Withdraw => "withdraw",
            Self::Buy => "buy",
            Self::Race => "race for a ticket",
            Self::PayTwice => "pay twice",
            Self::Reverse => "refund or dispute at Stripe",
            Self::Decline => "declined card",
            Self::Cancel => "cancel",
            Self::CancelWhilePaying => "cancel while paying",
            Self::LetExpire => "let expire",
            Self::LastMoment => "pay at the last moment",
            Self::SignUp => "sign up and in",
            Self::MagicLink => "magic link",
            Self::Browse => "browse",
        }
    }
}
