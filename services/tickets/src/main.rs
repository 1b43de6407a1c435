//! The tickets service's process.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::launch(tickets::NAME, tickets::Config::read, tickets::build)
}
