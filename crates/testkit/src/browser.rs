//! A real browser for journeys: headless Chromium, driven by `WebDriver`.
//!
//! Every step waits until it can be done and panics if it never can, naming files with a picture of the page, its HTML
//! and its console. Steps that look for something by a name take the accessible name, as somebody who cannot see the
//! page would. Nothing is left running, however a test ends.

mod accessibility;
mod artefacts;
mod command;
mod input;
mod logs;
mod looks;
mod page;
mod programs;
mod session;
mod settings;
mod waiting;

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use fantoccini::Client;
use tokio::sync::{Semaphore, SemaphorePermit};

use logs::Logs;
use session::Session;

pub use accessibility::Violation;
pub use fantoccini::cookies::Cookie;
pub use input::{Focused, Key};
pub use logs::Request;
pub use programs::install;
pub use settings::{BrowserSettings, Viewport};

/// A browser is a dozen processes: a few at once are enough for two cores.
static ROOM: Semaphore = Semaphore::const_new(2);

/// A browser with one page and a profile of its own. Dropping it kills it; [`Browser::close`] also waits for its end.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    session: Session,
    settings: BrowserSettings,
    logs: Mutex<Logs>,
    /// None if it shares another's room.
    _room: Option<SemaphorePermit<'static>>,
}

impl Browser {
    /// Opens a browser, once there is room for it; what it needs is installed first if it is not there.
    ///
    /// A test that holds a browser must not wait for another like this: see [`Browser::open_beside`].
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn open(settings: BrowserSettings) -> Self {
        let room = ROOM.acquire().await.expect("nobody closes the room");
        Self::start(settings, Some(room)).await
    }

    /// Opens one more browser, of another shopper or another kind, in the room of this one.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn open_beside(&self, settings: BrowserSettings) -> Self {
        Self::start(settings, None).await
    }

    async fn start(settings: BrowserSettings, room: Option<SemaphorePermit<'static>>) -> Self {
        match Self::try_start(settings, room).await {
            Ok(browser) => browser,
            Err(error) => panic!("no browser: {error:#}"),
        }
    }

    async fn try_start(
        settings: BrowserSettings,
        room: Option<SemaphorePermit<'static>>,
    ) -> Result<Self> {
        let programs = programs::shared().await?;
        let (session, client) = Session::start(programs, settings.script).await?;
        let browser = Self {
            client,
            session,
            settings,
            logs: Mutex::default(),
            _room: room,
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

    /// Its profile's folder, which its processes are started with.
    #[must_use]
    pub fn profile(&self) -> std::path::PathBuf {
        self.session.profile()
    }

    /// Closes it, and returns once all of it has ended.
    pub async fn close(self) {
        self.session.end().await;
    }

    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
