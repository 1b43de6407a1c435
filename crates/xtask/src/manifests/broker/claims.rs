//! What a service's user must be able to do, and what it must not.

use std::collections::BTreeSet;

use service::description::{BrokerUse, Description};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Publish,
    Subscribe,
}

/// An operation that a user must or must not be able to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    pub(super) verb: Verb,
    pub(super) subject: String,
    pub(super) is_allowed: bool,
}

/// An example for a wildcard in a subject.
const ANY: &str = "probe";

/// All claims for the service's user.
pub(super) fn claims(service: &Description, services: &[Description]) -> Vec<Claim> {
    let Some(own) = &service.broker else {
        return Vec::new();
    };
    let others: Vec<_> = services
        .iter()
        .filter(|other| other.name != service.name)
        .filter_map(|other| Some((other, other.broker.as_ref()?)))
        .collect();
    let mut claims = BTreeSet::new();
    for pattern in &own.permissions.publish {
        claims.insert(claim(Verb::Publish, &example(pattern), true));
    }
    for pattern in &own.permissions.subscribe {
        claims.insert(claim(Verb::Subscribe, pattern, true));
    }
    let mut candidates = administration(own);
    for (_, other) in &others {
        candidates.extend(
            other
                .permissions
                .publish
                .iter()
                .map(|pattern| example(pattern)),
        );
        candidates.extend(consumer_of(other));
        candidates.extend(
            other
                .permissions
                .subscribe
                .iter()
                .map(|pattern| example(pattern)),
        );
    }
    for subject in candidates {
        let is_group_of_another = others
            .iter()
            .any(|(_, other)| is_about_group(&subject, other));
        let is_allowed = !is_group_of_another
            && own
                .permissions
                .publish
                .iter()
                .any(|pattern| matches(pattern, &subject));
        claims.insert(claim(Verb::Publish, &subject, is_allowed));
    }
    for subject in subscriptions(own, others.iter().map(|(_, other)| *other)) {
        let is_allowed = own.permissions.subscribe.contains(&subject);
        claims.insert(claim(Verb::Subscribe, &subject, is_allowed));
    }
    claims.into_iter().collect()
}

fn claim(verb: Verb, subject: &str, is_allowed: bool) -> Claim {
    Claim {
        verb,
        subject: subject.to_owned(),
        is_allowed,
    }
}

/// Operations that only an operator may do, or nobody.
fn administration(own: &BrokerUse) -> Vec<String> {
    let mut subjects = vec![
        ANY.to_owned(),
        "$SYS.REQ.SERVER.PING".to_owned(),
        "$SYS.REQ.ACCOUNT.PING.CONNZ".to_owned(),
        "$JS.API.INFO".to_owned(),
        "$JS.API.STREAM.NAMES".to_owned(),
        "$JS.API.STREAM.LIST".to_owned(),
        format!("$JS.API.STREAM.CREATE.{ANY}"),
        "_INBOX.probe".to_owned(),
    ];
    for stream in [&own.stream, &own.dead_letter_stream] {
        for operation in [
            "UPDATE",
            "DELETE",
            "PURGE",
            "MSG.DELETE",
            "MSG.GET",
            "SNAPSHOT",
            "RESTORE",
            "PEER.REMOVE",
            "LEADER.STEPDOWN",
        ] {
            subjects.push(format!("$JS.API.STREAM.{operation}.{stream}"));
        }
        subjects.push(format!("$JS.API.CONSUMER.NAMES.{stream}"));
        subjects.push(format!("$JS.API.CONSUMER.LIST.{stream}"));
        subjects.push(format!("$JS.API.CONSUMER.CREATE.{stream}"));
        subjects.push(format!("$JS.API.CONSUMER.CREATE.{stream}.{ANY}"));
        subjects.push(format!("$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{ANY}"));
        subjects.push(format!("$JS.API.CONSUMER.LEADER.STEPDOWN.{stream}.{ANY}"));
        subjects.push(format!("$JS.API.DIRECT.GET.{stream}"));
    }
    subjects
}

/// Operations on the queue group of a service.
fn consumer_of(service: &BrokerUse) -> Vec<String> {
    let Some(group) = &service.queue_group else {
        return Vec::new();
    };
    let stream = &service.stream;
    let mut subjects: Vec<_> = [
        "CREATE",
        "DURABLE.CREATE",
        "DELETE",
        "INFO",
        "MSG.NEXT",
        "PAUSE",
        "RESET",
        "UNPIN",
        "LEADER.STEPDOWN",
    ]
    .into_iter()
    .map(|operation| format!("$JS.API.CONSUMER.{operation}.{stream}.{group}"))
    .collect();
    subjects.push(format!(
        "$JS.API.CONSUMER.CREATE.{stream}.{group}.ticket:created"
    ));
    subjects.push(format!("$JS.ACK.{stream}.{group}.1.1.1.1.1"));
    subjects
}

