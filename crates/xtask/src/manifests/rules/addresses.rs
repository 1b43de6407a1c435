//! Addresses do not change while pods are replaced: clients use Services with a `ClusterIP`. The name of a pod behind a
//! headless Service does not resolve while the pod is down, and DNS caches keep that result for half a minute.

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{Object, Pod, text};
use crate::manifests::selector::{POD_NAME, selects_pod};

use super::network::named_services;

fn is_headless(service: &Object) -> bool {
    service.at(&["spec", "clusterIP"]) == "None"
}

/// None of our services connects to a headless Service.
pub(super) fn clients_have_stable_addresses(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for deployed in inspection.deployed() {
        for variable in deployed.container.environment() {
            let value = text(variable, "value");
            let named = named_services(inspection, &deployed.service.name, value);
            for (service, _) in named.iter().filter(|(service, _)| is_headless(service)) {
                findings.push(Finding::new(
                    deployed.pod.owner,
                    format!(
                        "{} names {service}, which does not resolve while its pods are down",
                        text(variable, "name")
                    ),
                    "use a Service with a ClusterIP",
                ));
            }
        }
    }
    findings
}

/// Each member of a database has its own Service, whose name is its address in the replica set (`initiate.js`). The
/// Service publishes the member before it is ready, because a replica set becomes ready only as a whole.
pub(super) fn members_have_stable_addresses(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_database = |pod: &Pod<'_>| pod.labels().get("role") == Some(&"database");
    for pod in inspection.pods().filter(is_database) {
        for ordinal in 0..pod.owner.replicas() {
            let member = format!("{}-{ordinal}", pod.owner.name());
            let address = format!("{member}-srv");
            let service = inspection.find("Service", &address);
            let is_address = service.is_some_and(|service| {
                !is_headless(service)
                    && service.at(&["spec", "selector", POD_NAME]) == member.as_str()
                    && selects_pod(service, &pod)
                    && *service.at(&["spec", "publishNotReadyAddresses"]) == true
            });
            if !is_address {
                findings.push(Finding::new(
                    pod.owner,
                    format!("its member {member} has no stable address"),
                    format!(
                        "add the Service {address} with a ClusterIP, {POD_NAME}: {member} and publishNotReadyAddresses"
                    ),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds, findings};
    use super::*;

    const TICKETS: &str = "
kind: Deployment
metadata: { name: tickets-depl }
spec:
  template:
    spec:
      containers:
        - { name: service, image: 'a/tickets:1', env: [{ name: MONGO_URI, value: 'mongodb://db-clients-srv:27017/a' }] }
---
kind: Service
metadata: { name: db-clients-srv }
spec: { selector: { app: db }, ports: [{ port: 27017 }] }
---
kind: Service
metadata: { name: db-srv }
spec: { clusterIP: None, selector: { app: db }, ports: [{ port: 27017 }] }
";

    #[test]
    fn a_client_uses_no_headless_service() {
        assert_clean(clients_have_stable_addresses, TICKETS);
        for name in ["db-srv", "db-0.db-srv"] {
            assert_finds(
                clients_have_stable_addresses,
                &TICKETS.replace("//db-clients-srv", &format!("//{name}")),
                &["MONGO_URI", "Service/db-srv", "resolve"],
            );
        }
    }

    const MEMBERS: &str = "
kind: StatefulSet
metadata: { name: db }
spec:
  replicas: 2
  template:
    metadata: { labels: { app: db, role: database } }
---
kind: Service
metadata: { name: db-0-srv }
spec: { publishNotReadyAddresses: true, selector: { app: db, statefulset.kubernetes.io/pod-name: db-0 } }
---
kind: Service
metadata: { name: db-1-srv }
spec: { publishNotReadyAddresses: true, selector: { app: db, statefulset.kubernetes.io/pod-name: db-1 } }
";

    #[test]
    fn each_member_has_a_stable_address() {
        let rule = members_have_stable_addresses;
        assert_clean(rule, MEMBERS);
        let missing = MEMBERS.replace("replicas: 2", "replicas: 3");
        assert_finds(rule, &missing, &["StatefulSet/db", "db-2", "db-2-srv"]);
        let swapped = MEMBERS.replace("pod-name: db-1", "pod-name: db-0");
        assert_finds(rule, &swapped, &["db-1 has no stable address"]);
        let headless = MEMBERS.replace("spec: { publish", "spec: { clusterIP: None, publish");
        assert_eq!(findings(rule, &headless).len(), 2);
        let late = MEMBERS.replace("publishNotReadyAddresses: true, ", "");
        assert_eq!(findings(rule, &late).len(), 2);
    }
}
