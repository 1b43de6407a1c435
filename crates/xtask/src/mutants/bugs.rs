//! The bugs that are planted, each by changing one place in the code.

/// A bug to be planted.
pub(super) struct Bug {
    /// What somebody might do by mistake.
    pub(super) name: &'static str,
    /// Where, from the root of the workspace.
    pub(super) file: &'static str,
    /// The text there, which stands there once.
    pub(super) right: &'static str,
    /// What becomes of it.
    pub(super) wrong: &'static str,
}

pub(super) const BUGS: &[Bug] = &[
    Bug {
        name: "publish before the write",
        file: "crates/service/src/messaging/outbox.rs",
        right: "        self.raw.insert_raw(stored).await?;\n        self.committed(pending);\n",
        wrong: "        self.committed(pending);\n        self.raw.insert_raw(stored).await?;\n",
    },
    Bug {
        name: "write without the event, which is only told of in passing",
        file: "crates/service/src/messaging/outbox.rs",
        right: r#"Err(_) => _ = update.insert("$push", doc! { FIELD: each }),"#,
        wrong: "Err(_) => drop(each),",
    },
    Bug {
        name: "take an event out of the outbox that the broker did not acknowledge",
        file: "crates/service/src/messaging/relay.rs",
        right: "if self.publish(&entry).await? {",
        wrong: "if self.publish(&entry).await.unwrap_or(true) {",
    },
    Bug {
        name: "take an event out of the outbox that only another release publishes",
        file: "crates/service/src/messaging/relay.rs",
        right: "does not publish its subject\"\n            );\n            return Ok(false);",
        wrong: "does not publish its subject\"\n            );\n            return Ok(true);",
    },
    Bug {
        name: "let an event that cannot be published hold up those behind it",
        file: "crates/service/src/messaging/relay.rs",
        right: "does not publish its subject\"\n            );\n            return Ok(false);",
        wrong: "does not publish its subject\"\n            );\n            return Err(BrokerError::Timeout);",
    },
    Bug {
        name: "make a dead letter of an event that only another release handles",
        file: "crates/service/src/messaging/consumer.rs",
        right: "Self::Retry(format!(\"this release does not handle {subject}\").into())",
        wrong: "Self::Fatal(format!(\"this release does not handle {subject}\").into())",
    },
    Bug {
        name: "apply an older event",
        file: "crates/service/src/mongo/replica.rs",
        right: r#""version": { "$lt": version }"#,
        wrong: r#""version": { "$ne": version }"#,
    },
    Bug {
        name: "take an entity that came meanwhile for one as new as the event",
        file: "crates/service/src/mongo/replica.rs",
        right: "|| change(older).await?",
        wrong: "",
    },
    Bug {
        name: "try a change that lost five times, without a pause",
        file: "crates/service/src/mongo/optimistic.rs",
        right: "    loop {\n        if let Some(written)",
        wrong: "    for _ in 0..5 {
        if let Some(written) = attempt().await? {
            return Ok(written);
        }
    }
    if true {
        return Err(StoreError::contended().into());
    }
    loop {
        if let Some(written)",
    },
    Bug {
        name: "refuse a buyer the order whose answer was lost",
        file: "services/orders/src/store/orders.rs",
        right: "&& order.can_be_paid(now)",
        wrong: "&& order.version > 1_000",
    },
    Bug {
        name: "take an order at another price than was shown",
        file: "services/orders/src/domain/order.rs",
        right: "Some(shown) if shown != self.price => Err(PriceChanged),",
        wrong: "",
    },
    Bug {
        name: "forget the second look at the order after the charge",
        file: "services/payments/src/settlement.rs",
        right: "if order.is_some_and(|order| order.is_cancelled()) {",
        wrong: "if order.is_none() {",
    },
    Bug {
        name: "look at the payment first and write the cancelled order second",
        file: "services/payments/src/consumers/orders.rs",
        right: "        self.orders.apply_if_newer(&order).await?;
        if order.status == OrderStatus::Cancelled {
            self.settlement.order_cancelled(order.id).await?;
        }
        Ok(())",
        wrong: "        if order.status == OrderStatus::Cancelled {
            self.settlement.order_cancelled(order.id).await?;
        }
        Ok(self.orders.apply_if_newer(&order).await?)",
    },
    Bug {
        name: "charge under a new idempotency key each time",
        file: "services/payments/src/stripe/charge.rs",
        right: r#"format!("{}-{}", self.payment, self.attempt)"#,
        wrong: r#"format!("{}-{}", self.payment, service::mongo::new_id::<kind::Order>())"#,
    },
    Bug {
        name: "refund under a new idempotency key each time",
        file: "services/payments/src/stripe/refund.rs",
        right: r#"format!("{payment}-refund")"#,
        wrong: r#"format!("{payment}-{}", service::mongo::new_id::<kind::Order>())"#,
    },
    Bug {
        name: "ask again and again for a withdrawal that Stripe refuses",
        file: "services/payments/src/stripe/charge.rs",
        right: "stripe.code = code, \"withdrew a refused attempt\");
                Ok(Resolution::Withdrawn)",
        wrong: "stripe.code = code, \"withdrew a refused attempt\");
                Err(Failed::Refused(refusal).into_unclear())",
    },
    Bug {
        name: "ask again and again under a key for which Stripe stored a 500",
        file: "services/payments/src/stripe/charge.rs",
        right: "            Err(Failed::KeyTaken | Failed::Broken(_)) => self.look_up(request).await,\n",
        wrong: "            Err(Failed::KeyTaken) => self.look_up(request).await,\n",
    },
    Bug {
        name: "make an attempt anew without looking whether the one before charged",
        file: "services/payments/src/stripe/charge.rs",
        right: "            Err(Failed::KeyTaken | Failed::Broken(_)) => self.look_up(request).await,",
        wrong: "            Err(Failed::KeyTaken | Failed::Broken(_)) => Ok(Resolution::Withdrawn),",
    },
    Bug {
        name: "keep an order whose money went back",
        file: "services/orders/src/domain/order.rs",
        right: "            OrderStatus::Created | OrderStatus::AwaitingPayment | OrderStatus::Complete => {
                Some(self.cancelled(Some(CancellationReason::Refunded)))",
        wrong: "            OrderStatus::Complete => None,
            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                Some(self.cancelled(Some(CancellationReason::Refunded)))",
    },
    Bug {
        name: "begin an attempt while another is pending",
        file: "services/payments/src/domain/payment.rs",
        right: "Status::Open if self.pending().is_some() => Err(RetryRefusal::Pending),",
        wrong: "",
    },
    Bug {
        name: "ask Stripe before the attempt is written down",
        file: "services/payments/src/settlement/pay.rs",
        right: "        let written = match before {",
        wrong: "        self.drive(payment.clone()).await?;\n        let written = match before {",
    },
    Bug {
        name: "write an order without looking at the version that was read",
        file: "services/orders/src/store/orders.rs",
        right: r#"    filter.insert("version", stored_version(old.version));"#,
        wrong: "",
    },
    Bug {
        name: "place an order without reserving its ticket",
        file: "services/orders/src/store/placement.rs",
        right: "                    Err(error) if error.is_duplicate_key() => return Ok(Err(PlaceError::Reserved)),",
        wrong:
            "                    Err(error) if error.is_duplicate_key() && orders.is_empty() => {
                        return Ok(Err(PlaceError::Reserved));
                    }
                    Err(error) if error.is_duplicate_key() => {}",
    },
    Bug {
        name: "cancel an order and keep its reservation",
        file: "services/orders/src/store/cancellation.rs",
        right: "                released.await?;\n",
        wrong: "                drop(released);\n",
    },
    Bug {
        name: "let the time of a paid order run out",
        file: "services/orders/src/domain/order.rs",
        right: "OrderStatus::Complete | OrderStatus::Cancelled => Ok(None),",
        wrong: "OrderStatus::Cancelled => Ok(None),\n            OrderStatus::Complete => Ok(Some(self.cancelled(Some(CancellationReason::Expired)))),",
    },
    Bug {
        name: "complete a cancelled order",
        file: "services/orders/src/domain/order.rs",
        right: "            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                Some(self.changed(OrderStatus::Complete, None))
            }
            OrderStatus::Complete | OrderStatus::Cancelled => None,",
        wrong: "            OrderStatus::Complete => None,
            _ => Some(self.changed(OrderStatus::Complete, None)),",
    },
    Bug {
        name: "write a ticket without looking at the version that was read",
        file: "services/tickets/src/store.rs",
        right: r#"    filter.insert("version", stored_version(ticket.version));"#,
        wrong: "",
    },
    Bug {
        name: "withdraw a ticket without looking at its order",
        file: "services/tickets/src/domain/ticket.rs",
        right: "        if self.order.is_some() {
            return Err(WithdrawError::Reserved);
        }
",
        wrong: "",
    },
    Bug {
        name: "withdraw a ticket that can still be ordered",
        file: "services/orders/src/consumers/tickets.rs",
        right: "            return self.withdrawn(ticket.id).await;",
        wrong: "            return Ok(());",
    },
    Bug {
        name: "keep a ticket from the order that paid before it was withdrawn",
        file: "services/orders/src/consumers/tickets.rs",
        right: "            self.orders.tell_again(&paid).await?;
        }
        Ok(())
    }

    async fn reserved(",
        wrong: "            drop(paid);
        }
        Ok(())
    }

    async fn reserved(",
    },
    Bug {
        name: "make a second ticket when the first try's answer is lost",
        file: "services/tickets/src/routes/create.rs",
        right: "Ticket::new(id.get(), user.id, input);",
        wrong: "Ticket::new(service::mongo::new_id(), user.id, input);",
    },
    Bug {
        name: "free a ticket that another order holds",
        file: "services/tickets/src/domain/ticket.rs",
        right: "(self.order == Some(order)).then(|| Self {",
        wrong: "Some(order).map(|_| Self {",
    },
];
