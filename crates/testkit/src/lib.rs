//! Development only: real servers to run against, one service in this process, the whole fleet on loopback, a
//! browser, and clients and waiting for tests.

pub mod app;
pub mod browser;
pub mod command;
pub mod eventually;
pub mod fleet;
mod folder;
pub mod fresh;
pub mod gateway;
pub mod http;
pub mod install;
mod log;
pub mod mail;
pub mod namespace;
mod port;
pub mod process;
pub mod progress;
pub mod proxy;
pub mod servers;
mod target_folder;

pub use app::{TestApp, TestAppBuilder};
pub use browser::{Browser, BrowserSettings, Viewport};
pub use eventually::{eventually, eventually_within};
pub use fleet::{Fleet, FleetSettings};
pub use gateway::Gateway;
pub use http::{Answer, Api, session_cookie};
pub use mail::{Mail, MailCatcher};
pub use namespace::Namespace;
pub use proxy::{Condition, Dependency, Proxy};
pub use servers::Servers;
pub use target_folder::target_folder;
