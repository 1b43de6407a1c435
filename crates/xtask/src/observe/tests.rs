//! Rules, dashboards and runbooks fit each other, and name nothing that is not measured.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use telemetry::metrics::{Kind, Metric, Section, Values, catalogue};
use testkit::fleet::SERVICES;
use testkit::progress::ToStderr;

use super::boards::{Board, RuleTests, Rules, infra};
use super::program;
use super::promql::{Matcher, Selector, names};

/// Labels that whoever scrapes adds.
const TARGET_LABELS: [&str; 2] = ["job", "instance"];

/// What Prometheus says of itself, and its labels.
const OF_PROMETHEUS: [(&str, &[&str]); 2] = [
    ("up", &[]),
    ("ALERTS", &["alertname", "alertstate", "severity"]),
];

/// The metrics of all services.
const SECTIONS: [Section; 9] = [
    catalogue::METRICS,
    web::METRICS,
    messaging::METRICS,
    mongo::METRICS,
    auth::METRICS,
    tickets::METRICS,
    orders::METRICS,
    payments::METRICS,
    expiration::METRICS,
];

/// Where a metric is declared, and whether it is asked for its buckets.
fn declared(name: &str) -> Option<(&'static Metric, bool)> {
    let find = |name: &str| {
        let mut all = SECTIONS.into_iter().flat_map(|section| section.metrics);
        all.find(|metric| metric.name == name).copied()
    };
    if let Some(metric) = find(name) {
        // A histogram has no series of its own name.
        return (!matches!(metric.kind, Kind::Histogram(_))).then_some((metric, false));
    }
    let (stem, end) = name.rsplit_once('_')?;
    let metric = find(stem).filter(|metric| matches!(metric.kind, Kind::Histogram(_)))?;
    matches!(end, "bucket" | "sum" | "count").then_some((metric, end == "bucket"))
}

/// Whether the catalogue allows a label to say what is asked of it.
fn may_say(metric: &Metric, matcher: &Matcher) -> bool {
    let Matcher {
        label,
        operator,
        value,
    } = matcher;
    let is_pattern = operator.ends_with('~');
    let asked: Vec<_> = if is_pattern {
        value.split('|').collect()
    } else {
        vec![value.as_str()]
    };
    if label == "job" {
        return asked.iter().all(|job| SERVICES.contains(job));
    }
    let of_metric = metric.labels.iter().find(|it| it.name == label);
    match of_metric.map(|label| label.values) {
        Some(Values::OneOf(known)) => asked.iter().all(|value| known.contains(value)),
        _ => true,
    }
}

/// What is wrong with what an expression names; `recorded` are the metrics that rules make.
fn faults(expression: &str, recorded: &BTreeSet<&str>) -> Vec<String> {
    let names = names(expression);
    let mut faults = Vec::new();
    let mut labels = BTreeSet::from(TARGET_LABELS);
    for Selector {
        metric: name,
        matchers,
    } in &names.selectors
    {
        let mut own = BTreeSet::from(TARGET_LABELS);
        if let Some((_, others)) = OF_PROMETHEUS.iter().find(|(it, _)| it == name) {
            own.extend(*others);
        } else if let Some((metric, has_buckets)) = declared(name) {
            own.extend(metric.labels.iter().map(|label| label.name));
            own.extend(metric.fixed.iter().map(|(label, _)| *label));
            own.extend(has_buckets.then_some("le"));
            let wrong = matchers.iter().filter(|matcher| !may_say(metric, matcher));
            faults.extend(wrong.map(|matcher| format!("{name} never says {matcher:?}")));
        } else if !recorded.contains(name.as_str()) {
            faults.push(format!("{name} is not measured"));
        }
        let unknown = matchers
            .iter()
            .filter(|matcher| !own.contains(matcher.label.as_str()));
        faults.extend(unknown.map(|matcher| format!("{name} has no {}", matcher.label)));
        labels.extend(own);
    }
    let unknown = names
        .groupings
        .iter()
        .filter(|label| !labels.contains(label.as_str()));
    faults.extend(unknown.map(|label| format!("nothing here has {label}")));
    faults
}

fn assert_known(expressions: impl IntoIterator<Item = impl AsRef<str>>, whose: &str) {
    let rules = Rules::read();
    let recorded = rules
        .all()
        .filter_map(|rule| rule.record.as_deref())
        .collect();
    for expression in expressions {
        let expression = expression.as_ref();
        let faults = faults(expression, &recorded);
        assert!(faults.is_empty(), "{whose}: {expression}: {faults:#?}");
    }
}

