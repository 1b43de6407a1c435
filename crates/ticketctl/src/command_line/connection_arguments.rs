//! The options with the addresses of the fleet, which every command has.

use std::path::PathBuf;

use clap::Args;

/// The addresses of the fleet.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Connections")]
pub(crate) struct ConnectionArguments {
    /// A file with the addresses of a fleet, as `cargo xtask up` writes it
    #[arg(
        long,
        value_name = "FILE",
        env = "TICKETCTL_FLEET",
        global = true,
        hide_short_help = true
    )]
    pub(crate) fleet: Option<PathBuf>,
    /// The broker, such as `nats://nats-srv:4222`
    #[arg(
        long,
        value_name = "URL",
        env = "NATS_URL",
        hide_env_values = true,
        global = true,
        hide_short_help = true
    )]
    pub(crate) nats_url: Option<String>,
    /// The user to connect to the broker as, if it requires one
    #[arg(
        long,
        value_name = "NAME",
        env = "NATS_USER",
        global = true,
        hide_short_help = true
    )]
    pub(crate) nats_user: Option<String>,
    /// That user's password
    #[arg(
        long,
        value_name = "SECRET",
        env = "NATS_PASSWORD",
        hide_env_values = true,
        global = true,
        hide_short_help = true
    )]
    pub(crate) nats_password: Option<String>,
    /// The stream of events [default: ticketing]
    #[arg(
        long,
        value_name = "NAME",
        env = "NATS_CLUSTER_ID",
        global = true,
        hide_short_help = true
    )]
    pub(crate) nats_cluster_id: Option<String>,
    /// The prefix of every subject [default: none]
    #[arg(
        long,
        value_name = "TEXT",
        env = "NATS_SUBJECT_PREFIX",
        global = true,
        hide_short_help = true
    )]
    pub(crate) nats_subject_prefix: Option<String>,
    /// The queue of expirations: a host, host:port or redis:// URL
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "REDIS_HOST",
        hide_env_values = true,
        global = true,
        hide_short_help = true
    )]
    pub(crate) redis_host: Option<String>,
    /// The prefix of the queue's keys [default: expiration]
    #[arg(
        long,
        value_name = "TEXT",
        env = "REDIS_NAMESPACE",
        global = true,
        hide_short_help = true
    )]
    pub(crate) redis_namespace: Option<String>,
    /// The database of accounts
    #[arg(
        long,
        value_name = "URI",
        env = "AUTH_MONGO_URI",
        hide_env_values = true,
        global = true,
        hide_short_help = true
    )]
    pub(crate) auth_mongo_uri: Option<String>,
    /// The database of tickets
    #[arg(
        long,
        value_name = "URI",
        env = "TICKETS_MONGO_URI",
        hide_env_values = true,
        global = true,
        hide_short_help = true
    )]
    pub(crate) tickets_mongo_uri: Option<String>,
    /// The database of orders
    #[arg(
        long,
        value_name = "URI",
        env = "ORDERS_MONGO_URI",
        hide_env_values = true,
        global = true,
        hide_short_help = true
    )]
    pub(crate) orders_mongo_uri: Option<String>,
    /// The database of payments
    #[arg(
        long,
        value_name = "URI",
        env = "PAYMENTS_MONGO_URI",
        hide_env_values = true,
        global = true,
        hide_short_help = true
    )]
    pub(crate) payments_mongo_uri: Option<String>,
    /// The key of the account at Stripe; without it money is checked against what payments recorded
    #[arg(
        long,
        value_name = "SECRET",
        env = "STRIPE_KEY",
        hide_env_values = true,
        global = true,
        hide_short_help = true
    )]
    pub(crate) stripe_key: Option<String>,
    /// An address to use instead of Stripe's own
    #[arg(
        long,
        value_name = "URL",
        env = "STRIPE_API_BASE",
        global = true,
        hide_short_help = true
    )]
    pub(crate) stripe_api_base: Option<String>,
    /// The admin port of a service's process; may be repeated [default: `http://SERVICE-srv:9000`]
    #[arg(long = "admin-url", value_name = "SERVICE=URL", env = "TICKETCTL_ADMIN_URLS", value_delimiter = ',', global = true, hide_short_help = true, value_parser = admin_url)]
    pub(crate) admin_urls: Vec<(String, String)>,
}

fn admin_url(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((service, url)) if url.starts_with("http://") || url.starts_with("https://") => {
            Ok((service.to_owned(), url.trim_end_matches('/').to_owned()))
        }
        _ => Err("as in orders=http://127.0.0.1:9000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_url_names_its_service() {
        let expected = ("orders".to_owned(), "http://a:1".to_owned());
        assert_eq!(admin_url("orders=http://a:1/"), Ok(expected));
        assert!(admin_url("http://a:1").is_err());
    }
}
