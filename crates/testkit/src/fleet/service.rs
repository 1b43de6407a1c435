//! One replica of a service, and the faults that a test can inject into it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, anyhow, bail, ensure};
use nix::sys::signal::Signal;
use tokio::process::Command;

use super::links::Links;
use crate::eventually::within;
use crate::log;
use crate::process::Process;
use crate::proxy::{Dependency, Proxy};

/// Enough for a debug build on a busy machine, with newly started dependencies.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The grace period of a pod.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A process of the fleet.
pub struct Service {
    name: &'static str,
    replica: usize,
    port: u16,
    admin_port: u16,
    program: PathBuf,
    variables: Mutex<Vec<(String, String)>>,
    links: Links,
    log: PathBuf,
    state: Mutex<State>,
    http: reqwest::Client,
}

#[derive(Default, Clone)]
struct State {
    process: Option<Arc<Process>>,
    /// Whether its end was requested here.
    ending: bool,
}

/// Without the variables, because some are secrets.
impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("replica", &self.replica)
            .field("port", &self.port)
            .field("admin_port", &self.admin_port)
            .finish_non_exhaustive()
    }
}

impl Service {
    pub(super) fn new(
        name: &'static str,
        replica: usize,
        (port, admin_port): (u16, u16),
        program: PathBuf,
        variables: impl Iterator<Item = (String, String)>,
        links: Links,
        logs: &Path,
    ) -> Self {
        Self {
            name,
            replica,
            port,
            admin_port,
            program,
            variables: Mutex::new(variables.collect()),
            links,
            log: logs.join(format!("{name}-{replica}.log")),
            state: Mutex::default(),
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(5))
                .build()
                .expect("a client without TLS can always be built"),
        }
    }

    /// The service's name: `orders`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The number of the replica, from 1.
    #[must_use]
    pub const fn replica(&self) -> usize {
        self.replica
    }

    /// The API's port on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The admin port on loopback.
    #[must_use]
    pub const fn admin_port(&self) -> u16 {
        self.admin_port
    }

    /// The API's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Its link to a dependency, if it has that dependency and the fleet is proxied.
    #[must_use]
    pub fn link(&self, dependency: Dependency) -> Option<&Proxy> {
        self.links()
            .find_map(|(its, proxy)| (its == dependency).then_some(proxy))
    }

    /// All its links; none if the fleet is not proxied.
    pub fn links(&self) -> impl Iterator<Item = (Dependency, &Proxy)> {
        self.links.iter()
    }

    /// The log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The id of its process, if it was started.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process().map(|process| process.pid())
    }

    /// Whether its process runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process()
            .is_some_and(|process| process.ended().is_none())
    }

    /// Sets an environment variable, from its next start on.
    pub fn set_variable(&self, name: &str, value: &str) {
        let variable = (name.to_owned(), value.to_owned());
        self.variables().push(variable);
    }

    /// Starts its process, without waiting until it is ready.
    pub async fn start(&self) -> Result<()> {
        ensure!(!self.is_running(), "{self} runs already");
        let mut command = Command::new(&self.program);
        command.envs(self.variables().iter().cloned());
        log::append_output(&mut command, &self.log)?;
        let process = Process::start(command).await?;
        self.set(State {
            process: Some(Arc::new(process)),
            ending: false,
        });
        Ok(())
    }

    /// Waits until it is ready; an error if it ended, or took too long.
    pub async fn wait_ready(&self) -> Result<()> {
        let ready = within(START_TIMEOUT, || self.ready_or_ended()).await;
        ready
            .and_then(std::convert::identity)
            .map_err(|reason| anyhow!("{self} is not ready: {reason}"))
    }

    /// Whether it is ready. `Ok(Err(_))` if it has ended, because waiting longer is useless.
    async fn ready_or_ended(&self) -> Result<Result<(), String>> {
        if !self.is_running() {
            return Ok(Err(self.exit()));
        }
        let url = format!("http://127.0.0.1:{}/readyz", self.admin_port);
        let answer = self.http.get(url).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{status}: {}", answer.text().await?);
        Ok(Ok(()))
    }

    /// Kills it (SIGKILL), as the loss of its machine would.
    pub async fn kill(&self) {
        if let Some(process) = self.end() {
            process.kill().await;
        }
    }

    /// Stops it gracefully (SIGTERM); an error if it does not end within ten seconds and with success.
    pub async fn stop(&self) -> Result<()> {
        let Some(process) = self.end().filter(|process| process.ended().is_none()) else {
            return Ok(());
        };
        let status = process.stop(STOP_TIMEOUT).await;
        if status.success() {
            return Ok(());
        }
        bail!(
            "{self} did not shut down gracefully ({status}):\n{}",
            log::last_lines(&self.log)
        )
    }

    /// Stops it if it runs, starts it again on the same ports, and waits until it is ready.
    pub async fn restart(&self) -> Result<()> {
        self.stop().await?;
        self.start().await?;
        self.wait_ready().await
    }

    /// Makes it hang (SIGSTOP): it accepts connections and answers nothing.
    pub async fn suspend(&self) {
        if let Some(process) = self.process() {
            process.signal(Signal::SIGSTOP).await;
        }
    }

    /// Resumes it (SIGCONT).
    pub async fn resume(&self) {
        if let Some(process) = self.process() {
            process.signal(Signal::SIGCONT).await;
        }
    }

    /// Its exit status and last log lines, if it ended unexpectedly.
    #[must_use]
    pub fn unexpected_exit(&self) -> Option<String> {
        let State { process, ending } = self.state();
        process?.ended().filter(|_| !ending)?;
        Some(format!("{self} {}", self.exit()))
    }

    fn exit(&self) -> String {
        let status = self.process().and_then(|process| process.ended());
        let status = status.map_or("was not started".to_owned(), |status| {
            format!(
                "ended unexpectedly ({status}):\n{}",
                log::last_lines(&self.log)
            )
        });
        format!("{status}\n(the whole log: {})", self.log.display())
    }

    fn end(&self) -> Option<Arc<Process>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A process that has already ended did so unexpectedly.
        state.ending |= state
            .process
            .as_ref()
            .is_some_and(|process| process.ended().is_none());
        state.process.clone()
    }

    fn process(&self) -> Option<Arc<Process>> {
        self.state().process
    }

    /// Its environment. The last value of a name wins.
    fn variables(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.variables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> State {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.name, self.replica)
    }
}
