//! The stand-in as a separate process, on loopback.

use std::net::Ipv4Addr;

use anyhow::Context;
use clap::Parser;
use stripe_stand_in::{Settings, StripeStandIn, Webhook};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A stand-in for the part of Stripe's API that the fleet uses.
#[derive(Debug, Parser)]
struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 12_111)]
    port: u16,
    /// The URL that events are posted to.
    #[arg(long, requires = "webhook_secret")]
    webhook_url: Option<String>,
    /// The secret that signs events.
    #[arg(long, requires = "webhook_url")]
    webhook_secret: Option<String>,
    /// The key that servers must send.
    #[arg(long, default_value_t = Settings::default().secret_key)]
    secret_key: String,
    /// The key that browsers must send.
    #[arg(long, default_value_t = Settings::default().publishable_key)]
    publishable_key: String,
}

impl Arguments {
    fn settings(self) -> Settings {
        let webhook = self.webhook_url.zip(self.webhook_secret);
        Settings {
            secret_key: self.secret_key,
            publishable_key: self.publishable_key,
            webhook: webhook.map(|(url, secret)| Webhook { url, secret }),
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let arguments = Arguments::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port))
        .await
        .with_context(|| format!("cannot listen on port {}", arguments.port))?;
    let stand_in = StripeStandIn::start(listener, arguments.settings()).await;
    tracing::info!(url = stand_in.base_url(), "serving");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stand_in.stop().await;
    tracing::info!("stopped");
    Ok(())
}
