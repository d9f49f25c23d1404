//! Connections: to a checked address, encrypted as asked, within a transaction over one snapshot where
//! the database allows it, told to stop when they are dropped in the middle of a statement.

use std::{
    io::{ErrorKind, Result as IoResult},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use futures_util::{Stream, StreamExt, TryStreamExt};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Row, ToSql, error::Error};
use tokio::{net::TcpStream, time::Instant};

use super::{
    catalog::{Ground, number, optional_text, unknown_form},
    error::{cut, failure, tls_required, unsecured},
    parameter::Parameter,
    prelogin::{Encryption, agree},
    value::timestamp,
    wire::{Line, Shared, Wire, secure},
};
use crate::{
    SourceError,
    databases::{
        notes::Notes,
        reach::{addresses, bare, reach},
        reader::{Database, timed},
        retry::{Failure, Retry, spread, unreachable},
        settings::DatabaseSettings,
        tls::{TlsMode, client_config, not_offered},
    },
    outgoing::AddressPolicy,
};

const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// How long a server may take to show that it is there.
const ATTENTION_WITHIN: Duration = Duration::from_secs(5);
/// How often a server may send us on to another.
const MOST_ROUTES: usize = 3;
/// What the session is told before anything else; those that our statements rest on are not left to the
/// server's settings. A table that somebody restructures is waited for ten seconds and no longer, and in a
/// deadlock it is us who lose.
const SESSION: &str = "SET NOCOUNT ON; SET LOCK_TIMEOUT 10000; SET DEADLOCK_PRIORITY LOW; \
                       SET DATEFORMAT ymd; SET TEXTSIZE 2147483647; SET ROWCOUNT 0; \
                       SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, \
                       CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON; SET NUMERIC_ROUNDABORT OFF";
/// The clock, the first change that is not complete, whether there are snapshots, and whether this is the
/// database itself or a copy that follows it: there the number of changes says nothing of what has come.
const GROUND: &str = "SELECT SYSUTCDATETIME() AS clock, CAST(MIN_ACTIVE_ROWVERSION() AS bigint) AS change, \
                      d.snapshot_isolation_state, \
                      CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS nvarchar(20)) AS updateability \
                      FROM sys.databases AS d WHERE d.database_id = DB_ID()";

/// A server and how it is spoken to.
pub(super) struct SqlServer {
    settings: DatabaseSettings,
    password: SecretString,
    policy: AddressPolicy,
    tls: Option<Arc<ClientConfig>>,
    retry: Retry,
    spread: u64,
    notes: Notes,
}

impl SqlServer {
    pub(super) fn new(
        settings: DatabaseSettings,
        password: SecretString,
        policy: AddressPolicy,
        retry: Retry,
    ) -> Result<Self, SourceError> {
        settings.check()?;
        if settings.host.contains(['\\', ',']) {
            let detail = "host is a name or an address: give the port of an instance as port, not its \
                          name or number in host";
            return Err(SourceError::invalid("connection_settings_invalid", detail));
        }
        let certificates = settings.certificates.as_deref();
        let tls = match settings.tls {
            TlsMode::Off => None,
            mode => Some(client_config(mode, certificates, &[&rustls::version::TLS12])?),
        };
        let (spread, notes) = (spread(&settings), Notes::default());
        Ok(Self { settings, password, policy, tls: tls.map(Arc::new), retry, spread, notes })
    }

    pub(super) fn with_retry(&self, retry: Retry) -> Self {
        Self {
            settings: self.settings.clone(),
            password: self.password.clone(),
            policy: self.policy.clone(),
            tls: self.tls.clone(),
            retry,
            spread: self.spread,
            notes: Notes::default(),
        }
    }

    /// To the server, or to the one that it sends us on to.
    async fn open(&self) -> Result<SqlServerSession, Failure> {
        let mut host = self.settings.host.clone();
        let mut port = self.settings.port.unwrap_or(1433);
        for _ in 0..=MOST_ROUTES {
            let wire = Shared::new(self.wire(&host, port).await?);
            let config = self.config(&host, port);
            match Client::connect(config, Line::new(wire.clone())).await {
                Ok(client) => {
                    return Ok(SqlServerSession::new(self.settings.clone(), wire, client));
                }
                Err(Error::Routing { host: to, port: at }) => (host, port) = (to, at),
                Err(error) => return Err(failure(&error, &self.settings)),
            }
        }
        let detail = format!("{} sends us on from one address to the next", self.settings.host);
        Err(Failure::Passing(unreachable(detail)))
    }

