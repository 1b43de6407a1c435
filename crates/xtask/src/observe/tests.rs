//! Checks that alert rules, dashboards and runbooks match, and that they use only metrics of the catalogue.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use promql_parser::label::{MatchOp, Matcher};
use serde_json::json;
use telemetry::metrics::{Kind, Metric, Section, Values, catalogue};
use testkit::fleet::SERVICES;
use testkit::progress::ToStderr;

use super::boards::{Board, RuleTests, Rules, infra};
use super::program;
use super::promql::names;

/// Labels that Prometheus adds when it scrapes a process.
const TARGET_LABELS: [&str; 2] = ["job", "instance"];

/// Prometheus's own series and their labels.
const PROMETHEUS_SERIES: [(&str, &[&str]); 2] = [
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

/// The metric that declares a series, and whether the series is a histogram's buckets.
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

/// Whether the label can have the values that the matcher compares it with.
fn can_match(metric: &Metric, matcher: &Matcher) -> bool {
    let value = matcher.value.as_str();
    let values: Vec<_> = match matcher.op {
        MatchOp::Re(_) | MatchOp::NotRe(_) => value.split('|').collect(),
        MatchOp::Equal | MatchOp::NotEqual => vec![value],
    };
    if matcher.name == "job" {
        return values.iter().all(|job| SERVICES.contains(job));
    }
    let label = metric.labels.iter().find(|it| it.name == matcher.name);
    match label.map(|label| label.values) {
        Some(Values::OneOf(known)) => values.iter().all(|value| known.contains(value)),
        _ => true,
    }
}

/// The unknown metrics, labels and values of an expression. `recorded` are the names of the recording rules.
fn faults(expression: &str, recorded: &BTreeSet<&str>) -> Vec<String> {
    let names = names(expression);
    let mut faults = Vec::new();
    let mut labels = BTreeSet::from(TARGET_LABELS);
    for selector in &names.selectors {
        let name = selector.name.as_deref().unwrap_or_default();
        let matchers = &selector.matchers.matchers;
        let mut own = BTreeSet::from(TARGET_LABELS);
        if let Some((_, others)) = PROMETHEUS_SERIES.iter().find(|(it, _)| *it == name) {
            own.extend(*others);
        } else if let Some((metric, has_buckets)) = declared(name) {
            own.extend(metric.labels.iter().map(|label| label.name));
            own.extend(metric.fixed.iter().map(|(label, _)| *label));
            own.extend(has_buckets.then_some("le"));
            let wrong = matchers
                .iter()
                .filter(|matcher| !can_match(metric, matcher));
            faults.extend(wrong.map(|matcher| format!("{name} never has {matcher}")));
        } else if !recorded.contains(name) {
            faults.push(format!("unknown metric {name}"));
        }
        let unknown = matchers
            .iter()
            .filter(|matcher| !own.contains(matcher.name.as_str()));
        faults.extend(unknown.map(|matcher| format!("{name} has no label {}", matcher.name)));
        labels.extend(own);
    }
    let unknown = names
        .groupings
        .iter()
        .filter(|label| !labels.contains(label.as_str()));
    faults.extend(unknown.map(|label| format!("no series has the label {label}")));
    faults
}

fn assert_known(expressions: impl IntoIterator<Item = impl AsRef<str>>, file: &str) {
    let rules = Rules::read();
    let recorded = rules
        .all()
        .filter_map(|rule| rule.record.as_deref())
        .collect();
    for expression in expressions {
        let expression = expression.as_ref();
        let faults = faults(expression, &recorded);
        assert!(faults.is_empty(), "{file}: {expression}: {faults:#?}");
    }
}

fn promtool(arguments: &[&str], folder: &Path) {
    let program = program("promtool", &ToStderr).unwrap();
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&printed)
    );
}

#[test]
fn unknown_metrics_labels_and_values_are_found() {
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
fn rules_use_only_metrics_of_the_catalogue() {
    let rules = Rules::read();
    assert_known(rules.all().map(|rule| &rule.expr), "rules.yaml");
}

#[test]
fn tests_of_the_rules_use_only_metrics_of_the_catalogue() {
    let tests = RuleTests::read();
    let series = tests.tests.iter().flat_map(|test| &test.input_series);
    // One series belongs to another application, which the rules must ignore.
    let ours = series.filter(|it| !it.series.contains("somebody-else"));
    assert_known(ours.map(|it| &it.series), "rules.test.yaml");
}

#[test]
fn dashboards_use_only_metrics_of_the_catalogue() {
    for board in Board::all() {
        assert_known(board.expressions(), &board.name);
    }
}

#[test]
fn expressions_of_dashboards_are_valid() {
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
fn dashboards_need_only_grafana_and_any_prometheus() {
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
fn links_of_runbooks_lead_to_existing_pages() {
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
fn every_alert_fires_in_a_test_and_watches_a_metric_of_the_healthy_fleet() {
    let (rules, tests) = (Rules::read(), RuleTests::read());
    for (name, rule) in rules.alerts() {
        let severity = &rule.labels["severity"];
        let fires = tests.expected().any(|labels| {
            labels.contains(&format!("alertname=\"{name}\",alertstate=\"firing\""))
                && labels.contains(&format!("severity=\"{severity}\""))
        });
        assert!(fires, "{name}");
    }
    // The first test is the healthy fleet: it must have a series for each alert, or the alert is not tested there.
    let series = tests.tests[0].input_series.iter();
    let healthy: BTreeSet<_> = series
        .flat_map(|it| names(&it.series).selectors)
        .filter_map(|selector| selector.name)
        .collect();
    for (name, rule) in rules.alerts() {
        let selectors = names(&rule.expr).selectors;
        let mut metrics = selectors.iter().filter_map(|it| it.name.as_ref());
        assert!(
            metrics.any(|metric| healthy.contains(metric) || metric.contains(':')),
            "{name}"
        );
    }
}

#[test]
fn rules_are_valid_and_pass_their_tests() {
    let folder = infra("prometheus");
    promtool(&["check", "rules", "rules.yaml"], &folder);
    promtool(&["test", "rules", "rules.test.yaml"], &folder);
}

#[test]
fn the_memory_alert_uses_the_limits_of_the_manifests() {
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
