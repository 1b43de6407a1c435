//! The origin of the API, as the server reaches it.

use std::fmt;
use std::str::FromStr;

use base::origin::{InvalidOrigin, Origin};

/// The placeholder for the service's name in an [`ApiOrigin`].
const SERVICE: &str = "{service}";

/// One origin for all services (`http://127.0.0.1:8080`), or a template in which `{service}` is replaced by the name of
/// the called service (`http://{service}-srv:3000`).
///
/// The template is better in a cluster: services see the shopper's address, which a second pass through the ingress
/// would replace by ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiOrigin(String);

impl ApiOrigin {
    /// The URL of a service's path.
    pub(crate) fn url(&self, service: &str, path: &str) -> String {
        self.0.replace(SERVICE, service) + path
    }
}

impl FromStr for ApiOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let _: Origin = text.replace(SERVICE, "service").parse()?;
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for ApiOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_share_an_origin_or_have_their_own() {
        let url = |text: &str| {
            let origin: ApiOrigin = text.parse().unwrap();
            origin.url("orders", "/api/orders")
        };
        assert_eq!(
            url("http://127.0.0.1:8080/"),
            "http://127.0.0.1:8080/api/orders"
        );
        assert_eq!(
            url("http://{service}-srv:3000"),
            "http://orders-srv:3000/api/orders"
        );
        assert_eq!(
            "{service}".parse::<ApiOrigin>(),
            Err(InvalidOrigin),
            "no scheme"
        );
    }
}
