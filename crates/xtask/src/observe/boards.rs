//! Reads the alert rules, their tests and the dashboards in `infra/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::cargo::root;

/// `rules.yaml`.
#[derive(Deserialize)]
pub(super) struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

/// An alerting or recording rule.
#[derive(Deserialize)]
pub(super) struct Rule {
    pub(super) alert: Option<String>,
    pub(super) record: Option<String>,
    pub(super) expr: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

impl Rules {
    pub(super) fn read() -> Self {
        let text = fs::read_to_string(infra("prometheus/rules.yaml")).unwrap();
        serde_yaml_ng::from_str(&text).unwrap()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }

    /// The alerts with their names.
    pub(super) fn alerts(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.all()
            .filter_map(|rule| Some((rule.alert.as_deref()?, rule)))
    }
}

/// `rules.test.yaml`.
#[derive(Deserialize)]
pub(super) struct RuleTests {
    pub(super) tests: Vec<RuleTest>,
}

#[derive(Deserialize)]
pub(super) struct RuleTest {
    pub(super) input_series: Vec<InputSeries>,
    pub(super) promql_expr_test: Vec<ExpressionTest>,
}

#[derive(Deserialize)]
pub(super) struct InputSeries {
    pub(super) series: String,
}

#[derive(Deserialize)]
pub(super) struct ExpressionTest {
    pub(super) exp_samples: Vec<ExpectedSample>,
}

#[derive(Deserialize)]
pub(super) struct ExpectedSample {
    #[serde(default)]
    pub(super) labels: String,
}

impl RuleTests {
    pub(super) fn read() -> Self {
        let text = fs::read_to_string(infra("prometheus/rules.test.yaml")).unwrap();
        serde_yaml_ng::from_str(&text).unwrap()
    }

    /// The expected labels of all cases.
    pub(super) fn expected(&self) -> impl Iterator<Item = &str> {
        let expected = self.tests.iter().flat_map(|test| &test.promql_expr_test);
        expected
            .flat_map(|test| &test.exp_samples)
            .map(|sample| sample.labels.as_str())
    }
}

/// A dashboard.
pub(super) struct Board {
    pub(super) name: String,
    pub(super) json: Value,
}

impl Board {
    pub(super) fn all() -> Vec<Self> {
        let entries = fs::read_dir(infra("grafana")).unwrap();
        let read = entries.map(|entry| {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            Self {
                name: path.file_name().unwrap().to_string_lossy().into_owned(),
                json: serde_json::from_str(&text).unwrap(),
            }
        });
        read.collect()
    }

    /// The panels that are not headings.
    pub(super) fn panels(&self) -> impl Iterator<Item = &Value> {
        let panels = self.json["panels"].as_array().unwrap().iter();
        panels.filter(|panel| panel["type"] != "row")
    }

    /// Every expression, with example values in place of the dashboard's variables.
    pub(super) fn expressions(&self) -> Vec<String> {
        let targets = self
            .panels()
            .flat_map(|panel| panel["targets"].as_array().unwrap());
        let shown = targets.map(|target| target["expr"].as_str().unwrap());
        let variables = self.json["templating"]["list"].as_array().unwrap().iter();
        let queried = variables.filter_map(|variable| {
            let query = variable["query"]["query"].as_str()?;
            let (metric, _) = query.strip_prefix("label_values(")?.split_once(',')?;
            Some(metric)
        });
        let filled = |text: &str| {
            text.replace("$__rate_interval", "5m")
                .replace("$service", "orders")
        };
        shown.chain(queried).map(filled).collect()
    }
}

/// A file or folder under `infra/`.
pub(super) fn infra(path: &str) -> PathBuf {
    root().join("infra").join(path)
}
