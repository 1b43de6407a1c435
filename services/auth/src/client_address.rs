//! Where a request comes from, as far as it can be believed.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use base::config::Environment;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// `TRUSTED_PROXIES` (default 1): how many proxies of ours a request passes, each of which adds to `X-Forwarded-For`
/// the address that it was called from. 0: the header is the client's word and not looked at.
#[derive(Debug, Clone, Copy)]
pub struct TrustedProxies(pub u8);

impl TrustedProxies {
    /// Reads `TRUSTED_PROXIES`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        environment.with_default("TRUSTED_PROXIES", 1).map(Self)
    }

    /// The entry that the outermost of our proxies added; all before it is the client's word.
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

/// Some proxies add the port.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let address = entry.parse().ok();
    address.or_else(|| entry.parse().map(|socket: SocketAddr| socket.ip()).ok())
}

/// Who a request comes from, for counting: an IPv4 address, or the /64 network of an IPv6 address, all of which
/// belongs to one subscriber (<https://www.rfc-editor.org/rfc/rfc6177>).
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
            .expect("the server says who is connected");
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
    fn without_proxies_the_peer_is_the_client_whatever_it_says() {
        assert_eq!(client(0, &["1.1.1.1, 2.2.2.2"]), "10.0.0.1");
    }

    #[test]
    fn only_what_our_proxies_added_is_believed() {
        assert_eq!(client(1, &["1.1.1.1, 2.2.2.2"]), "2.2.2.2");
        assert_eq!(client(1, &["1.1.1.1", "2.2.2.2"]), "2.2.2.2");
        assert_eq!(client(2, &["1.1.1.1, 2.2.2.2, 3.3.3.3"]), "2.2.2.2");
        assert_eq!(client(2, &["1.1.1.1,2.2.2.2", "3.3.3.3"]), "2.2.2.2");
    }

    #[test]
    fn a_header_that_is_absent_or_nonsense_leaves_the_peer() {
        assert_eq!(client(1, &[]), "10.0.0.1");
        assert_eq!(client(1, &["1.1.1.1, unknown"]), "10.0.0.1");
        assert_eq!(client(1, &[""]), "10.0.0.1");
    }

    #[test]
    fn a_port_is_no_part_of_the_address() {
        assert_eq!(client(1, &["2.2.2.2:4711"]), "2.2.2.2");
        assert_eq!(client(1, &["[2001:db8::1]:4711"]), "2001:db8::");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        assert_eq!(client(1, &["2001:db8:1:2:3:4:5:6"]), "2001:db8:1:2::");
        assert_eq!(client(1, &["::ffff:2.2.2.2"]), "2.2.2.2");
    }
}
