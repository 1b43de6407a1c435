use super::{Invariant, Violation, bounded};

#[test]
fn a_violation_names_its_invariant() {
    let violation = Violation::new(Invariant::I1, [&"a", &"b"], "ticket a has two orders");
    assert_eq!(violation.entities, ["a", "b"]);
    assert_eq!(
        violation.to_string(),
        "I1 a ticket has at most one live owner: ticket a has two orders"
    );
}

#[test]
fn many_violations_are_counted_and_listed_once() {
    let mut many: Vec<_> = (0..50)
        .map(|number| Violation::new(Invariant::I4, [], format!("number {number}")))
        .collect();
    many.extend(many.clone());
    many.push(Violation::new(Invariant::I1, [], "another"));
    let listed = bounded(many);
    assert_eq!(listed.len(), 22);
    assert_eq!(listed[0].message, "another");
    assert_eq!(listed[21].message, "and 30 more");
}
