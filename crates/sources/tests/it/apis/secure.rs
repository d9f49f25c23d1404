//! The way there is encrypted, and who answers shows who it is.

use std::{io, net::SocketAddr, path::Path, process::Command, sync::Arc};

use axum::serve::Listener;
use pacioli_sources::{
    SourceError,
    apis::{ErpNext, ErpNextSettings},
    source::Source,
};
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, crypto,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
    server::TlsStream,
};

use super::{
    SECRET,
    erpnext::{Server, settings},
    faults::Fault,
    is_clean,
    pace::Moved,
    reach,
};
use crate::databases::program;

/// A listener that speaks TLS with a certificate for 127.0.0.1.
struct Encrypted {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Encrypted {
    async fn bind(folder: &Path) -> Self {
        let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
        let config =
            ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}

impl Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // Whoever does not trust the certificate hangs up here.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A server and its certificate; none where the program that makes certificates is missing.
async fn start() -> Option<(Server, String)> {
    if program::find("openssl", &[]).is_none() {
        program::skipped("openssl");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    openssl.args(["-nodes", "-days", "2", "-subj", "/CN=erp", "-addext"]);
    openssl.args(["subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.args(["-keyout", "key.pem", "-out", "cert.pem"]).current_dir(folder.path());
    program::run(&mut openssl);
    let certificate = std::fs::read_to_string(folder.path().join("cert.pem")).unwrap();
    Some((Server::on(Encrypted::bind(folder.path()).await), certificate))
}

fn source(server: &Server, certificate: Option<String>, pace: &Arc<Moved>) -> ErpNext {
    let url = server.serving.url().replace("http://", "https://");
    let settings = ErpNextSettings { url, certificate_authority: certificate, ..settings(server) };
    ErpNext::new(settings, &SecretString::from(SECRET), &reach(pace)).unwrap()
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_trusted_when_it_is_given() {
    let Some((server, certificate)) = start().await else { return };
    let source = source(&server, Some(certificate), &Arc::new(Moved::default()));
    assert_eq!(source.discover().await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_server_that_cannot_show_who_it_is_is_sent_nothing() {
    let Some((server, _)) = start().await else { return };
    let pace = Arc::new(Moved::default());
    let error = source(&server, None, &pace).discover().await.unwrap_err();
    is_clean(&error);
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!((server.faults.requests(), pace.waits().len()), (0, 0), "and it is not tried again");
}

#[tokio::test]
async fn a_redirect_out_of_encryption_is_not_followed() {
    let Some((server, certificate)) = start().await else { return };
    let plain = Server::start().await;
    server.faults.after(0, Fault::Redirect(302, plain.serving.url()));
    let source = source(&server, Some(certificate), &Arc::new(Moved::default()));
    let error = source.discover().await.unwrap_err();
    assert!(error.to_string().contains("not encrypted"), "{error}");
    assert_eq!(plain.faults.requests(), 0);
}
