//! Tests every user's permissions on a real broker with the configuration of the manifests.

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

/// Checks the broker's configuration in this overlay. The server only validates the configuration of a cluster, since
/// its servers would wait for each other. A single server then runs for the checks of the users.
pub(crate) async fn check(
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
    let standalone = configuration.standalone();
    let server = match ConfiguredNats::start(&standalone, progress).await {
        Ok(server) => server,
        Err(error) => return Ok(vec![configuration.refused(&error)]),
    };
    let found = check_users(inspection, &configuration, &server).await;
    server.stop().await;
    found
}

async fn check_users(
    inspection: &Inspection<'_>,
    configuration: &Configuration,
    server: &ConfiguredNats,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let place = &configuration.place;
    if Wire::open(server.port(), None).await.is_ok() {
        findings.push(Finding::new(
            place,
            "clients without credentials can connect",
            "set a password for every user and remove no_auth_user",
        ));
    }
    let services = &inspection.known.services;
    for service in services.iter().filter(|service| service.broker.is_some()) {
        let Some((user, password)) = configuration.credentials.get(&service.name) else {
            findings.push(Finding::new(
                &service.name,
                "it has no user at the broker",
                "set NATS_USER, and NATS_PASSWORD from a Secret",
            ));
            continue;
        };
        let Ok(mut wire) = Wire::open(server.port(), Some((user, password))).await else {
            findings.push(Finding::new(
                place,
                format!(
                    "the broker rejects the user {user} with the password of {}",
                    service.name
                ),
                "read both passwords from the same key of the same Secret",
            ));
            continue;
        };
        if Wire::open(server.port(), Some((user, "wrong")))
            .await
            .is_ok()
        {
            findings.push(Finding::new(
                place,
                format!("the broker accepts any password for {user}"),
                "set its password",
            ));
        }
        findings.extend(check_permissions(&mut wire, service, services, user, place).await?);
    }
    Ok(findings)
}

/// Tests everything that the user must and must not be able to do.
async fn check_permissions(
    wire: &mut Wire,
    service: &Description,
    services: &[Description],
    user: &str,
    place: &str,
) -> Result<Vec<Finding>> {
    let claims = claims(service, services);
    let refused = wire
        .refused(&claims)
        .await
        .context("the broker closed the connection")?;
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
            "allow it; the service's --describe lists its permissions",
        )
    } else {
        Finding::new(
            place,
            format!("{user} may {verb} {subject}, which its service does not need"),
            "remove the permission",
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

    /// A broker and a service that uses it.
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
        let found = check(&inspection, &progress).await.unwrap();
        let sentences: Vec<_> = found.iter().map(ToString::to_string).collect();
        sentences.join("\n")
    }

    #[tokio::test]
    async fn a_broker_that_allows_exactly_what_is_needed_is_right() {
        assert_eq!(wrong("tickets", "tickets").await, "");
    }

    #[tokio::test]
    async fn missing_and_excessive_permissions_are_found() {
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
        let subscribes = wrong(r#"["_INBOX_tickets.>"]"#, r#"[">"]"#).await;
        assert!(
            subscribes.contains("may subscribe _INBOX.>"),
            "{subscribes}"
        );
    }

    #[tokio::test]
    async fn wrong_credentials_are_found() {
        let stranger = wrong("value: tickets", "value: ticket").await;
        assert!(stranger.contains("rejects the user ticket"), "{stranger}");
        let other_key = wrong(
            "key: TICKETS } } }\n      volumes",
            "key: TICKET } } }\n      volumes",
        )
        .await;
        assert!(
            other_key.contains("rejects the user tickets"),
            "{other_key}"
        );
        let anybody = wrong(
            "authorization {",
            "no_auth_user: tickets\n    authorization {",
        )
        .await;
        assert!(
            anybody.contains("without credentials can connect"),
            "{anybody}"
        );
    }

    #[tokio::test]
    async fn a_configuration_that_the_server_refuses_is_found() {
        let typo = wrong("server_name", "server_nam").await;
        assert!(typo.contains("the broker refuses it"), "{typo}");
        let missing = wrong("nats.conf: |", "broker.conf: |").await;
        assert!(
            missing.contains("no ConfigMap has a nats.conf"),
            "{missing}"
        );
    }
}
