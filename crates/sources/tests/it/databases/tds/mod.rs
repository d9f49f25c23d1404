//! A stand-in for SQL Server, which cannot be had for tests: the wire of TDS 7.4 after
//! <https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-tds/b46a581a-39de-4745-b076-ec4dbb7d13ec>
//! (encryption, login, requests, responses), in front of SQLite. It shares no line with what it tests.
//!
//! It knows the statements that are sent and no others. What it cannot show is whether SQL Server itself
//! understands them, and how it plans them.

mod books;
mod dialect;
mod kind;
mod packets;
mod request;
mod session;

use std::{
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use pacioli_sources::databases::{DatabaseSettings, SqlServerSource};
use secrecy::SecretString;

pub(crate) use self::{books::Books, request::Login, session::Encryption};
use super::{program, rows};

/// Listens on a free loopback port until it is dropped.
pub(crate) struct StandIn {
    port: u16,
    pub(crate) shared: Arc<Shared>,
    certificate: Option<String>,
}

/// What its connections share.
pub(crate) struct Shared {
    books: Mutex<Books>,
    faults: Mutex<Faults>,
    encryption: Encryption,
    tls: Option<Arc<rustls::ServerConfig>>,
    seen: Mutex<Seen>,
    has_ended: AtomicBool,
}

/// What it does wrong, each once unless it says otherwise.
#[derive(Default)]
pub(crate) struct Faults {
    /// Ends the connection after so many rows of a table.
    pub(crate) cut_after: Option<usize>,
    /// Refuses each login, with this number and these words.
    pub(crate) refuse: Option<(u32, String)>,
    /// Answers the next statement that holds this text with an error.
    pub(crate) fail: Option<(String, u32, String)>,
    /// Gives no answer to any statement that holds this text, until it is told to end it.
    pub(crate) dawdle: Option<String>,
    /// Does not even listen then.
    pub(crate) is_deaf: bool,
    /// Sends those who log in on to this port of the host.
    pub(crate) route: Option<(String, u16)>,
    /// Ends the connection on its first message, as one that takes TDS 8.0 only.
    pub(crate) hangs_up: bool,
    /// Says this in place of its first message.
    pub(crate) babble: Option<Vec<u8>>,
}

/// What clients did.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) logins: Vec<(Login, bool)>,
    pub(crate) statements: Vec<String>,
    pub(crate) attentions: usize,
    /// Statements that are being worked on.
    pub(crate) working: usize,
    /// What went wrong in the stand-in itself.
    pub(crate) slips: Vec<String>,
}

impl StandIn {
    /// Without encryption.
    pub(crate) fn start() -> Self {
        Self::start_as(Encryption::NotSupported)
    }

    pub(crate) fn start_as(encryption: Encryption) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tls, certificate) = match encryption {
            Encryption::NotSupported => (None, None),
            Encryption::On | Encryption::Required => {
                let (config, certificate) = certified();
                (Some(config), Some(certificate))
            }
        };
        let shared = Arc::new(Shared {
            books: Mutex::new(Books::new()),
            faults: Mutex::default(),
            encryption,
            tls,
            seen: Mutex::default(),
            has_ended: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                if theirs.has_ended.load(Ordering::Relaxed) {
                    return;
                }
                let (theirs, socket) = (Arc::clone(&theirs), socket.unwrap());
                std::thread::spawn(move || session::serve(&theirs, &socket));
            }
        });
        Self { port, shared, certificate }
    }

    /// Changes or looks at what it keeps.
    pub(crate) fn books<T>(&self, work: impl FnOnce(&mut Books) -> T) -> T {
        work(&mut self.shared.books.lock().unwrap())
    }

    /// Fills its tables, in SQLite's words.
    pub(crate) fn run(&self, sql: &str) {
        self.books(|books| books.connection.execute_batch(sql).unwrap());
    }

    pub(crate) fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.shared.faults.lock().unwrap());
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.shared.seen.lock().unwrap())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn certificate(&self) -> String {
        self.certificate.clone().unwrap()
    }

    pub(crate) fn settings(&self) -> DatabaseSettings {
        rows::settings(self.port, "erp", "reader")
    }

    pub(crate) fn source(&self) -> SqlServerSource {
        source_of(self.settings(), "secret")
    }
}

/// With other settings or another password.
pub(crate) fn source_of(settings: DatabaseSettings, password: &str) -> SqlServerSource {
    let password = SecretString::from(password.to_owned());
    SqlServerSource::new(settings, password, rows::loopback()).unwrap().with_retry(rows::quick())
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::Relaxed);
        let _woken = TcpStream::connect(("127.0.0.1", self.port));
        let slips = std::mem::take(&mut self.shared.seen.lock().unwrap().slips);
        if !std::thread::panicking() {
            assert!(slips.is_empty(), "{slips:?}");
        }
    }
}

/// A certificate that nobody knows, and what a server needs of it.
fn certified() -> (Arc<rustls::ServerConfig>, String) {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let folder = tempfile::tempdir().unwrap();
    program::certify(folder.path(), "root");
    let certificate = std::fs::read_to_string(folder.path().join("cert.pem")).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.path().join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (Arc::new(config), certificate)
}
