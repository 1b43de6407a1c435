//! The auth service's process.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::launch(&auth::DEFINITION, auth::Config::read, auth::build)
}
