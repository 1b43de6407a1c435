//! Sends mail over SMTP in the background. A request only queues its mail, so its response time does not depend on the
//! mail server.
//!
//! The queue is in memory. If a mail is lost with its process, its recipient asks for another link; a stored mail would
//! probably be sent after its link has expired.

mod message;

use std::time::Duration;

use base::Clock;
use base::backoff::Backoff;
use base::config::Environment;
use futures::StreamExt;
use lettre::message::Mailbox;
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::response::Category;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use telemetry::metrics::{Counter, Counters, Metrics};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::metrics::{MAILS_DONE, MAILS_QUEUED, MAILS_TURNED_AWAY, MAILS_WAITING};

pub(crate) use message::Mail;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// The capacity of the queue.
const QUEUE: usize = 1_000;

/// How many mails are sent concurrently.
const CONCURRENCY: usize = 4;

const MAX_ATTEMPTS: u32 = 5;

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the queue is drained at shutdown; less than the limit of the whole shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(6);

/// The settings of outgoing mail.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// `SMTP_URL`: `smtp://host:port`, or `smtps://user:password@host` with TLS.
    pub url: SecretString,
    /// `MAIL_FROM`: the sender, as `Ticketing <no-reply@ticketing.dev>`.
    pub from: Mailbox,
}

impl MailConfig {
    /// Reads `SMTP_URL` and `MAIL_FROM`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let url = environment.secret("SMTP_URL", 1);
        let url = url.and_then(|url| match transport(&url) {
            Some(_) => Some(url),
            // The library's error message could contain the password.
            None => environment.fault("SMTP_URL", "must be smtp://host:port or smtps://host:port"),
        });
        let from = environment.required("MAIL_FROM");
        Some(Self {
            url: url?,
            from: from?,
        })
    }
}

fn transport(url: &SecretString) -> Option<AsyncSmtpTransportBuilder> {
    Transport::from_url(url.expose_secret()).ok()
}

/// Creates the queue and its delivery.
pub(crate) fn open(
    config: MailConfig,
    clock: Clock,
    metrics: &Metrics,
) -> (MailQueue, MailDelivery) {
    let (sender, mails) = mpsc::channel(QUEUE);
    let transport = transport(&config.url)
        .expect("the configuration was read with this URL")
        .timeout(Some(ATTEMPT_TIMEOUT))
        .build();
    let mailer = Mailer {
        transport,
        from: config.from,
        clock,
        done: metrics.counters(&MAILS_DONE),
    };
    measure_length(&sender, metrics);
    let queue = MailQueue {
        sender,
        queued: metrics.counter(&MAILS_QUEUED),
        turned_away: metrics.counter(&MAILS_TURNED_AWAY),
    };
    (queue, MailDelivery { mails, mailer })
}

/// Measures the queue's length on each scrape. The weak reference does not keep the queue open.
fn measure_length(sender: &mpsc::Sender<Mail>, metrics: &Metrics) {
    let (waiting, sender) = (metrics.gauge(&MAILS_WAITING), sender.downgrade());
    metrics.on_scrape(move || {
        let sender = sender.upgrade();
        let free = sender.map_or(QUEUE, |sender| sender.capacity());
        waiting.set_number(QUEUE - free);
    });
}

/// The sending half of the queue.
#[derive(Debug, Clone)]
pub(crate) struct MailQueue {
    sender: mpsc::Sender<Mail>,
    queued: Counter,
    turned_away: Counter,
}

/// A reserved place in the queue.
#[derive(Debug)]
pub(crate) struct Slot {
    permit: mpsc::OwnedPermit<Mail>,
    queued: Counter,
}

/// The mail queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mail queue is full")]
pub(crate) struct QueueFull;

impl MailQueue {
    /// Reserves a place. Callers do this before any write that a full queue would force them to undo.
    pub(crate) fn reserve(&self) -> Result<Slot, QueueFull> {
        let Ok(permit) = self.sender.clone().try_reserve_owned() else {
            self.turned_away.increment();
            return Err(QueueFull);
        };
        Ok(Slot {
            permit,
            queued: self.queued.clone(),
        })
    }
}

impl Slot {
    /// Queues the mail.
    pub(crate) fn send(self, mail: Mail) {
        self.permit.send(mail);
        self.queued.increment();
    }
}

/// The receiving half of the queue, which sends its mails.
#[derive(Debug)]
pub(crate) struct MailDelivery {
    mails: mpsc::Receiver<Mail>,
    mailer: Mailer,
}

#[derive(Debug)]
struct Mailer {
    transport: Transport,
    from: Mailbox,
    clock: Clock,
    done: Counters<1>,
}

impl MailDelivery {
    /// Sends mails until the queue is closed and empty, or until [`DRAIN_TIMEOUT`] after `stop`. The queue is closed
    /// when the API has stopped.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let Self { mails, mailer } = self;
        let mails =
            futures::stream::unfold(mails, async |mut mails| Some((mails.recv().await?, mails)));
        let drained = mails.for_each_concurrent(CONCURRENCY, |mail| mailer.deliver(mail));
        let timed_out = async {
            stop.cancelled().await;
            sleep(DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            () = drained => {}
            () = timed_out => tracing::warn!("queued mails dropped at shutdown"),
        }
    }
}

impl Mailer {
    /// Sends the mail and counts the outcome.
    async fn deliver(&self, mail: Mail) {
        let outcome = self.try_to_deliver(mail).await;
        self.done.with([outcome]).increment();
    }

    /// Sends the mail, with retries until its link expires, and returns the outcome.
    async fn try_to_deliver(&self, mail: Mail) -> &'static str {
        let message = match mail.message(&self.from) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, "mail not composed");
                return "refused";
            }
        };
        let mut delays = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
        for attempt in 1..=MAX_ATTEMPTS {
            match self.send(message.clone()).await {
                Ok(()) => {
                    tracing::info!(attempt, "mail sent");
                    return "sent";
                }
                Err(failure) if failure.is_permanent => {
                    tracing::warn!(error = failure.reason, "mail refused");
                    return "refused";
                }
                Err(failure) => tracing::warn!(attempt, error = failure.reason, "mail not sent"),
            }
            let delay = delays.next_delay();
            if attempt == MAX_ATTEMPTS || self.clock.now().plus(delay) >= mail.expires_at {
                break;
            }
            sleep(delay).await;
        }
        tracing::warn!("mail given up");
        "given_up"
    }

    async fn send(&self, message: Message) -> Result<(), Failure> {
        match timeout(ATTEMPT_TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failure {
                is_permanent: error.is_permanent() && !rejects_credentials(&error),
                // The server's message may contain the recipient's address.
                reason: match error.status() {
                    Some(code) => format!("the mail server answered {code}"),
                    None => error.to_string(),
                },
            }),
            Err(elapsed) => Err(Failure {
                is_permanent: false,
                reason: elapsed.to_string(),
            }),
        }
    }
}

/// Whether the server rejects our credentials (530, 534, 535, 538; RFC 4954, section 6) rather than the mail. That is
/// worth a retry: the password may be in rotation.
fn rejects_credentials(error: &lettre::transport::smtp::Error) -> bool {
    let status = error.status();
    status.is_some_and(|code| code.category == Category::Unspecified3)
}

/// Why an attempt to send a mail failed.
#[derive(Debug)]
struct Failure {
    /// Whether a retry is pointless.
    is_permanent: bool,
    reason: String,
}
