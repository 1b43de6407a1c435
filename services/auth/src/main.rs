//! The executable of the auth service.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::launch(&auth::DEFINITION, auth::Config::read, auth::build)
}
