//! Reads other files that must match the manifests: the commands of the deployment page that create Secrets, and the
//! images that Skaffold builds.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use super::object::{at, items, text};

/// The page with the commands that create Secrets.
pub(crate) const PAGE: &str = "docs/deployment.md";

/// The Secrets that the `kubectl create secret` commands of a text create, with their keys.
pub(crate) fn secrets(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = text.replace("\\\n", " ");
    let mut secrets = BTreeMap::<String, BTreeSet<String>>::new();
    for line in text.lines() {
        for command in line
            .split("&&")
            .filter_map(|command| command.split_once("create secret "))
        {
            let words: Vec<_> = command.1.split_whitespace().collect();
            let [kind, name, rest @ ..] = words.as_slice() else {
                continue;
            };
            let keys = secrets.entry((*name).to_owned()).or_default();
            match *kind {
                "tls" => keys.extend(["tls.crt", "tls.key"].map(str::to_owned)),
                "generic" => keys.extend(rest.iter().filter_map(|word| key(word))),
                _ => {}
            }
        }
    }
    secrets
}

/// The key that an option of the command adds.
fn key(option: &str) -> Option<String> {
    let created = option
        .strip_prefix("--from-literal=")
        .or_else(|| option.strip_prefix("--from-file="))?;
    let (key, _) = created.split_once('=')?;
    Some(key.to_owned())
}

/// The images that Skaffold builds.
pub(crate) fn built_images(skaffold: &str) -> Result<BTreeSet<String>> {
    let skaffold: Value =
        serde_yaml_ng::from_str(skaffold).context("skaffold.yaml is not valid YAML")?;
    let artifacts = items(at(&skaffold, &["build", "artifacts"])).iter();
    Ok(artifacts
        .map(|artifact| text(artifact, "image").to_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    fn is_empty(folder: &Path) -> bool {
        fs::read_dir(folder).unwrap().next().is_none()
    }

    /// The first run creates the secret from the certificate and its key. In the second run the secret exists already.
    #[test]
    fn the_commands_for_a_certificate_leave_no_file_behind() {
        let page = fs::read_to_string(crate::cargo::root().join(PAGE)).unwrap();
        let blocks = page
            .split("```sh\n")
            .filter_map(|rest| rest.split("```").next());
        let [commands] = blocks
            .filter(|block| block.contains("openssl req"))
            .collect::<Vec<_>>()[..]
        else {
            panic!("not exactly one block creates a certificate");
        };
        let (programs, checkout, temporary, created) = (
            tempfile::tempdir().unwrap(),
            tempfile::tempdir().unwrap(),
            tempfile::tempdir().unwrap(),
            tempfile::tempdir().unwrap(),
        );
        let kubectl = programs.path().join("kubectl");
        fs::write(
            &kubectl,
            "#!/bin/bash\n[[ $* = *create* ]] || exit 0\n[[ ! -e $MADE/tls.key ]] || exit 1\n\
             for word; do case $word in --cert=*|--key=*) cp \"${word#*=}\" \"$MADE\" || exit 1;; esac; done\n",
        )
        .unwrap();
        fs::set_permissions(&kubectl, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!(
            "{}:{}",
            programs.path().display(),
            std::env::var("PATH").unwrap()
        );
        let run = || {
            let mut bash = Command::new("bash");
            bash.args(["-c", commands]).current_dir(checkout.path());
            bash.env("PATH", &path)
                .env("TMPDIR", temporary.path())
                .env("MADE", created.path());
            bash.output().unwrap();
            assert!(is_empty(checkout.path()), "files are left in the checkout");
            assert!(
                is_empty(temporary.path()),
                "files are left in {}",
                temporary.path().display()
            );
        };
        run();
        let key = fs::read(created.path().join("tls.key")).unwrap();
        let certificate = fs::read(created.path().join("tls.crt")).unwrap();
        assert!(key.starts_with(b"-----BEGIN") && certificate.starts_with(b"-----BEGIN"));
        run();
        assert_eq!(
            fs::read(created.path().join("tls.crt")).unwrap(),
            certificate
        );
    }

    #[test]
    fn commands_create_secrets_with_keys() {
        let page = "Then\n```sh\nkubectl -n shop create secret generic nats-secret \\\n  --from-literal=A=\"$(password)\" --from-file=B=./b\nkubectl create secret tls web --cert=a --key=b && rm a\n```\n";
        let secrets = secrets(page);
        let keys = |name: &str| secrets[name].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(keys("nats-secret"), ["A", "B"]);
        assert_eq!(keys("web"), ["tls.crt", "tls.key"]);
        assert_eq!(secrets.len(), 2);
    }

    #[test]
    fn the_images_of_skaffold_are_read() {
        let images =
            built_images("build: { artifacts: [{ image: a/b }, { image: a/c }] }").unwrap();
        assert_eq!(images, BTreeSet::from(["a/b".to_owned(), "a/c".to_owned()]));
    }
}
