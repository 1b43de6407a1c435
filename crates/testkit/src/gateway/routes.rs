//! The routing table, read from a Kubernetes ingress manifest.
//!
//! Paths match as the ingress specification says: `Exact` literally, `Prefix` by whole path elements; the longest
//! wins, and `Exact` before `Prefix`. The host of a rule is left aside, since everything here is on loopback.

use serde::Deserialize;

/// Which path belongs to which service.
#[derive(Debug)]
pub struct Routes(Vec<Rule>);

/// A manifest that cannot be read.
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
    /// Reads an `Ingress` of `networking.k8s.io/v1`.
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

    /// The service that a path belongs to.
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
