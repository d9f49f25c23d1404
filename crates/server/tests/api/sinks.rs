//! Whom the server sends things to: a mail server after RFC 5321, 3207 and 4954 that refuses, drops and
//! accepts as it is told, and a program that listens to webhooks.

use std::{
    collections::VecDeque,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig, crypto,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// Who may send through the mail server.
pub const USER: &str = "pacioli";
pub const MAIL_PASSWORD: &str = "mail password 7";

/// What becomes of the next mail; without any it is accepted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// Refused with this line.
    Refused(&'static str),
    /// The connection breaks in the middle of the mail.
    Dropped,
}

/// A mail that was accepted.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: String,
    /// As it came, without the dots that were stuffed.
    pub content: String,
    /// Whether the connection was encrypted.
    pub secure: bool,
    /// Whether somebody had logged in.
    pub known: bool,
}

impl Mail {
    /// A header's value, without folds.
    pub fn header(&self, name: &str) -> String {
        let head = self.content.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let found = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.unwrap_or_default().to_owned()
    }

    /// The content of the part with this `Content-ID`, decoded; nothing where there is none.
    pub fn part(&self, id: &str) -> Option<Vec<u8>> {
        let (_, part) = self.content.split_once(&format!("Content-ID: <{id}>\r\n"))?;
        let (head, content) = part.split_once("\r\n\r\n")?;
        assert!(head.contains("Content-Transfer-Encoding: base64"), "{head}");
        let content = content.split("--").next()?.replace("\r\n", "");
        Some(BASE64_STANDARD.decode(content).unwrap())
    }
}

#[derive(Default)]
struct Post {
    mails: Mutex<Vec<Mail>>,
    fates: Mutex<VecDeque<Fate>>,
    acceptor: Option<TlsAcceptor>,
}

/// A mail server on loopback.
pub struct MailServer {
    pub port: u16,
    post: Arc<Post>,
    task: JoinHandle<()>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MailServer {
    /// Without encryption, for whoever says so.
    pub async fn plain() -> Self {
        Self::start(None).await
    }

    /// With STARTTLS and a certificate for `localhost` in `folder`; nobody may send without.
    pub async fn secure(folder: &Path) -> Self {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
        let config =
            ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .unwrap();
        Self::start(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn start(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let post = Arc::new(Post { acceptor, ..Post::default() });
        let task = tokio::spawn({
            let post = Arc::clone(&post);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let post = Arc::clone(&post);
                    tokio::spawn(async move { serve(&post, stream).await });
                }
            }
        });
        Self { port, post, task }
    }

    /// What becomes of the next mails, in this order.
    pub fn foresee(&self, fates: &[Fate]) {
        self.post.fates.lock().unwrap().extend(fates);
    }

    /// All that was accepted.
    pub fn mails(&self) -> Vec<Mail> {
        self.post.mails.lock().unwrap().clone()
    }
}

async fn serve(post: &Post, stream: TcpStream) -> Option<()> {
    let mut stream = BufReader::new(stream);
    say(&mut stream, "220 sink ready").await?;
    let wants_tls = talk(post, &mut stream, false).await?;
    if let Some(acceptor) = post.acceptor.as_ref().filter(|_| wants_tls) {
        let mut stream = BufReader::new(acceptor.accept(stream.into_inner()).await.ok()?);
        talk(post, &mut stream, true).await?;
    }
    Some(())
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), line: &str) -> Option<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

async fn hear<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).await.ok()?;
    (length > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

/// One session; true where the client begins TLS.
async fn talk<S>(post: &Post, stream: &mut BufReader<S>, secure: bool) -> Option<bool>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut known, mut to) = (false, String::new());
    let must_hide = post.acceptor.is_some() && !secure;
    loop {
        let line = hear(stream).await?;
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            "EHLO" if must_hide => {
                say(stream, "250-sink").await?;
                say(stream, "250 STARTTLS").await?;
            }
            "EHLO" => {
                say(stream, "250-sink").await?;
                say(stream, "250 AUTH PLAIN LOGIN").await?;
            }
            "STARTTLS" if must_hide => {
                say(stream, "220 go on").await?;
                return Some(true);
            }
            "QUIT" => {
                say(stream, "221 bye").await?;
                return Some(false);
            }
            _ if must_hide => say(stream, "530 encrypt first").await?,
            "AUTH" => {
                let given = line.rsplit(' ').next().unwrap_or_default();
                let given = BASE64_STANDARD.decode(given).unwrap_or_default();
                known = given == format!("\0{USER}\0{MAIL_PASSWORD}").into_bytes();
                say(stream, if known { "235 welcome" } else { "535 who are you" }).await?;
            }
            "MAIL" if post.acceptor.is_some() && !known => say(stream, "530 log in first").await?,
            "RCPT" => {
                let fate = post.fates.lock().unwrap().pop_front();
                match fate {
                    Some(Fate::Refused(line)) => say(stream, line).await?,
                    Some(Fate::Dropped) => return None,
                    None => {
                        to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                        say(stream, "250 ok").await?;
                    }
                }
            }
            "DATA" => {
                say(stream, "354 go on").await?;
                let mut content = String::new();
                loop {
                    let line = hear(stream).await?;
                    if line == "." {
                        break;
                    }
                    content.push_str(line.strip_prefix('.').unwrap_or(&line));
                    content.push_str("\r\n");
                }
                let mail = Mail { to: to.clone(), content, secure, known };
                post.mails.lock().unwrap().push(mail);
                say(stream, "250 accepted").await?;
            }
            "MAIL" | "RSET" | "NOOP" => say(stream, "250 ok").await?,
            _ => say(stream, "502 what").await?,
        }
    }
}

/// What a webhook was told.
#[derive(Debug, Clone)]
pub struct Told {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// A program that listens to webhooks.
pub struct Listening {
    pub url: String,
    told: Arc<Mutex<Vec<Told>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listening {
    /// Answers 204, and what [`Self::foresee`] says before.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let told = Arc::<Mutex<Vec<Told>>>::default();
        let answers = Arc::<Mutex<VecDeque<u16>>>::default();
        let take = {
            let (told, answers) = (Arc::clone(&told), Arc::clone(&answers));
            move |headers: HeaderMap, body: Bytes| async move {
                told.lock().unwrap().push(Told { headers, body: body.to_vec() });
                let status = answers.lock().unwrap().pop_front().unwrap_or(204);
                axum::http::StatusCode::from_u16(status).unwrap()
            }
        };
        let router = Router::new().route("/hook", post(take));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, told, answers, task }
    }

    /// The statuses of the next answers.
    pub fn foresee(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    /// All that it was told.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }
}
