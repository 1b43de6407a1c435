//! The payments service's process.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::launch(
        &payments::DEFINITION,
        payments::Config::read,
        payments::build,
    )
}
