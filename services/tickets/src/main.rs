//! The executable of the tickets service.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::launch(&tickets::DEFINITION, tickets::Config::read, tickets::build)
}
