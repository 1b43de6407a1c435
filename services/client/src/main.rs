//! The executable of the client: the server that renders the shop's pages.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::launch(&client::DEFINITION, client::Config::read, client::build)
}
