//! What this build is: its version and the commit that it was built from.

/// A build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildInfo {
    /// The version of the workspace.
    pub version: &'static str,
    /// The commit, or `unknown` where nobody said it.
    pub commit: &'static str,
}

/// This build. Images are built with `BUILD_COMMIT` in the compiler's environment.
pub const BUILD_INFO: BuildInfo = BuildInfo {
    version: env!("CARGO_PKG_VERSION"),
    commit: match option_env!("BUILD_COMMIT") {
        Some(commit) if !commit.is_empty() => commit,
        _ => "unknown",
    },
};
