//! The processes of a browser: Chromium, and its `WebDriver` server.
//!
//! Chromium is started here and not by its driver: a driver that is killed leaves its Chromium running. Chromium gets
//! its own process group, so that its child processes end with it, and a temporary profile.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::json;
use thirtyfour::{Capabilities, TimeoutConfiguration, WebDriver};
use tokio::process::Command;

use super::programs::Programs;
use crate::eventually::within;
use crate::folder::DataFolder;
use crate::log;
use crate::port;
use crate::process::Process;

const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The limit for loading a page and for running a script.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the processes of a killed browser may still write to its profile.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(2);

/// The profile's folder, inside the session's folder.
const PROFILE: &str = "profile";

const FLAGS: [&str; 26] = [
    "--headless",
    // Chromium's sandbox does not work as root or in a container. The browser opens only our own pages.
    "--no-sandbox",
    "--disable-gpu",
    // The shared memory of a container is often too small.
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    "--enable-automation",
    "--test-type=webdriver",
    "--allow-pre-commit-input",
    "--password-store=basic",
    "--use-mock-keychain",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--lang=en-US",
    "--no-first-run",
    "--no-service-autorun",
    "--disable-popup-blocking",
    "--disable-prompt-on-repost",
    "--disable-hang-monitor",
    // Timers run as in a visible window.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    // Requests to other machines fail. They still appear in the list of requests.
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

const MORE_FLAGS: [&str; 4] = [
    "--disable-quic",
    "--disable-default-apps",
    "--disable-client-side-phishing-detection",
    "--disable-features=IgnoreDuplicateNavs,Prewarm,Translate,OptimizationHints,MediaRouter",
];

/// The processes. Dropping it kills them.
#[derive(Debug)]
pub(super) struct Session {
    browser: Process,
    driver: Process,
    /// None once its removal has begun.
    folder: Option<DataFolder>,
}

impl Session {
    /// Starts both processes, and connects a client.
    pub(super) async fn start(programs: &Programs, script: bool) -> Result<(Self, WebDriver)> {
        let folder = DataFolder::open(None)?;
        let profile = folder.path().join(PROFILE);
        write_preferences(&profile, script)?;
        let browser = start_browser(&programs.browser, &profile).await?;
        let port = port::free();
        let driver = start_driver(&programs.driver, port, folder.path()).await?;
        let session = Self {
            browser,
            driver,
            folder: Some(folder),
        };
        let client = session.connect(&profile, port).await;
        let client = client.with_context(|| session.last_output())?;
        Ok((session, client))
    }

    async fn connect(&self, profile: &Path, port: u16) -> Result<WebDriver> {
        let file = profile.join("DevToolsActivePort");
        // The port is on the first line. Chromium creates the file before it writes the text.
        let debugger = || async {
            std::fs::read_to_string(&file)?
                .lines()
                .next()
                .map(str::to_owned)
                .ok_or_else(|| std::io::Error::other("empty"))
        };
        let debugger = within(START_TIMEOUT, debugger)
            .await
            .map_err(|reason| anyhow!("the browser does not start: {reason}"))?;
        let server = format!("http://127.0.0.1:{port}");
        let http = reqwest::Client::builder().no_proxy().build()?;
        let connect = || {
            let builder = WebDriver::builder(&*server, capabilities(&debugger));
            builder.client(http.clone()).connect()
        };
        let client = within(START_TIMEOUT, connect)
            .await
            .map_err(|reason| anyhow!("the browser's driver does not start: {reason}"))?;
        // Dropping the client would block on ending a session whose processes may already be dead.
        client.clone().leak()?;
        let timeout = Some(COMMAND_TIMEOUT);
        let timeouts = TimeoutConfiguration::new(timeout, timeout, None);
        client.update_timeouts(timeouts).await?;
        Ok(client)
    }

    pub(super) fn profile(&self) -> PathBuf {
        self.folder().join(PROFILE)
    }

    fn folder(&self) -> &Path {
        let folder = self.folder.as_ref();
        folder
            .expect("the folder exists until the session ends")
            .path()
    }

    /// The last lines of both processes' logs.
    fn last_output(&self) -> String {
        let lines = |name: &str| log::last_lines(&self.folder().join(name));
        format!(
            "the browser's log:\n{}\nthe driver's log:\n{}",
            lines("browser.log"),
            lines("driver.log")
        )
    }

    /// Kills both processes and their children, and removes their files.
    pub(super) async fn end(mut self) {
        self.kill_group();
        tokio::join!(self.driver.kill(), self.browser.kill());
        if let Some(folder) = self.folder.take() {
            // If the runtime ends first, the next process that creates such a folder removes this one.
            let _ = tokio::task::spawn_blocking(move || remove(folder)).await;
        }
    }

    fn kill_group(&self) {
        // Once the process was reaped, another group may have its number.
        if self.browser.ended().is_none()
            && let Ok(group) = self.browser.pid().try_into()
        {
            // An error means that the whole group has ended.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.kill_group();
        if let Some(folder) = self.folder.take() {
            std::thread::spawn(move || remove(folder));
        }
    }
}

/// Removes the files, retrying while processes still write to them.
fn remove(folder: DataFolder) {
    let folder = folder.keep();
    let deadline = std::time::Instant::now() + REMOVAL_TIMEOUT;
    while std::fs::remove_dir_all(&folder).is_err() && folder.exists() {
        if std::time::Instant::now() > deadline {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn write_preferences(profile: &Path, script: bool) -> Result<()> {
    const ALLOW: u8 = 1;
    const BLOCK: u8 = 2;
    let preferences = json!({
        "credentials_enable_service": false,
        "intl": { "accept_languages": "en-US,en" },
        "profile": {
            "password_manager_enabled": false,
            "password_manager_leak_detection": false,
            "managed_default_content_settings": { "javascript": if script { ALLOW } else { BLOCK } },
        },
    });
    let folder = profile.join("Default");
    std::fs::create_dir_all(&folder).context("cannot create the browser's profile")?;
    std::fs::write(folder.join("Preferences"), preferences.to_string())
        .context("cannot write the browser's preferences")
}

async fn start_browser(program: &PathBuf, profile: &Path) -> Result<Process> {
    let mut command = Command::new(program);
    command
        .args(FLAGS)
        .args(MORE_FLAGS)
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("about:blank")
        // Without the user's settings and the desktop's services.
        .env("XDG_CONFIG_HOME", profile)
        .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
        // A killed Chromium leaves a socket here.
        .env("TMPDIR", profile)
        .process_group(0);
    log::append_output(&mut command, &profile.with_file_name("browser.log"))?;
    Process::start(command).await
}

async fn start_driver(program: &PathBuf, port: u16, folder: &Path) -> Result<Process> {
    let mut command = Command::new(program);
    command.arg(format!("--port={port}")).current_dir(folder);
    log::append_output(&mut command, &folder.join("driver.log"))?;
    Process::start(command).await
}

fn capabilities(debugger_port: &str) -> Capabilities {
    let capabilities = json!({
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        "goog:chromeOptions": {
            "debuggerAddress": format!("127.0.0.1:{debugger_port}"),
            "perfLoggingPrefs": { "enableNetwork": true, "enablePage": false },
        },
    });
    serde_json::from_value(capabilities).expect("capabilities are a JSON object")
}
