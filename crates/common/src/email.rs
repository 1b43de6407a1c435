//! Email addresses in the canonical spelling that identifies an account.

use std::fmt;
use std::str::FromStr;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use validator::ValidateEmail;

/// An email address that can receive mail, in its canonical spelling: in lower case, its domain in ASCII (IDNA, UTS
/// 46), without surrounding space.
///
/// `Deserialize` accepts any address that an earlier release stored, so that its account still works. If the address
/// has a canonical spelling, that is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Email(String);

/// Why a text is not an email address. All variants have the same message, which is part of the HTTP contract; forms
/// use the variants to explain the mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Email must be valid")]
pub enum InvalidEmail {
    /// There is no `@`, or nothing before or after it.
    Incomplete,
    /// The part before the `@` has letters outside ASCII. They need an extension of SMTP (RFC 6531) that our mailer and
    /// many servers do not support.
    AccentsBeforeAt,
    /// Servers do not accept the part before the `@` without quotes (RFC 5321's `Dot-string`).
    BeforeAt,
    /// The part after the `@` is not a domain name.
    Domain,
    /// The domain has no dot or is an IP address, so our mail does not reach it.
    NoPublicDomain,
    /// The address is longer than SMTP allows.
    TooLong,
}

impl Email {
    /// The longest address that SMTP allows, in bytes (RFC 5321 with erratum 1690).
    pub const MAX_BYTES: usize = 254;

    /// The longest part before the `@`, in bytes (RFC 5321, section 4.5.3.1.1).
    pub const MAX_LOCAL_BYTES: usize = 64;

    /// The longest text that is parsed, in bytes: no spelling of an address is longer.
    const MAX_TYPED_BYTES: usize = 4 * Self::MAX_BYTES;

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses the address of a sign-in, which may be one that only earlier releases accepted at sign-up.
    pub fn of_account(text: &str) -> Result<Self, InvalidEmail> {
        let earlier = |invalid| Self::earlier_spelling(text).map(Self).ok_or(invalid);
        text.parse().or_else(earlier)
    }

    /// The spelling under which earlier releases stored this address, in lower case only; `None` if they refused it.
    #[must_use]
    pub fn earlier_spelling(text: &str) -> Option<String> {
        let address = text.trim().to_lowercase();
        (address.len() <= Self::MAX_BYTES && address.validate_email()).then_some(address)
    }

    /// The address with its domain in Unicode, if that differs. Earlier releases stored this spelling if it was typed.
    #[must_use]
    pub fn in_unicode(&self) -> Option<String> {
        let (local, domain) = self.0.rsplit_once('@')?;
        let (unicode, valid) = Uts46::new().to_unicode(domain.as_bytes(), DENY, HYPHENS);
        (valid.is_ok() && unicode != domain).then(|| format!("{local}@{unicode}"))
    }
}

/// Allows letters, digits and hyphens.
const DENY: AsciiDenyList = AsciiDenyList::STD3;

/// Refuses labels that begin or end with a hyphen.
const HYPHENS: Hyphens = Hyphens::CheckFirstLast;

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim();
        if text.len() > Self::MAX_TYPED_BYTES {
            return Err(InvalidEmail::TooLong);
        }
        let parts = text.rsplit_once('@');
        let (local, domain) = parts
            .filter(|(local, domain)| !local.is_empty() && !domain.is_empty())
            .ok_or(InvalidEmail::Incomplete)?;
        check_local(local)?;
        let domain = Uts46::new()
            .to_ascii(domain.as_bytes(), DENY, HYPHENS, DnsLength::Verify)
            .map_err(|_| InvalidEmail::Domain)?;
        check_public(&domain)?;
        let address = format!("{}@{domain}", local.to_ascii_lowercase());
        if address.len() > Self::MAX_BYTES {
            return Err(InvalidEmail::TooLong);
        }
        Ok(Self(address))
    }
}

fn check_local(local: &str) -> Result<(), InvalidEmail> {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte))
    };
    if !local.is_ascii() {
        Err(InvalidEmail::AccentsBeforeAt)
    } else if local.len() > Email::MAX_LOCAL_BYTES {
        Err(InvalidEmail::TooLong)
    } else if local.split('.').all(is_atom) {
        Ok(())
    } else {
        Err(InvalidEmail::BeforeAt)
    }
}

/// Refuses IP addresses, which end with a number, unlike any top-level domain.
fn check_public(domain: &str) -> Result<(), InvalidEmail> {
    match domain.rsplit_once('.') {
        Some((_, top)) if !top.bytes().all(|byte| byte.is_ascii_digit()) => Ok(()),
        _ => Err(InvalidEmail::NoPublicDomain),
    }
}

/// Reads an address that an earlier release may have accepted.
impl From<String> for Email {
    fn from(text: String) -> Self {
        text.parse().unwrap_or(Self(text))
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
