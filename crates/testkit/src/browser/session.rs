//! The processes behind a browser: Chromium, and the driver that speaks `WebDriver` for it.
//!
//! Chromium is started here and not by its driver, which would leave it running if the driver or this process were
//! killed. It gets a process group of its own, so that all it starts ends with it, and a profile that vanishes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::process::Command;

use super::programs::Programs;
use crate::eventually::within;
use crate::folder::DataFolder;
use crate::log;
use crate::port;
use crate::process::Process;

const START_PATIENCE: Duration = Duration::from_mins(1);

/// How long a page may take to load, and a script to end.
const COMMAND_PATIENCE: Duration = Duration::from_secs(30);

/// How long a killed browser's last processes may write into its profile.
const REMOVAL_PATIENCE: Duration = Duration::from_secs(2);

/// The folder of the browser's profile, in the session's folder.
const PROFILE: &str = "profile";

const FLAGS: [&str; 26] = [
    "--headless",
    // Chromium's own sandbox does not work as root or in a container; it sees only our own pages.
    "--no-sandbox",
    "--disable-gpu",
    // A container's shared memory is often too small for it.
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
    // Timers run as they would in a window that somebody looks at.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    // Nothing leaves this machine: what a page asks of others fails, and is seen among its requests.
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
    /// None once somebody removes it.
    folder: Option<DataFolder>,
}

impl Session {
    /// Starts both, and gives them with a client that is connected.
    pub(super) async fn start(programs: &Programs, script: bool) -> Result<(Self, Client)> {
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
        let client = client.with_context(|| session.complaints())?;
        Ok((session, client))
    }

    async fn connect(&self, profile: &Path, port: u16) -> Result<Client> {
        let file = profile.join("DevToolsActivePort");
        // The port is on the first line, and the file is there before its text is.
        let debugger = || async {
            std::fs::read_to_string(&file)?
                .lines()
                .next()
                .map(str::to_owned)
                .ok_or_else(|| std::io::Error::other("empty"))
        };
        let debugger = within(START_PATIENCE, debugger)
            .await
            .map_err(|reason| anyhow!("the browser does not start: {reason}"))?;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(&debugger));
        let driver = format!("http://127.0.0.1:{port}");
        within(START_PATIENCE, || builder.connect(&driver))
            .await
            .map_err(|reason| anyhow!("the browser's driver does not start: {reason}"))
    }

    pub(super) fn profile(&self) -> PathBuf {
        self.folder().join(PROFILE)
    }

    fn folder(&self) -> &Path {
        let folder = self.folder.as_ref();
        folder.expect("it is there until the session ends").path()
    }

    /// What the processes said, for who wonders why they do not work.
    fn complaints(&self) -> String {
        let said = |name: &str| log::last_lines(&self.folder().join(name));
        format!(
            "the browser said:\n{}\nits driver said:\n{}",
            said("browser.log"),
            said("driver.log")
        )
    }

    /// Ends both, and all that they started, and removes what they wrote.
    pub(super) async fn end(mut self) {
        self.kill_group();
        tokio::join!(self.driver.kill(), self.browser.kill());
        if let Some(folder) = self.folder.take() {
            // If the runtime ends before, the next process that makes such a folder removes it.
            let _ = tokio::task::spawn_blocking(move || remove(folder)).await;
        }
    }

    fn kill_group(&self) {
        // Once it was reaped, the group's number may be somebody else's.
        if self.browser.ended().is_none()
            && let Ok(group) = self.browser.pid().try_into()
        {
            // An error means that all of it has ended.
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

/// Removes a profile, as soon as nobody writes into it any more.
fn remove(folder: DataFolder) {
    let folder = folder.keep();
    let deadline = std::time::Instant::now() + REMOVAL_PATIENCE;
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
    std::fs::create_dir_all(&folder).context("cannot make the browser's profile")?;
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
        // No settings of the user's, and no service of the desktop's.
        .env("XDG_CONFIG_HOME", profile)
        .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
        // Where it leaves a socket behind when it is killed.
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
    let patience = u64::try_from(COMMAND_PATIENCE.as_millis()).unwrap_or(u64::MAX);
    let Value::Object(capabilities) = json!({
        "timeouts": { "pageLoad": patience, "script": patience },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        "goog:chromeOptions": {
            "debuggerAddress": format!("127.0.0.1:{debugger_port}"),
            "perfLoggingPrefs": { "enableNetwork": true, "enablePage": false },
        },
    }) else {
        unreachable!("it is an object");
    };
    capabilities
}
