//! The linker, run by the compiler as it is when a program is built that ships.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use linker::{FUNCTIONS, digest, order};
use object::{Object, ObjectSymbol, SymbolKind};
use tempfile::TempDir;

const PROGRAM: &str = r#"
fn main() {
    println!("{} {} {}", asleep::<u8>(1), awake::<u16>(2), asleep::<u32>(3));
}

#[inline(never)]
fn asleep<T: Into<u64>>(number: T) -> u64 {
    std::hint::black_box(number.into()) + 1
}

#[inline(never)]
fn awake<T: Into<u64>>(number: T) -> u64 {
    std::hint::black_box(number.into()) + 2
}
"#;

/// A program in a folder of its own, with a list of what runs.
struct Workshop(TempDir);

impl Workshop {
    fn new(recorded: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("program.rs"), PROGRAM).unwrap();
        fs::write(folder.path().join("functions.txt"), recorded).unwrap();
        Self(folder)
    }

    fn list(&self) -> PathBuf {
        self.0.path().join("functions.txt")
    }

    /// Compiles the program as `release.toml` says.
    fn compile(&self, list: Option<&Path>) -> Output {
        let mut compiler = Command::new("rustc");
        compiler
            .current_dir(self.0.path())
            .args(["--edition=2024", "--codegen=opt-level=1", "program.rs"])
            .args(["--codegen=target-feature=+crt-static"])
            .args(["--codegen=symbol-mangling-version=v0"])
            .arg(concat!(
                "--codegen=linker=",
                env!("CARGO_BIN_EXE_ticketing-linker")
            ))
            .env_remove(FUNCTIONS);
        if let Some(list) = list {
            compiler.env(FUNCTIONS, list);
        }
        compiler.output().expect("the compiler that compiled this")
    }

    fn built(self, list: bool) -> Program {
        let list = list.then(|| self.list());
        let compiled = self.compile(list.as_deref());
        let said = String::from_utf8_lossy(&compiled.stderr).into_owned();
        assert!(compiled.status.success(), "{said}");
        let program = self.0.path().join("program");
        let output = Command::new(&program).output().unwrap();
        assert_eq!(output.stdout, b"2 4 4\n");
        Program::read(&program)
    }
}

/// Where a program's functions are.
struct Program(Vec<(u64, String)>);

impl Program {
    fn read(file: &Path) -> Self {
        let file = fs::read(file).unwrap();
        let file = object::File::parse(&*file).unwrap();
        let functions = file
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
        let mut functions: Vec<_> = functions
            .map(|symbol| (symbol.address(), symbol.name().unwrap().to_owned()))
            .collect();
        functions.sort();
        Self(functions)
    }

    /// How many functions lie before the one whose name has all of these parts.
    fn place(&self, parts: &[&str]) -> usize {
        let has_all = |name: &str| parts.iter().all(|part| name.contains(part));
        let place = self.0.iter().position(|(_, name)| has_all(name));
        place.unwrap_or_else(|| panic!("no {parts:?}"))
    }

    fn name(&self, parts: &[&str]) -> &str {
        &self.0[self.place(parts)].1
    }
}

/// The instances for `u8`, `u16` and `u32`, whose names end in `h`, `t` and `m`.
const ASLEEP: [&[&str]; 2] = [&["6asleep", "hE"], &["6asleep", "mE"]];
const AWAKE: &[&str] = &["5awake", "tE"];

#[test]
#[cfg(target_arch = "x86_64")]
fn functions_that_run_lie_first_in_their_order() {
    let unordered = Workshop::new("").built(false);
    let recorded = [ASLEEP[1], AWAKE].map(|parts| digest(unordered.name(parts)));
    let recorded = format!("memcpy\n{}\nis_gone\n{}\n", recorded[0], recorded[1]);

    let ordered = Workshop::new(&recorded).built(true);

    let [first, second] = [ASLEEP[1], AWAKE].map(|parts| ordered.place(parts));
    assert!(first < second, "{first}, {second}");
    assert!(second < 10, "{second}: right after what is copied by");
    assert!(
        ordered.place(ASLEEP[0]) > second,
        "another instance does not run"
    );
    // As it is without a list: the test could fail.
    let [first, second] = [ASLEEP[1], AWAKE].map(|parts| unordered.place(parts));
    assert!(second > 10 || first > second, "{first}, {second}");
}

#[test]
fn a_list_that_cannot_be_read_ends_the_build() {
    let workshop = Workshop::new("");

    let compiled = workshop.compile(Some(Path::new("missing.txt")));

    assert!(!compiled.status.success());
    let said = String::from_utf8_lossy(&compiled.stderr);
    assert!(said.contains("missing.txt"), "{said}");
}

#[test]
fn a_name_of_rust_is_recorded_without_the_versions_of_its_crates() {
    let of_one_version = digest("_RNvNtCs1234_7mycrate3foo3bar");
    let of_another = digest("_RNvNtCsabcd_7mycrate3foo3bar");
    let of_another_function = digest("_RNvNtCs1234_7mycrate3foo3baz");

    assert_eq!(of_one_version, of_another);
    assert_ne!(of_one_version, of_another_function);
    assert_eq!(digest("memcpy"), "memcpy");
}

#[test]
fn functions_that_look_alike_are_placed_together_and_names_of_c_where_they_are() {
    let one = "_RNvNtCs1234_7mycrate3foo3bar".to_owned();
    let alike = "_RNvNtCsabcd_7mycrate3foo3bar".to_owned();
    let other = "_RNvNtCs1234_7mycrate3foo3baz".to_owned();
    let recorded = format!("malloc\n{}\n00000000\n", digest(&one));

    let functions = [one.clone(), other, alike.clone(), one.clone()];

    let ordered = order(&recorded, &functions);

    assert_eq!(ordered, ["malloc", &*one, &*alike, "00000000"]);
}
