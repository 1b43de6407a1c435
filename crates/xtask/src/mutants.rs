//! `cargo xtask mutants`: plants bugs in a copy of the code, one at a time, and expects the simulation to find each.
//!
//! A simulation that nothing can fail would prove nothing. The copy has a version of its own, so that what is compiled
//! of it is never taken for what is compiled of the real code, while the dependencies of both are the same.

mod bugs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use testkit::progress::Progress;
use testkit::target_folder;

use crate::cargo;
use crate::console::Console;
use bugs::{BUGS, Bug};

/// How many histories a bug may hide in.
const SCHEDULES: &str = "10000";

/// What the copy needs of the tree.
const COPIED: [&str; 4] = ["Cargo.toml", "Cargo.lock", "crates", "services"];

const VERSION: &str = "version = \"0.1.0\"";
const COPY_VERSION: &str = "version = \"0.0.0\"";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Plant only bugs with this in their name
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (console, began) = (Console::new(), Instant::now());
    let copy = Copy::make(&target_folder()?.join("planted"))?;
    console.step("compiling the simulation");
    console.pause();
    copy.simulate()?.expect_sound()?;
    let only = arguments.only.as_deref().unwrap_or_default();
    let mut hidden = Vec::new();
    for bug in BUGS.iter().filter(|bug| bug.name.contains(only)) {
        console.step(bug.name);
        let found = copy.plant(bug)?;
        console.pause();
        match found {
            Simulated::Broken(words) => println!("found    {:<70} {words}", bug.name),
            Simulated::Sound => {
                println!("HIDDEN   {}", bug.name);
                hidden.push(bug.name);
            }
        }
    }
    eprintln!("· {} s", began.elapsed().as_secs());
    ensure!(hidden.is_empty(), "not found: {}", hidden.join("; "));
    Ok(ExitCode::SUCCESS)
}

/// What the simulation said.
enum Simulated {
    Sound,
    Broken(String),
}

impl Simulated {
    fn expect_sound(self) -> Result<()> {
        match self {
            Self::Sound => Ok(()),
            Self::Broken(words) => bail!("no bug is planted, and it is {words}"),
        }
    }
}

/// A copy of the workspace, to plant bugs in.
struct Copy(PathBuf);

impl Copy {
    fn make(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).context("a folder for the copy")?;
        let tree = cargo::root();
        for name in COPIED {
            copy(&tree.join(name), &folder.join(name))?;
        }
        let manifest = folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        fs::write(&manifest, text.replace(VERSION, COPY_VERSION))?;
        Ok(Self(folder.to_owned()))
    }

    /// Plants the bug, simulates, and takes it out again.
    fn plant(&self, bug: &Bug) -> Result<Simulated> {
        let file = self.0.join(bug.file);
        let right = fs::read_to_string(&file).with_context(|| bug.file.to_owned())?;
        let places = right.matches(bug.right).count();
        ensure!(
            places == 1,
            "`{}` has {places} places in {} and needs one: bring it up to date",
            bug.name,
            bug.file
        );
        fs::write(&file, right.replace(bug.right, bug.wrong))?;
        let simulated = self.simulate();
        fs::write(&file, right)?;
        simulated.with_context(|| format!("with the bug `{}`", bug.name))
    }

    fn simulate(&self) -> Result<Simulated> {
        let built = self.cargo(&["build", "--quiet"]).output()?;
        ensure!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let mut run = self.cargo(&["run", "--quiet"]);
        let ran = run.args(["--", "--schedules", SCHEDULES]).output()?;
        let words = String::from_utf8_lossy(&ran.stdout);
        let first = words.lines().next().unwrap_or_default();
        if ran.status.success() && first.starts_with("sound") {
            Ok(Simulated::Sound)
        } else if first.starts_with("broken") {
            Ok(Simulated::Broken(first.to_owned()))
        } else {
            bail!("{}", String::from_utf8_lossy(&ran.stderr))
        }
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = cargo::cargo(arguments);
        command
            .args(["--offline", "--profile", "simulation", "-p", "simulation"])
            .current_dir(&self.0);
        command
    }
}

/// Copies a file, or a folder with all in it, leaving alone what is the same: cargo goes by the files' times.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        let text = fs::read(from)?;
        return write_if_other(to, text);
    }
    fs::create_dir_all(to)?;
    let mut there: Vec<_> = fs::read_dir(to)?.collect::<Result<_, _>>()?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        there.retain(|old| old.file_name() != entry.file_name());
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    for old in there {
        if old.path().is_dir() {
            fs::remove_dir_all(old.path())?;
        } else {
            fs::remove_file(old.path())?;
        }
    }
    Ok(())
}

fn write_if_other(file: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    if fs::read(file).is_ok_and(|there| there == text.as_ref()) {
        return Ok(());
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
