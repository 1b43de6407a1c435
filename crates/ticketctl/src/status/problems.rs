//! The problems of a fleet, with hints where to look next.

use std::time::Duration;

use super::Status;
use crate::output::age;

/// How many milliseconds an event may be late, as in an audit.
const LATE: u64 = 10_000;

/// How many milliseconds the end of an order may be late.
const OVERDUE: u64 = 2_000;

impl Status {
    /// All problems.
    pub(super) fn all_problems(&self) -> Vec<String> {
        let mut problems = self.problems.clone();
        problems.extend(self.of_services());
        problems.extend(self.of_consumers());
        for outbox in &self.outboxes {
            if let Some(waits) = outbox.oldest_milliseconds.filter(|waits| *waits > LATE) {
                problems.push(format!(
                    "an event has waited in the outbox of {} for {}; does its relay reach the broker?",
                    outbox.database,
                    span(waits)
                ));
            }
        }
        if let Some(queue) = &self.queue
            && let Some(late) = queue.overdue_milliseconds.filter(|late| *late > OVERDUE)
        {
            problems.push(format!(
                "{} orders are overdue, the first for {}; is the expiration service up?",
                queue.overdue,
                span(late)
            ));
        }
        if let Some(letters) = self.dead_letters.filter(|letters| *letters > 0) {
            problems.push(format!(
                "dead letters: {letters}; see `ticketctl dead-letters list`"
            ));
        }
        problems
    }

    fn of_services(&self) -> impl Iterator<Item = String> {
        let unready = self.services.iter().filter(|service| !service.is_ready());
        unready.map(|service| {
            let failed = service.checks.iter().filter(|(_, result)| *result != "ok");
            let failed = failed.map(|(name, result)| format!("{name}: {result}"));
            let reasons: Vec<_> = failed.chain(service.error.clone()).collect();
            let reasons = if reasons.is_empty() {
                String::new()
            } else {
                format!(" ({})", reasons.join("; "))
            };
            format!(
                "{} at {} is {}{reasons}",
                service.service, service.url, service.state
            )
        })
    }

    fn of_consumers(&self) -> impl Iterator<Item = String> {
        self.consumers.iter().filter_map(|consumer| {
            let name = consumer.name;
            if !consumer.exists {
                return Some(format!(
                    "the broker has no consumer {name}; did its service ever start?"
                ));
            }
            let lag = consumer.lag_milliseconds.filter(|lag| *lag > LATE)?;
            let (waiting, in_hand) = (consumer.waiting, consumer.in_hand);
            Some(format!(
                "{name} is {} behind, with {waiting} events waiting and {in_hand} unacknowledged; see its service's log",
                span(lag)
            ))
        })
    }
}

fn span(milliseconds: u64) -> String {
    age(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::super::outboxes::ShownOutbox;
    use super::super::queue::ShownQueue;
    use super::*;

    fn outbox(oldest: u64) -> ShownOutbox {
        ShownOutbox {
            database: "orders",
            documents: 1,
            oldest_milliseconds: Some(oldest),
        }
    }

    #[test]
    fn only_what_is_late_is_a_problem() {
        let mut status = Status {
            outboxes: vec![outbox(500)],
            dead_letters: Some(0),
            ..Status::default()
        };
        assert_eq!(status.all_problems(), Vec::<String>::new());
        status.outboxes = vec![outbox(20_000)];
        status.dead_letters = Some(2);
        status.queue = Some(ShownQueue {
            jobs: 1,
            scheduled: 0,
            available: 1,
            dead: 0,
            overdue: 1,
            overdue_milliseconds: Some(9_000),
        });
        let problems = status.all_problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(
            problems[0].contains("outbox of orders for 20.0 s"),
            "{problems:?}"
        );
    }
}
