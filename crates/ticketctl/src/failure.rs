//! How a command ends. The exit codes are documented in the help, and scripts rely on them.

use std::fmt;
use std::process::ExitCode;

/// The result of a command that ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Everything is right, or the command did what it should.
    Fine,
    /// Something is wrong with the fleet, or the requested item does not exist.
    Wrong,
}

/// Why a command could not run.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong usage, or a missing setting.
    Usage(String),
    /// A server does not answer.
    Unreachable(anyhow::Error),
    /// The reader of the output is gone, as in `| head`.
    OutputClosed,
}

impl Finding {
    /// `Wrong` if so.
    pub(crate) const fn wrong_if(wrong: bool) -> Self {
        if wrong { Self::Wrong } else { Self::Fine }
    }

    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Fine => 0,
            Self::Wrong => 1,
        })
    }
}

impl Failure {
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// Prints it, and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Usage(message) => {
                eprintln!("error: {message}");
                ExitCode::from(2)
            }
            Self::Unreachable(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(3)
            }
            Self::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Unreachable(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Unreachable(error.into()),
        }
    }
}
