//! Bare programs that the benchmark compares the services with: what a handler, a loop on the database's driver and a
//! loop on the broker's client cost when there is nothing around them.
//!
//! A crate of its own, with the services' dependencies and no others, so that it is compiled as they are. It is started
//! by the benchmark: what it says on its standard output is one JSON value a line, and it goes on until it is killed, so
//! that what the system counted of it can still be read.

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
    /// Answer every request with the same bytes
    Handler(handler::Arguments),
    /// Write what the services write, and nothing else
    Writes(writes::Arguments),
    /// Publish events, each acknowledged
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
