//! The routing table, read from a Kubernetes ingress manifest.
//!
//! Paths match as in the ingress specification: `Exact` literally, `Prefix` by whole path elements. The longest match
//! wins, and `Exact` wins over `Prefix`. The host of a rule is ignored, because the fleet listens on loopback.

use serde::Deserialize;

/// The service of each path.
#[derive(Debug)]
pub struct Routes(Vec<Rule>);

/// The manifest cannot be parsed.
#[derive(Debug)]
pub struct RoutesError(serde_yaml_ng::Error);

impl std::fmt::Display for RoutesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the ingress manifest: {}", self.0)
    }
}

impl std::error::Error for RoutesError {}

#[derive(Debug)]
struct Rule {
    path: String,
    kind: PathType,
    service: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum PathType {
    Exact,
    Prefix,
}

#[derive(Deserialize)]
struct Manifest {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    rules: Vec<HostRule>,
}

#[derive(Deserialize)]
struct HostRule {
    http: HttpRule,
}

#[derive(Deserialize)]
struct HttpRule {
    paths: Vec<PathRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PathRule {
    path: String,
    path_type: PathType,
    backend: Backend,
}

#[derive(Deserialize)]
struct Backend {
    service: ServiceName,
}

#[derive(Deserialize)]
struct ServiceName {
    name: String,
}

impl Routes {
    /// Parses an `Ingress` of `networking.k8s.io/v1`.
    pub fn read(manifest: &str) -> Result<Self, RoutesError> {
        let manifest: Manifest = serde_yaml_ng::from_str(manifest).map_err(RoutesError)?;
        let paths = manifest
            .spec
            .rules
            .into_iter()
            .flat_map(|rule| rule.http.paths);
        let mut rules: Vec<_> = paths.map(Rule::from).collect();
        rules.sort_by_key(|rule| {
            let length = rule.path.trim_end_matches('/').len();
            std::cmp::Reverse((length, rule.kind == PathType::Exact))
        });
        Ok(Self(rules))
    }

    /// The service of a path.
    #[must_use]
    pub fn service(&self, path: &str) -> Option<&str> {
        let rule = self.0.iter().find(|rule| rule.matches(path));
        rule.map(|rule| &*rule.service)
    }
}

impl From<PathRule> for Rule {
    fn from(rule: PathRule) -> Self {
        Self {
            path: rule.path,
            kind: rule.path_type,
            service: rule.backend.service.name,
        }
    }
}

impl Rule {
    fn matches(&self, path: &str) -> bool {
        match self.kind {
            PathType::Exact => path == self.path,
            PathType::Prefix => path
                .strip_prefix(self.path.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }
}
