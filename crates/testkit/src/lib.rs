//! Development only: real servers, one service inside the test's process, the whole fleet on loopback, a browser, and
//! clients and helpers for tests.

pub mod app;
pub mod browser;
pub mod collector;
pub mod command;
pub mod eventually;
pub mod fleet;
mod folder;
pub mod fresh;
pub mod gateway;
pub mod http;
pub mod install;
pub mod json_schema;
mod log;
pub mod mail;
pub mod metrics;
pub mod mongo_link;
pub mod namespace;
mod port;
pub mod process;
pub mod processors;
pub mod progress;
pub mod proxy;
pub mod servers;
pub mod smoke;
mod target_folder;
pub mod usage;

pub use app::{TestApp, TestAppBuilder};
pub use browser::{Browser, BrowserSettings, Viewport};
pub use collector::{Collector, RecordedSpan};
pub use eventually::{eventually, eventually_within};
pub use fleet::{Fleet, FleetSettings};
pub use gateway::Gateway;
pub use http::{Answer, Api, session_cookie};
pub use mail::{Mail, MailCatcher};
pub use metrics::Scrape;
pub use mongo_link::{Fate, MongoLink};
pub use namespace::Namespace;
pub use processors::Processors;
pub use proxy::{Condition, Dependency, Proxy};
pub use servers::Servers;
pub use target_folder::{programs_folder, target_folder};
