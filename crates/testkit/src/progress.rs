//! How long work (an install, a start) says what it is doing.

/// Told about each step of something that takes a while.
pub trait Progress: Send + Sync {
    /// A new step begins: a short sentence without a full stop.
    fn step(&self, text: &str);

    /// A line of output of the step that runs, for who wants to watch.
    fn detail(&self, line: &str) {
        let _ = line;
    }
}

/// Prints each step to standard error; for tests, where it appears only if something takes long or fails.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToStderr;

impl Progress for ToStderr {
    fn step(&self, text: &str) {
        eprintln!("testkit: {text}");
    }
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _: &str) {}
}
