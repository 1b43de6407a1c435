//! What a shopper may come to do, and how often.

use rand::RngExt;
use rand::rngs::StdRng;

/// Something that a shopper does from beginning to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    Sell,
    Edit,
    Withdraw,
    Buy,
    Race,
    PayTwice,
    TakeBack,
    Decline,
    Cancel,
    CancelWhilePaying,
    LetExpire,
    LastMoment,
    SignUp,
    MagicLink,
    LookAround,
}

/// Each with its share, of a hundred.
const SHARES: [(Scenario, u32); 15] = [
    (Scenario::Sell, 14),
    (Scenario::Edit, 8),
    (Scenario::Withdraw, 4),
    (Scenario::Buy, 14),
    (Scenario::Race, 9),
    (Scenario::PayTwice, 6),
    (Scenario::TakeBack, 4),
    (Scenario::Decline, 6),
    (Scenario::Cancel, 9),
    (Scenario::CancelWhilePaying, 8),
    (Scenario::LetExpire, 5),
    (Scenario::LastMoment, 5),
    (Scenario::SignUp, 3),
    (Scenario::MagicLink, 3),
    (Scenario::LookAround, 2),
];

impl Scenario {
    /// One of them.
    pub(super) fn draw(random: &mut StdRng) -> Self {
        let all = SHARES.iter().map(|(_, share)| share).sum();
        let mut drawn = random.random_range(0..all);
        for (scenario, share) in SHARES {
            if drawn < share {
                return scenario;
            }
            drawn -= share;
        }
        unreachable!("what is drawn is below the sum of all shares")
    }

    /// How the report calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sell => "sell",
            Self::Edit => "edit",
            Self::Withdraw => "withdraw",
            Self::Buy => "buy",
            Self::Race => "race for a ticket",
            Self::PayTwice => "pay twice",
            Self::TakeBack => "money taken back at Stripe",
            Self::Decline => "declined card",
            Self::Cancel => "cancel",
            Self::CancelWhilePaying => "cancel while paying",
            Self::LetExpire => "let expire",
            Self::LastMoment => "pay at the last moment",
            Self::SignUp => "sign up and in",
            Self::MagicLink => "magic link",
            Self::LookAround => "look around",
        }
    }
}
