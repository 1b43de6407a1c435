//! What browsers leave behind for people to look at: pictures, and all there was to see of a failure.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::timeout;

use super::Browser;
use crate::target_folder;

/// How long a browser that may be broken is asked for each thing.
const PATIENCE: Duration = Duration::from_secs(5);

static FAILURES: AtomicUsize = AtomicUsize::new(0);

/// Writes a file below `screenshots` in the target folder that this very program was built in.
pub(super) fn write(name: &str, content: &[u8]) -> Result<PathBuf> {
    let file = target_folder()?.join("screenshots").join(name);
    let parent = file.parent().context("a file is in a folder")?;
    std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    std::fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

impl Browser {
    /// Fails the test, with a picture of the page, its HTML and the console kept in files that the message names.
    ///
    /// # Panics
    /// Always.
    pub async fn fail(&self, what: impl std::fmt::Display) -> ! {
        let kept = self.keep_evidence().await.join("\n  ");
        let place = timeout(PATIENCE, self.client.current_url()).await;
        let place = match place {
            Ok(Ok(url)) => url.to_string(),
            _ => "a page that does not answer".to_owned(),
        };
        panic!("{what}\n  at {place}\n  {kept}");
    }

    /// Keeps what there is to see, and says where.
    async fn keep_evidence(&self) -> Vec<String> {
        let number = FAILURES.fetch_add(1, Ordering::Relaxed) + 1;
        let test = std::thread::current()
            .name()
            .unwrap_or("test")
            .replace("::", "-");
        let name = format!("failures/{test}-{number}");
        let mut kept = Vec::new();
        let mut keep = |ending: &str, content: Option<Vec<u8>>| {
            let file = content.map(|content| write(&format!("{name}.{ending}"), &content));
            kept.push(match file {
                Some(Ok(file)) => format!("see {}", file.display()),
                Some(Err(error)) => format!("{error:#}"),
                None => format!("no {ending}: the browser does not answer"),
            });
        };
        let picture = timeout(PATIENCE, self.picture()).await;
        keep("png", picture.ok().and_then(Result::ok));
        let source = timeout(PATIENCE, self.client.source()).await;
        keep(
            "html",
            source.ok().and_then(Result::ok).map(String::into_bytes),
        );
        let console = timeout(PATIENCE, self.console()).await;
        keep(
            "txt",
            console.ok().and_then(Result::ok).map(String::into_bytes),
        );
        kept
    }
}