fn promtool(arguments: &[&str], folder: &Path) {
    let program = program("promtool", &ToStderr).unwrap();
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn what_is_not_measured_is_found() {
    for expression in [
        "process_thread",
        "sum by (colour) (process_threads)",
        r#"process_threads{colour="red"}"#,
        r#"ticketing_payment_attempts_total{result="refused"}"#,
        r#"ticketing_payment_attempts_total{result=~"declined|refused"}"#,
        "http_server_request_duration_seconds",
        "process_threads_bucket",
    ] {
        assert!(
            !faults(expression, &BTreeSet::new()).is_empty(),
            "{expression}"
        );
    }
}

#[test]
fn rules_name_only_what_is_measured() {
    let rules = Rules::read();
    assert_known(rules.all().map(|rule| &rule.expr), "rules.yaml");
}

#[test]
fn the_tests_of_the_rules_are_made_of_what_is_measured() {
    let tests = RuleTests::read();
    let series = tests.tests.iter().flat_map(|test| &test.input_series);
    // One of them is somebody else's, whom the rules must leave alone.
    let ours = series.filter(|it| !it.series.contains("somebody-else"));
    assert_known(ours.map(|it| &it.series), "rules.test.yaml");
}

#[test]
fn dashboards_name_only_what_is_measured() {
    for board in Board::all() {
        assert_known(board.expressions(), &board.name);
    }
}

#[test]
fn the_expressions_of_dashboards_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    for board in Board::all() {
        let rules = board.expressions().into_iter().enumerate();
        let rules: Vec<_> = rules
            .map(|(number, expr)| json!({ "record": format!("panel:{number}"), "expr": expr }))
            .collect();
        let file = json!({ "groups": [{ "name": board.name, "rules": rules }] });
        fs::write(folder.path().join(&board.name), file.to_string()).unwrap();
        promtool(&["check", "rules", &board.name], folder.path());
    }
}

#[test]
fn dashboards_need_nothing_but_grafana_and_a_prometheus_of_any_name() {
    const CORE: [&str; 3] = ["timeseries", "stat", "bargauge"];
    let boards = Board::all();
    assert_eq!(boards.len(), 4);
    for Board { name, json } in &boards {
        assert_eq!(
            json["uid"],
            format!("ticketing-{}", name.trim_end_matches(".json"))
        );
        assert_eq!(
            json["templating"]["list"][0]["type"], "datasource",
            "{name}"
        );
    }
    for panel in boards.iter().flat_map(Board::panels) {
        assert!(CORE.contains(&panel["type"].as_str().unwrap()), "{panel}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
        let defaults = &panel["fieldConfig"]["defaults"];
        assert!(
            defaults["unit"].is_string() && defaults["thresholds"].is_object(),
            "{panel}"
        );
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let rules = Rules::read();
    let alerts: BTreeSet<_> = rules.alerts().map(|(name, _)| name.to_owned()).collect();
    let entries = fs::read_dir(infra("runbooks")).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let runbooks: BTreeSet<_> = files
        .map(|file| file.trim_end_matches(".md").to_owned())
        .collect();
    assert_eq!(alerts, runbooks);
    for (name, rule) in rules.alerts() {
        let severity = rule.labels.get("severity").map(String::as_str);
        assert!(matches!(severity, Some("critical" | "warning")), "{name}");
        assert!(
            ["summary", "description"]
                .iter()
                .all(|it| rule.annotations.contains_key(*it)),
            "{name}"
        );
        assert_eq!(
            rule.annotations["runbook_url"],
            format!("infra/runbooks/{name}.md")
        );
    }
}

#[test]
fn runbooks_lead_only_to_pages_that_are_there() {
    for entry in fs::read_dir(infra("runbooks")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let links = text
            .split("](")
            .skip(1)
            .map(|rest| rest.split_once(')').unwrap().0);
        for link in links {
            assert!(
                infra("runbooks").join(link).is_file(),
                "{}: {link}",
                path.display()
            );
        }
        for title in ["**For shoppers.**", "## Look", "## Do", "## Over"] {
            assert!(text.contains(title), "{}: {title}", path.display());
        }
    }
}

#[test]
fn every_alert_fires_in_a_test_and_none_when_all_is_well() {
    let (rules, tests) = (Rules::read(), RuleTests::read());
    for (name, rule) in rules.alerts() {
        let severity = &rule.labels["severity"];
        let fires = tests.expected().any(|labels| {
            labels.contains(&format!("alertname=\"{name}\",alertstate=\"firing\""))
                && labels.contains(&format!("severity=\"{severity}\""))
        });
        assert!(fires, "{name}");
    }
    // Of the healthy fleet each alert sees a metric that it looks at.
    let series = tests.tests[0]
        .input_series
        .iter()
        .flat_map(|it| names(&it.series).selectors);
    let healthy: BTreeSet<_> = series.map(|selector| selector.metric).collect();
    for (name, rule) in rules.alerts() {
        let looked_at = names(&rule.expr).selectors;
        let is_seen = looked_at
            .iter()
            .any(|it| healthy.contains(&it.metric) || it.metric.contains(':'));
        assert!(is_seen, "{name}");
    }
}

#[test]
fn the_rules_are_valid_and_fire_as_their_tests_say() {
    let folder = infra("prometheus");
    promtool(&["check", "rules", "rules.yaml"], &folder);
    promtool(&["test", "rules", "rules.test.yaml"], &folder);
}

#[test]
fn the_rule_about_memory_knows_the_limits() {
    let limits = [
        "components/service/deployment.yaml",
        "k8s/kustomization.yaml",
    ]
    .map(|file| {
        let text = fs::read_to_string(infra(file)).unwrap();
        let limit = text
            .split(['\n', ' '])
            .find_map(|word| word.strip_suffix("Mi").filter(|it| *it != "64"));
        limit
            .unwrap_or_else(|| panic!("no limit in {file}"))
            .to_owned()
    });
    let rules = Rules::read();
    let (_, rule) = rules
        .alerts()
        .find(|(name, _)| *name == "MemoryNearLimit")
        .unwrap();
    for limit in limits {
        assert!(
            rule.expr.contains(&format!("0.85 * {limit} * 1024 * 1024")),
            "{limit}"
        );
    }
}
