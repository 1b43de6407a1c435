//! `cargo xtask up`: the whole fleet on loopback, until Ctrl-C.

mod demo;
mod fleet_file;
mod signpost;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use testkit::Servers;
use testkit::fleet::{Fleet, FleetSettings, SERVICES};
use testkit::progress::Progress;

use self::fleet_file::FleetFile;
use crate::cargo;
use crate::client;
use crate::console::Console;
use crate::observe::{self, Prometheus};
use crate::stop::StopSignals;

/// How often to check that all processes still run.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// A larger number of replicas is a mistake on one machine.
const MAX_REPLICAS: usize = 8;

/// Variables that are passed on to the services, so that payments can use the real Stripe.
const STRIPE_VARIABLES: [&str; 5] = [
    "STRIPE_KEY",
    "STRIPE_API_BASE",
    "STRIPE_PUBLISHABLE_KEY",
    "STRIPE_JS_URL",
    "STRIPE_WEBHOOK_SECRET",
];

#[derive(clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct Arguments {
    /// Seconds until an unpaid order expires
    #[arg(long, value_name = "N", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    expiration_seconds: u64,
    /// Run optimised binaries
    #[arg(long)]
    release: bool,
    /// Run several processes of a service, as in orders=2; may be repeated
    #[arg(long, value_name = "SERVICE=N", value_parser = replicas)]
    replicas: Vec<(String, usize)>,
    /// Create two users and some dozens of tickets, some of them reserved or sold
    #[arg(long)]
    demo: bool,
    /// Run Prometheus too, with the project's rules
    #[arg(long)]
    observe: bool,
    /// Use the rate limits of production
    #[arg(long)]
    production_limits: bool,
    /// The port of the shop
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Store data and logs in this folder, and reuse what it contains
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

fn replicas(text: &str) -> Result<(String, usize)> {
    let (service, count) = text.split_once('=').context("for example orders=2")?;
    ensure!(
        SERVICES.contains(&service),
        "the services are {}",
        SERVICES.join(", ")
    );
    let count = count.parse().context("not a number")?;
    ensure!(
        (1..=MAX_REPLICAS).contains(&count),
        "1 to {MAX_REPLICAS} replicas"
    );
    Ok((service.to_owned(), count))
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let mut stop = StopSignals::listen()?;
    let console = Arc::new(Console::new());
    // Checked before minutes of building, not after them.
    refuse_taken_port(arguments.port)?;
    if !prepare(&arguments, &console, &mut stop).await? {
        return Ok(ExitCode::SUCCESS);
    }
    let settings = settings(&arguments, console.clone());
    let fleet = tokio::select! {
        started = Fleet::start(settings) => started?,
        () = stop.next() => {
            console.pause();
            return Ok(ExitCode::SUCCESS);
        }
    };
    console.pause();
    let file = FleetFile::write(&fleet)?;
    signpost::print(&fleet);
    let prometheus = if arguments.observe {
        Some(Prometheus::start(&fleet).await?)
    } else {
        None
    };
    if let Some(prometheus) = &prometheus {
        println!(
            "Prometheus    {0}/classic/alerts and {0}/classic/targets",
            prometheus.url()
        );
    }
    println!("Look inside   cargo run --bin ticketctl -- status\n");
    if arguments.demo {
        demo::fill(&fleet).await?;
    }
    println!("Ctrl-C stops everything.");
    watch(&fleet, prometheus.as_ref(), &mut stop).await;
    console.step("stopping");
    drop(file);
    if let Some(prometheus) = prometheus {
        prometheus.stop().await;
    }
    let stopped = fleet.stop().await;
    console.pause();
    stopped.map(|()| ExitCode::SUCCESS)
}

/// Builds and installs what the fleet runs; false if stopped before.
async fn prepare(
    arguments: &Arguments,
    console: &Arc<Console>,
    stop: &mut StopSignals,
) -> Result<bool> {
    // First what can be installed quickly, because only one install runs at a time.
    let Some(installed) = stop.unless(client::install(console.clone())).await else {
        return Ok(false);
    };
    installed?;
    // The database server may take minutes to compile: that goes on during the builds.
    let servers = tokio::spawn(Servers::install(Arc::new(Console::plain())));
    if !client::build(console, stop).await? {
        return Ok(false);
    }
    console.step("building the services");
    console.pause();
    if !cargo::build_services(arguments.release, stop).await? {
        return Ok(false);
    }
    let Some(servers) = stop.unless(servers).await else {
        return Ok(false);
    };
    servers.context("the install panicked")??;
    if arguments.observe {
        observe::install(console.clone()).await?;
    }
    Ok(true)
}

fn settings(arguments: &Arguments, progress: Arc<dyn Progress>) -> FleetSettings {
    let given = STRIPE_VARIABLES.into_iter().filter_map(|name| {
        let value = std::env::var(name).ok()?;
        Some((name.to_owned(), value))
    });
    FleetSettings {
        expiration: Duration::from_secs(arguments.expiration_seconds),
        replicas: arguments
            .replicas
            .iter()
            .cloned()
            .collect::<BTreeMap<_, _>>(),
        release: arguments.release,
        production_limits: arguments.production_limits,
        gateway_port: Some(arguments.port),
        data_dir: arguments.data.clone(),
        given_servers: true,
        proxied: false,
        environment: given.collect(),
        progress,
    }
}

fn refuse_taken_port(port: u16) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => bail!("cannot use port {port} ({error}); choose another with --port"),
    }
}

/// Waits for a signal, and reports each process that ends unexpectedly, once.
async fn watch(fleet: &Fleet, prometheus: Option<&Prometheus>, stop: &mut StopSignals) {
    let mut reported = Vec::new();
    loop {
        tokio::select! {
            () = stop.next() => return,
            () = tokio::time::sleep(WATCH_INTERVAL) => {}
        }
        let mut obituaries = fleet.unexpected_exits();
        obituaries.extend(prometheus.and_then(Prometheus::unexpected_exit));
        for obituary in &obituaries {
            if !reported.contains(obituary) {
                eprintln!("\nERROR: {obituary}\n");
            }
        }
        reported = obituaries;
    }
}
