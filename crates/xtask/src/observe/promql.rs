//! Which metrics and labels an expression of Prometheus's language names. It reads as much of the language as that takes;
//! whether the expression is valid is promtool's to say.

use std::collections::BTreeSet;

/// Words that come before a list of labels.
const GROUPINGS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];

/// Words that are neither metrics nor followed by a bracket.
const OPERATORS: [&str; 6] = ["and", "or", "unless", "bool", "offset", "atan2"];

/// Operators over many series, which may be followed by `by` rather than by a bracket.
const AGGREGATIONS: [&str; 12] = [
    "sum",
    "min",
    "max",
    "avg",
    "group",
    "count",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "quantile",
    "count_values",
];

/// What an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Each metric with what is asked of its labels.
    pub(super) selectors: Vec<Selector>,
    /// Labels by which series are put together or matched.
    pub(super) groupings: BTreeSet<String>,
}

/// A metric, and what is asked of its labels.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) metric: String,
    pub(super) matchers: Vec<Matcher>,
}

/// What is asked of a label.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Matcher {
    pub(super) label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub(super) operator: String,
    pub(super) value: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

/// Reads an expression.
pub(super) fn names(expression: &str) -> Names {
    let tokens = tokens(expression);
    let mut names = Names::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            Token::Word(word) if GROUPINGS.contains(&word.as_str()) => {
                names.groupings.extend(labels(&tokens, &mut at));
            }
            Token::Word(word) if is_metric(word, tokens.get(at)) => {
                names.selectors.push(Selector {
                    metric: word.clone(),
                    matchers: matchers(&tokens, &mut at),
                });
            }
            // A range or a subquery.
            Token::Sign('[') => skip_to(&tokens, &mut at, ']'),
            _ => {}
        }
    }
    names
}

fn is_metric(word: &str, next: Option<&Token>) -> bool {
    let is_number = word.starts_with(|first: char| first.is_ascii_digit());
    let is_function = next == Some(&Token::Sign('('));
    !is_number && !is_function && !OPERATORS.contains(&word) && !AGGREGATIONS.contains(&word)
}

/// `(job, le)`, if it is there.
fn labels(tokens: &[Token], at: &mut usize) -> Vec<String> {
    if tokens.get(*at) != Some(&Token::Sign('(')) {
        return Vec::new();
    }
    let begin = *at;
    skip_to(tokens, at, ')');
    let words = tokens[begin..*at].iter().filter_map(|token| match token {
        Token::Word(word) => Some(word.clone()),
        _ => None,
    });
    words.collect()
}

/// `{job="orders",le=~"2"}`, if it is there.
fn matchers(tokens: &[Token], at: &mut usize) -> Vec<Matcher> {
    if tokens.get(*at) != Some(&Token::Sign('{')) {
        return Vec::new();
    }
    let begin = *at + 1;
    skip_to(tokens, at, '}');
    let mut found = Vec::new();
    let mut operator = String::new();
    let mut label = String::new();
    for token in &tokens[begin..*at] {
        match token {
            Token::Word(word) => label.clone_from(word),
            Token::Sign(',') => {}
            Token::Sign(sign) => operator.push(*sign),
            Token::Text(value) => found.push(Matcher {
                label: std::mem::take(&mut label),
                operator: std::mem::take(&mut operator),
                value: value.clone(),
            }),
        }
    }
    found
}

fn skip_to(tokens: &[Token], at: &mut usize, end: char) {
    let rest = tokens[*at..].iter();
    let length = rest.take_while(|token| **token != Token::Sign(end)).count();
    *at = (*at + length + 1).min(tokens.len());
}

fn tokens(expression: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = expression.chars().peekable();
    let is_of_word = |it: &char| it.is_ascii_alphanumeric() || matches!(it, '_' | ':' | '.' | '$');
    while let Some(first) = rest.next() {
        if first == '"' {
            let mut text = String::new();
            while let Some(next) = rest.next().filter(|next| *next != '"') {
                text.extend(if next == '\\' {
                    rest.next()
                } else {
                    Some(next)
                });
            }
            tokens.push(Token::Text(text));
        } else if is_of_word(&first) {
            let mut word = first.to_string();
            while let Some(next) = rest.next_if(is_of_word) {
                word.push(next);
            }
            tokens.push(Token::Word(word));
        } else if !first.is_whitespace() {
            tokens.push(Token::Sign(first));
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_matchers_and_groupings_are_found() {
        let found = names(
            r#"histogram_quantile(0.95, sum by (job, le) (rate(lag_bucket{le=~"2(\\.0)?",error_type!=""}[5m] offset 1h)))
                unless on (consumer) max(other) > 60 * 1.5"#,
        );
        let metrics: Vec<_> = found
            .selectors
            .iter()
            .map(|it| it.metric.as_str())
            .collect();
        assert_eq!(metrics, ["lag_bucket", "other"]);
        let [le, error] = &found.selectors[0].matchers[..] else {
            panic!("{found:?}");
        };
        assert_eq!((le.label.as_str(), le.operator.as_str()), ("le", "=~"));
        assert_eq!(le.value, r"2(\.0)?");
        assert_eq!((error.operator.as_str(), error.value.as_str()), ("!=", ""));
        let groupings: Vec<_> = found.groupings.iter().map(String::as_str).collect();
        assert_eq!(groupings, ["consumer", "job", "le"]);
    }

    #[test]
    fn what_is_no_metric_is_not_taken_for_one() {
        let found = names("sum(vector(0)) or count by (job) (max_over_time(up[8h:1m]) > bool 3)");
        assert_eq!(found.selectors.len(), 1);
        assert_eq!(found.selectors[0].metric, "up");
    }
}
