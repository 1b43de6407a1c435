//! Records the queries that services send to MongoDB.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::{Result, ensure};
use bson::Document;
use testkit::servers::Server;
use testkit::{Fate, MongoLink};

use super::query::Query;

/// The limit of recorded shapes: several times as many as the services have.
const MAX_SHAPES: usize = 500;

/// A recording proxy. Dropping it closes it and all its connections.
pub(super) struct Recorder {
    link: MongoLink,
    server: String,
    recorded: Arc<Mutex<Recorded>>,
}

#[derive(Default)]
struct Recorded {
    /// The first query of each shape.
    queries: BTreeMap<String, Query>,
    /// The first failure.
    failure: Option<String>,
}

impl Recorder {
    /// Starts a recorder for this server.
    pub(super) async fn start(server: &Server) -> Self {
        let server = server.address().to_owned();
        let link = MongoLink::start(server.parse().unwrap()).await.unwrap();
        let recorded = Arc::<Mutex<Recorded>>::default();
        let record = Arc::clone(&recorded);
        link.decide(move |command| {
            let mut recorded = record.lock().unwrap();
            if let Err(error) = recorded.record(command) {
                recorded.failure.get_or_insert(format!("{error:#}"));
            }
            Fate::Passes
        });
        Self {
            link,
            server,
            recorded,
        }
    }

    /// The connection string through the recorder.
    pub(super) fn uri(&self, direct: &str) -> String {
        self.link.uri(direct, &self.server)
    }

    /// A query of each shape so far.
    pub(super) fn queries(&self) -> Vec<Query> {
        let recorded = self.recorded.lock().unwrap();
        assert_eq!(recorded.failure, None, "a command was not recorded");
        recorded.queries.values().cloned().collect()
    }
}

impl Recorded {
    fn record(&mut self, command: &Document) -> Result<()> {
        for query in Query::all_in(command)? {
            let count = self.queries.len();
            ensure!(count < MAX_SHAPES, "{count} shapes of queries");
            self.queries.entry(query.shape()).or_insert(query);
        }
        Ok(())
    }
}
