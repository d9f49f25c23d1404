//! Connections: to a checked address, encrypted as asked, in a read-only transaction, killed when they
//! are dropped in the middle of a statement.

use std::time::Duration;

use mysql_async::{
    Conn, DriverError, Error, Opts, OptsBuilder, Params, Row, SslOpts,
    prelude::{FromValue, Queryable},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::mpsc, task::JoinHandle};

use super::error::failure;
use crate::{
    SourceError,
    databases::{
        changed,
        notes::Notes,
        reach::{addresses, bare},
        reader::{Database, timed},
        retry::{Failure, Retry, spread, unreachable},
        settings::DatabaseSettings,
        tls::{TlsMode, certificates},
    },
    outgoing::AddressPolicy,
};

const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// A table that somebody restructures is not waited for any longer.
const LOCK_SECONDS: u32 = 10;
/// How long the server waits for us to take rows; its own minute is short for a busy server of ours.
const WRITE_SECONDS: u32 = 3_600;
/// Rows that are on their way to us; few, since each may be megabytes long.
const ROWS_AHEAD: usize = 8;

/// A server and how it is spoken to.
pub(super) struct MysqlServer {
    settings: DatabaseSettings,
    password: SecretString,
    policy: AddressPolicy,
    retry: Retry,
    spread: u64,
    notes: Notes,
}

impl MysqlServer {
    pub(super) fn new(
        settings: DatabaseSettings,
        password: SecretString,
        policy: AddressPolicy,
        retry: Retry,
    ) -> Result<Self, SourceError> {
        settings.check()?;
        if let Some(pem) = &settings.certificates {
            certificates(pem)?;
        }
        let spread = spread(&settings);
        Ok(Self { settings, password, policy, retry, spread, notes: Notes::default() })
    }

    pub(super) fn with_retry(&self, retry: Retry) -> Self {
        Self {
            settings: self.settings.clone(),
            password: self.password.clone(),
            policy: self.policy.clone(),
            retry,
            spread: self.spread,
            notes: Notes::default(),
        }
    }

    /// To the checked addresses and no others, not to a socket file that the server names either.
    async fn opts(&self) -> Result<OptsBuilder, Failure> {
        let port = self.settings.port.unwrap_or(3306);
        let addresses = addresses(&self.policy, &self.settings.host, port).await?;
        let addresses: Vec<_> = addresses.iter().map(std::net::SocketAddr::ip).collect();
        Ok(OptsBuilder::default()
            .ip_or_hostname(self.settings.host.as_str())
            .resolved_ips(Some(addresses))
            .tcp_port(port)
            .prefer_socket(false)
            .user(Some(self.settings.user.as_str()))
            .pass(Some(self.password.expose_secret()))
            .db_name(Some(self.settings.database.as_str()))
            .stmt_cache_size(0)
            .ssl_opts(self.ssl()))
    }

    fn ssl(&self) -> Option<SslOpts> {
        let host = bare(&self.settings.host);
        let ssl = SslOpts::default().with_danger_tls_hostname_override(Some(host));
        match (self.settings.tls, &self.settings.certificates) {
            (TlsMode::Off, _) => None,
            (TlsMode::Prefer | TlsMode::Require, _) => {
                Some(ssl.with_danger_accept_invalid_certs(true))
            }
            (TlsMode::Verify, None) => Some(ssl),
            (TlsMode::Verify, Some(pem)) => {
                let pem = pem.clone().into_bytes();
                Some(ssl.with_root_certs(vec![pem.into()]).with_disable_built_in_roots(true))
            }
        }
    }

    async fn open(&self) -> Result<MysqlSession, Failure> {
        let mut opts: Opts = self.opts().await?.into();
        let mut opened = Conn::new(opts.clone()).await;
        let plain = matches!(opened, Err(Error::Driver(DriverError::NoClientSslFlagFromServer)));
        if plain && self.settings.tls == TlsMode::Prefer {
            opts = self.opts().await?.ssl_opts(None).into();
            opened = Conn::new(opts.clone()).await;
        }
        let connection = opened.map_err(|error| failure(&error, &self.settings))?;
        Ok(MysqlSession {
            settings: self.settings.clone(),
            id: connection.id(),
            opts,
            idle: Some(connection),
            asking: false,
            page: None,
            ended: false,
            now: 0,
        })
    }
}

impl Database for MysqlServer {
    type Session = MysqlSession;

    fn settings(&self) -> &DatabaseSettings {
        &self.settings
    }

    fn retry(&self) -> (&Retry, u64) {
        (&self.retry, self.spread)
    }

    fn notes(&self) -> &Notes {
        &self.notes
    }

    async fn connect(&self) -> Result<MysqlSession, Failure> {
        let mut session = timed(CONNECT_WITHIN, self.open()).await?;
        timed(CONNECT_WITHIN, session.begin()).await?;
        Ok(session)
    }
}

/// A connection within its transaction.
pub(super) struct MysqlSession {
    pub(super) settings: DatabaseSettings,
    id: u32,
    opts: Opts,
    /// Empty while rows are read.
    idle: Option<Conn>,
    asking: bool,
    page: Option<Page>,
    /// A table without a key was read to its end.
    pub(super) ended: bool,
    /// Microseconds since 1970.
    pub(super) now: i64,
}

