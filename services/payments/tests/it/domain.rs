//! Properties of payments under any sequence of changes.

use common::{Event, Id, OrderStatus, Price, Timestamp};
use payments::domain::{
    CardToken, Charge, Decline, Dispute, DisputeState, Order, Outcome, Payment, Reversals, Status,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Change {
    Retry,
    Succeed(u32),
    Decline(u32),
    Withdraw(u32),
    OweRefund,
    Refund,
    Renew(u32),
    Reverse(i64),
}

fn change() -> impl Strategy<Value = Change> {
    let number = 0..4_u32;
    prop_oneof![
        Just(Change::Retry),
        number.clone().prop_map(Change::Succeed),
        number.clone().prop_map(Change::Decline),
        number.clone().prop_map(Change::Withdraw),
        number.prop_map(Change::Renew),
        (0..3_000_i64).prop_map(Change::Reverse),
        Just(Change::OweRefund),
        Just(Change::Refund),
    ]
}

fn card() -> CardToken {
    CardToken::new("tok_visa")
}

fn begun() -> Payment {
    let order = Order::new(
        Id::from_bytes([1; 12]),
        Id::from_bytes([2; 12]),
        OrderStatus::Created,
        Price::from_cents(2_000).unwrap(),
        Timestamp::from_milliseconds(0),
    );
    Payment::begin(Id::from_bytes([3; 12]), &order, card())
}

fn after(payment: &Payment, change: &Change) -> Option<Payment> {
    let charge_of = |number: u32| Charge {
        intent: format!("pi_{number}"),
        id: format!("ch_{number}"),
    };
    match *change {
        Change::Retry => payment.retry(card()).ok(),
        Change::Succeed(number) => payment.succeed(number, charge_of(number)),
        Change::Decline(number) => payment.decline(number, Decline::new("card_declined")),
        Change::Withdraw(number) => payment.withdraw(number),
        Change::OweRefund => payment.owe_refund(),
        Change::Refund => payment.refund("re_1"),
        Change::Renew(number) => payment.renew(number),
        Change::Reverse(cents) => {
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
    fn a_payment_is_charged_at_most_once_and_returned_at_most_once(
        changes in prop::collection::vec(change(), 0..40),
    ) {
        let mut payment = begun();
        let mut published = Vec::new();
        for change in &changes {
            let Some(next) = after(&payment, change) else { continue };
            prop_assert_eq!(next.version(), payment.version() + 1);
            if payment.charge().is_some() {
                prop_assert_eq!(next.charge(), payment.charge());
            }
            published.extend(next.event_since(&payment).map(|event| (next.version(), event)));
            payment = next;
        }
        prop_assert!(published.iter().all(|(version, event)| event.version() == Some(*version)));
        let kinds: Vec<_> = published.iter().map(|(_, event)| event.subject().as_str()).collect();
        let expected: &[&str] = match payment.status() {
            Status::Open => &[],
            Status::Succeeded(_) | Status::RefundDue(_) => &["payment:created"],
            Status::Refunded { .. } => &["payment:created", "payment:refunded"],
        };
        prop_assert_eq!(kinds, expected);
        let all = payment.returned_cents() == payment.price().cents();
        prop_assert_eq!(all, matches!(payment.status(), Status::Refunded { .. }));
    }

    #[test]
    fn attempts_are_numbered_in_order_and_only_the_last_can_be_pending(
        changes in prop::collection::vec(change(), 0..40),
    ) {
        let mut payment = begun();
        for change in &changes {
            if let Some(next) = after(&payment, change) {
                payment = next;
            }
        }
        let numbers: Vec<_> = payment.attempts().iter().map(|attempt| attempt.number).collect();
        let expected: Vec<u32> = (1..).take(numbers.len()).collect();
        prop_assert_eq!(numbers, expected);
        if let (Status::Open, None) = (payment.status(), payment.pending()) {
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
fn an_attempt_is_renewed_a_few_times_at_most() {
    let mut payment = begun();
    let mut renewals = 0;
    while let Some((number, _)) = payment.pending() {
        payment = payment.renew(number).unwrap();
        renewals += 1;
    }
    assert_eq!(renewals, 4);
    assert_eq!(payment.attempts().len(), 4);
    let withdrawn = |attempt: &payments::domain::Attempt| attempt.outcome == Outcome::Withdrawn;
    assert!(payment.attempts().iter().all(withdrawn));
    // The buyer can try again.
    assert!(payment.retry(card()).is_ok());
}

#[test]
fn a_partial_return_is_recorded_and_a_full_return_ends_the_payment() {
    let (paid, charge) = paid();
    assert_eq!(paid.reversed(&charge, &Reversals::default()), None);
    let part = paid.reversed(&charge, &refunded(500)).unwrap();
    assert_eq!(
        (part.returned_cents(), part.version()),
        (500, paid.version() + 1)
    );
    assert_eq!(
        (part.status(), part.event_since(&paid)),
        (paid.status(), None)
    );
    assert_eq!(part.reversed(&charge, &refunded(500)), None);
    let all = part.reversed(&charge, &refunded(2_000)).unwrap();
    assert!(matches!(
        all.event_since(&part),
        Some(Event::PaymentRefunded(_))
    ));
    assert_eq!(all.reversed(&charge, &refunded(500)), None);
}

#[test]
fn reversals_of_another_charge_change_nothing() {
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
    let dispute = |state, lost| Reversals {
        lost,
        dispute: Some(Dispute {
            id: "du_1".to_owned(),
            state,
        }),
        ..Reversals::default()
    };
    let open = paid
        .reversed(&charge, &dispute(DisputeState::Open, 0))
        .unwrap();
    assert_eq!(open.status(), paid.status());
    let won = open
        .reversed(&charge, &dispute(DisputeState::Won, 0))
        .unwrap();
    assert_eq!((won.status(), won.returned_cents()), (paid.status(), 0));
    // A bank may take more than was left.
    let lost = dispute(DisputeState::Lost, 2_500);
    let lost = open.reversed(&charge, &lost).unwrap();
    let refund = "du_1".to_owned();
    assert_eq!(*lost.status(), Status::Refunded { charge, refund });
    assert_eq!(lost.returned_cents(), 2_000);
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
