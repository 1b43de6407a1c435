//! What can be asked, and how. What is written here is the help that people read.

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

Where the fleet is: flags first (--help lists them), then the environment, which has the names
of the services' own variables, then the file that `cargo xtask up` writes, then the names that
services have in a cluster. Only what a command needs is asked for.

Exit codes:
  0  all is well, or done
  1  something is wrong with the fleet (a part is unwell, an invariant violated), or what was
     asked for is not there
  2  wrong usage, or a setting is missing
  3  something does not answer";

/// Sees inside a ticketing fleet, and sets a few things right
#[derive(Debug, Parser)]
#[command(name = "ticketctl", version, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print JSON, of which the shape is kept, rather than tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connections: ConnectionArguments,
}

/// Where the fleet is.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Connections")]
pub(crate) struct ConnectionArguments {
    /// A file that says where a fleet is, as `cargo xtask up` writes it
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
    /// Who asks at the broker, if it wants to know
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
    /// What is before every subject [default: nothing]
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
    /// What the queue's keys begin with [default: expiration]
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
    /// Stripe's key; without it money is judged by what payments recorded
    #[arg(
        long,
        value_name = "SECRET",
        env = "STRIPE_KEY",
        hide_env_values = true,
        global = true,
        hide_short_help = true
    )]
    pub(crate) stripe_key: Option<String>,
    /// Another address than Stripe's own
    #[arg(
        long,
        value_name = "URL",
        env = "STRIPE_API_BASE",
        global = true,
        hide_short_help = true
    )]
    pub(crate) stripe_api_base: Option<String>,
    /// A service's admin port; repeat it for several [default: `http://SERVICE-srv:9000`]
    #[arg(long = "admin-url", value_name = "SERVICE=URL", env = "TICKETCTL_ADMIN_URLS", value_delimiter = ',', global = true, hide_short_help = true, value_parser = admin_url)]
    pub(crate) admin_urls: Vec<(String, String)>,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Services, streams, consumers and how late they are, outboxes, the queue of expirations, dead letters
    #[command(
        after_help = "Parts of which no address is known are left out, and said to be.\n\nExamples:\n  ticketctl status\n  ticketctl status --json | jq '.consumers[] | select(.lagMilliseconds > 1000)'"
    )]
    Status,
    /// The events that services tell each other
    #[command(subcommand)]
    Events(Events),
    /// Events that a consumer could not handle
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// Lets a service tell the state of all it owns again; whoever knows it already does nothing
    #[command(after_help = "Examples:\n  ticketctl resync orders")]
    Resync {
        /// tickets, orders or payments
        service: String,
    },
    /// One order
    #[command(subcommand)]
    Order(Order),
    /// Whether what must always hold does hold: reads everything and changes nothing
    Audit(Audit),
    /// A script that completes commands in a shell
    #[command(
        after_help = "Examples:\n  ticketctl completions bash > ~/.local/share/bash-completion/completions/ticketctl"
    )]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// Of events.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// Shows the events of the last while, and those that come
    Tail(Tail),
}

/// Which events.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ticketctl events tail --since 1h\n  ticketctl events tail --follow --subject payment:created --subject payment:refunded\n  ticketctl events tail --entity 665f1c2ab3d4e5f601234567 --since 7d --json"
)]
pub(crate) struct Tail {
    /// Only these; may be repeated
    #[arg(long = "subject", value_name = "SUBJECT")]
    pub(crate) subjects: Vec<Subject>,
    /// Only those that name this ticket, order, payment or user
    #[arg(long, value_name = "ID")]
    pub(crate) entity: Option<Id<kind::Order>>,
    /// How far back
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
    pub(crate) since: Duration,
    /// Go on with what comes, until Ctrl-C
    #[arg(long, short)]
    pub(crate) follow: bool,
}

/// Of dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetters {
    /// The oldest of them
    List {
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// One of them, with its event's body
    Show {
        /// Its number, as `list` shows it
        number: u64,
    },
    /// Publishes the event again, to everybody, and forgets the letter
    Replay(Which),
    /// Forgets the letter and its event
    Discard(Which),
}

/// Which letters.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Their numbers, as `list` shows them
    #[arg(required_unless_present = "all")]
    pub(crate) numbers: Vec<u64>,
    /// All of them
    #[arg(long, conflicts_with = "numbers")]
    pub(crate) all: bool,
}

/// Of an order.
#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    /// Everything that happened to it in all services, in order
    #[command(
        after_help = "With STRIPE_KEY it says when each card was tried, too.\n\nExamples:\n  ticketctl order trace 665f1c2ab3d4e5f601234567"
    )]
    Trace {
        /// The order
        id: Id<kind::Order>,
    },
}

/// How to audit.
#[derive(Debug, Args)]
#[command(after_help = "\
What is not right at a look may be under way, so it is looked at again until it comes right or has been wrong in the
same way for ten seconds (twenty-four where money is concerned). What keeps changing for a minute is undecided, and told.
With STRIPE_KEY the money is judged by Stripe's account (a key that may read payment intents is enough), else by what
payments recorded.

Examples:
  ticketctl audit
  ticketctl audit --json | jq -r '.violations[].entities[]'")]
pub(crate) struct Audit {
    /// Leave the stream of events out, which takes the longest to read
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
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_admin_url_names_its_service() {
        let expected = ("orders".to_owned(), "http://a:1".to_owned());
        assert_eq!(admin_url("orders=http://a:1/"), Ok(expected));
        assert!(admin_url("http://a:1").is_err());
    }

    #[test]
    fn letters_are_named_or_all() {
        let read = |line: &str| Arguments::try_parse_from(line.split(' '));
        assert!(read("ticketctl dead-letters replay 1 2").is_ok());
        assert!(read("ticketctl dead-letters replay --all").is_ok());
        assert!(read("ticketctl dead-letters replay").is_err());
        assert!(read("ticketctl dead-letters discard 1 --all").is_err());
    }
}