/// Rows as they come, read by a task that has the connection for as long.
struct Page {
    rows: mpsc::Receiver<Result<Row, Error>>,
    reading: JoinHandle<Conn>,
}

impl MysqlSession {
    async fn begin(&mut self) -> Result<(), Failure> {
        let version = self.ask("SELECT VERSION()", Params::Empty).await?;
        let version: String = field(version.first(), 0)?;
        let seconds = self.settings.statement_timeout_seconds;
        let limit = if version.contains("MariaDB") {
            format!("max_statement_time = {seconds}")
        } else {
            format!("max_execution_time = {}", u64::from(seconds) * 1_000)
        };
        for statement in [
            "SET NAMES utf8mb4".to_owned(),
            format!(
                "SET SESSION sql_mode = '', time_zone = '+00:00', lock_wait_timeout = {LOCK_SECONDS}, \
                 net_write_timeout = {WRITE_SECONDS}"
            ),
            format!("SET SESSION {limit}"),
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY".to_owned(),
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY".to_owned(),
        ] {
            self.ask(&statement, Params::Empty).await?;
        }
        let clock = "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)";
        let row = self.ask(clock, Params::Empty).await?;
        self.now = field(row.first(), 0)?;
        Ok(())
    }

    /// The time limit of the server counts the time in which we read the rows as well; a table without
    /// a key comes in one statement, which may take as long as it does.
    pub(super) async fn unlimited(&mut self) -> Result<(), Failure> {
        let either = ["SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0"];
        for statement in either {
            match self.ask(statement, Params::Empty).await {
                Err(failure @ (Failure::Passing(_) | Failure::Silent(_))) => return Err(failure),
                // Each server knows the one and not the other.
                Ok(_) | Err(Failure::Lasting(_)) => {}
            }
        }
        Ok(())
    }

    /// A statement with few rows.
    pub(super) async fn ask(
        &mut self,
        statement: &str,
        parameters: Params,
    ) -> Result<Vec<Row>, Failure> {
        let Some(connection) = &mut self.idle else { return Err(lost()) };
        self.asking = true;
        let rows: Result<Vec<Row>, Error> = match parameters {
            // Not every statement can be prepared.
            Params::Empty => connection.query(statement).await,
            parameters => connection.exec(statement, parameters).await,
        };
        self.asking = false;
        rows.map_err(|error| failure(&error, &self.settings))
    }

    /// Starts a statement with many rows; [`Self::next`] gives them.
    pub(super) fn start(&mut self, statement: String, parameters: Params) -> Result<(), Failure> {
        let mut connection = self.idle.take().ok_or_else(lost)?;
        let (to, rows) = mpsc::channel(ROWS_AHEAD);
        let reading = tokio::spawn(async move {
            if let Err(error) = read(&mut connection, &statement, parameters, &to).await {
                let _nobody_waits = to.send(Err(error)).await;
            }
            connection
        });
        self.page = Some(Page { rows, reading });
        Ok(())
    }

    /// The next row of the statement that was started.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Failure> {
        let Some(page) = &mut self.page else { return Ok(None) };
        if let Some(row) = page.rows.recv().await {
            return row.map(Some).map_err(|error| failure(&error, &self.settings));
        }
        let connection = (&mut page.reading).await.map_err(|_| lost())?;
        self.idle = Some(connection);
        self.page = None;
        Ok(None)
    }
}

async fn read(
    connection: &mut Conn,
    statement: &str,
    parameters: Params,
    to: &mpsc::Sender<Result<Row, Error>>,
) -> Result<(), Error> {
    let mut rows = connection.exec_iter(statement, parameters).await?;
    while let Some(row) = rows.next().await? {
        if to.send(Ok(row)).await.is_err() {
            return Ok(()); // nobody wants more; the connection is being killed
        }
    }
    Ok(())
}

impl Drop for MysqlSession {
    fn drop(&mut self) {
        if let Some(page) = &self.page {
            page.reading.abort();
        } else if !self.asking {
            return; // the connection says good-bye by itself
        }
        let (opts, id) = (self.opts.clone(), self.id);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(CONNECT_WITHIN, kill(opts, id)));
        }
    }
}

/// Ends a connection at the server, with what it is at. Nobody waits for it.
async fn kill(opts: Opts, id: u32) {
    if let Ok(mut connection) = Conn::new(opts).await {
        let _gone_before = connection.query_drop(format!("KILL {id}")).await;
        let _closed = connection.disconnect().await;
    }
}

fn lost() -> Failure {
    Failure::Passing(unreachable("the connection to the database was lost"))
}

/// A field of an answer whose form is known.
pub(super) fn field<T: FromValue>(row: Option<&Row>, place: usize) -> Result<T, Failure> {
    let value = row.and_then(|row| row.get_opt::<T, usize>(place)).and_then(Result::ok);
    value.ok_or_else(|| changed("the database answers in a form that is not known").into())
}
