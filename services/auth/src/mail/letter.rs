//! The letter that carries a magic link.

use std::time::Duration;

use common::{Email, Timestamp};
use lettre::Message;
use lettre::message::{Mailbox, MultiPart};
use mongo::new_id;
use secrecy::{ExposeSecret, SecretString};

/// A magic link on its way to its reader.
#[derive(Debug)]
pub(crate) struct Letter {
    /// Who reads it.
    pub(crate) to: Email,
    /// The whole link.
    pub(crate) link: SecretString,
    /// How long the link works, as the letter says it.
    pub(crate) lifetime: Duration,
    /// When the link has expired and the letter need not be sent any more.
    pub(crate) useless_after: Timestamp,
}

/// Why a letter cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum LetterError {
    /// The reader's address cannot be written on an envelope.
    #[error("recipient: {0}")]
    Recipient(#[from] lettre::address::AddressError),
    /// Something else is missing.
    #[error(transparent)]
    Message(#[from] lettre::error::Error),
}

impl Letter {
    /// The letter as mail, with the same words as text and as HTML.
    pub(super) fn message(&self, from: &Mailbox) -> Result<Message, LetterError> {
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

    /// Nothing in it needs escaping: the link is an origin, a fixed path and base64url.
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
            "It works once and for {lifetime}. If you did not ask for it, nothing happens unless you follow it."
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

    fn letter() -> Letter {
        Letter {
            to: "shopper@example.com".parse().unwrap(),
            link: "https://ticketing.dev/x?token=s3cr3t".to_owned().into(),
            lifetime: Duration::from_mins(1),
            useless_after: Timestamp::from_milliseconds(0),
        }
    }

    #[test]
    fn the_link_is_in_both_parts_whole() {
        let letter = letter();
        for part in [letter.text(), letter.html()] {
            assert!(
                part.contains("https://ticketing.dev/x?token=s3cr3t"),
                "{part}"
            );
            assert!(part.contains("works once and for 1 minute."), "{part}");
        }
    }

    #[test]
    fn a_letter_does_not_print_its_link() {
        assert!(!format!("{:?}", letter()).contains("s3cr3t"));
    }

    proptest! {
        #[test]
        fn an_address_that_is_accepted_can_be_written_on_an_envelope(
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
    fn times_are_said_in_words() {
        let words = |seconds| in_words(Duration::from_secs(seconds));
        assert_eq!(words(60), "1 minute");
        assert_eq!(words(900), "15 minutes");
        assert_eq!(words(90), "90 seconds");
        assert_eq!(words(1), "1 second");
    }
}
