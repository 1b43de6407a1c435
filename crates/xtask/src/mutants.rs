//! `cargo xtask mutants`: plants bugs in a copy of the code, one at a time, and expects the simulation to find each.
//!
//! This shows that the simulation can fail. The copy has another version number, so cargo never confuses its build
//! products with those of the real code and still shares the compiled dependencies.

mod bugs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::str::FromStr;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use testkit::progress::Progress;
use testkit::target_folder;

use crate::cargo;
use crate::console::Console;
use bugs::{BUGS, Bug};

/// The number of simulated histories in which a bug must show.
const SCHEDULES: &str = "10000";

/// What is copied.
const COPIED: [&str; 4] = ["Cargo.toml", "Cargo.lock", "crates", "services"];

const VERSION: &str = "version = \"0.1.0\"";
const COPY_VERSION: &str = "version = \"0.0.0\"";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Plant only bugs with this in their name
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,

    /// Plant only this part of the bugs, for example 1/4
    #[arg(long, value_name = "PART/PARTS")]
    part: Option<Part>,
}

/// Every `count`th bug, starting with the `number`th.
#[derive(Debug, Clone, Copy)]
struct Part {
    number: usize,
    count: usize,
}

impl FromStr for Part {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (number, count) = text.split_once('/').context("it has no slash")?;
        let (number, count): (usize, usize) = (number.parse()?, count.parse()?);
        ensure!((1..=count).contains(&number), "it is not from 1 to {count}");
        Ok(Self { number, count })
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (console, started) = (Console::new(), Instant::now());
    let copy = Copy::create(&target_folder()?.join("planted"))?;
    console.step("compiling the simulation");
    console.pause();
    copy.simulate()?.expect_sound()?;
    let only = arguments.only.as_deref().unwrap_or_default();
    let all = Part {
        number: 1,
        count: 1,
    };
    let Part { number, count } = arguments.part.unwrap_or(all);
    let selected = BUGS.iter().skip(number - 1).step_by(count);
    let mut hidden = Vec::new();
    println!("planting part {number}/{count} of {} bugs", BUGS.len());
    for bug in selected.filter(|bug| bug.name.contains(only)) {
        console.step(bug.name);
        let found = copy.plant(bug)?;
        console.pause();
        match found {
            Simulated::Broken(history) => println!("found    {:<70} {history}", bug.name),
            Simulated::Sound => {
                println!("HIDDEN   {}", bug.name);
                hidden.push(bug.name);
            }
        }
    }
    eprintln!("· {} s", started.elapsed().as_secs());
    ensure!(hidden.is_empty(), "not found: {}", hidden.join("; "));
    Ok(ExitCode::SUCCESS)
}

/// The result of a simulation.
enum Simulated {
    Sound,
    Broken(String),
}

impl Simulated {
    fn expect_sound(self) -> Result<()> {
        match self {
            Self::Sound => Ok(()),
            Self::Broken(history) => bail!("the simulation fails without a planted bug: {history}"),
        }
    }
}

/// A copy of the workspace, to plant bugs in.
struct Copy(PathBuf);

impl Copy {
    fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).context("cannot create a folder for the copy")?;
        let tree = cargo::root();
        for name in COPIED {
            copy(&tree.join(name), &folder.join(name))?;
        }
        let manifest = folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        fs::write(&manifest, text.replace(VERSION, COPY_VERSION))?;
        Ok(Self(folder.to_owned()))
    }

    /// Plants the bug, runs the simulation and removes the bug.
    fn plant(&self, bug: &Bug) -> Result<Simulated> {
        let file = self.0.join(bug.file);
        let right = fs::read_to_string(&file).with_context(|| bug.file.to_owned())?;
        let found = right.matches(bug.right).count();
        ensure!(
            found == 1,
            "the text of the bug `{}` occurs {found} times in {} and must occur once: update bugs.rs",
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
        let printed = String::from_utf8_lossy(&ran.stdout);
        let first = printed.lines().next().unwrap_or_default();
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

/// Copies a file or folder. Equal files keep their modification times, by which cargo decides what to compile.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        let text = fs::read(from)?;
        return write_if_different(to, text);
    }
    fs::create_dir_all(to)?;
    let mut obsolete: Vec<_> = fs::read_dir(to)?.collect::<Result<_, _>>()?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        obsolete.retain(|old| old.file_name() != entry.file_name());
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    for old in obsolete {
        if old.path().is_dir() {
            fs::remove_dir_all(old.path())?;
        } else {
            fs::remove_file(old.path())?;
        }
    }
    Ok(())
}

fn write_if_different(file: &Path, text: impl AsRef<[u8]>) -> Result<()> {
    if fs::read(file).is_ok_and(|present| present == text.as_ref()) {
        return Ok(());
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
