//! The file in which `cargo xtask up` writes the addresses of its fleet, so that `ticketctl` needs no settings on a
//! laptop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;

/// Its name in cargo's target folder.
const NAME: &str = "fleet.json";

/// A file that every target folder of cargo has.
const MARK: &str = "CACHEDIR.TAG";

/// The addresses of a fleet.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct FleetFile {
    /// The values of environment variables, by name.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    /// The URLs of the admin ports of each service's processes.
    #[serde(default)]
    pub(crate) admin_urls: BTreeMap<String, Vec<String>>,
}

impl FleetFile {
    /// The given file, or the one in the target folder of this program, if any.
    pub(crate) fn find(named: Option<&Path>) -> Result<Option<(PathBuf, Self)>, Failure> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => match beside_this_program() {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|error| unusable(&path, &error))?;
        let file = serde_json::from_str(&text).map_err(|error| unusable(&path, &error))?;
        Ok(Some((path, file)))
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let path = path.display();
    Failure::usage(format_args!(
        "cannot use {path} ({error}); it is written by `cargo xtask up`, and named by --fleet or TICKETCTL_FLEET"
    ))
}

/// Cargo builds the program in `<target>/<profile>`. A deployed program is in no such folder.
fn beside_this_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let target = program.parent()?.parent()?;
    let file = target.join(NAME);
    (target.join(MARK).exists() && file.exists()).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_file_is_read_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.json");
        assert!(matches!(
            FleetFile::find(Some(&path)),
            Err(Failure::Usage(_))
        ));
        let text = r#"{ "variables": { "NATS_URL": "nats://a" }, "later": 1 }"#;
        std::fs::write(&path, text).unwrap();
        let (_, file) = FleetFile::find(Some(&path)).unwrap().unwrap();
        assert_eq!(file.variables["NATS_URL"], "nats://a");
        assert!(file.admin_urls.is_empty());
    }
}
