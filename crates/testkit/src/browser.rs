//! A real browser for tests: headless Chromium, driven over `WebDriver`.
//!
//! Every step is retried until it succeeds. If it never does, it panics and names files with a screenshot of the page,
//! its HTML and its console. Steps that find an element by name use its accessible name. No process is left running,
//! however a test ends.

mod accessibility;
mod appearance;
mod computed;
mod evidence;
mod input;
mod logs;
mod page;
mod programs;
mod session;
mod settings;
mod steps;

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use thirtyfour::WebDriver;
use tokio::sync::{Semaphore, SemaphorePermit};

use logs::Logs;
use session::Session;

pub use accessibility::Violation;
pub use input::Focused;
pub use logs::Request;
pub use programs::install;
pub use settings::{BrowserSettings, Viewport};
pub use thirtyfour::{Cookie, Key};

/// The limit of browsers at the same time. Each has a dozen processes.
static BROWSERS: Semaphore = Semaphore::const_new(2);

/// A browser with one page and its own profile. Dropping it kills it; [`Browser::close`] also waits for its end.
#[derive(Debug)]
pub struct Browser {
    driver: WebDriver,
    session: Session,
    settings: BrowserSettings,
    logs: Mutex<Logs>,
    /// None if it was opened beside another browser.
    _permit: Option<SemaphorePermit<'static>>,
}

impl Browser {
    /// Opens a browser once fewer than two others are open. Installs missing programs first.
    ///
    /// A test that holds a browser must use [`Browser::open_beside`] instead: here it could wait for itself.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn open(settings: BrowserSettings) -> Self {
        let permit = BROWSERS.acquire().await;
        let permit = permit.expect("the semaphore is never closed");
        Self::start(settings, Some(permit)).await
    }

    /// Opens another browser, for another shopper or with other settings, without waiting for others to close.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn open_beside(&self, settings: BrowserSettings) -> Self {
        Self::start(settings, None).await
    }

    async fn start(settings: BrowserSettings, permit: Option<SemaphorePermit<'static>>) -> Self {
        match Self::try_start(settings, permit).await {
            Ok(browser) => browser,
            Err(error) => panic!("no browser: {error:#}"),
        }
    }

    async fn try_start(
        settings: BrowserSettings,
        permit: Option<SemaphorePermit<'static>>,
    ) -> Result<Self> {
        let programs = programs::shared().await?;
        let (session, driver) = Session::start(programs, settings.script).await?;
        let browser = Self {
            driver,
            session,
            settings,
            logs: Mutex::default(),
            _permit: permit,
        };
        let settings = &browser.settings;
        browser
            .apply_size(settings.size)
            .await
            .context("the screen's size")?;
        browser
            .apply_preferences(settings.dark)
            .await
            .context("the shopper's preferences")?;
        Ok(browser)
    }

    /// The profile's folder. Its path is among the arguments of the browser's processes.
    #[must_use]
    pub fn profile(&self) -> std::path::PathBuf {
        self.session.profile()
    }

    /// Closes the browser, and returns once its processes have ended.
    pub async fn close(self) {
        self.session.end().await;
    }

    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
