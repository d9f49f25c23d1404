//! A PostgreSQL server of a test's own.

use std::{
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use pacioli_sources::databases::{DatabaseSettings, PostgresSource};
use secrecy::SecretString;
use tokio_postgres::{Client, NoTls};

use super::{program, rows};

const USER: &str = "postgres";

/// Listens on a free loopback port, with its data in a folder of its own.
pub(crate) struct PostgresServer {
    process: Option<Child>,
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    tls: bool,
}

impl PostgresServer {
    /// None, loudly, where PostgreSQL is not installed; where that must not be, in CI, a failure.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_as(false).await
    }

    /// One with a certificate that nobody knows.
    pub(crate) async fn start_with_tls() -> Option<Self> {
        Self::start_as(true).await
    }

    async fn start_as(tls: bool) -> Option<Self> {
        let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .map(|found| found.flatten().map(|version| version.path().join("bin")).collect())
            .unwrap_or_default();
        versions.sort();
        versions.reverse();
        let Some(initdb) = program::find("initdb", &versions) else {
            program::skipped("PostgreSQL");
            return None;
        };
        let programs = initdb.parent().unwrap().to_owned();
        let folder = program::folder(USER);
        std::fs::write(folder.path().join("password"), "admin\n").unwrap();
        let mut prepare = program::command(&initdb, USER);
        prepare.args(["--no-sync", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]);
        prepare.args(["--auth-host=scram-sha-256", "--pwfile=password", "-D", "data"]);
        program::run(prepare.current_dir(folder.path()));
        if tls {
            program::certify(folder.path(), USER);
        }
        let port = program::free_port();
        let mut server = Self { process: None, programs, folder, port, tls };
        server.run().await;
        Some(server)
    }

    /// Starts it, again after [`Self::kill`], and waits until it answers.
    pub(crate) async fn run(&mut self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let running = self.process.as_mut().is_some_and(|it| it.try_wait().unwrap().is_none());
            if !running {
                self.spawn(); // for the first time, or the memory of a killed one was still in use
            }
            if self.try_client("postgres").await.is_ok() {
                return;
            }
            assert!(Instant::now() < deadline, "PostgreSQL did not come up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn spawn(&mut self) {
        let mut command = program::command(&self.programs.join("postgres"), USER);
        command.args(["-D", "data", "-p", &self.port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"] {
            command.args(["-c", setting]);
        }
        if self.tls {
            for setting in ["ssl=on", "ssl_cert_file=../cert.pem", "ssl_key_file=../key.pem"] {
                command.args(["-c", setting]);
            }
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

    /// A client who may do anything.
    pub(crate) async fn admin(&self) -> Client {
        self.admin_of("postgres").await
    }

    pub(crate) async fn admin_of(&self, database: &str) -> Client {
        self.try_client(database).await.unwrap()
    }

    async fn try_client(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user("postgres").password("admin");
        let (client, connection) = config.dbname(database).connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A user `reader`, with the password `secret`, who may read what exists now.
    pub(crate) async fn add_reader(&self) {
        let admin = self.admin().await;
        let sql = "CREATE ROLE reader LOGIN PASSWORD 'secret'; \
                   GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader";
        admin.batch_execute(sql).await.unwrap();
    }

    pub(crate) fn settings(&self) -> DatabaseSettings {
        rows::settings(self.port, "postgres", "reader")
    }

    pub(crate) fn source(&self) -> PostgresSource {
        source_of(self.settings(), "secret")
    }
}

/// With other settings or another password.
pub(crate) fn source_of(settings: DatabaseSettings, password: &str) -> PostgresSource {
    let password = SecretString::from(password.to_owned());
    PostgresSource::new(settings, password, rows::loopback()).unwrap().with_retry(rows::quick())
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            program::end(process, "-QUIT");
        }
    }
}
