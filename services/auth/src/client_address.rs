//! The network address of a request's client, taken from trusted sources only.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use base::config::Environment;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// `TRUSTED_PROXIES` (default 1): the number of our own proxies in front of the service. Each appends the address of
/// its peer to `X-Forwarded-For`. With 0 the header is ignored, since only the client can have set it.
#[derive(Debug, Clone, Copy)]
pub struct TrustedProxies(pub u8);

impl TrustedProxies {
    /// Reads `TRUSTED_PROXIES`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        environment.with_default("TRUSTED_PROXIES", 1).map(Self)
    }

    /// The entry that our outermost proxy added. The client may have forged all entries before it.
    fn client(self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let entries: Vec<&str> = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .flat_map(|value| value.to_str().unwrap_or_default().split(','))
            .collect();
        let ours = entries.len().min(self.0.into());
        let outermost = entries.get(entries.len() - ours);
        outermost.and_then(|entry| parse(entry)).unwrap_or(peer)
    }
}

/// Parses an entry. Some proxies append the port.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let address = entry.parse().ok();
    address.or_else(|| entry.parse().map(|socket: SocketAddr| socket.ip()).ok())
}

/// The client of a request, as rate limits count it: an IPv4 address, or the /64 network of an IPv6 address, since one
/// subscriber owns all of that network (<https://www.rfc-editor.org/rfc/rfc6177>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientAddress(IpAddr);

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << 64);
                Ipv6Addr::from_bits(network).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl<S> FromRequestParts<S> for ClientAddress
where
    S: Send + Sync,
    TrustedProxies: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let ConnectInfo(peer) = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .expect("the server adds `ConnectInfo`");
        let proxies = TrustedProxies::from_ref(state);
        Ok(proxies.client(peer.ip(), &parts.headers).into())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(proxies: u8, values: &[&'static str]) -> String {
        let values = values.iter().map(|value| HeaderValue::from_static(value));
        let headers = values.map(|value| (FORWARDED_FOR.parse().unwrap(), value));
        let peer = IpAddr::from([10, 0, 0, 1]);
        let address = TrustedProxies(proxies).client(peer, &headers.collect());
        ClientAddress::from(address).0.to_string()
    }

    #[test]
    fn without_proxies_the_header_is_ignored() {
        assert_eq!(client(0, &["1.1.1.1, 2.2.2.2"]), "10.0.0.1");
    }

    #[test]
    fn only_entries_of_our_own_proxies_are_trusted() {
        assert_eq!(client(1, &["1.1.1.1, 2.2.2.2"]), "2.2.2.2");
        assert_eq!(client(1, &["1.1.1.1", "2.2.2.2"]), "2.2.2.2");
        assert_eq!(client(2, &["1.1.1.1, 2.2.2.2, 3.3.3.3"]), "2.2.2.2");
        assert_eq!(client(2, &["1.1.1.1,2.2.2.2", "3.3.3.3"]), "2.2.2.2");
    }

    #[test]
    fn an_absent_or_invalid_header_falls_back_to_the_peer() {
        assert_eq!(client(1, &[]), "10.0.0.1");
        assert_eq!(client(1, &["1.1.1.1, unknown"]), "10.0.0.1");
        assert_eq!(client(1, &[""]), "10.0.0.1");
    }

    #[test]
    fn a_port_is_not_part_of_the_address() {
        assert_eq!(client(1, &["2.2.2.2:4711"]), "2.2.2.2");
        assert_eq!(client(1, &["[2001:db8::1]:4711"]), "2001:db8::");
    }

    #[test]
    fn all_addresses_of_an_ipv6_network_are_one_client() {
        assert_eq!(client(1, &["2001:db8:1:2:3:4:5:6"]), "2001:db8:1:2::");
        assert_eq!(client(1, &["::ffff:2.2.2.2"]), "2.2.2.2");
    }
}
