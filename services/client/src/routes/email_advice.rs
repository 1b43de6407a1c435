//! Explains what is wrong with an email address. The API says only that it must be valid.

use common::email::InvalidEmail;
use common::{Email, FieldError};

/// Adds an explanation to the API's error about the address.
pub(super) fn explain(mut errors: Vec<FieldError>, input: &str) -> Vec<FieldError> {
    if let Err(invalid) = input.parse::<Email>() {
        let of_email = |error: &&mut FieldError| error.field.as_deref() == Some("email");
        for error in errors.iter_mut().filter(of_email) {
            error.message = format!("{}. {}", error.message, advice(invalid));
        }
    }
    errors
}

const fn advice(invalid: InvalidEmail) -> &'static str {
    match invalid {
        InvalidEmail::Incomplete => "It has an @ in the middle, like name@example.com.",
        InvalidEmail::AccentsBeforeAt => {
            "Our mail reaches only addresses with plain letters, a to z, before the @."
        }
        InvalidEmail::BeforeAt => {
            "Please check the part before the @: it has no spaces, and dots only between other characters."
        }
        InvalidEmail::Domain => "Please check the part after the @, like example.com.",
        InvalidEmail::NoPublicDomain => {
            "The part after the @ ends with a dot and some letters, like example.com."
        }
        InvalidEmail::TooLong => "It is longer than mail servers accept.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_invalid_address_is_explained() {
        let errors = || {
            vec![
                FieldError::new("email", "Email must be valid"),
                FieldError::new("password", "No"),
            ]
        };
        let explained = explain(errors(), "ü@example.com");
        assert_eq!(
            explained[0].message,
            "Email must be valid. Our mail reaches only addresses with plain letters, a to z, before the @."
        );
        assert_eq!(explained[1], errors()[1]);
        assert_eq!(explain(errors(), "u@bücher.example"), errors());
    }
}
