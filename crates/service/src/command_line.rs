//! The command line of a service.

use std::ffi::OsString;

use base::build_info::BUILD_INFO;

/// What the command line requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// No argument: run the service.
    Run,
    /// `--help`
    Help,
    /// `--version`
    Version,
    /// `--describe`
    Describe,
}

/// An argument is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown argument {0:?}; --help lists the arguments")]
pub(crate) struct UnknownArgument(String);

/// Parses the arguments, without the program's name.
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

/// The output of `--version`.
pub(crate) fn version(name: &str) -> String {
    format!("{name} {} ({})", BUILD_INFO.version, BUILD_INFO.commit)
}

/// The output of `--help`.
pub(crate) fn help(name: &str) -> String {
    format!(
        "{}\n\nUsage: {name} [--version | --describe | --help]\n\n\
         Without an argument it runs, configured by environment variables.\n  \
         --describe  print the variables, paths, ports and events as JSON\n  \
         --version   print the version and the commit\n",
        version(name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Request, UnknownArgument> {
        read(arguments.iter().map(OsString::from))
    }

    #[test]
    fn unknown_arguments_are_rejected() {
        assert_eq!(parse(&[]), Ok(Request::Run));
        assert_eq!(parse(&["--describe"]), Ok(Request::Describe));
        assert_eq!(parse(&["-V"]), Ok(Request::Version));
        let unknown = |text: &str| Err(UnknownArgument(text.to_owned()));
        assert_eq!(parse(&["run"]), unknown("run"));
        assert_eq!(parse(&["--version", "--verbose"]), unknown("--verbose"));
    }
}
