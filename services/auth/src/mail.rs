//! Mail over SMTP, sent in the background: a request only queues its letter, so that its answer takes the same time
//! whatever becomes of the mail.
//!
//! The queue is in memory. A letter that is lost with its process costs its reader another click, and a letter that
//! survived would carry a link that no longer works.

mod letter;

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

use crate::metrics::{LETTERS_DONE, LETTERS_QUEUED, LETTERS_TURNED_AWAY, LETTERS_WAITING};

pub(crate) use letter::Letter;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// How many letters may wait.
const QUEUE: usize = 1_000;

/// How many letters are sent at once.
const SENT_AT_ONCE: usize = 4;

/// How often sending a letter is tried.
const TRIES: u32 = 5;

/// How long one try may take.
const TRY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long letters are still sent after the process was told to stop; below the limit of the whole stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(6);

/// How mail is sent.
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
            // The mailer's own words could repeat the password.
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

/// The queue, and what empties it.
pub(crate) fn open(
    config: MailConfig,
    clock: Clock,
    metrics: &Metrics,
) -> (MailQueue, MailDelivery) {
    let (sender, letters) = mpsc::channel(QUEUE);
    let transport = transport(&config.url)
        .expect("the configuration was read with this URL")
        .timeout(Some(TRY_TIMEOUT))
        .build();
    let sending = Sending {
        transport,
        from: config.from,
        clock,
        done: metrics.counters(&LETTERS_DONE),
    };
    measure_queue(&sender, metrics);
    let queue = MailQueue {
        sender,
        queued: metrics.counter(&LETTERS_QUEUED),
        turned_away: metrics.counter(&LETTERS_TURNED_AWAY),
    };
    (queue, MailDelivery { letters, sending })
}

/// Lets the queue be measured when metrics are read; holding on to it would keep it open.
fn measure_queue(sender: &mpsc::Sender<Letter>, metrics: &Metrics) {
    let (waiting, sender) = (metrics.gauge(&LETTERS_WAITING), sender.downgrade());
    metrics.on_scrape(move || {
        let sender = sender.upgrade();
        let free = sender.map_or(QUEUE, |sender| sender.capacity());
        waiting.set_number(QUEUE - free);
    });
}

/// Takes letters to be sent.
#[derive(Debug, Clone)]
pub(crate) struct MailQueue {
    sender: mpsc::Sender<Letter>,
    queued: Counter,
    turned_away: Counter,
}

/// A place in the queue.
#[derive(Debug)]
pub(crate) struct Slot {
    place: mpsc::OwnedPermit<Letter>,
    queued: Counter,
}

/// Too many letters wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many letters wait to be sent")]
pub(crate) struct QueueFull;

impl MailQueue {
    /// A place in the queue, so that nothing need be undone if there is none.
    pub(crate) fn reserve(&self) -> Result<Slot, QueueFull> {
        let Ok(place) = self.sender.clone().try_reserve_owned() else {
            self.turned_away.increment();
            return Err(QueueFull);
        };
        Ok(Slot {
            place,
            queued: self.queued.clone(),
        })
    }
}

impl Slot {
    /// Puts the letter in the queue.
    pub(crate) fn send(self, letter: Letter) {
        self.place.send(letter);
        self.queued.increment();
    }
}

/// Sends what is in the queue.
#[derive(Debug)]
pub(crate) struct MailDelivery {
    letters: mpsc::Receiver<Letter>,
    sending: Sending,
}

#[derive(Debug)]
struct Sending {
    transport: Transport,
    from: Mailbox,
    clock: Clock,
    done: Counters<1>,
}

impl MailDelivery {
    /// Sends letters until nobody can queue any more, which is so when the API has ended, and all are sent; or until
    /// some time after `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let Self { letters, sending } = self;
        let letters = futures::stream::unfold(letters, async |mut letters| {
            Some((letters.recv().await?, letters))
        });
        let all_sent = letters.for_each_concurrent(SENT_AT_ONCE, |letter| sending.deliver(letter));
        let out_of_time = async {
            stop.cancelled().await;
            sleep(DRAIN_LIMIT).await;
        };
        tokio::select! {
            () = all_sent => {}
            () = out_of_time => tracing::warn!("letters were left unsent"),
        }
    }
}

impl Sending {
    /// Sends the letter and counts what became of it.
    async fn deliver(&self, letter: Letter) {
        let outcome = self.try_to_deliver(letter).await;
        self.done.with([outcome]).increment();
    }

    /// Sends the letter, trying again while that may help and the letter is of use; gives what became of it.
    async fn try_to_deliver(&self, letter: Letter) -> &'static str {
        let message = match letter.message(&self.from) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, "a letter cannot be written");
                return "refused";
            }
        };
        let mut delays = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
        for attempt in 1..=TRIES {
            match self.send(message.clone()).await {
                Ok(()) => {
                    tracing::info!(attempt, "letter sent");
                    return "sent";
                }
                Err(failure) if failure.is_final => {
                    tracing::warn!(error = failure.words, "letter refused");
                    return "refused";
                }
                Err(failure) => tracing::warn!(attempt, error = failure.words, "letter not sent"),
            }
            let delay = delays.next_delay();
            if attempt == TRIES || self.clock.now().plus(delay) >= letter.useless_after {
                break;
            }
            sleep(delay).await;
        }
        tracing::warn!("letter given up");
        "given_up"
    }

    async fn send(&self, message: Message) -> Result<(), Failure> {
        match timeout(TRY_TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failure {
                is_final: error.is_permanent() && !is_about_us(&error),
                // A server's own words quote the address that it refused.
                words: match error.status() {
                    Some(code) => format!("the mail server answered {code}"),
                    None => error.to_string(),
                },
            }),
            Err(elapsed) => Err(Failure {
                is_final: false,
                words: elapsed.to_string(),
            }),
        }
    }
}

/// Whether the server refuses our user or password (530, 534, 535, 538; RFC 4954, section 6) and not the letter: a
/// password that is being rotated is accepted again a moment later.
fn is_about_us(error: &lettre::transport::smtp::Error) -> bool {
    let status = error.status();
    status.is_some_and(|code| code.category == Category::Unspecified3)
}

/// Why a try to send a letter failed.
#[derive(Debug)]
struct Failure {
    /// Whether trying again is in vain.
    is_final: bool,
    words: String,
}
