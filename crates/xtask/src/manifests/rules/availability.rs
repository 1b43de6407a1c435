//! Replicas, autoscalers, disruption budgets and the spreading of pods.

use serde_json::Value;

use crate::manifests::inspection::{Finding, Inspection};
use crate::manifests::object::{Labels, Object, Pod, at, items, text};
use crate::manifests::selector::selects;

/// The label with the name of a node.
const HOST: &str = "kubernetes.io/hostname";

/// The minimal number of pods of a workload, from its autoscaler or its own specification.
fn replicas(inspection: &Inspection<'_>, workload: &Object) -> u64 {
    match scaler(inspection, workload) {
        Some(scaler) => scaler.at(&["spec", "minReplicas"]).as_u64().unwrap_or(1),
        None => workload.replicas(),
    }
}

fn scaler<'a>(inspection: &Inspection<'a>, workload: &Object) -> Option<&'a Object> {
    inspection
        .of_kind("HorizontalPodAutoscaler")
        .find(|scaler| {
            let target = scaler.at(&["spec", "scaleTargetRef"]);
            text(target, "kind") == workload.kind() && text(target, "name") == workload.name()
        })
}

fn workloads<'a>(inspection: &Inspection<'a>) -> impl Iterator<Item = Pod<'a>> {
    let pods = inspection.pods();
    pods.filter(|pod| matches!(pod.owner.kind(), "Deployment" | "StatefulSet"))
}

/// Every workload has one disruption budget, which allows the eviction of at least one pod.
pub(super) fn disruptions_are_bounded(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pod in workloads(inspection) {
        let budgets = inspection.of_kind("PodDisruptionBudget");
        let labels = pod.labels();
        let mut budgets =
            budgets.filter(|budget| selects(budget.at(&["spec", "selector"]), &labels));
        let Some(budget) = budgets.next() else {
            findings.push(Finding::new(
                pod.owner,
                "no PodDisruptionBudget selects its pods",
                "add one with maxUnavailable: 1",
            ));
            continue;
        };
        if budgets.next().is_some() {
            findings.push(Finding::new(
                pod.owner,
                "several PodDisruptionBudgets select its pods, which prevents every eviction",
                "keep one",
            ));
        }
        let (most, least) = (
            budget.at(&["spec", "maxUnavailable"]),
            budget.at(&["spec", "minAvailable"]),
        );
        let all_stay = least
            .as_u64()
            .is_some_and(|least| least >= replicas(inspection, pod.owner));
        if *most == 0 || *most == "0%" || *least == "100%" || all_stay {
            findings.push(Finding::new(
                budget,
                format!(
                    "it never allows the eviction of a pod of {}, so nodes cannot be drained",
                    pod.owner
                ),
                "set maxUnavailable: 1",
            ));
        }
    }
    findings
}

/// In production each of our services has several pods and an autoscaler.
pub(super) fn stateless_scale(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !inspection.overlay.is_production {
        return findings;
    }
    for deployed in inspection.deployed() {
        let workload = deployed.pod.owner;
        let Some(scaler) = scaler(inspection, workload) else {
            findings.push(Finding::new(
                workload,
                "it has no autoscaler",
                "add a HorizontalPodAutoscaler",
            ));
            continue;
        };
        let least = replicas(inspection, workload);
        let most = scaler.at(&["spec", "maxReplicas"]).as_u64().unwrap_or(0);
        if least < 2 || most <= least {
            findings.push(Finding::new(
                scaler,
                format!("it allows {least} to {most} pods"),
                "set minReplicas to at least 2 and maxReplicas above it",
            ));
        }
        if !workload.at(&["spec", "replicas"]).is_null() {
            findings.push(Finding::new(
                workload,
                "applying it overwrites the number that its autoscaler set",
                "remove `replicas`",
            ));
        }
    }
    findings
}

/// In production the pods of one workload run on different nodes if possible.
pub(super) fn pods_are_spread(inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pod in workloads(inspection).filter(|_| inspection.overlay.is_production) {
        let mut complain = |wrong: &str, remedy: &str| {
            findings.push(Finding::new(pod.owner, wrong, remedy));
        };
        let constraints = items(&pod.spec()["topologySpreadConstraints"]);
        let (hard, soft): (Vec<_>, Vec<_>) = constraints
            .iter()
            .partition(|constraint| constraint["whenUnsatisfiable"] != "ScheduleAnyway");
        if soft.len() > 1 {
            complain(
                "a node that lacks a label of one of its soft spread constraints is ignored by all of them",
                "keep one, and spread pods over nodes by podAntiAffinity",
            );
        }
        let replicas = replicas(inspection, pod.owner);
        let is_hard = |constraint: &&Value| constraint["topologyKey"] == HOST;
        if let Some(constraint) = hard.into_iter().find(is_hard) {
            let domains = constraint["minDomains"].as_u64().unwrap_or(1);
            if domains < replicas.min(3) {
                complain(
                    "with two nodes, one would get most of its pods",
                    "set minDomains: 3 beside DoNotSchedule",
                );
            }
        } else if replicas > 1 && !prefers_different_nodes(pod.spec(), &pod.labels()) {
            complain(
                "nothing spreads its pods over nodes",
                "add podAntiAffinity by kubernetes.io/hostname that selects them",
            );
        }
    }
    findings
}

