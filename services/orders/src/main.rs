//! The orders service's process.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::launch(orders::NAME, orders::Config::read, orders::build)
}
