//! The planted bugs. Each changes one place in the code.

pub(super) struct Bug {
    /// The mistake.
    pub(super) name: &'static str,
    /// The path from the root of the workspace.
    pub(super) file: &'static str,
    /// The correct text, which occurs in the file exactly once.
    pub(super) right: &'static str,
    /// The text that replaces it.
    pub(super) wrong: &'static str,
}

pub(super) const BUGS: &[Bug] = &[
    Bug {
        name: "publish the event before the write",
        file: "crates/messaging/src/outbox.rs",
        right: "        self.raw.insert_raw(stored).await?;\n        self.committed(pending);\n",
        wrong: "        self.committed(pending);\n        self.raw.insert_raw(stored).await?;\n",
    },
    Bug {
        name: "write the document without the event",
        file: "crates/messaging/src/outbox.rs",
        right: r#"Err(_) => _ = update.insert("$push", doc! { FIELD: each }),"#,
        wrong: "Err(_) => drop(each),",
    },
    Bug {
        name: "remove an event from the outbox without the broker's acknowledgement",
        file: "crates/messaging/src/relay.rs",
        right: "if self.publish(&entry).await? {",
        wrong: "if self.publish(&entry).await.unwrap_or(true) {",
    },
    Bug {
        name: "remove an event from the outbox that only another release publishes",
        file: "crates/messaging/src/relay.rs",
        right: "does not publish its subject\"\n            );\n            return Ok(false);",
        wrong: "does not publish its subject\"\n            );\n            return Ok(true);",
    },
    Bug {
        name: "let an unpublishable event block those behind it",
        file: "crates/messaging/src/relay.rs",
        right: "does not publish its subject\"\n            );\n            return Ok(false);",
        wrong: "does not publish its subject\"\n            );\n            return Err(BrokerError::Timeout);",
    },
    Bug {
        name: "dead-letter an event that only another release handles",
        file: "crates/messaging/src/consumer.rs",
        right: "Self::Retry(format!(\"this release does not handle {subject}\").into())",
        wrong: "Self::Fatal(format!(\"this release does not handle {subject}\").into())",
    },
    Bug {
        name: "apply an older event",
        file: "crates/mongo/src/replica.rs",
        right: r#""version": { "$lt": version }"#,
        wrong: r#""version": { "$ne": version }"#,
    },
    Bug {
        name: "treat a concurrently inserted replica as newer than the event",
        file: "crates/mongo/src/replica.rs",
        right: "|| change(older).await?",
        wrong: "",
    },
    Bug {
        name: "give up an optimistic update after five attempts without a delay",
        file: "crates/mongo/src/optimistic.rs",
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
        name: "refuse to repeat the response of an order whose first response was lost",
        file: "services/orders/src/store/orders.rs",
        right: "&& order.can_be_paid(now)",
        wrong: "&& order.version() > 1_000",
    },
    Bug {
        name: "accept an order at another price than the page showed",
        file: "services/orders/src/domain/order.rs",
        right: "Some(shown) if shown != self.price => Err(PriceChanged),",
        wrong: "",
    },
    Bug {
        name: "do not check the order again after the charge",
        file: "services/payments/src/settlement.rs",
        right: "if order.is_some_and(|order| order.is_cancelled()) {",
        wrong: "if order.is_none() {",
    },
    Bug {
        name: "check the payment before writing the cancelled order",
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
        wrong: r#"format!("{}-{}", self.payment, mongo::new_id::<kind::Order>())"#,
    },
    Bug {
        name: "refund under a new idempotency key each time",
        file: "services/payments/src/stripe/refund.rs",
        right: r#"format!("{payment}-refund")"#,
        wrong: r#"format!("{payment}-{}", mongo::new_id::<kind::Order>())"#,
    },
    Bug {
        name: "repeat a refund under the key that Stripe refused during a dispute",
        file: "services/payments/src/stripe/refund.rs",
        right: r#"format!("{payment}-refund-{id}")"#,
        wrong: r#"format!("{payment}-refund")"#,
    },
    Bug {
        name: "repeat a withdrawal that Stripe refuses",
        file: "services/payments/src/stripe/charge.rs",
        right: "stripe.code = code, \"withdrew a refused attempt\");
                Ok(Resolution::Withdrawn)",
        wrong: "stripe.code = code, \"withdrew a refused attempt\");
                Err(Failed::Refused(refusal).into_unclear())",
    },
    Bug {
        name: "repeat a request under a key for which Stripe stored a 500",
        file: "services/payments/src/stripe/charge.rs",
        right: "            Err(Failed::KeyTaken | Failed::Broken(_)) => self.look_up(request).await,\n",
        wrong: "            Err(Failed::KeyTaken) => self.look_up(request).await,\n",
    },
    Bug {
        name: "start a new attempt without checking whether the last one charged",
        file: "services/payments/src/stripe/charge.rs",
        right: "            Err(Failed::KeyTaken | Failed::Broken(_)) => self.look_up(request).await,",
        wrong: "            Err(Failed::KeyTaken | Failed::Broken(_)) => Ok(Resolution::Withdrawn),",
    },
    Bug {
        name: "keep an order whose payment was refunded",
        file: "services/orders/src/domain/order.rs",
        right: "            OrderStatus::Created | OrderStatus::AwaitingPayment | OrderStatus::Complete => {
                Some(self.cancelled(Some(CancellationReason::Refunded)))",
        wrong: "            OrderStatus::Complete => None,
            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                Some(self.cancelled(Some(CancellationReason::Refunded)))",
    },
    Bug {
        name: "start an attempt while another is pending",
        file: "services/payments/src/domain/payment.rs",
        right: "Status::Open if self.pending().is_some() => Err(RetryRefusal::Pending),",
        wrong: "",
    },
    Bug {
        name: "call Stripe before the attempt is stored",
        file: "services/payments/src/settlement/pay.rs",
        right: "        let written = match before {",
        wrong: "        self.drive(payment.clone()).await?;\n        let written = match before {",
    },
    Bug {
        name: "update an order without comparing its version",
        file: "services/orders/src/store/document.rs",
        right: r#", "version": stored_version(old.version())"#,
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
        name: "cancel an order but keep its reservation",
        file: "services/orders/src/store/cancellation.rs",
        right: "                released.await?;\n",
        wrong: "                drop(released);\n",
    },
    Bug {
        name: "let a paid order expire",
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
        name: "update a ticket without comparing its version",
        file: "services/tickets/src/store.rs",
        right: r#"    filter.insert("version", stored_version(ticket.version()));"#,
        wrong: "",
    },
    Bug {
        name: "withdraw a ticket without checking its order",
        file: "services/tickets/src/domain/ticket.rs",
        right: "Availability::Held { .. } => Err(WithdrawError::Reserved),",
        wrong: "Availability::Held { .. } => Ok(Some(self.changed(Availability::Withdrawn))),",
    },
    Bug {
        name: "withdraw a ticket but still accept orders for it",
        file: "services/orders/src/consumers/tickets.rs",
        right: "            return self.withdraw(ticket.id).await;",
        wrong: "            return Ok(());",
    },
    Bug {
        name: "do not give a withdrawn ticket to the order that had paid for it",
        file: "services/orders/src/consumers/tickets.rs",
        right: "            self.orders.republish(&paid).await?;
        }
        Ok(())
    }

    async fn confirm(",
        wrong: "            drop(paid);
        }
        Ok(())
    }

    async fn confirm(",
    },
    Bug {
        name: "create a second ticket when the first response is lost",
        file: "services/tickets/src/routes/create.rs",
        right: "Ticket::new(id.get(), user.id, input);",
        wrong: "Ticket::new(mongo::new_id(), user.id, input);",
    },
    Bug {
        name: "release a ticket that another order holds",
        file: "services/tickets/src/domain/ticket.rs",
        right: "                order: holder,
                withdraw_on_release,
            } if holder == order => Some(",
        wrong: "                withdraw_on_release,
                ..
            } => Some(",
    },
];
