//! Bare programs that the benchmark compares the services with: a handler, a loop on the database driver, and a loop on
//! the broker's client, with nothing around them.
//!
//! It is a crate of its own with the dependencies of the services and no others, so that it is compiled as they are.
//! The benchmark starts it. It prints one JSON value per line, and runs until it is killed, so that its CPU time can
//! still be read after the last line.

mod handler;
mod measure;
mod publish;
mod writes;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
enum Arguments {
    #[command(flatten)]
    Bare(Bare),
}

#[derive(Subcommand)]
enum Bare {
    /// Send the same response to every request
    Handler(handler::Arguments),
    /// Commit the same writes as the services
    Writes(writes::Arguments),
    /// Publish events and wait for each acknowledgement
    Publish(publish::Arguments),
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments::Bare(bare) = Arguments::parse();
    match bare {
        Bare::Handler(arguments) => handler::run(arguments).await,
        Bare::Writes(arguments) => writes::run(arguments).await,
        Bare::Publish(arguments) => publish::run(arguments).await,
    }
}
