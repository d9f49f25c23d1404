//! Connections: to a checked address, encrypted as asked, in a read-only transaction, cancelled when
//! they are dropped in the middle of a statement.

use std::{net::SocketAddr, pin::Pin, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_postgres::{
    CancelToken, Client, Config, NoTls, RowStream,
    config::SslMode,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::failure;
use crate::{
    SourceError,
    databases::{
        notes::Notes,
        reach::{addresses, bare, reach},
        reader::{Database, timed},
        retry::{Failure, Retry, spread},
        settings::DatabaseSettings,
        tls::{TlsMode, client_config},
    },
    outgoing::AddressPolicy,
};

const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// A table that somebody restructures is not waited for any longer.
const LOCK_TIMEOUT: &str = "10s";

/// A server and how it is spoken to.
pub(super) struct PostgresServer {
    settings: DatabaseSettings,
    password: SecretString,
    policy: AddressPolicy,
    tls: Option<MakeRustlsConnect>,
    retry: Retry,
    spread: u64,
    notes: Notes,
}

impl PostgresServer {
    pub(super) fn new(
        settings: DatabaseSettings,
        password: SecretString,
        policy: AddressPolicy,
        retry: Retry,
    ) -> Result<Self, SourceError> {
        settings.check()?;
        let tls = match settings.tls {
            TlsMode::Off => None,
            mode => {
                let config = client_config(
                    mode,
                    settings.certificates.as_deref(),
                    rustls::DEFAULT_VERSIONS,
                )?;
                Some(MakeRustlsConnect::new(config))
            }
        };
        let spread = spread(&settings);
        let notes = Notes::default();
        Ok(Self { settings, password, policy, tls, retry, spread, notes })
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

    fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .user(&self.settings.user)
            .password(self.password.expose_secret())
            .dbname(&self.settings.database)
            .application_name("pacioli")
            .ssl_mode(match self.settings.tls {
                TlsMode::Off => SslMode::Disable,
                TlsMode::Prefer => SslMode::Prefer,
                TlsMode::Require | TlsMode::Verify => SslMode::Require,
            });
        config
    }

    async fn open(&self) -> Result<PostgresSession, Failure> {
        let port = self.settings.port.unwrap_or(5432);
        let addresses = addresses(&self.policy, &self.settings.host, port).await?;
        let (stream, address) = reach(&self.settings.host, &addresses).await?;
        let way = Way { host: bare(&self.settings.host), address, tls: self.tls.clone() };
        let connected = match way.tls.clone() {
            None => converse(&self.config(), stream, NoTls).await,
            Some(mut make) => match way.secure(&mut make) {
                Ok(tls) => converse(&self.config(), stream, tls).await,
                Err(never) => match never {},
            },
        };
        let (client, connection) = connected.map_err(|error| failure(&error, &self.settings))?;
        let token = client.cancel_token();
        Ok(PostgresSession {
            settings: self.settings.clone(),
            client,
            connection,
            cancel: Some((token, way)),
            busy: false,
            rows: None,
            cursor: false,
            now: 0,
            version: 0,
        })
    }
}

impl Database for PostgresServer {
    type Session = PostgresSession;

    fn settings(&self) -> &DatabaseSettings {
        &self.settings
    }

    fn retry(&self) -> (&Retry, u64) {
        (&self.retry, self.spread)
    }

    fn notes(&self) -> &Notes {
        &self.notes
    }

    async fn connect(&self) -> Result<PostgresSession, Failure> {
        let mut session = timed(CONNECT_WITHIN, self.open()).await?;
        timed(CONNECT_WITHIN, session.begin()).await?;
        Ok(session)
    }
}

/// Where a server was found.
struct Way {
    host: String,
    address: SocketAddr,
    tls: Option<MakeRustlsConnect>,
}

impl Way {
    fn secure(
        &self,
        make: &mut MakeRustlsConnect,
    ) -> Result<
        <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::TlsConnect,
        <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::Error,
    > {
        <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::make_tls_connect(make, &self.host)
    }

    /// Asks the server to end what a connection is at. Nobody waits for it.
    async fn cancel(self, token: CancelToken) {
        let Ok(stream) = TcpStream::connect(self.address).await else { return };
        let _asked = match self.tls.clone() {
            None => token.cancel_query_raw(stream, NoTls).await,
            Some(mut make) => match self.secure(&mut make) {
                Ok(tls) => token.cancel_query_raw(stream, tls).await,
                Err(never) => match never {},
            },
        };
    }
}

async fn converse<T>(
    config: &Config,
    stream: TcpStream,
    tls: T,
) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error>
where
    T: TlsConnect<TcpStream>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect_raw(stream, tls).await?;
    // Its end reaches whoever waits for the client.
    let task = tokio::spawn(async move {
        let _ended = connection.await;
    });
    Ok((client, task))
}

/// A connection within its transaction.
pub(super) struct PostgresSession {
    pub(super) settings: DatabaseSettings,
    pub(super) client: Client,
    connection: JoinHandle<()>,
    cancel: Option<(CancelToken, Way)>,
    /// The server is at work for us.
    pub(super) busy: bool,
    pub(super) rows: Option<Pin<Box<RowStream>>>,
    /// The cursor of a table without a key is open.
    pub(super) cursor: bool,
    /// Microseconds since 1970.
    pub(super) now: i64,
    /// `150004` for 15.4.
    pub(super) version: i32,
}

impl PostgresSession {
    async fn begin(&mut self) -> Result<(), Failure> {
        let timeout = self.settings.statement_timeout_seconds;
        let settings = format!(
            "START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; \
             SET LOCAL statement_timeout = '{timeout}s'; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; \
             SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; \
             SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; \
             SET LOCAL standard_conforming_strings = on; SET LOCAL cursor_tuple_fraction = 1"
        );
        self.run(&settings).await?;
        let clock = "SELECT (extract(epoch FROM pg_catalog.now()) * 1000000)::pg_catalog.int8, \
                     pg_catalog.current_setting('server_version_num')::pg_catalog.int4, \
                     pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'";
        let row = self.client.query_one(clock, &[]).await.map_err(|it| self.failure(&it))?;
        self.now = row.try_get(0).map_err(|it| self.failure(&it))?;
        self.version = row.try_get(1).map_err(|it| self.failure(&it))?;
        if row.try_get(2).map_err(|it| self.failure(&it))? {
            // Such a database keeps whatever it is given, and would refuse to give as UTF-8 what is not.
            self.run("SET LOCAL client_encoding = 'SQL_ASCII'").await?;
        }
        Ok(())
    }

    /// Statements without rows.
    pub(super) async fn run(&mut self, statements: &str) -> Result<(), Failure> {
        self.busy = true;
        let done = self.client.batch_execute(statements).await;
        self.busy = false;
        done.map_err(|error| self.failure(&error))
    }

    /// A statement with few rows.
    pub(super) async fn ask(
        &mut self,
        statement: &str,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, Failure> {
        self.busy = true;
        let rows = self.client.query(statement, parameters).await;
        self.busy = false;
        rows.map_err(|error| self.failure(&error))
    }

    pub(super) fn failure(&self, error: &tokio_postgres::Error) -> Failure {
        failure(error, &self.settings)
    }

    /// Ends the transaction in good order.
    pub(super) async fn finish(mut self) {
        let _ended = self.run("COMMIT").await;
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        if !self.busy {
            return; // the connection says good-bye by itself once its client is gone
        }
        self.connection.abort();
        let runtime = tokio::runtime::Handle::try_current();
        if let (Ok(runtime), Some((token, way))) = (runtime, self.cancel.take()) {
            runtime.spawn(tokio::time::timeout(CONNECT_WITHIN, way.cancel(token)));
        }
    }
}