    /// A connection to a checked address, encrypted as the settings have it.
    async fn wire(&self, host: &str, port: u16) -> Result<Box<dyn Wire>, Failure> {
        if let Some(config) = &self.tls {
            let mut stream = self.reach(host, port).await?;
            let agreed = agree(&mut stream, Encryption::On).await;
            match self.agreed(agreed)? {
                Encryption::On | Encryption::Required => {
                    let secured = secure(stream, &bare(host), Arc::clone(config)).await;
                    return secured.map_err(|error| unsecured(&error, &self.settings));
                }
                Encryption::Off | Encryption::NotSupported => {}
            }
            if self.settings.tls != TlsMode::Prefer {
                return Err(Failure::Lasting(not_offered(&self.settings.host)));
            }
        }
        let mut stream = self.reach(host, port).await?;
        let agreed = agree(&mut stream, Encryption::NotSupported).await;
        match self.agreed(agreed)? {
            Encryption::Off | Encryption::NotSupported => Ok(Box::new(stream)),
            Encryption::On | Encryption::Required => Err(tls_required(&self.settings)),
        }
    }

    async fn reach(&self, host: &str, port: u16) -> Result<TcpStream, Failure> {
        let addresses = addresses(&self.policy, host, port).await?;
        Ok(reach(host, &addresses).await?.0)
    }

    fn agreed(&self, agreed: IoResult<Encryption>) -> Result<Encryption, Failure> {
        agreed.map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => cut(&self.settings),
            _ => unsecured(&error, &self.settings),
        })
    }

    /// What the client library is told. Encryption is no longer its business.
    fn config(&self, host: &str, port: u16) -> Config {
        let mut config = Config::new();
        config.host(host);
        config.port(port);
        config.database(&self.settings.database);
        config.application_name("pacioli");
        config.readonly(true);
        config.encryption(EncryptionLevel::NotSupported);
        let password = self.password.expose_secret();
        config.authentication(AuthMethod::sql_server(&self.settings.user, password));
        config
    }
}

impl Database for SqlServer {
    type Session = SqlServerSession;

    fn settings(&self) -> &DatabaseSettings {
        &self.settings
    }

    fn retry(&self) -> (&Retry, u64) {
        (&self.retry, self.spread)
    }

    fn notes(&self) -> &Notes {
        &self.notes
    }

    async fn connect(&self) -> Result<SqlServerSession, Failure> {
        let mut session = timed(CONNECT_WITHIN, self.open()).await?;
        timed(CONNECT_WITHIN, session.begin()).await?;
        Ok(session)
    }
}

/// A connection, within its transaction where there are snapshots.
pub(super) struct SqlServerSession {
    pub(super) settings: DatabaseSettings,
    wire: Shared,
    /// Empty while rows are read.
    client: Option<Client<Line>>,
    /// The server is at work for us.
    is_busy: bool,
    rows: Option<Pin<Box<Rows>>>,
    /// How much longer the statement that is read may take.
    left: Duration,
    /// It has as long for each row.
    is_endless: bool,
    /// A table without a key was read to its end.
    pub(super) has_ended: bool,
    /// Microseconds since 1970.
    pub(super) now: i64,
    pub(super) ground: Ground,
}

/// Rows, and at their end the client that gave them.
type Rows = dyn Stream<Item = Result<Step, Error>> + Send;

enum Step {
    Row(Row),
    End(Box<Client<Line>>),
}

impl SqlServerSession {
    fn new(settings: DatabaseSettings, wire: Shared, client: Client<Line>) -> Self {
        let ground = Ground { is_snapshot: false, first_open_change: None };
        Self {
            settings,
            wire,
            client: Some(client),
            is_busy: false,
            rows: None,
            left: Duration::ZERO,
            is_endless: false,
            has_ended: false,
            now: 0,
            ground,
        }
    }

    async fn begin(&mut self) -> Result<(), Failure> {
        self.run(SESSION).await?;
        let rows = self.ask(GROUND, Vec::new()).await?;
        let row = rows.first().ok_or_else(unknown_form)?;
        let clock = row.cells().next().and_then(|it| match timestamp(it.1) {
            Ok(micros) | Err(super::value::Unfit::Shortened(micros)) => Some(micros),
            Err(_) => None,
        });
        self.now = clock.ok_or_else(unknown_form)?;
        let is_itself = optional_text(row, 3)?.as_deref() == Some("READ_WRITE");
        self.ground = Ground {
            is_snapshot: number(row, 2)? == 1,
            first_open_change: Some(number(row, 1)?).filter(|_| is_itself),
        };
        if self.ground.is_snapshot {
            self.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION").await
        } else {
            self.run("SET TRANSACTION ISOLATION LEVEL READ COMMITTED").await
        }
    }

