//! Which functions a program calls, in the order of their first calls.
//!
//! The program runs under `ptrace` with a breakpoint at the beginning of each of its functions. Where one is met the
//! function's name is noted, and the breakpoint taken away: a function costs a stop when it is called first, and nothing
//! from then on.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use nix::libc::user_regs_struct;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use object::{Object, ObjectSymbol, SymbolKind};
use tokio::sync::oneshot;

use crate::stop::StopSignals;

/// The instruction that stops a program (`int3`), a byte long.
const BREAKPOINT: u8 = 0xCC;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where a file with the names of the functions is put
    folder: PathBuf,
    /// What is run
    program: PathBuf,
}

/// Runs the program to its end, and ends it when told to end.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let mut stop = StopSignals::listen()?;
    let (started, starting) = oneshot::channel();
    // Only the thread that started it may look after it.
    let mut tracing = tokio::task::spawn_blocking(move || {
        trace(&arguments.program, &arguments.folder, |pid| {
            // An error means that nobody is there to end it.
            let _ = started.send(pid);
        })
    });
    let Ok(pid) = starting.await else {
        return Ok(ExitCode::from(tracing.await??));
    };
    loop {
        tokio::select! {
            ended = &mut tracing => return Ok(ExitCode::from(ended??)),
            () = stop.next() => kill(pid, Signal::SIGTERM)?,
        }
    }
}

/// Runs the program to its end, and returns what it ended with.
fn trace(program: &Path, folder: &Path, started: impl FnOnce(Pid)) -> Result<u8> {
    let program = program
        .canonicalize()
        .with_context(|| program.display().to_string())?;
    let pid = start(&program)?;
    let mut traced = Traced::take(pid, &program, folder)?;
    started(pid);
    ptrace::cont(pid, None)?;
    // Threads of the program, and no child of another thread of ours.
    let its = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    loop {
        match waitpid(None, Some(its))? {
            WaitStatus::Exited(ended, status) if ended == pid => {
                return u8::try_from(status).context("a status is a byte");
            }
            WaitStatus::Signaled(ended, signal, _) if ended == pid => {
                bail!("{} was ended by {signal}", program.display());
            }
            WaitStatus::Stopped(thread, Signal::SIGTRAP) => {
                let signal = (!traced.met(thread)?).then_some(Signal::SIGTRAP);
                go_on(thread, signal)?;
            }
            // How the making of a thread is told, and how the thread begins.
            WaitStatus::PtraceEvent(thread, ..) | WaitStatus::Stopped(thread, Signal::SIGSTOP) => {
                go_on(thread, None)?;
            }
            WaitStatus::Stopped(thread, signal) => go_on(thread, signal)?,
            _ => {}
        }
    }
}

/// Starts the program, which waits before its first instruction.
#[expect(
    unsafe_code,
    reason = "the hook runs between fork and exec and makes one system call"
)]
fn start(program: &Path) -> Result<Pid> {
    let mut command = Command::new(program);
    // SAFETY: `ptrace` is async-signal-safe, and the closure neither allocates nor takes a lock.
    unsafe {
        command.pre_exec(|| Ok(ptrace::traceme()?));
    }
    let child = command
        .spawn()
        .with_context(|| program.display().to_string())?;
    let pid = Pid::from_raw(child.id().try_into()?);
    let stopped = waitpid(pid, None)?;
    ensure!(
        matches!(stopped, WaitStatus::Stopped(_, Signal::SIGTRAP)),
        "{} did not wait: {stopped:?}",
        program.display()
    );
    Ok(pid)
}

