//! One replica of a service, and what a test may do to it.

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

/// A debug build on a machine with much to do, with its dependencies just started.
const START_PATIENCE: Duration = Duration::from_mins(1);

/// What a pod is given to end.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

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
    /// Whether its end was wanted, so that nobody need be told of it.
    ending: bool,
}

/// Without the variables: some of them are secrets.
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
                .expect("a client without TLS needs nothing"),
        }
    }

    /// The service's name: `orders`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Which of the service's replicas it is, from 1.
    #[must_use]
    pub const fn replica(&self) -> usize {
        self.replica
    }

    /// Where its API listens, on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where its health is asked, on loopback.
    #[must_use]
    pub const fn admin_port(&self) -> u16 {
        self.admin_port
    }

    /// Its API's address.
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

    /// Where its output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process, if it was started.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process().map(|process| process.pid())
    }

    /// Whether its process lives.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process()
            .is_some_and(|process| process.ended().is_none())
    }

    /// Tells it this by its environment from its next start on, over what it was told before.
    pub fn tell(&self, variable: &str, value: &str) {
        let told = (variable.to_owned(), value.to_owned());
        self.variables().push(told);
    }

    /// Starts its process, and does not wait until it is ready.
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

    /// Waits until it says that it is ready; an error if it ended, or took too long.
    pub async fn wait_ready(&self) -> Result<()> {
        let ready = within(START_PATIENCE, || self.ready_or_ended()).await;
        ready
            .and_then(std::convert::identity)
            .map_err(|reason| anyhow!("{self} is not ready: {reason}"))
    }

    /// That it ended is a final answer too: no use in waiting any longer.
    async fn ready_or_ended(&self) -> Result<Result<(), String>> {
        if !self.is_running() {
            return Ok(Err(self.last_words()));
        }
        let url = format!("http://127.0.0.1:{}/readyz", self.admin_port);
        let answer = self.http.get(url).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{status}: {}", answer.text().await?);
        Ok(Ok(()))
    }

    /// Ends it without any order (SIGKILL), as the loss of its machine would.
    pub async fn kill(&self) {
        if let Some(process) = self.end() {
            process.kill().await;
        }
    }

    /// Ends it in order (SIGTERM); an error if it does not end within ten seconds and with success.
    pub async fn stop(&self) -> Result<()> {
        let Some(process) = self.end().filter(|process| process.ended().is_none()) else {
            return Ok(());
        };
        let status = process.stop(STOP_PATIENCE).await;
        if status.success() {
            return Ok(());
        }
        bail!(
            "{self} did not end in order ({status}):\n{}",
            log::last_lines(&self.log)
        )
    }

    /// Stops it if it runs, starts it again on the same ports, and waits until it is ready.
    pub async fn restart(&self) -> Result<()> {
        self.stop().await?;
        self.start().await?;
        self.wait_ready().await
    }

    /// Makes it hang (SIGSTOP): it takes connections and answers nothing.
    pub async fn suspend(&self) {
        if let Some(process) = self.process() {
            process.signal(Signal::SIGSTOP).await;
        }
    }

    /// Lets it go on (SIGCONT).
    pub async fn resume(&self) {
        if let Some(process) = self.process() {
            process.signal(Signal::SIGCONT).await;
        }
    }

    /// How it ended and the last of its log, if it ended although nobody here ended it.
    #[must_use]
    pub fn obituary(&self) -> Option<String> {
        let State { process, ending } = self.state();
        process?.ended().filter(|_| !ending)?;
        Some(format!("{self} {}", self.last_words()))
    }

    fn last_words(&self) -> String {
        let status = self.process().and_then(|process| process.ended());
        let status = status.map_or("was not started".to_owned(), |status| {
            format!("ended unasked ({status}):\n{}", log::last_lines(&self.log))
        });
        format!("{status}\n(all of it in {})", self.log.display())
    }

    fn end(&self) -> Option<Arc<Process>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody who only now ends what ended before must still hear of that.
        state.ending |= state
            .process
            .as_ref()
            .is_some_and(|process| process.ended().is_none());
        state.process.clone()
    }

    fn process(&self) -> Option<Arc<Process>> {
        self.state().process
    }

    /// What it is told by its environment; of several values for a name the last.
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
