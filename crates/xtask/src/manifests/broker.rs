//! What each user may do at the broker: tried, on a real server that runs by the configuration of the manifests.

mod claims;
mod configuration;
mod wire;

use std::sync::Arc;

use anyhow::{Context, Result};
use service::description::Description;
use testkit::progress::Progress;
use testkit::servers::ConfiguredNats;

use super::inspection::{Finding, Inspection};
use claims::{Claim, Verb, claims};
use configuration::Configuration;
use wire::Wire;

/// What is wrong with the broker's configuration in this overlay. The configuration of a cluster is only read by the
/// server, not run: its servers would wait for each other; its users are tried all the same.
pub(crate) async fn prove(
    inspection: &Inspection<'_>,
    progress: &Arc<dyn Progress>,
) -> Result<Vec<Finding>> {
    let configuration = match Configuration::of(inspection) {
        Ok(configuration) => configuration,
        Err(finding) => return Ok(vec![finding]),
    };
    if let Err(error) = ConfiguredNats::check(&configuration.server, progress).await {
        return Ok(vec![configuration.refused(&error)]);
    }
    let alone = configuration.alone();
    let server = match ConfiguredNats::start(&alone, progress).await {
        Ok(server) => server,
        Err(error) => return Ok(vec![configuration.refused(&error)]),
    };
    let found = try_all(inspection, &configuration, &server).await;
    server.stop().await;
    found
}

async fn try_all(
    inspection: &Inspection<'_>,
    configuration: &Configuration,
    server: &ConfiguredNats,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let place = &configuration.place;
    if Wire::open(server.port(), None).await.is_ok() {
        findings.push(Finding::new(
            place,
            "whoever comes is let in",
            "give every user a password and no no_auth_user",
        ));
    }
    let services = &inspection.known.services;
    for service in services.iter().filter(|service| service.broker.is_some()) {
        let Some((user, password)) = configuration.credentials.get(&service.name) else {
            findings.push(Finding::new(
                &service.name,
                "it is nobody to the broker",
                "set its NATS_USER, and its NATS_PASSWORD from a Secret",
            ));
            continue;
        };
        let Ok(mut wire) = Wire::open(server.port(), Some((user, password))).await else {
            findings.push(Finding::new(
                place,
                format!(
                    "the broker does not know the user {user} by the password of {}",
                    service.name
                ),
                "let both take the password from the same key of the same Secret",
            ));
            continue;
        };
        if Wire::open(server.port(), Some((user, "wrong")))
            .await
            .is_ok()
        {
            findings.push(Finding::new(
                place,
                format!("any password will do for {user}"),
                "set its password",
            ));
        }
        findings.extend(try_claims(&mut wire, service, services, user, place).await?);
    }
    Ok(findings)
}

/// Tries everything that the user must be able to do, and what it must not.
async fn try_claims(
    wire: &mut Wire,
    service: &Description,
    services: &[Description],
    user: &str,
    place: &str,
) -> Result<Vec<Finding>> {
    let claims = claims(service, services);
    let refused = wire.refused(&claims).await.context("the broker hung up")?;
    let wrong = claims
        .iter()
        .filter(|claim| claim.is_allowed == refused.contains(claim));
    Ok(wrong.map(|claim| complaint(claim, user, place)).collect())
}

fn complaint(claim: &Claim, user: &str, place: &str) -> Finding {
    let verb = match claim.verb {
        Verb::Publish => "publish",
        Verb::Subscribe => "subscribe",
    };
    let subject = &claim.subject;
    if claim.is_allowed {
        Finding::new(
            place,
            format!("{user} may not {verb} {subject}, which its service needs"),
            "allow it; the service's --describe lists what it needs",
        )
    } else {
        Finding::new(
            place,
            format!("{user} may {verb} {subject}, which its service never does"),
            "do not allow it",
        )
    }
}

#[cfg(test)]
mod tests {
    use messaging::Permissions;
    use service::description::BrokerUse;
    use testkit::progress::Silent;

    use super::*;
    use crate::manifests::inspection::{Known, Overlay};
    use crate::manifests::object::read_all;
    use crate::manifests::rules::bench;

