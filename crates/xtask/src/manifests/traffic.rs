//! Evaluates NetworkPolicies.

use serde_json::Value;

use super::inspection::Inspection;
use super::object::{Object, Pod, items};
use super::selector::selects;

/// The side of a connection that a policy restricts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Ingress,
    Egress,
}

impl Side {
    const fn rules(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    const fn peers(self) -> &'static str {
        match self {
            Self::Ingress => "from",
            Self::Egress => "to",
        }
    }

    /// Whether the policy restricts this side. Without types it restricts ingress, and egress if it has egress rules.
    pub(crate) fn restricts(self, policy: &Object) -> bool {
        let types = policy.at(&["spec", "policyTypes"]);
        let name = match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        };
        match types.as_array() {
            Some(types) => types.iter().any(|listed| listed == name),
            None => self == Self::Ingress || !policy.at(&["spec", "egress"]).is_null(),
        }
    }
}

/// The policies that restrict this side of a pod.
pub(crate) fn policies<'a>(
    inspection: &Inspection<'a>,
    pod: &Pod<'_>,
    side: Side,
) -> impl Iterator<Item = &'a Object> {
    let labels: Vec<(String, String)> = pod
        .labels()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    inspection.of_kind("NetworkPolicy").filter(move |policy| {
        let labels = labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        side.restricts(policy) && selects(policy.at(&["spec", "podSelector"]), &labels.collect())
    })
}

/// The peers that the policies allow on a port; null means everybody.
pub(crate) fn peers<'a>(
    inspection: &Inspection<'a>,
    pod: &Pod<'_>,
    side: Side,
    port: u64,
    port_of: &Pod<'_>,
) -> Vec<&'a Value> {
    const EVERYBODY: &Value = &Value::Null;
    policies(inspection, pod, side)
        .flat_map(|policy| items(policy.at(&["spec", side.rules()])))
        .filter(|rule| covers(&rule["ports"], port, port_of))
        .flat_map(|rule| match items(&rule[side.peers()]) {
            [] => vec![EVERYBODY],
            peers => peers.iter().collect(),
        })
        .collect()
}

/// Whether the ports of a rule include this one. Port names are those of the listening pod.
fn covers(ports: &Value, wanted: u64, listener: &Pod<'_>) -> bool {
    let ports = items(ports);
    ports.is_empty()
        || ports.iter().any(|port| {
            let first = match &port["port"] {
                Value::Null => return true,
                Value::String(_) => listener.port(&port["port"]),
                number => number.as_u64(),
            };
            let last = port["endPort"].as_u64().or(first);
            first.is_some_and(|first| first <= wanted) && last.is_some_and(|last| wanted <= last)
        })
}

/// Whether a peer matches this pod of the same namespace.
pub(crate) fn is_pod(peer: &Value, pod: &Pod<'_>) -> bool {
    peer.is_null()
        || (peer["namespaceSelector"].is_null()
            && peer["ipBlock"].is_null()
            && selects(&peer["podSelector"], &pod.labels()))
}

/// Whether a connection between two pods of the namespace is allowed. The error is the side that refuses it.
pub(crate) fn connection(
    inspection: &Inspection<'_>,
    from: &Pod<'_>,
    to: &Pod<'_>,
    port: u64,
) -> Result<(), Side> {
    let is_open = |pod: &Pod<'_>, other: &Pod<'_>, side| {
        let is_restricted = policies(inspection, pod, side).next().is_some();
        !is_restricted
            || peers(inspection, pod, side, port, to)
                .iter()
                .any(|peer| is_pod(peer, other))
    };
    if !is_open(from, to, Side::Egress) {
        return Err(Side::Egress);
    }
    if !is_open(to, from, Side::Ingress) {
        return Err(Side::Ingress);
    }
    Ok(())
}
