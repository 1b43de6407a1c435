//! The table of test cards.

use super::{Decline, Funding, TestCard, Verdict};

const DECLINED: &str = "Your card was declined.";

const fn declined(decline_code: &'static str) -> Decline {
    Decline {
        code: "card_declined",
        decline_code,
        message: DECLINED,
        param: None,
    }
}

static GENERIC: Decline = declined("generic_decline");
static LOST: Decline = declined("lost_card");
static STOLEN: Decline = declined("stolen_card");
static FRAUDULENT: Decline = declined("fraudulent");
static INSUFFICIENT_FUNDS: Decline = Decline {
    message: "Your card has insufficient funds.",
    ..declined("insufficient_funds")
};
static VELOCITY: Decline = Decline {
    message: "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    ..declined("card_velocity_exceeded")
};
static EXPIRED: Decline = Decline {
    code: "expired_card",
    message: "Your card has expired.",
    param: Some("exp_month"),
    ..declined("expired_card")
};
static INCORRECT_CVC: Decline = Decline {
    code: "incorrect_cvc",
    message: "Your card's security code is incorrect.",
    param: Some("cvc"),
    ..declined("incorrect_cvc")
};
static PROCESSING_ERROR: Decline = Decline {
    code: "processing_error",
    message: "An error occurred while processing your card. Try again in a little bit.",
    ..declined("processing_error")
};

const fn good(name: &'static str, number: &'static str, funding: Funding) -> TestCard {
    TestCard {
        name,
        number,
        funding,
        verdict: Verdict::Approved,
    }
}

const fn bad(name: &'static str, number: &'static str, decline: &'static Decline) -> TestCard {
    TestCard {
        name,
        number,
        funding: Funding::Credit,
        verdict: Verdict::Declined(decline),
    }
}

const fn authenticated(name: &'static str, number: &'static str) -> TestCard {
    TestCard {
        name,
        number,
        funding: Funding::Credit,
        verdict: Verdict::NeedsAuthentication,
    }
}

/// All test cards that the stand-in accepts.
pub(super) static PUBLISHED: [TestCard; 23] = [
    good("visa", "4242424242424242", Funding::Credit),
    good("visa_debit", "4000056655665556", Funding::Debit),
    good("mastercard", "5555555555554444", Funding::Credit),
    good("mastercard_debit", "5200828282828210", Funding::Debit),
    good("mastercard_prepaid", "5105105105105100", Funding::Prepaid),
    good("amex", "378282246310005", Funding::Credit),
    good("discover", "6011111111111117", Funding::Credit),
    good("diners", "3056930009020004", Funding::Credit),
    good("jcb", "3566002020360505", Funding::Credit),
    good("unionpay", "6200000000000005", Funding::Credit),
    bad("chargeDeclined", "4000000000000002", &GENERIC),
    bad(
        "chargeDeclinedInsufficientFunds",
        "4000000000009995",
        &INSUFFICIENT_FUNDS,
    ),
    bad("chargeDeclinedLostCard", "4000000000009987", &LOST),
    bad("chargeDeclinedStolenCard", "4000000000009979", &STOLEN),
    bad("chargeDeclinedExpiredCard", "4000000000000069", &EXPIRED),
    bad(
        "chargeDeclinedIncorrectCvc",
        "4000000000000127",
        &INCORRECT_CVC,
    ),
    bad(
        "chargeDeclinedProcessingError",
        "4000000000000119",
        &PROCESSING_ERROR,
    ),
    bad("chargeDeclinedFraudulent", "4100000000000019", &FRAUDULENT),
    bad(
        "chargeDeclinedVelocityLimitExceeded",
        "4000000000006975",
        &VELOCITY,
    ),
    bad("chargeCustomerFail", "4000000000000341", &GENERIC),
    authenticated("threeDSecure2Required", "4000000000003220"),
    authenticated("authenticationRequired", "4000002760003184"),
    authenticated("authenticationRequiredOnSetup", "4000002500003155"),
];