fn go_on(thread: Pid, signal: impl Into<Option<Signal>>) -> Result<()> {
    match ptrace::cont(thread, signal) {
        // It ended meanwhile, and that is told next.
        Ok(()) | Err(nix::Error::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A program with breakpoints.
struct Traced {
    memory: File,
    /// Where it lies in memory.
    base: u64,
    /// The functions' names and first bytes, by their places in the file.
    functions: HashMap<u64, (String, u8)>,
    met: HashSet<u64>,
    notes: File,
}

impl Traced {
    /// Takes over a program that has not begun.
    fn take(pid: Pid, program: &Path, folder: &Path) -> Result<Self> {
        ptrace::setoptions(
            pid,
            Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL,
        )?;
        let base = base(pid, program)?;
        let memory = OpenOptions::new()
            .read(true)
            .write(true)
            .open(format!("/proc/{pid}/mem"))?;
        let mut functions = HashMap::new();
        for (address, name) in functions_of(program)? {
            let mut first = [0];
            memory.read_exact_at(&mut first, base + address)?;
            functions.insert(address, (name, first[0]));
        }
        ensure!(
            !functions.is_empty(),
            "{} has no symbols",
            program.display()
        );
        for address in functions.keys() {
            memory.write_all_at(&[BREAKPOINT], base + address)?;
        }
        let name = program.file_name().context("a program")?;
        let notes = folder.join(name).with_added_extension(pid.to_string());
        let notes = File::create(&notes).with_context(|| notes.display().to_string())?;
        Ok(Self {
            memory,
            base,
            functions,
            met: HashSet::new(),
            notes,
        })
    }

    /// Notes the function at whose beginning a thread has stopped, and lets the thread enter it; false if it stopped for
    /// another reason.
    fn met(&mut self, thread: Pid) -> Result<bool> {
        let registers = ptrace::getregs(thread)?;
        let stopped = registers.rip.wrapping_sub(1);
        let address = stopped.wrapping_sub(self.base);
        let Some((name, first)) = self.functions.get(&address) else {
            return Ok(false);
        };
        // Two threads may have met it at the same time.
        if self.met.insert(address) {
            self.memory.write_all_at(&[*first], stopped)?;
            writeln!(self.notes, "{name}")?;
        }
        ptrace::setregs(
            thread,
            user_regs_struct {
                rip: stopped,
                ..registers
            },
        )?;
        Ok(true)
    }
}

/// Where a program begins in a process's memory.
fn base(pid: Pid, program: &Path) -> Result<u64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let program = program.to_str().context("a path that is text")?;
    // In the order of their addresses: `7f0000000000-7f0000001000 r--p 00000000 08:01 42    /path`.
    let first = maps.lines().find(|line| line.ends_with(program));
    let first = first.and_then(|line| line.split('-').next());
    let base = first.with_context(|| format!("{program} is not in its own memory"))?;
    u64::from_str_radix(base, 16).context("an address")
}

/// The functions of a program, each once, by their places in the file.
fn functions_of(program: &Path) -> Result<HashMap<u64, String>> {
    let file = fs::read(program)?;
    let object = object::File::parse(&*file)?;
    let functions = object.symbols().filter(|symbol| {
        symbol.kind() == SymbolKind::Text && symbol.is_definition() && symbol.size() > 0
    });
    Ok(functions
        .filter_map(|symbol| Some((symbol.address(), symbol.name().ok()?.to_owned())))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo;

    const PROGRAM: &str = r#"
        fn main() {
            let both: Vec<_> = (1..3).map(|number| std::thread::spawn(move || called(number))).collect();
            let sum: u8 = both.into_iter().map(|thread| thread.join().unwrap()).sum();
            if sum == 0 {
                println!("{}", not_called(sum));
            }
            std::process::exit(called(sum).into());
        }

        #[inline(never)]
        fn called(number: u8) -> u8 {
            std::hint::black_box(number) + 1
        }

        #[inline(never)]
        fn not_called(number: u8) -> u8 {
            std::hint::black_box(number) + 2
        }
    "#;

    #[test]
    fn functions_are_noted_when_they_are_called_first() {
        let folder = tempfile::tempdir().unwrap();
        let (source, program) = (folder.path().join("it.rs"), folder.path().join("it"));
        let notes = folder.path().join("notes");
        fs::write(&source, PROGRAM).unwrap();
        fs::create_dir(&notes).unwrap();
        let mut compiler = Command::new("rustc");
        compiler.arg(&source).arg("-o").arg(&program);
        assert!(cargo::status(&mut compiler).unwrap().success());

        let status = trace(&program, &notes, |_| {}).unwrap();

        assert_eq!(status, 6, "the program's own end");
        let notes = fs::read_dir(notes).unwrap().next().unwrap().unwrap();
        assert!(notes.file_name().to_str().unwrap().starts_with("it."));
        let notes = fs::read_to_string(notes.path()).unwrap();
        let place = |name: &str| notes.lines().position(|line| line.contains(name));
        assert!(place("it4main") < place("6called"), "{notes}");
        assert_eq!(place("not_called"), None, "{notes}");
        assert_eq!(notes.matches("6called").count(), 1, "{notes}");
    }
}
