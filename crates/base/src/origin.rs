//! Origins of web sites.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;

use crate::config::Environment;

/// A scheme, a host and an optional port, such as `https://ticketing.dev`. It is normalized as browsers send it in
/// `Origin`: in lower case, without the scheme's default port and without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// The text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an origin such as https://ticketing.dev")]
pub struct InvalidOrigin;

impl Origin {
    /// The variable with the origin at which browsers reach the fleet.
    pub const PUBLIC: &str = "PUBLIC_ORIGIN";

    /// Reads `PUBLIC_ORIGIN`, if it is set. Forms on its pages are accepted, whatever `Host` a proxy sends.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        environment.optional(Self::PUBLIC)
    }

    /// The origin of an absolute URL, which may have a path.
    pub fn of_url(url: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = url.parse().map_err(|_| InvalidOrigin)?;
        Self::of(&uri)
    }

    fn of(uri: &Uri) -> Result<Self, InvalidOrigin> {
        let web = [Scheme::HTTP, Scheme::HTTPS];
        let scheme = uri.scheme().filter(|scheme| web.contains(scheme));
        let scheme = scheme.ok_or(InvalidOrigin)?;
        let authority = uri.authority().ok_or(InvalidOrigin)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(InvalidOrigin);
        }
        let default_port = if *scheme == Scheme::HTTP {
            ":80"
        } else {
            ":443"
        };
        let authority = authority.as_str().to_ascii_lowercase();
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
        Ok(Self(format!("{scheme}://{authority}")))
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = text.parse().map_err(|_| InvalidOrigin)?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(InvalidOrigin);
        }
        Self::of(&uri)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_and_a_host_and_nothing_else() {
        let origin = |text: &str| text.parse::<Origin>().map(|origin| origin.to_string());
        let shop = Ok("https://ticketing.dev".to_owned());
        assert_eq!(origin("https://ticketing.dev"), shop);
        assert_eq!(origin("https://ticketing.dev/"), shop);
        assert_eq!(origin("HTTPS://Ticketing.dev:443"), shop);
        for text in [
            "http://127.0.0.1:8080",
            "https://ticketing.dev:80",
            "http://[::1]:81",
        ] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "ticketing.dev",
            "/shop",
            "ftp://ticketing.dev",
            "https://ticketing.dev/shop",
            "https://ticketing.dev/?a=b",
            "https://user@ticketing.dev",
            "https://:443",
        ] {
            assert_eq!(origin(text), Err(InvalidOrigin), "{text}");
        }
    }

    #[test]
    fn the_origin_of_a_url_excludes_its_path() {
        let script = Origin::of_url("https://js.stripe.com/v3/").unwrap();
        assert_eq!(script.to_string(), "https://js.stripe.com");
        assert_eq!(Origin::of_url("/v3/"), Err(InvalidOrigin));
    }
}
