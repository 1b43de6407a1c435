//! The addresses of the fleet's parts, and the connections to them. Each command opens only those that it needs. Errors
//! about a missing address, or a server that does not answer, say what to do.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use async_nats::jetstream;
use audit::stripe::StripeAccess;
use audit::{Access, BrokerAccess, Credentials, DatabaseUris, QueueAccess};
use secrecy::SecretString;

use crate::command_line::ConnectionArguments;
use crate::failure::Failure;
use crate::fleet_file::FleetFile;

/// The services, in the order of the output.
pub(crate) const SERVICES: [&str; 6] = [
    "auth",
    "tickets",
    "orders",
    "payments",
    "expiration",
    "client",
];

/// How long a request to an admin port may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A service's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Auth,
    Tickets,
    Orders,
    Payments,
}

impl Store {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Tickets => "tickets",
            Self::Orders => "orders",
            Self::Payments => "payments",
        }
    }

    const fn variable(self) -> &'static str {
        match self {
            Self::Auth => "AUTH_MONGO_URI",
            Self::Tickets => "TICKETS_MONGO_URI",
            Self::Orders => "ORDERS_MONGO_URI",
            Self::Payments => "PAYMENTS_MONGO_URI",
        }
    }
}

/// The addresses from all sources.
#[derive(Debug)]
pub(crate) struct Connections {
    arguments: ConnectionArguments,
    file: Option<(PathBuf, FleetFile)>,
}

impl Connections {
    pub(crate) fn new(arguments: ConnectionArguments) -> Result<Self, Failure> {
        let file = FleetFile::find(arguments.fleet.as_deref())?;
        let unknown = arguments.admin_urls.iter();
        let mut unknown = unknown.filter(|(service, _)| !SERVICES.contains(&service.as_str()));
        if let Some((service, _)) = unknown.next() {
            return Err(no_service(service));
        }
        Ok(Self { arguments, file })
    }

    /// The value of a setting, from the arguments and the environment, else from the fleet's file.
    pub(crate) fn get(&self, variable: &str) -> Option<&str> {
        let given = match variable {
            "NATS_URL" => &self.arguments.nats_url,
            "NATS_USER" => &self.arguments.nats_user,
            "NATS_PASSWORD" => &self.arguments.nats_password,
            "NATS_CLUSTER_ID" => &self.arguments.nats_cluster_id,
            "NATS_SUBJECT_PREFIX" => &self.arguments.nats_subject_prefix,
            "REDIS_HOST" => &self.arguments.redis_host,
            "REDIS_NAMESPACE" => &self.arguments.redis_namespace,
            "AUTH_MONGO_URI" => &self.arguments.auth_mongo_uri,
            "TICKETS_MONGO_URI" => &self.arguments.tickets_mongo_uri,
            "ORDERS_MONGO_URI" => &self.arguments.orders_mongo_uri,
            "PAYMENTS_MONGO_URI" => &self.arguments.payments_mongo_uri,
            "STRIPE_KEY" => &self.arguments.stripe_key,
            "STRIPE_API_BASE" => &self.arguments.stripe_api_base,
            _ => &None,
        };
        let from_file = || {
            let (_, file) = self.file.as_ref()?;
            file.variables.get(variable).map(String::as_str)
        };
        let value = given.as_deref().or_else(from_file)?.trim();
        (!value.is_empty()).then_some(value)
    }

    fn required(&self, variable: &str) -> Result<&str, Failure> {
        self.get(variable).ok_or_else(|| {
            let flag = variable.to_lowercase().replace('_', "-");
            Failure::usage(format_args!(
                "{variable} is not known; set it, or use --{flag}, or start a fleet with `cargo xtask up`"
            ))
        })
    }

    /// The address of the broker.
    pub(crate) fn broker(&self) -> Result<BrokerAccess, Failure> {
        let credentials = match (self.get("NATS_USER"), self.get("NATS_PASSWORD")) {
            (None, None) => None,
            (Some(user), Some(password)) => Some(Credentials {
                user: user.to_owned(),
                password: password.into(),
            }),
            _ => {
                return Err(Failure::usage(
                    "NATS_USER and NATS_PASSWORD must be set together",
                ));
            }
        };
        let or = |variable, default: &str| self.get(variable).unwrap_or(default).to_owned();
        Ok(BrokerAccess {
            url: self.required("NATS_URL")?.to_owned(),
            credentials,
            stream: or("NATS_CLUSTER_ID", "ticketing"),
            subject_prefix: or("NATS_SUBJECT_PREFIX", ""),
        })
    }

    /// A connection to the broker.
    pub(crate) async fn jetstream(&self) -> Result<(BrokerAccess, jetstream::Context), Failure> {
        let broker = self.broker()?;
        let connected = broker.connect("ticketctl").await;
        let connected =
            connected.with_context(|| self.unreachable("NATS", &broker.url, "NATS_URL"))?;
        Ok((broker, connected))
    }

    /// The address of the queue of expirations.
    pub(crate) fn queue(&self) -> Result<QueueAccess, Failure> {
        let host = self.required("REDIS_HOST")?;
        let url = match host.split_once("://") {
            None => format!("redis://{host}"),
            Some(("redis", _)) => host.to_owned(),
            Some(_) => {
                return Err(Failure::usage(
                    "REDIS_HOST must be a host, host:port or a redis:// URL",
                ));
            }
        };
        Ok(QueueAccess {
            url: url.into(),
            namespace: self
                .get("REDIS_NAMESPACE")
                .unwrap_or("expiration")
                .to_owned(),
        })
    }

