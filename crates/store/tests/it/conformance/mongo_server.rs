//! A MongoDB server for the tests: `mongod` where it is on PATH, else `secantusd-rs`, which speaks its
//! protocol.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

/// Listens on a loopback port, in a folder of its own, until the last test lets go of it.
pub(crate) struct MongoServer {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

/// The server that running tests share.
static SHARED: Mutex<Weak<MongoServer>> = Mutex::new(Weak::new());

impl MongoServer {
    /// None, loudly, where there is no server program; where that must not be, in CI, a failure.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Self::start(true).map(Arc::new)?;
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// A server that belongs to no replica set, and so has no transactions.
    pub(crate) fn alone() -> Option<Self> {
        Self::start(false)
    }

    #[expect(clippy::print_stderr, reason = "a test that was not run must be heard of")]
    fn start(replicated: bool) -> Option<Self> {
        let server = Self::start_mongod(replicated).or_else(|| Self::start_secantus(replicated));
        if server.is_none() {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "there is no MongoDB server");
            eprintln!("SKIPPED: neither mongod nor secantusd-rs: nothing was tested on MongoDB");
        }
        server
    }

    pub(crate) fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}", self.port)
    }

    fn start_mongod(replicated: bool) -> Option<Self> {
        let known = Command::new("mongod").arg("--version").stdout(Stdio::null()).status();
        known.ok().filter(ExitStatus::success)?;
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new("mongod")
            .args(["--bind_ip", "127.0.0.1", "--port", &port.to_string()])
            .args(if replicated { &["--replSet", "tests"][..] } else { &[] })
            .arg("--dbpath")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, port, _folder: folder };
        std::thread::spawn(move || until_primary(port, replicated)).join().unwrap();
        Some(server)
    }

    fn start_secantus(replicated: bool) -> Option<Self> {
        let tools = std::env::var_os("PACIOLI_TOOLS").map(PathBuf::from).or_else(|| {
            let home = std::env::var_os("HOME")?;
            Some(PathBuf::from(home).join(".cache/pacioli/tools"))
        })?;
        let program = tools.join("bin/secantusd-rs");
        if !program.exists() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(program)
            .args(["--port", "0", "--log-level", "ERROR", "--cache-size", "128M"])
            .args(if replicated { &[][..] } else { &["--standalone"] })
            .args(["--log-file-max", "8MB", "--storage-path"])
            .arg(folder.path().join("data"))
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let port = said.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        Some(Self { process, port: port.unwrap(), _folder: folder })
    }
}

impl Drop for MongoServer {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Waits until a `mongod` takes writes, as a replica set of one where it is to be one.
fn until_primary(port: u16, replicated: bool) {
    use mongodb::{Client, bson::doc};

    let deadline = Instant::now() + Duration::from_mins(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let uri = format!("mongodb://127.0.0.1:{port}/?directConnection=true");
        let admin = Client::with_uri_str(uri).await.unwrap().database("admin");
        let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
        let set = doc! { "_id": "tests", "members": [member] };
        loop {
            if replicated {
                let _told = admin.run_command(doc! { "replSetInitiate": &set }).await;
            }
            let hello = admin.run_command(doc! { "hello": 1 }).await;
            if hello.is_ok_and(|it| it.get_bool("isWritablePrimary").unwrap_or(false)) {
                return;
            }
            assert!(Instant::now() < deadline, "mongod did not come up");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
}
