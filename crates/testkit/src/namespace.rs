//! Unique names for each test, so that all tests can share the same servers.

/// The names of one test.
#[derive(Debug, Clone)]
pub struct Namespace {
    name: String,
    subject_prefix: String,
}

impl Namespace {
    /// New random names.
    #[must_use]
    pub fn fresh() -> Self {
        let name = format!("test-{:016x}", rand::random::<u64>());
        Self {
            subject_prefix: format!("{name}."),
            name,
        }
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.name
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.name
    }

    /// The prefix of every subject.
    #[must_use]
    pub fn subject_prefix(&self) -> &str {
        &self.subject_prefix
    }
}