/// Whether pods with these labels require or prefer different nodes.
fn prefers_different_nodes(spec: &Value, labels: &Labels<'_>) -> bool {
    let rules = at(spec, &["affinity", "podAntiAffinity"]);
    let preferred = items(&rules["preferredDuringSchedulingIgnoredDuringExecution"]).iter();
    let required = items(&rules["requiredDuringSchedulingIgnoredDuringExecution"]).iter();
    let mut terms = preferred
        .map(|term| &term["podAffinityTerm"])
        .chain(required);
    terms.any(|term| term["topologyKey"] == HOST && selects(&term["labelSelector"], labels))
}

#[cfg(test)]
mod tests {
    use super::super::bench::{assert_clean, assert_finds, findings, findings_in, known};
    use super::*;

    const TICKETS: &str = "
kind: Deployment
metadata: { name: tickets-depl }
spec:
  template:
    metadata: { labels: { app: tickets } }
    spec: { containers: [{ name: service, image: 'a/tickets:1' }] }
---
kind: PodDisruptionBudget
metadata: { name: tickets }
spec: { maxUnavailable: 1, selector: { matchLabels: { app: tickets } } }
---
kind: HorizontalPodAutoscaler
metadata: { name: tickets }
spec: { scaleTargetRef: { kind: Deployment, name: tickets-depl }, minReplicas: 2, maxReplicas: 6 }
";

    #[test]
    fn budgets_allow_one_eviction() {
        assert_clean(disruptions_are_bounded, TICKETS);
        assert_finds(
            disruptions_are_bounded,
            &TICKETS.replace("matchLabels: { app: tickets }", "matchLabels: { app: x }"),
            &["no PodDisruptionBudget"],
        );
        for never in ["maxUnavailable: 0", "minAvailable: 2", "minAvailable: 100%"] {
            let yaml = TICKETS.replace("maxUnavailable: 1", never);
            assert_finds(
                disruptions_are_bounded,
                &yaml,
                &["PodDisruptionBudget/tickets", "never"],
            );
        }
        let twice = format!(
            "{TICKETS}---\nkind: PodDisruptionBudget\nspec: {{ maxUnavailable: 1, selector: {{}} }}"
        );
        assert_finds(disruptions_are_bounded, &twice, &["several"]);
    }

    #[test]
    fn services_scale_in_production() {
        assert_clean(stateless_scale, TICKETS);
        let alone = TICKETS.split("---\nkind: Horizontal").next().unwrap();
        assert_finds(stateless_scale, alone, &["no autoscaler"]);
        assert_eq!(
            findings_in(stateless_scale, alone, &known(), false),
            Vec::<String>::new()
        );
        assert_finds(
            stateless_scale,
            &TICKETS.replace("minReplicas: 2", "minReplicas: 1"),
            &["1 to 6"],
        );
        let fixed = TICKETS.replace("spec:\n  template", "spec:\n  replicas: 2\n  template");
        assert_finds(stateless_scale, &fixed, &["overwrites"]);
    }

    #[test]
    fn replicas_prefer_different_nodes() {
        let apart = TICKETS.replace(
            "    spec: { containers",
            "    spec: { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ podAffinityTerm: { topologyKey: kubernetes.io/hostname, labelSelector: { matchLabels: { app: tickets } } } }] } }, containers",
        );
        assert_clean(pods_are_spread, &apart);
        assert_finds(pods_are_spread, TICKETS, &["over nodes"]);
        let others = apart.replace(
            "matchLabels: { app: tickets } } } }]",
            "matchLabels: { app: x } } } }]",
        );
        assert_finds(pods_are_spread, &others, &["over nodes"]);
        let one = TICKETS.replace("minReplicas: 2", "minReplicas: 1");
        assert_clean(pods_are_spread, &one);
    }

    const CLUSTER: &str = "
kind: StatefulSet
metadata: { name: nats }
spec:
  replicas: 3
  template:
    spec:
      topologySpreadConstraints:
        - { topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, minDomains: 3 }
        - { topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway }
";

    #[test]
    fn a_majority_never_runs_on_one_node() {
        assert_clean(pods_are_spread, CLUSTER);
        let two = CLUSTER.replace(", minDomains: 3", "");
        assert_finds(pods_are_spread, &two, &["StatefulSet/nats", "minDomains"]);
    }

    #[test]
    fn nodes_without_a_zone_are_not_ignored() {
        let soft = CLUSTER.replace("DoNotSchedule", "ScheduleAnyway");
        let found = findings(pods_are_spread, &soft);
        assert!(found[0].contains("soft spread constraints"), "{found:?}");
        let alone = soft.replace(
            "        - { topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, minDomains: 3 }\n",
            "",
        );
        assert_finds(pods_are_spread, &alone, &["over nodes"]);
    }
}
