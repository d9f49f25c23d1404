//! The database and the cache that a test starts for itself, on loopback ports of their own.

use std::{
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::server::client;

/// A program that ends with this, with the folder that it works in.
pub(super) struct Program {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Program {
    /// `redis-server`, keeping nothing.
    pub(super) fn redis() -> Option<Self> {
        if !is_on_path("redis-server") {
            return skipped("redis-server is not on PATH: nothing was tested on Redis");
        }
        let port = free_port();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        Some(Self::start(
            command.args(["--port", &port.to_string()]),
            port,
            tempfile::tempdir().unwrap(),
        ))
    }

    /// `mongod` where it is on PATH, else `secantusd-rs`, which speaks its protocol.
    pub(super) fn mongo() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        if is_on_path("mongod") {
            let port = free_port();
            let mut command = Command::new("mongod");
            command.args(["--bind_ip", "127.0.0.1", "--port", &port.to_string(), "--dbpath"]);
            return Some(Self::start(command.arg(folder.path()), port, folder));
        }
        let Some(program) = tool("secantusd-rs") else {
            return skipped("neither mongod nor secantusd-rs: nothing was tested on MongoDB");
        };
        let mut process = Command::new(program)
            .args(["--port", "0", "--log-level", "ERROR", "--cache-size", "128M"])
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
        Some(Self { process, port: port.expect("it says where it listens"), _folder: folder })
    }

    /// `moto_server`, which speaks the protocol of S3, with an empty bucket `books`.
    pub(super) async fn bucket() -> Option<Self> {
        let Some(program) = tool("moto_server") else {
            return skipped("moto_server is not there: nothing was tested on an object store");
        };
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stderr(Stdio::null());
        let store = Self::start(&mut command, port, tempfile::tempdir().unwrap());
        let made = client().put(format!("{}/books", store.url("http"))).send().await.unwrap();
        assert!(made.status().is_success(), "{}", made.status());
        Some(store)
    }

    fn start(command: &mut Command, port: u16, folder: TempDir) -> Self {
        let process = command.current_dir(folder.path()).stdout(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "it did not come up");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, port, _folder: folder }
    }

    pub(super) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Ends it as a crash would.
    pub(super) fn kill(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A program of `scripts/tools`.
fn tool(name: &str) -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/pacioli/tools"));
    let tools = std::env::var_os("PACIOLI_TOOLS").map(PathBuf::from).or_else(home);
    tools.map(|tools| tools.join("bin").join(name)).filter(|program| program.exists())
}

fn is_on_path(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Loud, and in CI a failure.
#[expect(clippy::print_stderr, reason = "a test that was not run must be heard of")]
fn skipped(why: &str) -> Option<Program> {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
    eprintln!("SKIPPED: {why}");
    None
}
