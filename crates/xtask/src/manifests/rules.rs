//! The rules for every overlay. A rule is a function that returns findings. Its tests contain manifests that break it.

mod addresses;
mod availability;
mod containers;
mod limits;
mod network;
mod pod_security;
mod references;
mod routing;
mod selection;
mod services;

use super::inspection::{Finding, Inspection};

type Rule = fn(&Inspection<'_>) -> Vec<Finding>;

const RULES: &[Rule] = &[
    pod_security::beyond_trivy,
    pod_security::enforced,
    containers::pinned_images,
    containers::variables_are_expanded,
    containers::no_needless_tokens,
    references::keys_exist,
    references::names_exist,
    references::certificates_are_used,
    selection::selectors_match,
    selection::ports_exist,
    network::denied_by_default,
    network::admin_ports_are_for_monitoring,
    network::ingress_reaches_apis,
    network::needed_connections_are_allowed,
    addresses::clients_have_stable_addresses,
    addresses::members_have_stable_addresses,
    availability::disruptions_are_bounded,
    availability::stateless_scale,
    availability::pods_are_spread,
    services::all_are_deployed,
    services::variables_match,
    services::ports_match,
    services::probes_match,
    services::stop_has_time,
    routing::paths_lead_to_their_services,
    limits::ingress_is_limited,
];

/// Applies all rules and returns each finding once.
pub(crate) fn inspect(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = RULES.iter().flat_map(|rule| rule(inspection)).collect();
    findings.sort();
    findings.dedup();
    findings
}

#[cfg(test)]
pub(super) mod bench {
    //! Shared by the tests of the rules.

    use base::config::Variable;
    use messaging::Permissions;
    use service::description::{BrokerUse, Description, Port};

    use super::Rule;
    use crate::manifests::inspection::{Inspection, Known, Overlay};
    use crate::manifests::object::read_all;

    /// The findings of the rule in these documents, as sentences.
    pub(super) fn findings(rule: Rule, yaml: &str) -> Vec<String> {
        findings_in(rule, yaml, &known(), true)
    }

    /// The same with other knowledge, or in an overlay that is not for production.
    pub(super) fn findings_in(
        rule: Rule,
        yaml: &str,
        known: &Known,
        production: bool,
    ) -> Vec<String> {
        let overlay = Overlay {
            is_production: production,
            is_final: false,
            objects: read_all(yaml).unwrap(),
        };
        let inspection = Inspection {
            overlay: &overlay,
            known,
        };
        rule(&inspection).iter().map(ToString::to_string).collect()
    }

    /// Asserts that the rule has exactly one finding, which contains each of these words.
    pub(super) fn assert_finds(rule: Rule, yaml: &str, words: &[&str]) {
        let found = findings(rule, yaml);
        let [finding] = found.as_slice() else {
            panic!("not one finding: {found:#?}")
        };
        for word in words {
            assert!(finding.contains(word), "no {word:?} in {finding:?}");
        }
    }

    /// Asserts that the rule has no findings.
    pub(super) fn assert_clean(rule: Rule, yaml: &str) {
        assert_eq!(findings(rule, yaml), Vec::<String>::new());
    }

    /// A fleet of one service that sells tickets, and a documented Secret.
    pub(in crate::manifests) fn known() -> Known {
        Known {
            services: vec![tickets()],
            secrets: [("jwt-secret".to_owned(), ["JWT_KEY".to_owned()].into())].into(),
            images: None,
        }
    }

    pub(super) fn variable(name: &str, required: bool, secret: bool) -> Variable {
        Variable {
            name: name.to_owned(),
            required,
            secret,
            default: None,
        }
    }

    fn tickets() -> Description {
        let port = |name: &str, variable: &str, default| Port {
            name: name.to_owned(),
            variable: variable.to_owned(),
            default,
        };
        Description {
            name: "tickets".to_owned(),
            version: "1".to_owned(),
            commit: "none".to_owned(),
            variables: vec![
                variable("JWT_KEY", true, true),
                variable("NATS_URL", true, false),
                variable("PORT", false, false),
            ],
            ports: vec![port("api", "PORT", 3000), port("admin", "ADMIN_PORT", 9000)],
            admin_paths: ["/livez", "/readyz", "/metrics"].map(str::to_owned).into(),
            paths: vec!["/api/tickets".to_owned(), "/api/ticket".to_owned()],
            description_path: "/api/tickets/openapi.json".to_owned(),
            stop_seconds: 9,
            broker: Some(BrokerUse {
                publishes: vec!["ticket:created".to_owned()],
                queue_group: Some("tickets-service".to_owned()),
                consumes: Vec::new(),
                watches: Vec::new(),
                stream: "ticketing".to_owned(),
                dead_letter_stream: "ticketing-dead-letters".to_owned(),
                permissions: Permissions {
                    publish: Vec::new(),
                    subscribe: Vec::new(),
                },
            }),
        }
    }
}