    /// A broker, and a service that is its user.
    const FLEET: &str = r#"
kind: ConfigMap
metadata: { name: nats-config }
data:
  nats.conf: |
    server_name: $POD_NAME
    jetstream { store_dir: /data }
    include ./users.conf
  users.conf: |
    authorization { users: [ {
      user: tickets
      password: $PASSWORD
      permissions: {
        subscribe: { allow: ["_INBOX_tickets.>"] }
        publish: { allow: ["ticket:created"] }
      }
    } ] }
---
kind: StatefulSet
metadata: { name: nats }
spec:
  template:
    spec:
      containers:
        - name: nats
          env:
            - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: PASSWORD, valueFrom: { secretKeyRef: { name: nats-secret, key: TICKETS } } }
      volumes: [{ name: config, configMap: { name: nats-config } }]
---
kind: Deployment
metadata: { name: tickets-depl }
spec:
  template:
    spec:
      containers:
        - name: service
          image: shop/tickets:1
          env:
            - { name: NATS_USER, value: tickets }
            - { name: NATS_PASSWORD, valueFrom: { secretKeyRef: { name: nats-secret, key: TICKETS } } }
"#;

    fn known() -> Known {
        let mut known = bench::known();
        let own: &mut BrokerUse = known.services[0].broker.as_mut().unwrap();
        own.permissions = Permissions {
            publish: vec!["ticket:created".to_owned()],
            subscribe: vec!["_INBOX_tickets.>".to_owned()],
        };
        known
    }

    async fn wrong(old: &str, new: &str) -> String {
        assert!(FLEET.contains(old), "no {old}");
        let overlay = Overlay {
            is_production: false,
            is_final: false,
            objects: read_all(&FLEET.replacen(old, new, 1)).unwrap(),
        };
        let known = known();
        let inspection = Inspection {
            overlay: &overlay,
            known: &known,
        };
        let progress = Arc::new(Silent) as Arc<dyn Progress>;
        let found = prove(&inspection, &progress).await.unwrap();
        let sentences: Vec<_> = found.iter().map(ToString::to_string).collect();
        sentences.join("\n")
    }

    #[tokio::test]
    async fn a_broker_that_allows_what_is_needed_and_no_more_is_right() {
        assert_eq!(wrong("tickets", "tickets").await, "");
    }

    #[tokio::test]
    async fn too_much_and_too_little_are_found_by_trying() {
        let less = wrong(r#"["ticket:created"]"#, r#"["ticket:updated"]"#).await;
        assert!(
            less.contains("tickets may not publish ticket:created, which its service needs"),
            "{less}"
        );
        let more = wrong(
            r#"["ticket:created"]"#,
            r#"["ticket:created", "$JS.API.STREAM.>"]"#,
        )
        .await;
        assert!(
            more.contains("may publish $JS.API.STREAM.DELETE.ticketing, which"),
            "{more}"
        );
        let ears = wrong(r#"["_INBOX_tickets.>"]"#, r#"[">"]"#).await;
        assert!(ears.contains("may subscribe _INBOX.>"), "{ears}");
    }

    #[tokio::test]
    async fn users_that_are_not_who_they_say_are_found() {
        let stranger = wrong("value: tickets", "value: ticket").await;
        assert!(
            stranger.contains("does not know the user ticket"),
            "{stranger}"
        );
        let other_key = wrong(
            "key: TICKETS } } }\n      volumes",
            "key: TICKET } } }\n      volumes",
        )
        .await;
        assert!(
            other_key.contains("does not know the user tickets"),
            "{other_key}"
        );
        let anybody = wrong(
            "authorization {",
            "no_auth_user: tickets\n    authorization {",
        )
        .await;
        assert!(anybody.contains("whoever comes is let in"), "{anybody}");
    }

    #[tokio::test]
    async fn a_configuration_that_the_server_refuses_is_found() {
        let typo = wrong("server_name", "server_nam").await;
        assert!(typo.contains("the broker refuses it"), "{typo}");
        let missing = wrong("nats.conf: |", "broker.conf: |").await;
        assert!(missing.contains("nobody makes a nats.conf"), "{missing}");
    }
}
