//! The broker's configuration.

use secrecy::SecretString;

use base::config::Environment;

/// The broker's address, the names of stream and subjects there, and our credentials.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// `NATS_URL`, for instance `nats://nats-srv:4222`.
    pub url: String,
    /// `NATS_CLUSTER_ID` (default `ticketing`): the stream's name.
    pub stream: String,
    /// `NATS_CLIENT_ID` (default the service's name): the connection's name in the broker's monitoring.
    pub client_id: String,
    /// `NATS_SUBJECT_PREFIX` (default empty): prepended to every subject, so that several fleets can share a broker.
    pub subject_prefix: String,
    /// `NATS_STREAM_REPLICAS` (default 1): how many servers store a copy of the stream.
    pub replicas: usize,
    /// `NATS_USER` and `NATS_PASSWORD` (default neither): the user of the connection.
    pub credentials: Option<Credentials>,
}

/// A user of the broker.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// `NATS_USER`: its name. It is part of the subjects of replies.
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
    /// `None` after a reported fault; `Some(None)` if none are configured.
    #[expect(clippy::option_option, reason = "credentials are optional")]
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

/// Whether the text can be a token of a subject.
fn is_token(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
