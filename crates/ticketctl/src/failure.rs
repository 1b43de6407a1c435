//! How the program ends. The codes are documented in its help, and scripts rely on them.

use std::fmt;
use std::process::ExitCode;

/// What was found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// All is well, or what was asked for is done.
    Fine,
    /// Something is wrong with the fleet, or what was asked for is not there.
    Wrong,
}

/// Why nothing was found out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked for wrongly, or something must be said that was not.
    Usage(String),
    /// Something does not answer.
    Unreachable(anyhow::Error),
    /// Nobody reads the output any more, as in `| head`.
    NobodyReads,
}

impl Finding {
    /// Wrong if so.
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
    pub(crate) fn usage(words: impl fmt::Display) -> Self {
        Self::Usage(words.to_string())
    }

    /// Says it, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Usage(words) => {
                eprintln!("error: {words}");
                ExitCode::from(2)
            }
            Self::Unreachable(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(3)
            }
            Self::NobodyReads => ExitCode::SUCCESS,
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
            std::io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Unreachable(error.into()),
        }
    }
}