    /// Statements without rows, which hold for the session.
    async fn run(&mut self, statements: &str) -> Result<(), Failure> {
        let within = self.settings.statement_timeout();
        let client = self.client.as_mut().ok_or_else(lost)?;
        self.is_busy = true;
        let work = async { client.simple_query(statements).await?.into_results().await };
        let Ok(done) = tokio::time::timeout(within, work).await else {
            return Err(self.overdue().await);
        };
        self.is_busy = false;
        done.map(|_| ()).map_err(|error| failure(&error, &self.settings))
    }

    /// A statement with few rows.
    pub(super) async fn ask(
        &mut self,
        statement: &str,
        values: Vec<Parameter>,
    ) -> Result<Vec<Row>, Failure> {
        let within = self.settings.statement_timeout();
        let client = self.client.as_mut().ok_or_else(lost)?;
        self.is_busy = true;
        let parameters: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let work = async { client.query(statement, &parameters).await?.into_first_result().await };
        let Ok(rows) = tokio::time::timeout(within, work).await else {
            return Err(self.overdue().await);
        };
        self.is_busy = false;
        rows.map_err(|error| failure(&error, &self.settings))
    }

    /// Starts a statement with many rows; [`Self::next`] gives them. One that reads a whole table may take
    /// as long as it does, if only rows keep coming.
    pub(super) fn start(
        &mut self,
        statement: String,
        values: Vec<Parameter>,
        is_endless: bool,
    ) -> Result<(), Failure> {
        let client = self.client.take().ok_or_else(lost)?;
        self.rows = Some(rows(client, statement, values));
        self.left = self.settings.statement_timeout();
        self.is_endless = is_endless;
        Ok(())
    }

    /// The next row of the statement that was started.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Failure> {
        let Some(mut rows) = self.rows.take() else { return Ok(None) };
        self.is_busy = true;
        let began = Instant::now();
        let Ok(step) = tokio::time::timeout(self.left, rows.next()).await else {
            drop(rows);
            return Err(self.overdue().await);
        };
        if !self.is_endless {
            self.left = self.left.saturating_sub(began.elapsed());
        }
        match step {
            Some(Ok(Step::Row(row))) => {
                self.rows = Some(rows);
                Ok(Some(row))
            }
            Some(Ok(Step::End(client))) => {
                self.client = Some(*client);
                self.is_busy = false;
                Ok(None)
            }
            Some(Err(error)) => {
                self.is_busy = false;
                Err(failure(&error, &self.settings))
            }
            None => Err(lost()),
        }
    }

    /// A statement took too long. The server has no limit of its own for it and is asked to end it; if it
    /// does not even answer that, it may be the way to it that is broken.
    async fn overdue(&mut self) -> Failure {
        self.is_busy = false;
        self.client = None;
        let seconds = self.settings.statement_timeout_seconds;
        match tokio::time::timeout(ATTENTION_WITHIN, self.wire.attention()).await {
            Ok(Ok(())) => Failure::Lasting(unreachable(format!(
                "a statement was ended after {seconds} seconds at the database; \
                 statement_timeout_seconds is {seconds}"
            ))),
            Ok(Err(_)) | Err(_) => Failure::silent(seconds.into()),
        }
    }
}

fn rows(mut client: Client<Line>, statement: String, values: Vec<Parameter>) -> Pin<Box<Rows>> {
    Box::pin(async_stream::try_stream! {
        {
            let parameters: Vec<&dyn ToSql> =
                values.iter().map(|value| value as &dyn ToSql).collect();
            let mut found = client.query(statement, &parameters).await?.into_row_stream();
            while let Some(row) = found.try_next().await? {
                yield Step::Row(row);
            }
        }
        yield Step::End(Box::new(client));
    })
}

impl Drop for SqlServerSession {
    fn drop(&mut self) {
        if !self.is_busy {
            return; // the server sees the connection end, and the transaction with it
        }
        let mut wire = self.wire.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _nobody_waits = tokio::time::timeout(ATTENTION_WITHIN, wire.attention()).await;
            });
        }
    }
}

fn lost() -> Failure {
    Failure::Passing(unreachable("the connection to the database was lost"))
}
