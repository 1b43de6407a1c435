//! The metrics and labels that an expression of Prometheus uses.

use std::collections::BTreeSet;
use std::convert::Infallible;

use promql_parser::label::Labels;
use promql_parser::parser::{Expr, LabelModifier, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};

#[derive(Default)]
pub(super) struct Names {
    pub(super) selectors: Vec<VectorSelector>,
    /// The labels of `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`.
    pub(super) groupings: BTreeSet<String>,
}

impl Names {
    fn group(&mut self, labels: Option<&Labels>) {
        let labels = labels.into_iter().flat_map(|labels| &labels.labels);
        self.groupings.extend(labels.cloned());
    }
}

impl ExprVisitor for Names {
    type Error = Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
        match expression {
            Expr::VectorSelector(selector) => self.selectors.push(selector.clone()),
            Expr::MatrixSelector(range) => self.selectors.push(range.vs.clone()),
            Expr::Aggregate(aggregate) => {
                self.group(aggregate.modifier.as_ref().map(LabelModifier::labels));
            }
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    self.group(modifier.matching.as_ref().map(LabelModifier::labels));
                    self.group(modifier.card.labels());
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

/// Parses an expression. Panics if it is invalid.
pub(super) fn names(expression: &str) -> Names {
    let parsed = parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let mut names = Names::default();
    let Ok(_) = walk_expr(&mut names, &parsed);
    names
}

#[cfg(test)]
mod tests {
    use promql_parser::label::MatchOp;

    use super::*;

    #[test]
    fn metrics_matchers_and_groupings_are_found() {
        let found = names(
            r#"histogram_quantile(0.95, sum by (job, le) (rate(lag_bucket{le=~"2(\\.0)?",error_type!=""}[5m] offset 1h)))
                unless on (consumer) max(other) > 60 * 1.5"#,
        );
        let [lag, other] = &found.selectors[..] else {
            panic!("{:?}", found.selectors)
        };
        assert_eq!(lag.name.as_deref(), Some("lag_bucket"));
        assert_eq!(other.name.as_deref(), Some("other"));
        let [le, error] = &lag.matchers.matchers[..] else {
            panic!("{lag:?}")
        };
        assert_eq!((le.name.as_str(), le.value.as_str()), ("le", r"2(\.0)?"));
        assert_eq!((&error.op, error.value.as_str()), (&MatchOp::NotEqual, ""));
        let groupings: Vec<_> = found.groupings.iter().map(String::as_str).collect();
        assert_eq!(groupings, ["consumer", "job", "le"]);
    }
}
