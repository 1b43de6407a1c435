//! Random values for tests.

use rand::RngExt;

/// Twelve random lower-case letters.
#[must_use]
pub fn word() -> String {
    let mut random = rand::rng();
    (0..12)
        .map(|_| char::from(random.random_range(b'a'..=b'z')))
        .collect()
}

/// A new email address.
#[must_use]
pub fn email() -> String {
    format!("{}@example.com", word())
}

/// A valid password.
#[must_use]
pub fn password() -> String {
    format!("password-{}", word())
}

/// A title of a ticket.
#[must_use]
pub fn title() -> String {
    format!("Concert {}", word())
}

/// A secret of 64 random hexadecimal digits.
#[must_use]
pub fn secret() -> String {
    let mut random = rand::rng();
    (0..64)
        .map(|_| char::from_digit(random.random_range(0..16), 16).expect("a digit below 16"))
        .collect()
}
