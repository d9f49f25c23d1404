//! A `redis-server` of a test's own.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use redis::aio::MultiplexedConnection;

/// Listens on a free loopback port, keeps nothing, ends with this.
pub(super) struct RedisServer {
    process: Option<Child>,
    port: u16,
    folder: tempfile::TempDir,
    tls: bool,
}

impl RedisServer {
    /// None, loudly, where there is no `redis-server`; where that must not be, in CI, a failure.
    pub(super) async fn start() -> Option<Self> {
        let mut server = Self::none_yet()?;
        server.run().await;
        Some(server)
    }

    /// One that speaks TLS only, with a certificate that nobody knows.
    pub(super) fn start_with_tls() -> Option<Self> {
        let mut server = Self::none_yet()?;
        server.tls = true;
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(server.folder.path())
            .stderr(Stdio::null())
            .status();
        assert!(made.unwrap().success(), "openssl made no certificate");
        server.spawn();
        Some(server)
    }

    /// The certificate of [`Self::start_with_tls`].
    pub(super) fn certificate(&self) -> std::path::PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// A port on which one can be started later.
    #[expect(clippy::print_stderr, reason = "a test that was not run must be heard of")]
    pub(super) fn none_yet() -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "redis-server is not on PATH");
            eprintln!("SKIPPED: redis-server is not on PATH: nothing was tested on Redis");
            return None;
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        Some(Self { process: None, port, folder: tempfile::tempdir().unwrap(), tls: false })
    }

    /// Starts it on its port, and waits until it answers.
    pub(super) async fn run(&mut self) {
        self.spawn();
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.try_connect().await.is_err() {
            assert!(Instant::now() < deadline, "redis-server did not come up");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn spawn(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        if self.tls {
            command.args(["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"]);
            command.args(["--tls-auth-clients", "no", "--port", "0", "--tls-port"]);
        } else {
            command.arg("--port");
        }
        command.arg(self.port.to_string()).current_dir(self.folder.path());
        self.process = Some(command.stdout(Stdio::null()).spawn().unwrap());
    }

    pub(super) fn url(&self) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// A plain client beside the caches.
    pub(super) async fn client(&self) -> MultiplexedConnection {
        self.try_connect().await.unwrap()
    }

    async fn try_connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        redis::Client::open(self.url())?.get_multiplexed_async_connection().await
    }

    /// Ends it as a crash would.
    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops answering without closing anything, as a lost network would.
    pub(super) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Goes on after [`Self::freeze`].
    pub(super) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
