//! The payments service's process.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::launch(payments::NAME, payments::Config::read, payments::build)
}
