//! A way to a shop that speaks TLS: what comes in plain on a port of loopback goes out encrypted. So the client of all
//! other tests needs no TLS of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// Whose word is taken for who a shop is.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Those whom everybody trusts.
    #[default]
    Public,
    /// Those, and the certificates in this file (PEM): authorities, or the shop's own.
    Also(PathBuf),
    /// Nobody's: whoever answers will do.
    Anybody,
}

/// The way. Dropping it closes it.
pub(super) struct Tunnel {
    address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

impl Tunnel {
    /// Opens a way to this host, after trying it once.
    pub(super) async fn open(host: &str, port: u16, trust: &Trust) -> Result<Self> {
        let way = Arc::new(Way {
            target: (host.to_owned(), port),
            name: ServerName::try_from(host.to_owned()).context("no name of a server")?,
            connector: TlsConnector::from(Arc::new(config(trust)?)),
        });
        let tried = timeout(CONNECT_PATIENCE, way.connect()).await;
        let tried = tried.unwrap_or_else(|_| Err(anyhow!("no answer within {CONNECT_PATIENCE:?}")));
        tried.with_context(|| format!("cannot reach https://{host}:{port}"))?;
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no free port")?;
        let address = listener
            .local_addr()
            .context("a bound socket has an address")?;
        let task = tokio::spawn(async move {
            while let Ok((mut plain, _)) = listener.accept().await {
                let way = Arc::clone(&way);
                tokio::spawn(async move {
                    if let Ok(mut encrypted) = way.connect().await {
                        // That one side hung up is what the other is told.
                        let _ = copy_bidirectional(&mut plain, &mut encrypted).await;
                    }
                });
            }
        });
        Ok(Self {
            address,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// Where it begins.
    pub(super) fn address(&self) -> String {
        format!("http://{}", self.address)
    }
}

struct Way {
    target: (String, u16),
    name: ServerName<'static>,
    connector: TlsConnector,
}

impl Way {
    async fn connect(&self) -> Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let (host, port) = &self.target;
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        Ok(self.connector.connect(self.name.clone(), stream).await?)
    }
}

fn config(trust: &Trust) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let mut own = Vec::new();
    if let Trust::Also(file) = trust {
        let certificates = CertificateDer::pem_file_iter(file);
        let certificates =
            certificates.with_context(|| format!("cannot read {}", file.display()))?;
        for certificate in certificates {
            let certificate =
                certificate.with_context(|| format!("no PEM in {}", file.display()))?;
            // One that is no authority can still be the shop's own.
            let _ = roots.add(certificate.clone());
            own.push(certificate);
        }
    }
    let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = Verifier {
        usual: usual.build().context("no verifier of certificates")?,
        own,
        trusts_anybody: matches!(trust, Trust::Anybody),
        provider: Arc::clone(&provider),
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("no version of TLS")?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// As usual, but that a certificate which is known byte by byte needs nobody to vouch for it. A self-made one is often
/// its own authority, which the usual rules refuse.
#[derive(Debug)]
struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    own: Vec<CertificateDer<'static>>,
    trusts_anybody: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.trusts_anybody || self.own.iter().any(|own| own == certificate) {
            return Ok(ServerCertVerified::assertion());
        }
        self.usual
            .verify_server_cert(certificate, intermediates, name, stapled, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
