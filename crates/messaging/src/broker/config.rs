//! Where the broker is, and whose connection to it.

use secrecy::SecretString;

use base::config::Environment;

/// Where the broker is and what our stream there is called.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// `NATS_URL`, for instance `nats://nats-srv:4222`.
    pub url: String,
    /// `NATS_CLUSTER_ID` (default `ticketing`): the stream's name.
    pub stream: String,
    /// `NATS_CLIENT_ID` (default the service's name): what the connection is called in the broker's monitoring.
    pub client_id: String,
    /// `NATS_SUBJECT_PREFIX` (default empty): put before every subject, so that several fleets share a broker.
    pub subject_prefix: String,
    /// `NATS_STREAM_REPLICAS` (default 1): how many servers keep a copy of the stream.
    pub replicas: usize,
    /// `NATS_USER` and `NATS_PASSWORD` (default neither): whose connection it is.
    pub credentials: Option<Credentials>,
}

/// A user of the broker.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// `NATS_USER`: its name, which is part of the subjects that it is replied to at.
    pub user: String,
    /// `NATS_PASSWORD`
    pub password: SecretString,
}

impl BrokerConfig {
    /// Reads the `NATS_…` variables.
    pub fn read(environment: &mut Environment, service: &str) -> Option<Self> {
        let url = environment.required::<String>("NATS_URL");
        let stream = environment.with_default("NATS_CLUSTER_ID", "ticketing".to_owned());
        let client_id = environment.with_default("NATS_CLIENT_ID", service.to_owned());
        let subject_prefix = environment.with_default("NATS_SUBJECT_PREFIX", String::new());
        let replicas = environment.with_default("NATS_STREAM_REPLICAS", 1);
        let credentials = Credentials::read(environment);
        let stream = stream?;
        if !is_token(&stream) {
            return environment.fault("NATS_CLUSTER_ID", "must be letters, digits, - and _");
        }
        let replicas = replicas?;
        if !(1..=5).contains(&replicas) {
            return environment.fault("NATS_STREAM_REPLICAS", "must be 1 to 5");
        }
        Some(Self {
            url: url?,
            stream,
            client_id: client_id?,
            subject_prefix: subject_prefix?,
            replicas,
            credentials: credentials?,
        })
    }

    /// The name of the stream of dead letters.
    #[must_use]
    pub fn dead_letter_stream(&self) -> String {
        format!("{}-dead-letters", self.stream)
    }
}

impl Credentials {
    /// `None` after taking note of a fault.
    #[expect(clippy::option_option, reason = "to have none is no fault")]
    fn read(environment: &mut Environment) -> Option<Option<Self>> {
        let user: Option<String> = environment.optional("NATS_USER");
        let password = environment.optional_secret("NATS_PASSWORD");
        match (user, password) {
            (None, None) => Some(None),
            (Some(user), Some(_)) if !is_token(&user) => {
                environment.fault("NATS_USER", "must be letters, digits, - and _")
            }
            (Some(user), Some(password)) => Some(Some(Self { user, password })),
            (Some(_), None) => environment.fault("NATS_PASSWORD", "must be set, as NATS_USER is"),
            (None, Some(_)) => environment.fault("NATS_USER", "must be set, as NATS_PASSWORD is"),
        }
    }
}

/// Whether it can be a part of a subject.
fn is_token(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
