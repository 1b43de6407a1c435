//! The executable of the orders service.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::launch(&orders::DEFINITION, orders::Config::read, orders::build)
}
