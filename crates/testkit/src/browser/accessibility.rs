//! The accessibility check: axe-core runs in the page with the rules of WCAG 2.2 AA and best practice.

use std::fmt;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Browser, programs};

/// axe-core's tags for the rules that run.
const TAGS: [&str; 6] = [
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22aa",
    "best-practice",
];

/// Calls its last argument with the result. The content of a frame is checked inside that frame.
const RUN: &str = "
    const done = arguments[arguments.length - 1];
    axe.run(document, arguments[0]).then(
        result => done({ violations: result.violations }),
        error => done({ error: String(error) }));";

static AXE: OnceCell<String> = OnceCell::const_new();

/// A rule that a page breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name.
    pub rule: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: String,
    /// What the rule requires.
    pub help: String,
    /// The elements that break it: a selector, and the problem.
    pub elements: Vec<(String, String)>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.rule, self.impact, self.help)?;
        for (selector, summary) in &self.elements {
            write!(f, "\n  {selector}: {}", super::steps::one_line(summary))?;
        }
        Ok(())
    }
}

impl Browser {
    /// The accessibility rules that the page or frame breaks now. Needs scripts to be allowed.
    pub async fn check_accessibility(&self) -> Vec<Violation> {
        let axe = match AXE.get_or_try_init(read_axe).await {
            Ok(axe) => axe,
            Err(error) => self.fail(format!("check accessibility: {error:#}")).await,
        };
        self.execute(axe, Vec::new()).await;
        let options = json!({
            "runOnly": { "type": "tag", "values": TAGS },
            "rules": { "target-size": { "enabled": true } },
            "resultTypes": ["violations"],
            "iframes": false,
        });
        let result = self.execute_async(RUN, vec![options]).await;
        match result["violations"].as_array() {
            Some(violations) => violations.iter().map(violation).collect(),
            None => self.fail(format!("check accessibility: {result}")).await,
        }
    }

    /// Fails with a list of the accessibility rules that the page or frame breaks, if there are any.
    pub async fn expect_accessible(&self) {
        let violations = self.check_accessibility().await;
        if !violations.is_empty() {
            let list: Vec<_> = violations.iter().map(ToString::to_string).collect();
            let list = list.join("\n");
            self.fail(format!("the page is not accessible:\n{list}"))
                .await;
        }
    }
}

async fn read_axe() -> anyhow::Result<String> {
    let file = &programs::shared().await?.axe;
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn violation(value: &Value) -> Violation {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let nodes = value["nodes"].as_array().into_iter().flatten();
    Violation {
        rule: text(&value["id"]),
        impact: text(&value["impact"]),
        help: text(&value["help"]),
        elements: nodes
            .map(|node| (text(&node["target"][0]), text(&node["failureSummary"])))
            .collect(),
    }
}
