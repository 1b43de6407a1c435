//! Properties of payments, whatever happens to them and in whatever order.

use common::{Event, Id, OrderStatus, Price, Timestamp};
use payments::domain::{CardToken, Charge, Decline, Order, Payment, Status};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Happening {
    Retry,
    Succeed(u32),
    Decline(u32),
    Withdraw(u32),
    OweRefund,
    Refund,
}

fn happening() -> impl Strategy<Value = Happening> {
    let number = 0..4_u32;
    prop_oneof![
        Just(Happening::Retry),
        number.clone().prop_map(Happening::Succeed),
        number.clone().prop_map(Happening::Decline),
        number.prop_map(Happening::Withdraw),
        Just(Happening::OweRefund),
        Just(Happening::Refund),
    ]
}

fn card() -> CardToken {
    CardToken("tok_visa".to_owned())
}

fn begun() -> Payment {
    let order = Order {
        id: Id::from_bytes([1; 12]),
        buyer: Id::from_bytes([2; 12]),
        status: OrderStatus::Created,
        price: Price::from_cents(2_000).unwrap(),
        expires_at: Timestamp::from_milliseconds(0),
        version: 0,
    };
    Payment::begin(Id::from_bytes([3; 12]), &order, card())
}

fn after(payment: &Payment, happening: &Happening) -> Option<Payment> {
    let charge = |number: u32| Charge {
        intent: format!("pi_{number}"),
        id: format!("ch_{number}"),
    };
    let decline = || Decline {
        code: "card_declined".to_owned(),
        message: "Your card was declined.".to_owned(),
    };
    match *happening {
        Happening::Retry => payment.retry(card()).ok(),
        Happening::Succeed(number) => payment.succeed(number, charge(number)),
        Happening::Decline(number) => payment.decline(number, decline()),
        Happening::Withdraw(number) => payment.withdraw(number),
        Happening::OweRefund => payment.owe_refund(),
        Happening::Refund => payment.refund("re_1"),
    }
}

proptest! {
    #[test]
    fn a_payment_is_charged_at_most_once_and_given_back_at_most_once(
        happenings in prop::collection::vec(happening(), 0..40),
    ) {
        let mut payment = begun();
        let mut told = Vec::new();
        for happening in &happenings {
            let Some(next) = after(&payment, happening) else { continue };
            prop_assert_eq!(next.version, payment.version + 1);
            if payment.charge().is_some() {
                prop_assert_eq!(next.charge(), payment.charge());
            }
            told.extend(next.news_since(&payment).map(|event| (next.version, event)));
            payment = next;
        }
        prop_assert!(told.iter().all(|(version, event)| event.version() == Some(*version)));
        let kinds: Vec<_> = told.iter().map(|(_, event)| event.subject().as_str()).collect();
        let expected: &[&str] = match payment.status {
            Status::Open => &[],
            Status::Succeeded(_) | Status::RefundDue(_) => &["payment:created"],
            Status::Refunded { .. } => &["payment:created", "payment:refunded"],
        };
        prop_assert_eq!(kinds, expected);
    }

    #[test]
    fn attempts_are_numbered_in_order_and_only_the_last_can_be_pending(
        happenings in prop::collection::vec(happening(), 0..40),
    ) {
        let mut payment = begun();
        for happening in &happenings {
            if let Some(next) = after(&payment, happening) {
                payment = next;
            }
        }
        let numbers: Vec<_> = payment.attempts.iter().map(|attempt| attempt.number).collect();
        let expected: Vec<u32> = (1..).take(numbers.len()).collect();
        prop_assert_eq!(numbers, expected);
        if let (Status::Open, None) = (&payment.status, payment.pending()) {
            prop_assert!(!payment.is_unfinished());
            prop_assert!(payment.event().is_none());
        }
    }
}

#[test]
fn a_card_s_token_is_not_printed() {
    let printed = format!("{:?}", begun());
    assert!(!printed.contains("tok_visa"), "{printed}");
    assert!(
        begun()
            .event()
            .is_none_or(|event: Event| !event.to_json().contains("tok_visa"))
    );
}
