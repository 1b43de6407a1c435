//! Child processes that never outlive us, not even when we are killed.
//!
//! On Linux each child asks the kernel to be killed when its parent dies. The kernel takes the *thread* that forked
//! for the parent, so all children are started by one thread that lives as long as the process. That thread also
//! owns them: a signal is only ever sent to a child that was not reaped yet, so it cannot hit a stranger that got
//! the same id.

use std::os::unix::process::CommandExt;
use std::process::{ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};

type Orders = mpsc::UnboundedReceiver<(Signal, oneshot::Sender<()>)>;

/// What is asked of the thread that starts children.
enum Wish {
    Start(Command, oneshot::Sender<std::io::Result<Process>>),
    /// That the children to come compute on these processors.
    #[cfg(target_os = "linux")]
    Bind(nix::sched::CpuSet, oneshot::Sender<nix::Result<()>>),
}

static NURSERY: LazyLock<mpsc::UnboundedSender<Wish>> = LazyLock::new(|| {
    let (wishes, waiting) = mpsc::unbounded_channel();
    std::thread::Builder::new()
        .name("children".to_owned())
        .spawn(move || nursery(waiting))
        .expect("a process can start one thread more");
    wishes
});

/// The thread that starts all children and owns them.
fn nursery(mut wishes: mpsc::UnboundedReceiver<Wish>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a process can have one runtime more");
    runtime.block_on(async {
        while let Some(wish) = wishes.recv().await {
            match wish {
                Wish::Start(mut command, started) => {
                    // If nobody waits for the answer any more, the handle is dropped, and the child with it.
                    let _ = started.send(command.spawn().map(Process::own));
                }
                #[cfg(target_os = "linux")]
                Wish::Bind(processors, bound) => {
                    let this_thread = Pid::from_raw(0);
                    let _ = bound.send(nix::sched::sched_setaffinity(this_thread, &processors));
                }
            }
        }
    });
}

/// Makes a wish that is answered.
async fn wish<T>(wish: impl FnOnce(oneshot::Sender<T>) -> Wish) -> Result<T> {
    const ENDED: &str = "the thread that starts children has ended";

    let (answer, answered) = oneshot::channel();
    NURSERY.send(wish(answer)).map_err(|_| anyhow!(ENDED))?;
    answered.await.context(ENDED)
}

/// Lets all children that are started from now on compute on these processors only. They know from their first moment
/// how many they have.
#[cfg(target_os = "linux")]
pub(crate) async fn bind_children(processors: nix::sched::CpuSet) -> Result<()> {
    Ok(wish(|bound| Wish::Bind(processors, bound)).await??)
}

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    orders: mpsc::UnboundedSender<(Signal, oneshot::Sender<()>)>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts the command, with nothing on its standard input.
    pub async fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).kill_on_drop(true);
        die_with_parent(command.as_std_mut());
        let name = command.as_std().get_program().to_owned();
        wish(|started| Wish::Start(command, started))
            .await?
            .with_context(|| format!("cannot start {}", name.display()))
    }

    fn own(child: Child) -> Self {
        let pid = child.id().expect("a child has its id until it is reaped");
        let (sender, orders) = mpsc::unbounded_channel();
        let (status, ended) = watch::channel(None);
        tokio::spawn(look_after(child, orders, status));
        Self {
            pid,
            orders: sender,
            ended,
        }
    }

    /// The operating system's id.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Never: whoever looks after a child tells of its end before anything else.
    pub async fn wait(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        let status = ended.wait_for(Option::is_some).await;
        let status = status.expect("the one who looks after a child tells of its end");
        status.expect("it was waited for")
    }

    /// Sends a signal; returns once it is sent, or at once if the child has ended.
    pub async fn signal(&self, signal: Signal) {
        let (sent, answer) = oneshot::channel();
        if self.orders.send((signal, sent)).is_ok() {
            // An error means that the child ended before.
            let _ = answer.await;
        }
    }

    /// SIGKILL, and waits for its end.
    pub async fn kill(&self) -> ExitStatus {
        self.signal(Signal::SIGKILL).await;
        self.wait().await
    }

    /// SIGTERM, and SIGKILL if it has not ended after `patience`.
    pub async fn stop(&self, patience: Duration) -> ExitStatus {
        self.signal(Signal::SIGTERM).await;
        // A suspended process would not see the request.
        self.signal(Signal::SIGCONT).await;
        match tokio::time::timeout(patience, self.wait()).await {
            Ok(status) => status,
            Err(_) => self.kill().await,
        }
    }
}

/// Passes signals on to the child until it ends; kills it when its handle is gone.
async fn look_after(
    mut child: Child,
    mut orders: Orders,
    status: watch::Sender<Option<ExitStatus>>,
) {
    loop {
        tokio::select! {
            biased;
            ended = child.wait() => {
                status.send_replace(Some(ended.unwrap_or_default()));
                return;
            }
            order = orders.recv() => {
                // The handle is gone: dropping the child kills it.
                let Some((signal, sent)) = order else { return };
                if let Some(pid) = child.id().and_then(|id| id.try_into().ok()) {
                    // An error means that it is ending by itself.
                    let _ = kill(Pid::from_raw(pid), signal);
                }
                // Nobody needs to wait for it.
                let _ = sent.send(());
            }
        }
    }
}

/// Makes the command's process be killed when the thread that starts it ends.
///
/// For commands whose end that thread waits for; others are started by [`Process::start`].
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

/// Only Linux has a way to say that.
#[cfg(not(target_os = "linux"))]
pub fn die_with_parent(_: &mut std::process::Command) {}
