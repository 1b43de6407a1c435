//! The configuration of a service under test.

use std::sync::Arc;

use base::Clock;
use base::config::Environment;
use futures::future::BoxFuture;
use service::app::{App, StartError};

use super::TestApp;
use crate::namespace::Namespace;
use crate::servers::Servers;

pub(super) const JWT_KEY: &str = "a key for tests that is long enough for HS256";

pub(super) type Launch =
    Arc<dyn Fn(Environment, Clock) -> BoxFuture<'static, Result<App, StartError>> + Send + Sync>;

/// Builds and starts a service under test.
pub struct TestAppBuilder {
    pub(super) name: &'static str,
    pub(super) variables: Vec<(String, String)>,
    pub(super) clock: Clock,
    pub(super) mongo_uri: MongoUri,
}

/// Derives the service's connection string from its database's.
pub(super) type MongoUri = Arc<dyn Fn(String) -> String + Send + Sync>;

impl TestAppBuilder {
    /// Changes the connection string of the service's database.
    #[must_use]
    pub fn mongo_uri(mut self, change: impl Fn(String) -> String + Send + Sync + 'static) -> Self {
        self.mongo_uri = Arc::new(change);
        self
    }

    /// Sets an environment variable, over the defaults.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Replaces the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts the service and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start<C, F>(
        self,
        read: fn(&mut Environment) -> Option<C>,
        build: fn(C, Clock) -> F,
    ) -> TestApp
    where
        C: 'static,
        F: Future<Output = Result<App, StartError>> + Send + 'static,
    {
        let launch: Launch = Arc::new(move |mut environment, clock| {
            let config = read(&mut environment);
            let config = environment
                .finish(config)
                .unwrap_or_else(|error| panic!("{error}"));
            Box::pin(build(config, clock))
        });
        TestApp::launch(self, launch, Namespace::fresh()).await
    }

    /// The service's environment. The test's variables override the defaults.
    pub(super) fn environment(&self, namespace: &Namespace, servers: &Servers) -> Environment {
        let uri = (self.mongo_uri)(servers.mongo_uri(namespace.database()));
        let defaults = default_variables(namespace, servers).into_iter();
        let defaults = defaults.chain([("MONGO_URI".to_owned(), uri)]);
        Environment::of(defaults.chain(self.variables.iter().cloned()))
    }
}

/// The default variables of a service in this namespace.
pub(super) fn default_variables(
    namespace: &Namespace,
    servers: &Servers,
) -> [(String, String); 11] {
    let variables = [
        ("MONGO_URI", servers.mongo_uri(namespace.database())),
        ("JWT_KEY", JWT_KEY.to_owned()),
        ("COOKIE_SECURE", "false".to_owned()),
        ("NATS_URL", servers.nats_url()),
        ("NATS_CLUSTER_ID", namespace.stream().to_owned()),
        ("NATS_SUBJECT_PREFIX", namespace.subject_prefix().to_owned()),
        ("REDIS_HOST", servers.redis_url()),
        ("REDIS_NAMESPACE", namespace.stream().to_owned()),
        ("SMTP_URL", servers.smtp_url()),
        ("MAIL_FROM", "tickets@example.com".to_owned()),
        ("PUBLIC_ORIGIN", "http://ticketing.test".to_owned()),
    ];
    variables.map(|(name, value)| (name.to_owned(), value))
}
