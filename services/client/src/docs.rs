//! The contract's documents, prepared for the developers' pages.
//!
//! The pages are rendered from the frozen copies that this build was tested against, so they need no other service, no
//! script and no third-party viewer.

mod event;
mod json;
mod operation;
mod schema;

use std::sync::LazyLock;

use contract::{APIS, EVENTS};
use json::paragraphs;

pub(crate) use event::{Event, Kind, Role};
pub(crate) use operation::{Answer, Operation, Parameter, Place};
pub(crate) use schema::Field;

/// The content of the pages.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) apis: Vec<ServiceApi>,
    pub(crate) events: Vec<Event>,
    pub(crate) event_headers: Vec<Field>,
    /// What applies to every event, in paragraphs.
    pub(crate) about_events: Vec<String>,
}

/// The API of a service.
#[derive(Debug)]
pub(crate) struct ServiceApi {
    pub(crate) name: &'static str,
    /// What it is about.
    pub(crate) about: String,
    pub(crate) operations: Vec<Operation>,
    /// The whole document.
    pub(crate) json: &'static str,
}

static REFERENCE: LazyLock<Reference> = LazyLock::new(|| {
    let apis = APIS.iter().map(|api| {
        let document = json::Document::parse(api.json);
        let about = paragraphs(document.text("/info/description"));
        ServiceApi {
            name: api.service,
            about: about.into_iter().next().unwrap_or_default(),
            operations: operation::all(&document, api.service),
            json: api.json,
        }
    });
    let events = json::Document::parse(EVENTS);
    Reference {
        apis: apis.collect(),
        events: event::all(&events),
        event_headers: event::headers(&events),
        about_events: paragraphs(events.text("/info/description")),
    }
});

impl Reference {
    /// The parsed documents.
    pub(crate) fn get() -> &'static Self {
        &REFERENCE
    }

    /// Finds an operation of a service.
    pub(crate) fn operation(&self, service: &str, id: &str) -> Option<&Operation> {
        let api = self.apis.iter().find(|api| api.name == service)?;
        api.operations.iter().find(|operation| operation.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_operations_and_events_of_the_contract_are_included() {
        let reference = Reference::get();
        let names: Vec<_> = reference.apis.iter().map(|api| api.name).collect();
        assert_eq!(names, ["auth", "tickets", "orders", "payments"]);
        let list = reference.operation("tickets", "list").unwrap();
        assert_eq!(
            (list.method.as_str(), list.path.as_str()),
            ("GET", "/api/tickets")
        );
        let sort = list
            .parameters
            .iter()
            .find(|parameter| parameter.name == "sort")
            .unwrap();
        assert_eq!(sort.choices, ["newest", "price", "-price"]);
        let buy = reference.operation("orders", "create").unwrap();
        assert!(buy.needs_session);
        let statuses: Vec<_> = buy
            .answers
            .iter()
            .map(|answer| answer.status.as_str())
            .collect();
        assert_eq!(
            statuses,
            [
                "201", "400", "401", "403", "404", "408", "409", "413", "503"
            ]
        );
        assert!(
            buy.answers
                .iter()
                .any(|answer| answer.message.as_deref() == Some("Ticket is already reserved"))
        );
        let order = buy.answers.first().unwrap();
        assert!(
            order
                .fields
                .iter()
                .any(|field| field.name == "ticket.price"),
            "{order:?}"
        );

        assert_eq!(reference.events.len(), common::Subject::ALL.len());
        let created = reference
            .events
            .iter()
            .find(|event| event.subject == "order:created")
            .unwrap();
        let roles: Vec<_> = created
            .roles
            .iter()
            .map(|role| (role.service.as_str(), role.kind))
            .collect();
        for role in [("orders", Kind::Publisher), ("tickets", Kind::Consumer)] {
            assert!(roles.contains(&role), "{roles:?}");
        }
    }

    #[test]
    fn examples_are_valid_bodies() {
        let sign_up = Reference::get().operation("auth", "sign_up").unwrap();
        let body: common::api::auth::CredentialsBody =
            serde_json::from_str(sign_up.body.as_deref().unwrap()).unwrap();
        assert!(body.email.is_some() && body.password.is_some());
        let order = &Reference::get()
            .operation("orders", "show")
            .unwrap()
            .answers[0];
        let order: Result<common::api::orders::OrderView, _> =
            serde_json::from_str(order.example.as_deref().unwrap());
        assert!(order.is_ok(), "{order:?}");
    }
}
