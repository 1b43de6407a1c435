//! The mail that carries a magic link.

use std::time::Duration;

use common::{Email, Timestamp};
use lettre::Message;
use lettre::message::{Mailbox, MultiPart};
use mongo::new_id;
use secrecy::{ExposeSecret, SecretString};

/// A mail with a magic link.
#[derive(Debug)]
pub(crate) struct Mail {
    /// The recipient.
    pub(crate) to: Email,
    /// The whole link.
    pub(crate) link: SecretString,
    /// How long the link is valid; the text says so.
    pub(crate) lifetime: Duration,
    /// When the link expires. The mail is useless after that.
    pub(crate) expires_at: Timestamp,
}

/// Why a mail cannot be composed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ComposeError {
    /// The recipient's address is invalid in SMTP.
    #[error("recipient: {0}")]
    Recipient(#[from] lettre::address::AddressError),
    /// The mail library refuses the message.
    #[error(transparent)]
    Message(#[from] lettre::error::Error),
}

impl Mail {
    /// Composes the message, with the same content as plain text and as HTML.
    pub(super) fn message(&self, from: &Mailbox) -> Result<Message, ComposeError> {
        let to = Mailbox::new(None, self.to.as_str().parse()?);
        let message_id = format!("<{}@{}>", new_id::<()>(), from.email.domain());
        let message = Message::builder()
            .from(from.clone())
            .to(to)
            .subject("Your sign-in link")
            .message_id(Some(message_id))
            .multipart(MultiPart::alternative_plain_html(self.text(), self.html()))?;
        Ok(message)
    }

    fn text(&self) -> String {
        let link = self.link.expose_secret();
        let conditions = self.conditions();
        format!("Follow this link to sign in:\n\n{link}\n\n{conditions}\n")
    }

    /// Nothing needs escaping: the link is an origin, a fixed path and base64url.
    fn html(&self) -> String {
        let link = self.link.expose_secret();
        let conditions = self.conditions();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<title>Your sign-in link</title>\n\
             <p><a href=\"{link}\">Sign in</a></p>\n<p>{conditions}</p>\n</html>\n"
        )
    }

    fn conditions(&self) -> String {
        let lifetime = in_words(self.lifetime);
        format!(
            "It works once and for {lifetime}. If you did not ask for it, you can ignore this mail."
        )
    }
}

fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = if seconds.is_multiple_of(60) {
        (seconds / 60, "minute")
    } else {
        (seconds, "second")
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mail() -> Mail {
        Mail {
            to: "shopper@example.com".parse().unwrap(),
            link: "https://ticketing.dev/x?token=s3cr3t".to_owned().into(),
            lifetime: Duration::from_mins(1),
            expires_at: Timestamp::from_milliseconds(0),
        }
    }

    #[test]
    fn both_parts_contain_the_whole_link() {
        let mail = mail();
        for part in [mail.text(), mail.html()] {
            assert!(
                part.contains("https://ticketing.dev/x?token=s3cr3t"),
                "{part}"
            );
            assert!(part.contains("works once and for 1 minute."), "{part}");
        }
    }

    #[test]
    fn debug_does_not_reveal_the_link() {
        assert!(!format!("{:?}", mail()).contains("s3cr3t"));
    }

    proptest! {
        #[test]
        fn every_accepted_address_is_valid_in_smtp(
            text in "[a-z0-9.!+'_\u{fc}-]{0,6}@[a-zA-Z0-9.\u{e0}-\u{17f}\u{3b1}-\u{3c9}\u{4e00}-\u{4e20}-]{0,12}"
        ) {
            if let Ok(email) = text.parse::<Email>() {
                let address: lettre::Address = email.as_str().parse().unwrap();
                prop_assert_eq!(address.to_string(), email.as_str());
                prop_assert!(email.as_str().is_ascii());
                prop_assert_eq!(email.as_str().parse(), Ok(email.clone()));
                let unicode = email.in_unicode();
                prop_assert_eq!(unicode.unwrap_or(email.to_string()).parse(), Ok(email));
            }
        }
    }

    #[test]
    fn durations_are_written_in_words() {
        let words = |seconds| in_words(Duration::from_secs(seconds));
        assert_eq!(words(60), "1 minute");
        assert_eq!(words(900), "15 minutes");
        assert_eq!(words(90), "90 seconds");
        assert_eq!(words(1), "1 second");
    }
}
