//! The commands and their options. The doc comments are the help texts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use common::id::kind;
use common::{Id, Subject};

const EXAMPLES: &str = "\
Examples:
  ticketctl status
  ticketctl events tail --follow --subject order:created
  ticketctl events tail --since 2h --entity 665f1c2ab3d4e5f601234567 --json
  ticketctl dead-letters list
  ticketctl dead-letters replay 17
  ticketctl order trace 665f1c2ab3d4e5f601234567
  ticketctl audit --json | jq .violations
  ticketctl resync orders

Addresses of the fleet come from options (see --help), else from environment variables with the
names that the services use, else from the file that `cargo xtask up` writes, else they are the
names of services in a cluster. A command needs only the addresses that it uses.

Exit codes:
  0  everything is right, or done
  1  something is wrong with the fleet (a part is not ready, an invariant is violated), or the
     requested item does not exist
  2  wrong usage, or a setting is missing
  3  a server does not answer";

/// Inspects and repairs a ticketing fleet
#[derive(Debug, Parser)]
#[command(name = "ticketctl", version, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print JSON of a stable shape instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connections: ConnectionArguments,
}

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

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show services, streams, consumers and their lag, outboxes, the queue of expirations and dead letters
    #[command(
        after_help = "Parts whose addresses are not known are left out and listed.\n\nExamples:\n  ticketctl status\n  ticketctl status --json | jq '.consumers[] | select(.lagMilliseconds > 1000)'"
    )]
    Status,
    /// Show the events that services publish
    #[command(subcommand)]
    Events(Events),
    /// Show, replay or discard events that a consumer could not handle
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// Make a service publish the state of everything that it owns again, which repairs replicas
    #[command(after_help = "Examples:\n  ticketctl resync orders")]
    Resync {
        /// tickets, orders or payments
        service: String,
    },
    /// Show an order
    #[command(subcommand)]
    Order(Order),
    /// Check the invariants: reads everything and changes nothing
    Audit(Audit),
    /// Print a script that completes commands in a shell
    #[command(
        after_help = "Examples:\n  ticketctl completions bash > ~/.local/share/bash-completion/completions/ticketctl"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// The commands for events.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Show recent events, and with `--follow` new ones
    Tail(Tail),
}

/// The selection of events.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ticketctl events tail --since 1h\n  ticketctl events tail --follow --subject payment:created --subject payment:refunded\n  ticketctl events tail --entity 665f1c2ab3d4e5f601234567 --since 7d --json"
)]
pub(crate) struct Tail {
    /// Only events of this subject; may be repeated
    #[arg(long = "subject", value_name = "SUBJECT")]
    pub(crate) subjects: Vec<Subject>,
    /// Only events that name this ticket, order, payment or user
    #[arg(long, value_name = "ID")]
    pub(crate) entity: Option<Id<kind::Order>>,
    /// How far back
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
    pub(crate) since: Duration,
    /// Continue with new events until Ctrl-C
    #[arg(long, short)]
    pub(crate) follow: bool,
}

/// The commands for dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetters {
    /// List the oldest dead letters
    List {
        /// How many to list at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show a dead letter with the body of its event
    Show {
        /// Its number, as `list` shows it
        number: u64,
    },
    /// Publish the event again to all consumers, and delete the dead letter
    Replay(Which),
    /// Delete the dead letter with its event
    Discard(Which),
}

/// The selection of dead letters.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Their numbers, as `list` shows them
    #[arg(required_unless_present = "all")]
    pub(crate) numbers: Vec<u64>,
    /// All dead letters
    #[arg(long, conflicts_with = "numbers")]
    pub(crate) all: bool,
}

/// The commands for an order.
#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    /// Show everything that happened to an order in all services, by time
    #[command(
        after_help = "With STRIPE_KEY it also shows each attempt to charge a card.\n\nExamples:\n  ticketctl order trace 665f1c2ab3d4e5f601234567"
    )]
    Trace {
        /// The order's id
        id: Id<kind::Order>,
    },
}

/// The options of an audit.
#[derive(Debug, Args)]
#[command(after_help = "\
A finding may be in transit, so it is checked again. It is a violation if it stays the same for ten seconds (twenty-four
for money), and undecided if it keeps changing for a minute. With STRIPE_KEY money is checked against Stripe (a key that
may read payment intents is enough), else against what payments recorded.

Examples:
  ticketctl audit
  ticketctl audit --json | jq -r '.violations[].entities[]'")]
pub(crate) struct Audit {
    /// Do not read the stream of events, which takes the longest
    #[arg(long)]
    pub(crate) no_stream: bool,
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
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_admin_url_names_its_service() {
        let expected = ("orders".to_owned(), "http://a:1".to_owned());
        assert_eq!(admin_url("orders=http://a:1/"), Ok(expected));
        assert!(admin_url("http://a:1").is_err());
    }

    #[test]
    fn dead_letters_are_selected_by_number_or_all() {
        let read = |line: &str| Arguments::try_parse_from(line.split(' '));
        assert!(read("ticketctl dead-letters replay 1 2").is_ok());
        assert!(read("ticketctl dead-letters replay --all").is_ok());
        assert!(read("ticketctl dead-letters replay").is_err());
        assert!(read("ticketctl dead-letters discard 1 --all").is_err());
    }
}
