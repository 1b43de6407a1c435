//! The external programs: Chromium, its driver, fonts, and the accessibility checker.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::sync::OnceCell;

use crate::install::{npm_package, once, search_path};
use crate::progress::{Progress, ToStderr};

const BROWSERS: [&str; 4] = [
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chromium-browser",
];
const DRIVER: &str = "chromedriver";

/// The npm package of the accessibility checker, and its version.
const AXE: (&str, &str) = ("axe-core", "4.14.1");

static FOUND: OnceCell<Programs> = OnceCell::const_new();

/// Where the programs are.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    pub(super) browser: PathBuf,
    pub(super) driver: PathBuf,
    /// The accessibility checker's script.
    pub(super) axe: PathBuf,
}

/// Installs what [`super::Browser::open`] needs, without opening a browser.
pub async fn install(progress: Arc<dyn Progress>) -> Result<()> {
    let programs = find(progress.clone()).await?;
    progress.step(&format!("browser: {}", programs.browser.display()));
    Ok(())
}

/// The programs. The first call in this process installs the missing ones.
pub(super) async fn shared() -> Result<&'static Programs> {
    FOUND.get_or_try_init(|| find(Arc::new(ToStderr))).await
}

async fn find(progress: Arc<dyn Progress>) -> Result<Programs> {
    tokio::task::spawn_blocking(move || find_or_install(&*progress))
        .await
        .context("the install panicked")?
        .context("a browser for tests")
}

fn find_or_install(progress: &dyn Progress) -> Result<Programs> {
    let (browser, driver) = once(
        progress,
        || Some((browser()?, search_path(DRIVER)?)).filter(|_| has_fonts()),
        |installer| {
            let packages: Vec<_> = [
                (browser().is_none(), &["chromium"][..]),
                (search_path(DRIVER).is_none(), &["chromium-driver"]),
                (
                    !has_fonts(),
                    &["fontconfig", "fonts-liberation", "fonts-dejavu-core"],
                ),
            ]
            .into_iter()
            .filter(|(missing, _)| *missing)
            .flat_map(|(_, packages)| packages.iter().copied())
            .collect();
            installer.apt(&packages)
        },
    )?;
    let axe = npm_package(AXE.0, AXE.1, progress)?.join("axe.min.js");
    Ok(Programs {
        browser,
        driver,
        axe,
    })
}

fn browser() -> Option<PathBuf> {
    BROWSERS.into_iter().find_map(search_path)
}

/// Without fonts, Chromium draws every letter as an empty box. Only Linux systems can lack fonts.
fn has_fonts() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let list = Command::new("fc-list").output();
    list.is_ok_and(|list| !list.stdout.is_empty())
}
