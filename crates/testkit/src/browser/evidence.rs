//! Files for people to look at: screenshots, and the evidence of a failure.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::timeout;

use super::Browser;
use crate::target_folder;

/// The limit for each command to a browser that may be broken.
const TIMEOUT: Duration = Duration::from_secs(5);

static FAILURES: AtomicUsize = AtomicUsize::new(0);

/// Writes a file below `screenshots` in the target folder of this program's build.
pub(super) fn write(name: &str, content: &[u8]) -> Result<PathBuf> {
    let file = target_folder()?.join("screenshots").join(name);
    let parent = file.parent().context("a file is in a folder")?;
    std::fs::create_dir_all(parent)
        .with_context(|| format!("cannot create {}", parent.display()))?;
    std::fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

impl Browser {
    /// Fails the test. The message names files with a screenshot of the page, its HTML and its console.
    ///
    /// # Panics
    /// Always.
    pub async fn fail(&self, what: impl std::fmt::Display) -> ! {
        let files = self.save_evidence().await.join("\n  ");
        let url = timeout(TIMEOUT, self.driver.current_url()).await;
        let place = match url {
            Ok(Ok(url)) => url.to_string(),
            _ => "a page that does not answer".to_owned(),
        };
        panic!("{what}\n  at {place}\n  {files}");
    }

    /// Saves what the browser shows. Returns a line for each file.
    async fn save_evidence(&self) -> Vec<String> {
        let number = FAILURES.fetch_add(1, Ordering::Relaxed) + 1;
        let test = std::thread::current()
            .name()
            .unwrap_or("test")
            .replace("::", "-");
        let name = format!("failures/{test}-{number}");
        let mut lines = Vec::new();
        let mut save = |ending: &str, content: Option<Vec<u8>>| {
            let file = content.map(|content| write(&format!("{name}.{ending}"), &content));
            lines.push(match file {
                Some(Ok(file)) => format!("see {}", file.display()),
                Some(Err(error)) => format!("{error:#}"),
                None => format!("no {ending}: the browser does not answer"),
            });
        };
        let screenshot = timeout(TIMEOUT, self.png()).await;
        save("png", screenshot.ok().and_then(Result::ok));
        let source = timeout(TIMEOUT, self.driver.source()).await;
        save(
            "html",
            source.ok().and_then(Result::ok).map(String::into_bytes),
        );
        let console = timeout(TIMEOUT, self.console()).await;
        save(
            "txt",
            console.ok().and_then(Result::ok).map(String::into_bytes),
        );
        lines
    }
}
