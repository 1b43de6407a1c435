//! `cargo xtask smoke`: one purchase against a deployed fleet.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use testkit::smoke::{SmokeSettings, Step, Trust, buy_a_ticket};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The shop's address
    #[arg(long, default_value = "https://ticketing.dev")]
    url: String,
    /// Accept any certificate
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// Trust the certificates in this file (PEM) instead of the public authorities
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Stripe's token of the card that is charged
    #[arg(long, default_value = "tok_visa", value_name = "TOKEN")]
    card_token: String,
    /// The limit for steps that need events between services
    #[arg(long, default_value_t = 60, value_name = "N")]
    timeout_seconds: u64,
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let settings = SmokeSettings {
        trust: match (arguments.insecure, arguments.ca) {
            (true, _) => Trust::Anyone,
            (false, Some(file)) => Trust::Only(file),
            (false, None) => Trust::Public,
        },
        url: arguments.url,
        card_token: arguments.card_token,
        timeout: Duration::from_secs(arguments.timeout_seconds),
    };
    let bought = buy_a_ticket(&settings, &mut show).await?;
    Ok(if bought {
        println!("A ticket was bought at {}.", settings.url);
        ExitCode::SUCCESS
    } else {
        println!("No ticket was bought at {}.", settings.url);
        ExitCode::FAILURE
    })
}

fn show(step: &Step) {
    let (what, took) = (&step.what, step.took.as_millis());
    match &step.trouble {
        None => println!("✓ {what} ({took} ms)"),
        Some(trouble) => println!("✗ {what} ({took} ms)\n  {trouble}"),
    }
}
