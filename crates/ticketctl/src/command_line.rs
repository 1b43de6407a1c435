//! The commands and their options. The doc comments are the help texts.

mod connection_arguments;

use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use common::id::kind;
use common::{Id, Subject};

pub(crate) use connection_arguments::ConnectionArguments;

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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_valid() {
        Arguments::command().debug_assert();
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
