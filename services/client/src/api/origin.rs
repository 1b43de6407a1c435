//! Where the API is, from here.

use std::fmt;
use std::str::FromStr;

use base::origin::{InvalidOrigin, Origin};

/// Stands for the name of a service in an [`ApiOrigin`].
const SERVICE: &str = "{service}";

/// One origin for all services (`http://127.0.0.1:8080`), or one in which `{service}` stands for the name of the
/// service that is called (`http://{service}-srv:3000`).
///
/// In a cluster the second way is the better one: each service sees the shopper's address as the ingress told it to
/// us, where a second pass through the ingress would put ours in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiOrigin(String);

impl ApiOrigin {
    /// The URL of a path at a service.
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
    fn one_origin_serves_all_services_or_each_has_its_own() {
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
