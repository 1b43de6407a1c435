//! `cargo xtask`: the developer tool, for people and for CI.

mod cargo;
mod client;
mod deps;
mod lint;
mod manifests;
mod mutants;
mod observe;
mod smoke;
mod test;
mod tool;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use testkit::{console, run_tool, stop};

/// Builds, runs and checks the ticketing fleet on one machine.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", max_term_width = 100, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask up                            the whole fleet behind http://127.0.0.1:8080
  cargo xtask up --expiration-seconds 5     with orders that expire soon
  cargo xtask up --demo --replicas orders=2 with demo users and tickets
  cargo xtask up --observe                  with Prometheus and the alerts
  cargo xtask test                          all tests, on real servers
  cargo xtask test -p orders                the tests of one service
  cargo xtask chaos --seconds 60 --seed 7   faults under load, repeatable
  cargo xtask overload                      goodput at 1, 2 and 5 times the fleet's capacity
  cargo xtask bench --only list,order       two scenarios, compared with bare programs
  cargo xtask mutants                       whether the simulation finds planted bugs
  cargo xtask lint                          formatting, lints and dependencies
  cargo xtask smoke --url https://ticketing.dev
                                            one purchase in a deployed fleet
  cargo xtask manifests                     checks of everything that is deployed

Environment:
  TICKETING_MONGO_URL, TICKETING_NATS_URL, TICKETING_REDIS_URL
                       servers to use instead of starting them
  TICKETING_SERVERS    auto (default), local (programs only) or containers (containers only)
  TICKETING_CACHE      where programs are installed (default: ticketing in the user's cache folder)";

#[derive(Subcommand)]
enum Command {
    /// Build the services and run the whole fleet on loopback until Ctrl-C
    Up(up::Arguments),
    /// Build the shop's static files: script, WASM, style and pictures
    Client,
    /// Run the tests on real servers, which are started once
    Test(test::Arguments),
    /// Inject faults under load into a fleet of its own, and check that nothing is lost or oversold
    #[command(disable_help_flag = true)]
    Chaos(tool::Arguments),
    /// Send a fleet of its own more requests than it can handle, and measure how many it still serves
    #[command(disable_help_flag = true)]
    Overload(tool::Arguments),
    /// Measure a fleet of its own, and bare programs for comparison
    #[command(disable_help_flag = true)]
    Bench(tool::Arguments),
    /// Check format, lints, licences and sources
    Lint(lint::Arguments),
    /// Check what is deployed: every manifest, the broker's users, the Dockerfile and the workflows
    Manifests(manifests::Arguments),
    /// Buy a ticket in a deployed fleet, and report which step failed
    Smoke(smoke::Arguments),
    /// Plant bugs in a copy of the code, and check that the simulation finds each of them
    Mutants(mutants::Arguments),
    /// Only install what `up` and `test` need
    Deps,
}

fn main() -> ExitCode {
    run_tool(run(Arguments::parse().command))
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(arguments) => up::run(arguments).await,
        Command::Client => client::run().await,
        Command::Test(arguments) => test::run(arguments).await,
        Command::Chaos(arguments) => tool::chaos("chaos", arguments).await,
        Command::Overload(arguments) => tool::chaos("overload", arguments).await,
        Command::Bench(arguments) => tool::bench(arguments).await,
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Manifests(arguments) => manifests::run(&arguments).await,
        Command::Smoke(arguments) => smoke::run(arguments).await,
        Command::Mutants(arguments) => mutants::run(&arguments),
        Command::Deps => deps::run().await,
    }
}
