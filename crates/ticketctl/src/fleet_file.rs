//! The file in which `cargo xtask up` says where its fleet is, so that nothing need be said on a laptop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;

/// What the file is called, in the target folder of cargo's.
const NAME: &str = "fleet.json";

/// What marks a target folder of cargo's.
const MARK: &str = "CACHEDIR.TAG";

/// Where a fleet is.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct FleetFile {
    /// The values of variables, by their names.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    /// The admin ports of each service's processes.
    #[serde(default)]
    pub(crate) admin_urls: BTreeMap<String, Vec<String>>,
}

impl FleetFile {
    /// The file that is named, or the one that lies where this program was built; nothing if there is none.
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

/// The program lies in `<target>/<profile>` where cargo built it, and nowhere like that where it is deployed.
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
    fn a_file_that_is_named_is_read_or_refused() {
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
