//! Progress of long operations (an install, a start).

/// Receives each step of a long operation.
pub trait Progress: Send + Sync {
    /// A new step begins: a short sentence without a full stop.
    fn step(&self, text: &str);

    /// A line of the current step's output.
    fn detail(&self, line: &str) {
        let _ = line;
    }
}

/// Prints each step to standard error. For tests, which show it only on failure.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToStderr;

impl Progress for ToStderr {
    fn step(&self, text: &str) {
        eprintln!("testkit: {text}");
    }
}

/// Prints nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _: &str) {}
}
