//! The executable of the expiration service.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::launch(
        &expiration::DEFINITION,
        expiration::Config::read,
        expiration::build,
    )
}