    /// A connection to the queue.
    pub(crate) async fn redis(
        &self,
    ) -> Result<(QueueAccess, redis::aio::MultiplexedConnection), Failure> {
        let queue = self.queue()?;
        let host = self.required("REDIS_HOST")?;
        let connected = queue.connect().await;
        let connected = connected.with_context(|| self.unreachable("Redis", host, "REDIS_HOST"))?;
        Ok((queue, connected))
    }

    fn uri(&self, store: Store) -> Result<SecretString, Failure> {
        let variable = store.variable();
        let uri = self.required(variable)?;
        if uri.starts_with("mongodb://") || uri.starts_with("mongodb+srv://") {
            return Ok(uri.into());
        }
        Err(Failure::usage(format_args!(
            "{variable} must begin with mongodb:// or mongodb+srv://"
        )))
    }

    /// A service's database.
    pub(crate) async fn database(&self, store: Store) -> Result<mongodb::Database, Failure> {
        let uri = self.uri(store)?;
        Ok(audit::access::open_database(&uri, store.name()).await?)
    }

    /// The message for a database that does not answer.
    pub(crate) fn database_unreachable(&self, store: Store) -> String {
        let uri = self.get(store.variable()).unwrap_or_default();
        self.unreachable("MongoDB", uri, store.variable())
    }

    /// Everything that an audit reads.
    pub(crate) fn everything(&self) -> Result<Access, Failure> {
        Ok(Access {
            databases: DatabaseUris {
                auth: self.uri(Store::Auth)?,
                tickets: self.uri(Store::Tickets)?,
                orders: self.uri(Store::Orders)?,
                payments: self.uri(Store::Payments)?,
            },
            broker: self.broker()?,
            queue: self.queue()?,
        })
    }

    /// Stripe, if its key is known.
    pub(crate) fn stripe(&self) -> Option<StripeAccess> {
        Some(StripeAccess {
            key: self.get("STRIPE_KEY")?.into(),
            api_base: self.get("STRIPE_API_BASE").map(ToOwned::to_owned),
        })
    }

    /// The admin ports of a service's processes.
    pub(crate) fn admin_urls(&self, service: &str) -> Result<Vec<String>, Failure> {
        if !SERVICES.contains(&service) {
            return Err(no_service(service));
        }
        let given = self.arguments.admin_urls.iter();
        let given: Vec<_> = given
            .filter(|(name, _)| name == service)
            .map(|(_, url)| url.clone())
            .collect();
        if !given.is_empty() {
            return Ok(given);
        }
        let from_file = self.file.as_ref();
        let from_file = from_file
            .and_then(|(_, file)| file.admin_urls.get(service))
            .cloned();
        Ok(from_file.unwrap_or_else(|| vec![format!("http://{service}-srv:9000")]))
    }

    /// The message for a server that does not answer, with a hint to the source of its address.
    pub(crate) fn unreachable(&self, what: &str, address: &str, variable: &str) -> String {
        let advice = match &self.file {
            Some((path, _)) => format!("is the fleet up that wrote {}?", path.display()),
            None => format!(
                "is {variable} right, and can it be reached from here (in a cluster: `kubectl port-forward`)?"
            ),
        };
        format!(
            "{what} at {} does not answer; {advice}",
            without_secrets(address)
        )
    }
}

/// A client for admin ports, which ignores proxies.
pub(crate) fn http(timeout: Option<Duration>) -> Result<reqwest::Client, Failure> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(timeout.unwrap_or(TIMEOUT))
        .build();
    client.map_err(|error| Failure::Unreachable(anyhow!(error)))
}

fn no_service(service: &str) -> Failure {
    Failure::usage(format_args!(
        "no service {service:?}; the services are {}",
        SERVICES.join(", ")
    ))
}

/// An address without a user's name and password.
fn without_secrets(address: &str) -> impl fmt::Display + '_ {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let (authority, _) = rest.split_once(['/', '?']).unwrap_or((rest, ""));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        let shown = |address| without_secrets(address).to_string();
        assert_eq!(shown("mongodb://a:b@host:1/orders?x=y"), "mongodb://host:1");
        assert_eq!(shown("nats://host:4222"), "nats://host:4222");
        assert_eq!(shown("host:6379"), "host:6379");
    }

    #[test]
    fn arguments_take_precedence_over_the_file() {
        let mut file = FleetFile::default();
        file.variables
            .insert("NATS_URL".to_owned(), "nats://file".to_owned());
        file.variables
            .insert("REDIS_HOST".to_owned(), "file:1".to_owned());
        file.admin_urls
            .insert("orders".to_owned(), vec!["http://file:1".to_owned()]);
        let connections = Connections {
            arguments: ConnectionArguments {
                nats_url: Some("nats://given".to_owned()),
                ..ConnectionArguments::default()
            },
            file: Some((PathBuf::from("fleet.json"), file)),
        };
        assert_eq!(connections.broker().unwrap().url, "nats://given");
        assert!(connections.queue().is_ok());
        assert_eq!(connections.admin_urls("orders").unwrap(), ["http://file:1"]);
        assert_eq!(
            connections.admin_urls("auth").unwrap(),
            ["http://auth-srv:9000"]
        );
        assert!(matches!(connections.everything(), Err(Failure::Usage(_))));
    }
}
