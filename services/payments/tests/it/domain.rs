//! Properties of payments, whatever happens to them and in whatever order.

use common::{Event, Id, OrderStatus, Price, Timestamp};
use payments::domain::{
    CardToken, Charge, Decline, Dispute, Order, Outcome, Payment, Reversals, Standing, Status,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Happening {
    Retry,
    Succeed(u32),
    Decline(u32),
    Withdraw(u32),
    OweRefund,
    Refund,
    Renew(u32),
    GoBack(i64),
}

fn happening() -> impl Strategy<Value = Happening> {
    let number = 0..4_u32;
    prop_oneof![
        Just(Happening::Retry),
        number.clone().prop_map(Happening::Succeed),
        number.clone().prop_map(Happening::Decline),
        number.clone().prop_map(Happening::Withdraw),
        number.prop_map(Happening::Renew),
        (0..3_000_i64).prop_map(Happening::GoBack),
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
    match *happening {
        Happening::Retry => payment.retry(card()).ok(),
        Happening::Succeed(number) => payment.succeed(number, charge(number)),
        Happening::Decline(number) => payment.decline(number, Decline::new("card_declined")),
        Happening::Withdraw(number) => payment.withdraw(number),
        Happening::OweRefund => payment.owe_refund(),
        Happening::Refund => payment.refund("re_1"),
        Happening::Renew(number) => payment.renew(number),
        Happening::GoBack(cents) => {
            let reversals = Reversals {
                refunded: cents,
                refund: Some("re_2".to_owned()),
                ..Reversals::default()
            };
            payment.reversed(payment.charge()?, &reversals)
        }
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
        let all = payment.given_back == payment.price.cents();
        prop_assert_eq!(all, matches!(payment.status, Status::Refunded { .. }));
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

/// A payment whose only attempt charged the card.
fn paid() -> (Payment, Charge) {
    let charge = Charge {
        intent: "pi_1".to_owned(),
        id: "ch_1".to_owned(),
    };
    let paid = begun().succeed(1, charge.clone()).unwrap();
    (paid, charge)
}

fn refunded(cents: i64) -> Reversals {
    Reversals {
        refunded: cents,
        refund: Some("re_1".to_owned()),
        ..Reversals::default()
    }
}

#[test]
fn an_attempt_is_made_anew_a_few_times_and_no_more() {
    let mut payment = begun();
    let mut renewals = 0;
    while let Some((number, _)) = payment.pending() {
        payment = payment.renew(number).unwrap();
        renewals += 1;
    }
    assert_eq!(renewals, 4);
    assert_eq!(payment.attempts.len(), 4);
    let withdrawn = |attempt: &payments::domain::Attempt| attempt.outcome == Outcome::Withdrawn;
    assert!(payment.attempts.iter().all(withdrawn));
    // The buyer may try again.
    assert!(payment.retry(card()).is_ok());
}

#[test]
fn a_part_that_goes_back_changes_the_record_and_all_of_it_the_status() {
    let (paid, charge) = paid();
    assert_eq!(paid.reversed(&charge, &Reversals::default()), None);
    let part = paid.reversed(&charge, &refunded(500)).unwrap();
    assert_eq!((part.given_back, part.version), (500, paid.version + 1));
    assert_eq!(
        (part.status.clone(), part.news_since(&paid)),
        (paid.status, None)
    );
    assert_eq!(part.reversed(&charge, &refunded(500)), None);
    let all = part.reversed(&charge, &refunded(2_000)).unwrap();
    assert!(matches!(
        all.news_since(&part),
        Some(Event::PaymentRefunded(_))
    ));
    assert_eq!(all.reversed(&charge, &refunded(500)), None);
}

#[test]
fn what_goes_back_of_another_charge_changes_nothing() {
    let (paid, charge) = paid();
    let other = Charge {
        id: "ch_2".to_owned(),
        ..charge
    };
    assert_eq!(paid.reversed(&other, &refunded(2_000)), None);
    assert_eq!(begun().reversed(&other, &refunded(2_000)), None);
}

#[test]
fn a_dispute_is_recorded_and_ends_the_payment_only_if_it_is_lost() {
    let (paid, charge) = paid();
    let dispute = |standing, lost| Reversals {
        lost,
        dispute: Some(Dispute {
            id: "du_1".to_owned(),
            standing,
        }),
        ..Reversals::default()
    };
    let open = paid.reversed(&charge, &dispute(Standing::Open, 0)).unwrap();
    assert_eq!(open.status, paid.status);
    let won = open.reversed(&charge, &dispute(Standing::Won, 0)).unwrap();
    assert_eq!((won.status.clone(), won.given_back), (paid.status, 0));
    // A bank may take more than was left.
    let lost = dispute(Standing::Lost, 2_500);
    let lost = open.reversed(&charge, &lost).unwrap();
    let refund = "du_1".to_owned();
    assert_eq!(lost.status, Status::Refunded { charge, refund });
    assert_eq!(lost.given_back, 2_000);
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
