//! A MariaDB server of a test's own.

use std::{
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use mysql_async::{Conn, OptsBuilder, Params, Value, prelude::Queryable};
use pacioli_sources::databases::{DatabaseSettings, MysqlSource};
use secrecy::SecretString;

use super::{program, rows};

const USER: &str = "mysql";
/// Who may do anything, and who may read; both from anywhere.
const USERS: &str = "CREATE DATABASE IF NOT EXISTS erp;
CREATE USER IF NOT EXISTS admin@'%' IDENTIFIED BY 'admin';
GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS reader@'%' IDENTIFIED BY 'secret';
";

/// Listens on a free loopback port, with its data in a folder of its own.
pub(crate) struct MariadbServer {
    process: Option<Child>,
    program: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    tls: bool,
}

impl MariadbServer {
    /// None, loudly, where MariaDB is not installed; where that must not be, in CI, a failure.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_as(false).await
    }

    /// One with a certificate that nobody knows.
    pub(crate) async fn start_with_tls() -> Option<Self> {
        Self::start_as(true).await
    }

    async fn start_as(tls: bool) -> Option<Self> {
        let folders = [PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")];
        let found = program::find("mariadbd", &folders);
        let install = program::find("mariadb-install-db", &folders);
        let (Some(program), Some(install)) = (found, install) else {
            program::skipped("MariaDB");
            return None;
        };
        let folder = program::folder(USER);
        std::fs::write(folder.path().join("users.sql"), USERS).unwrap();
        let mut prepare = program::command(&install, USER);
        prepare.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
        let data = folder.path().join("data");
        prepare.arg("--skip-test-db").arg(format!("--datadir={}", data.display()));
        prepare.arg(format!("--tmpdir={}", folder.path().display()));
        program::run(prepare.current_dir(folder.path()));
        if tls {
            program::certify(folder.path(), USER);
        }
        let port = program::free_port();
        let mut server = Self { process: None, program, folder, port, tls };
        server.run().await;
        Some(server)
    }

    /// Starts it, again after [`Self::kill`], and waits until it answers.
    pub(crate) async fn run(&mut self) {
        self.spawn();
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.connect().await.is_err() {
            let process = self.process.as_mut().unwrap();
            assert!(process.try_wait().unwrap().is_none(), "MariaDB ended");
            assert!(Instant::now() < deadline, "MariaDB did not come up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn spawn(&mut self) {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let mut command = program::command(&self.program, USER);
        command.args(["--no-defaults", "--skip-name-resolve", "--bind-address=127.0.0.1"]);
        command.args(["--innodb-flush-log-at-trx-commit=2", "--sql-mode=ALLOW_INVALID_DATES"]);
        command.arg(format!("--port={}", self.port)).arg(format!("--datadir={}", at("data")));
        command.arg(format!("--socket={}", at("socket")));
        command.arg(format!("--tmpdir={}", self.folder.path().display()));
        command.arg(format!("--pid-file={}", at("pid")));
        command.arg(format!("--init-file={}", at("users.sql")));
        if self.tls {
            command.arg(format!("--ssl-cert={}", at("cert.pem")));
            command.arg(format!("--ssl-key={}", at("key.pem")));
        }
        command.current_dir(self.folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap());
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        program::end(self.process.take().unwrap(), "-KILL");
    }

    pub(crate) fn certificate(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("cert.pem")).unwrap()
    }

    async fn connect(&self) -> Result<Conn, mysql_async::Error> {
        let opts = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(self.port);
        let opts = opts.user(Some("admin")).pass(Some("admin")).db_name(Some("erp"));
        Conn::new(opts.prefer_socket(false)).await
    }

    /// Runs statements, each ended by a semicolon and a line's end, as one who may do anything.
    pub(crate) async fn run_sql(&self, statements: &str) {
        let mut admin = self.connect().await.unwrap();
        for statement in statements.split(";\n") {
            if !statement.trim().is_empty() {
                let done = admin.query_drop(statement).await;
                done.unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
        }
        admin.disconnect().await.unwrap();
    }

    /// The only value of an answer.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        let mut admin = self.connect().await.unwrap();
        let found: Option<i64> = admin.query_first(query).await.unwrap();
        admin.disconnect().await.unwrap();
        found.unwrap()
    }

    /// Runs a statement with values.
    pub(crate) async fn insert(&self, statement: &str, values: Vec<Value>) {
        let mut admin = self.connect().await.unwrap();
        admin.exec_drop(statement, Params::Positional(values)).await.unwrap();
        admin.disconnect().await.unwrap();
    }

    pub(crate) fn settings(&self) -> DatabaseSettings {
        rows::settings(self.port, "erp", "reader")
    }

    pub(crate) fn source(&self) -> MysqlSource {
        source_of(self.settings(), "secret")
    }
}

/// With other settings or another password.
pub(crate) fn source_of(settings: DatabaseSettings, password: &str) -> MysqlSource {
    let password = SecretString::from(password.to_owned());
    MysqlSource::new(settings, password, rows::loopback()).unwrap().with_retry(rows::quick())
}

impl Drop for MariadbServer {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            program::end(process, "-KILL"); // its folder goes with it
        }
    }
}