/// Whether the subject concerns the queue group of the service.
fn is_about_group(subject: &str, service: &BrokerUse) -> bool {
    let group = service.queue_group.as_deref();
    group.is_some_and(|group| subject.split('.').any(|word| word == group))
}

/// Subscriptions by which a user could read what it must not.
fn subscriptions<'a>(
    own: &'a BrokerUse,
    others: impl Iterator<Item = &'a BrokerUse>,
) -> Vec<String> {
    let everything = [
        ">",
        "*",
        "*.>",
        "_INBOX.>",
        "$JS.>",
        "$SYS.>",
        "dead-letter.>",
        "$JS.API.>",
    ];
    let mut subjects: Vec<_> = everything.map(str::to_owned).into();
    subjects.extend(own.publishes.iter().cloned());
    subjects.extend(own.consumes.iter().cloned());
    for other in others {
        subjects.extend(other.permissions.subscribe.iter().cloned());
        subjects.extend(other.publishes.iter().cloned());
    }
    subjects
}

/// A subject that matches the pattern.
fn example(pattern: &str) -> String {
    let words = pattern.split('.').map(|word| match word {
        "*" | ">" => ANY,
        word => word,
    });
    words.collect::<Vec<_>>().join(".")
}

/// Whether the pattern matches the subject by the rules of NATS.
fn matches(pattern: &str, subject: &str) -> bool {
    let mut words = subject.split('.');
    for part in pattern.split('.') {
        let word = words.next();
        match (part, word) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (part, Some(word)) if part == word => {}
            _ => return false,
        }
    }
    words.next().is_none()
}

#[cfg(test)]
mod tests {
    use messaging::Permissions;

    use super::*;

    fn service(name: &str, publish: &[&str]) -> Description {
        Description {
            name: name.to_owned(),
            version: String::new(),
            commit: String::new(),
            variables: Vec::new(),
            ports: Vec::new(),
            admin_paths: Vec::new(),
            paths: Vec::new(),
            description_path: String::new(),
            stop_seconds: 9,
            broker: Some(BrokerUse {
                publishes: vec![publish[0].to_owned()],
                queue_group: Some(format!("{name}-service")),
                consumes: Vec::new(),
                watches: Vec::new(),
                stream: "shop".to_owned(),
                dead_letter_stream: "shop-dead".to_owned(),
                permissions: Permissions {
                    publish: publish.iter().map(ToString::to_string).collect(),
                    subscribe: vec![format!("_INBOX_{name}.>")],
                },
            }),
        }
    }

    #[test]
    fn patterns_match_by_the_rules_of_nats() {
        assert!(matches("a.*.c", "a.b.c") && matches("a.>", "a.b.c") && matches("a:b", "a:b"));
        assert!(!matches("a.*", "a.b.c") && !matches("a.>", "a") && !matches("a.b.c", "a.b"));
    }

    #[test]
    fn a_user_may_use_only_its_own_subjects() {
        let orders = service(
            "orders",
            &["order:created", "$JS.API.CONSUMER.CREATE.shop.*"],
        );
        let payments = service("payments", &["payment:created"]);
        let claims = claims(&orders, &[orders.clone(), payments]);
        let allowed = |verb: Verb, subject: &str| {
            let claim = claims
                .iter()
                .find(|claim| claim.verb == verb && claim.subject == subject);
            claim
                .unwrap_or_else(|| panic!("no claim for {subject}"))
                .is_allowed
        };
        assert!(allowed(Verb::Publish, "order:created"));
        assert!(allowed(Verb::Publish, "$JS.API.CONSUMER.CREATE.shop.probe"));
        assert!(allowed(Verb::Subscribe, "_INBOX_orders.>"));
        // The pattern matches the consumer, but it belongs to another service.
        assert!(!allowed(
            Verb::Publish,
            "$JS.API.CONSUMER.CREATE.shop.payments-service"
        ));
        for subject in [
            "payment:created",
            "$JS.API.STREAM.DELETE.shop",
            "_INBOX_payments.probe",
        ] {
            assert!(!allowed(Verb::Publish, subject), "{subject}");
        }
        for subject in ["_INBOX_payments.>", "payment:created", "order:created", ">"] {
            assert!(!allowed(Verb::Subscribe, subject), "{subject}");
        }
    }

    #[test]
    fn each_operation_has_one_claim() {
        let orders = service("orders", &["order:created"]);
        let claims = claims(
            &orders,
            &[orders.clone(), service("payments", &["payment:created"])],
        );
        let subjects: BTreeSet<_> = claims
            .iter()
            .map(|claim| (claim.verb, &claim.subject))
            .collect();
        assert_eq!(subjects.len(), claims.len());
    }
}
