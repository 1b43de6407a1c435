//! `ticketctl`: the operators' tool to inspect and repair a ticketing fleet, on a laptop or in a pod.

mod audit;
mod command_line;
mod connections;
mod dead_letters;
mod events;
mod failure;
mod fleet_file;
mod order;
mod output;
mod resync;
mod status;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use command_line::{Arguments, Command, DeadLetters, Events, Order};
use connections::Connections;
use failure::{Failure, Finding};
use output::Output;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    match Box::pin(run(arguments, &output)).await {
        Ok(finding) => finding.exit_code(),
        Err(failure) => failure.report(),
    }
}

async fn run(arguments: Arguments, output: &Output) -> Result<Finding, Failure> {
    if let Command::Completions { shell } = arguments.command {
        let mut command = Arguments::command();
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, "ticketctl", &mut script);
        output.text(&String::from_utf8_lossy(&script))?;
        return Ok(Finding::Fine);
    }
    let connections = Connections::new(arguments.connections)?;
    match arguments.command {
        Command::Status => status::run(&connections, output).await,
        Command::Events(Events::Tail(tail)) => events::tail(&connections, output, tail).await,
        Command::DeadLetters(DeadLetters::List { limit }) => {
            dead_letters::list(&connections, output, limit).await
        }
        Command::DeadLetters(DeadLetters::Show { number }) => {
            dead_letters::show(&connections, output, number).await
        }
        Command::DeadLetters(DeadLetters::Replay(which)) => {
            dead_letters::replay(&connections, output, &which).await
        }
        Command::DeadLetters(DeadLetters::Discard(which)) => {
            dead_letters::discard(&connections, output, &which).await
        }
        Command::Resync { service } => resync::run(&connections, output, &service).await,
        Command::Order(Order::Trace { id }) => order::trace(&connections, output, id).await,
        Command::Audit(settings) => audit::run(&connections, output, &settings).await,
        Command::Completions { .. } => unreachable!("handled above, without a connection"),
    }
}
