//! The version and the commit of this build.

/// The identity of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildInfo {
    /// The version of the workspace.
    pub version: &'static str,
    /// The commit, or `unknown`.
    pub commit: &'static str,
}

/// The identity of this build. Images are built with `BUILD_COMMIT` in the compiler's environment.
pub const BUILD_INFO: BuildInfo = BuildInfo {
    version: env!("CARGO_PKG_VERSION"),
    commit: match option_env!("BUILD_COMMIT") {
        Some(commit) if !commit.is_empty() => commit,
        _ => "unknown",
    },
};
