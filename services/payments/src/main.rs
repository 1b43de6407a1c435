//! The executable of the payments service.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::launch(
        &payments::DEFINITION,
        payments::Config::read,
        payments::build,
    )
}
