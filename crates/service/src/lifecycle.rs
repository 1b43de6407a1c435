//! The lifecycle of a process: configuration, dependencies, serving, and graceful shutdown.
//!
//! On SIGTERM or Ctrl-C it accepts no new work, completes the requests and events in progress, drains the outbox and
//! closes its connections, within [`STOP_LIMIT`].

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use base::clock::Clock;
use base::config::{ConfigError, Environment, ListenConfig};
use base::definition::Definition;
use telemetry::{Telemetry, TelemetryConfig};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use web::{Admission, Connections};

use crate::admin::{self, Health};
use crate::app::{App, StartError};
use crate::command_line::{self, Request};
use crate::description::Description;

/// The time limit of the shutdown, below the grace period of a pod.
pub const STOP_LIMIT: Duration = Duration::from_secs(9);

/// The time limit for completing requests at shutdown. Connections that are still open then, such as those without a
/// request, are cut.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// The number of connections that may wait to be accepted. With the common 128, the kernel drops connections of a burst
/// of clients, which retry only seconds later.
const BACKLOG: u32 = 1_024;

/// The admin port gets a few requests per second, from the platform.
const ADMIN_CONNECTIONS: Connections = Connections {
    max: 256,
    head_timeout: Duration::from_secs(10),
};

/// `EX_USAGE`, also for an invalid configuration instead of `EX_CONFIG`, because existing callers test for it.
const EXIT_USAGE: u8 = 64;

/// The two sockets of a service.
#[derive(Debug)]
pub struct Listeners {
    /// For clients.
    pub api: TcpListener,
    /// For the platform.
    pub admin: TcpListener,
}

impl Listeners {
    /// Binds both.
    #[expect(
        clippy::unused_async,
        reason = "sockets need a runtime, and futures are polled in one"
    )]
    pub async fn bind(config: &ListenConfig) -> std::io::Result<Self> {
        Ok(Self {
            api: listen(config.api)?,
            admin: listen(config.admin)?,
        })
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Without it a restarted process could not bind while connections of the previous one are in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Why a process failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A socket could not be opened.
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    /// The service could not be built.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The shutdown exceeded its time limit.
    #[error("not stopped within {STOP_LIMIT:?}")]
    Stuck,
}

/// The `main` of a service: reads the command line and the configuration, builds the service, and runs it.
///
/// Returns exit code 0 after a graceful shutdown, 1 after a failure, and 64 for an invalid command line or
/// configuration, whose faults are printed.
pub fn launch<C, F>(
    definition: &'static Definition,
    read: impl FnOnce(&mut Environment) -> Option<C>,
    build: impl FnOnce(C, Clock) -> F,
) -> ExitCode
where
    F: Future<Output = Result<App, StartError>>,
{
    let name = definition.name;
    match command_line::read(std::env::args_os().skip(1)) {
        Ok(Request::Run) => run_process(name, read, build),
        Ok(Request::Help) => print(&command_line::help(name)),
        Ok(Request::Version) => print(&command_line::version(name)),
        Ok(Request::Describe) => {
            let description =
                Description::of(definition, |environment| settings(name, environment, read));
            let json = serde_json::to_string_pretty(&description);
            print(&json.expect("a description is serializable"))
        }
        Err(error) => reject(name, &error),
    }
}

/// Prints the text. Fails without a panic if standard output is closed.
fn print(text: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn reject(name: &str, error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{name}: {error}");
    ExitCode::from(EXIT_USAGE)
}

fn run_process<C, F>(
    name: &'static str,
    read: impl FnOnce(&mut Environment) -> Option<C>,
    build: impl FnOnce(C, Clock) -> F,
) -> ExitCode
where
    F: Future<Output = Result<App, StartError>>,
{
    let (listen, telemetry, config) = match configure(name, Environment::of_process(), read) {
        Ok(configured) => configured,
        Err(error) => return reject(name, &error),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{name}: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let telemetry = Telemetry::start(&telemetry, runtime.handle());
    let result = runtime.block_on(async {
        let listeners = Listeners::bind(&listen).await?;
        run(listeners, stop_signal()?, build(config, Clock::system())).await
    });
    let code = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "service failed");
            ExitCode::FAILURE
        }
    };
    telemetry.finish();
    code
}

fn configure<C>(
    name: &str,
    mut environment: Environment,
    read: impl FnOnce(&mut Environment) -> Option<C>,
) -> Result<(ListenConfig, TelemetryConfig, C), ConfigError> {
    let settings = settings(name, &mut environment, read);
    environment.finish(settings)
}

/// Everything that a process reads from its environment.
fn settings<C>(
    name: &str,
    environment: &mut Environment,
    read: impl FnOnce(&mut Environment) -> Option<C>,
) -> Option<(ListenConfig, TelemetryConfig, C)> {
    let listen = ListenConfig::read(environment);
    let telemetry = TelemetryConfig::read(environment, name);
    let config = read(environment);
    Some((listen?, telemetry?, config?))
}

/// A token that is cancelled by SIGTERM or Ctrl-C.
fn stop_signal() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    });
    Ok(stop)
}

/// Builds the service and runs it until `stop`. The admin port is served from the start.
pub async fn run(
    listeners: Listeners,
    stop: CancellationToken,
    build: impl Future<Output = Result<App, StartError>>,
) -> Result<(), RunError> {
    let health = Health::default();
    let admin_stop = CancellationToken::new();
    let _admin_guard = admin_stop.clone().drop_guard();
    let (admin_address, address) = (listeners.admin.local_addr()?, listeners.api.local_addr()?);
    serve_admin(listeners.admin, health.clone(), admin_stop);
    tracing::info!(%address, admin.address = %admin_address, "starting");
    let Some(app) = stop.run_until_cancelled(build).await else {
        return Ok(());
    };
    let app = app?;
    app.assert_complete();
    health.serving(app.checks.clone(), app.admin.clone(), app.metrics.clone());
    tracing::info!(%address, "serving");
    serve(listeners.api, app, stop, &health).await
}

fn serve_admin(listener: TcpListener, health: Health, stop: CancellationToken) {
    tokio::spawn(ADMIN_CONNECTIONS.serve(listener, admin::service(health), stop));
}

async fn serve(
    listener: TcpListener,
    app: App,
    stop: CancellationToken,
    health: &Health,
) -> Result<(), RunError> {
    let (intake, relays) = (TaskTracker::new(), TaskTracker::new());
    let relay_stop = CancellationToken::new();
    for task in app.intake {
        intake.spawn(task(stop.clone()));
    }
    for task in app.relays {
        relays.spawn(task(relay_stop.clone()));
    }
    intake.spawn(serve_api(listener, app.routes, stop.clone()));
    stop.cancelled().await;
    health.draining();
    tracing::info!("stopping");
    let shutdown = async {
        intake.close();
        intake.wait().await;
        // Nothing writes any more, so the relays publish the remaining events and end.
        relay_stop.cancel();
        relays.close();
        relays.wait().await;
        futures::future::join_all(app.closers).await;
    };
    timeout(STOP_LIMIT, shutdown)
        .await
        .map_err(|_| RunError::Stuck)?;
    tracing::info!("stopped");
    Ok(())
}

/// Serves until `stop`, then completes open requests for at most [`DRAIN_LIMIT`].
async fn serve_api(listener: TcpListener, routes: Admission, stop: CancellationToken) {
    let served = Connections::default().serve(listener, routes, stop.clone());
    let deadline = async {
        stop.cancelled().await;
        sleep(DRAIN_LIMIT).await;
    };
    tokio::select! {
        () = served => {}
        () = deadline => tracing::warn!("open connections cut"),
    }
}
