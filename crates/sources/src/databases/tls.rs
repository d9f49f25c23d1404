//! How a connection to a database is protected.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use serde::{Deserialize, Serialize};

use crate::SourceError;

/// Whether the connection is encrypted, and whether the server must prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// In the clear: the password and the rows can be read on the way.
    Off,
    /// Encrypted where the server can, else in the clear; the server is not asked who it is.
    Prefer,
    /// Encrypted; the server is not asked who it is.
    Require,
    /// Encrypted, and the server's certificate names the host and is signed by one that is trusted.
    #[default]
    Verify,
}

/// The certificates of a PEM text, at least one.
pub(super) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, SourceError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(untrusted("certificates hold no certificate in PEM form")),
    }
}

/// What rustls needs for a mode other than [`TlsMode::Off`].
pub(super) fn client_config(
    mode: TlsMode,
    pem: Option<&str>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ClientConfig, SourceError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| untrusted(&error.to_string()))?;
    if mode != TlsMode::Verify {
        let anyone = Arc::new(Anyone(provider));
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(anyone)
            .with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    match pem {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in certificates(pem)? {
                roots.add(certificate).map_err(|error| untrusted(&error.to_string()))?;
            }
        }
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The server takes no encrypted connections.
pub(super) fn not_offered(host: &str) -> SourceError {
    let detail = format!(
        "{host} does not encrypt connections: turn TLS on at the server, or set tls to \"off\" where the \
         network between is trusted"
    );
    SourceError::invalid("tls_not_offered", detail)
}

/// The server's certificate is not one that is trusted.
pub(super) fn not_trusted(host: &str, words: &str) -> SourceError {
    let detail = format!(
        "{host} does not prove who it is: {words}; give the certificates that sign its own, or set tls to \
         \"require\" to be encrypted without proof"
    );
    SourceError::invalid("tls_not_trusted", detail)
}

/// An error and what it came from, each once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        source = cause.source();
    }
    words
}

fn untrusted(detail: &str) -> SourceError {
    SourceError::invalid("tls_certificates_invalid", detail)
}

/// Takes any certificate, and still sees that the server holds its key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
