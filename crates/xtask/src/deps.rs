//! `cargo xtask deps`: installs the programs that `up` and `test` need.

use std::process::ExitCode;
use std::sync::Arc;

use testkit::Servers;

use crate::client;
use crate::console::Console;
use crate::observe;

pub(crate) async fn run() -> anyhow::Result<ExitCode> {
    let console = Arc::new(Console::new());
    Servers::install(console.clone()).await?;
    testkit::browser::install(console.clone()).await?;
    client::install(console.clone()).await?;
    observe::install(console.clone()).await?;
    console.pause();
    Ok(ExitCode::SUCCESS)
}
