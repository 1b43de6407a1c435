//! Stripe's signature of a webhook: <https://docs.stripe.com/webhooks#verify-manually>.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::WebhookRefusal;

/// How far the clock of whoever signed may be from ours, in seconds: what Stripe's own libraries allow.
const TOLERANCE: u64 = 300;

/// Refuses a body that this `Stripe-Signature` does not sign under the secret, or that was not signed at about `now`, in
/// seconds since 1970.
pub(super) fn verify(
    body: &str,
    signature: &str,
    secret: &SecretString,
    now: i64,
) -> Result<(), WebhookRefusal> {
    let parts = || signature.split(',').filter_map(|part| part.split_once('='));
    let signed_at = parts().find_map(|(name, value)| (name.trim() == "t").then_some(value));
    let signed_at = signed_at.ok_or(WebhookRefusal::Signature)?;
    let seconds: i64 = signed_at.parse().map_err(|_| WebhookRefusal::Signature)?;
    let mut expected = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    expected.update(signed_at.as_bytes());
    expected.update(b".");
    expected.update(body.as_bytes());
    // There are several while a secret is being replaced. Each is compared in constant time.
    let is_signed = parts()
        .filter(|(name, _)| name.trim() == "v1")
        .filter_map(|(_, digest)| hex::decode(digest).ok())
        .any(|digest| expected.clone().verify_slice(&digest).is_ok());
    if !is_signed {
        return Err(WebhookRefusal::Signature);
    }
    if now.abs_diff(seconds) > TOLERANCE {
        return Err(WebhookRefusal::Age);
    }
    Ok(())
}
