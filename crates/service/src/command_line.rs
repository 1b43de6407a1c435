//! What a service can be asked on its command line: to run, or what it is.

use std::ffi::OsString;

use base::build_info::BUILD_INFO;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Nothing else: to run.
    Run,
    /// `--help`
    Help,
    /// `--version`
    Version,
    /// `--describe`
    Describe,
}

/// The command line is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown argument {0:?}; --help lists what there is")]
pub(crate) struct UnknownArgument(String);

/// Reads the arguments, without the program's name.
pub(crate) fn read(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Request, UnknownArgument> {
    let mut arguments = arguments.into_iter();
    let Some(first) = arguments.next() else {
        return Ok(Request::Run);
    };
    let unknown = |argument: OsString| UnknownArgument(argument.to_string_lossy().into_owned());
    let request = match first.to_str() {
        Some("--help" | "-h") => Request::Help,
        Some("--version" | "-V") => Request::Version,
        Some("--describe") => Request::Describe,
        _ => return Err(unknown(first)),
    };
    match arguments.next() {
        None => Ok(request),
        Some(more) => Err(unknown(more)),
    }
}

/// The answer to `--version`.
pub(crate) fn version(name: &str) -> String {
    format!("{name} {} ({})", BUILD_INFO.version, BUILD_INFO.commit)
}

/// The answer to `--help`.
pub(crate) fn help(name: &str) -> String {
    format!(
        "{}\n\nUsage: {name} [--version | --describe | --help]\n\n\
         Without an argument it runs, configured by environment variables.\n  \
         --describe  prints as JSON which they are, and what it serves, tells and listens to\n  \
         --version   prints its version and the commit that it was built from\n",
        version(name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Result<Request, UnknownArgument> {
        read(arguments.iter().map(OsString::from))
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert_eq!(asked(&[]), Ok(Request::Run));
        assert_eq!(asked(&["--describe"]), Ok(Request::Describe));
        assert_eq!(asked(&["-V"]), Ok(Request::Version));
        let unknown = |text: &str| Err(UnknownArgument(text.to_owned()));
        assert_eq!(asked(&["run"]), unknown("run"));
        assert_eq!(asked(&["--version", "--verbose"]), unknown("--verbose"));
    }
}
