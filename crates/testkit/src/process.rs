//! Child processes that never outlive this process, even if it is killed.
//!
//! On Linux each child asks the kernel to be killed when its parent dies. The kernel's parent is the *thread* that
//! forked, so one thread starts all children and runs as long as the process. The same thread owns the children and
//! sends their signals only before they are reaped, so that a signal cannot reach another process with the same id.

use std::os::unix::process::CommandExt;
use std::process::{ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};

type Signals = mpsc::UnboundedReceiver<(Signal, oneshot::Sender<()>)>;

/// A request to the thread that starts the children.
enum Request {
    Start(Command, oneshot::Sender<std::io::Result<Process>>),
    /// Binds later children to these processors.
    #[cfg(target_os = "linux")]
    Bind(nix::sched::CpuSet, oneshot::Sender<nix::Result<()>>),
}

static REQUESTS: LazyLock<mpsc::UnboundedSender<Request>> = LazyLock::new(|| {
    let (sender, requests) = mpsc::unbounded_channel();
    std::thread::Builder::new()
        .name("children".to_owned())
        .spawn(move || serve(requests))
        .expect("a thread can be started");
    sender
});

/// The thread that starts and owns all children.
fn serve(mut requests: mpsc::UnboundedReceiver<Request>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(async {
        while let Some(request) = requests.recv().await {
            match request {
                Request::Start(mut command, started) => {
                    // Without a receiver the handle is dropped, which kills the child.
                    let _ = started.send(command.spawn().map(Process::own));
                }
                #[cfg(target_os = "linux")]
                Request::Bind(processors, bound) => {
                    let this_thread = Pid::from_raw(0);
                    let _ = bound.send(nix::sched::sched_setaffinity(this_thread, &processors));
                }
            }
        }
    });
}

/// Sends a request, and waits for its answer.
async fn ask<T>(request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T> {
    const ENDED: &str = "the thread that starts children has ended";

    let (answer, answered) = oneshot::channel();
    REQUESTS.send(request(answer)).map_err(|_| anyhow!(ENDED))?;
    answered.await.context(ENDED)
}

/// Binds all children that are started from now on to these processors.
#[cfg(target_os = "linux")]
pub(crate) async fn bind_children(processors: nix::sched::CpuSet) -> Result<()> {
    Ok(ask(|bound| Request::Bind(processors, bound)).await??)
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    signals: mpsc::UnboundedSender<(Signal, oneshot::Sender<()>)>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts the command, with an empty standard input.
    pub async fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).kill_on_drop(true);
        die_with_parent(command.as_std_mut());
        let name = command.as_std().get_program().to_owned();
        ask(|started| Request::Start(command, started))
            .await?
            .with_context(|| format!("cannot start {}", name.display()))
    }

    fn own(child: Child) -> Self {
        let pid = child.id().expect("a child has its id until it is reaped");
        let (sender, signals) = mpsc::unbounded_channel();
        let (status, ended) = watch::channel(None);
        tokio::spawn(supervise(child, signals, status));
        Self {
            pid,
            signals: sender,
            ended,
        }
    }

    /// The operating system's id.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Its exit status, if it has ended.
    #[must_use]
    pub fn ended(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Never: the supervisor sends the exit status before it ends.
    pub async fn wait(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        let status = ended.wait_for(Option::is_some).await;
        let status = status.expect("the supervisor sends the exit status");
        status.expect("the wait was for a status")
    }

    /// Sends a signal, and returns once it is sent. Does nothing if the child has ended.
    pub async fn signal(&self, signal: Signal) {
        let (sent, answer) = oneshot::channel();
        if self.signals.send((signal, sent)).is_ok() {
            // An error means that the child has ended.
            let _ = answer.await;
        }
    }

    /// Sends SIGKILL, and waits for its end.
    pub async fn kill(&self) -> ExitStatus {
        self.signal(Signal::SIGKILL).await;
        self.wait().await
    }

    /// Sends SIGTERM, and SIGKILL if it has not ended after `timeout`.
    pub async fn stop(&self, timeout: Duration) -> ExitStatus {
        self.signal(Signal::SIGTERM).await;
        // A suspended process does not handle SIGTERM.
        self.signal(Signal::SIGCONT).await;
        match tokio::time::timeout(timeout, self.wait()).await {
            Ok(status) => status,
            Err(_) => self.kill().await,
        }
    }
}

/// Sends signals to the child until it ends. Kills it when its handle is dropped.
async fn supervise(
    mut child: Child,
    mut signals: Signals,
    status: watch::Sender<Option<ExitStatus>>,
) {
    loop {
        tokio::select! {
            biased;
            ended = child.wait() => {
                status.send_replace(Some(ended.unwrap_or_default()));
                return;
            }
            signal = signals.recv() => {
                // Without a handle the child is dropped, which kills it.
                let Some((signal, sent)) = signal else { return };
                if let Some(pid) = child.id().and_then(|id| id.try_into().ok()) {
                    // An error means that it has just ended.
                    let _ = kill(Pid::from_raw(pid), signal);
                }
                // An error means that the sender does not wait.
                let _ = sent.send(());
            }
        }
    }
}

/// Lets the kernel kill the command's process when the thread that starts it ends.
///
/// For commands whose end that thread waits for. Other commands need [`Process::start`].
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "the hook runs between fork and exec and makes one system call"
)]
pub fn die_with_parent(command: &mut std::process::Command) {
    // SAFETY: `prctl` is async-signal-safe, and the closure neither allocates nor takes a lock.
    unsafe {
        command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?));
    }
}

/// Only Linux supports this.
#[cfg(not(target_os = "linux"))]
pub fn die_with_parent(_: &mut std::process::Command) {}
