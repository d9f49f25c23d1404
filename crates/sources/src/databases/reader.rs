//! Reading a table of any database: pages, batches, marks, and going on after a lost connection.

use std::{future::Future, sync::Arc, time::Duration};

use futures_util::stream::BoxStream;

use super::{
    cells::Cells,
    changes::Mark,
    notes::Notes,
    retry::{Failure, Retry, unreachable},
    settings::DatabaseSettings,
};
use crate::{
    SourceError,
    source::{Pull, Pulled},
};

/// Rows of a page, and at most of a batch.
const PAGE_ROWS: usize = 4_096;
/// A batch of long rows ends before it has that many.
const BATCH_BYTES: u64 = 8 << 20;
/// How much longer than the server's own limit an answer may take before the connection is given up.
const GRACE: Duration = Duration::from_secs(30);

/// A server with the settings to reach it.
pub(super) trait Database: Send + Sync + 'static {
    type Session: Session;

    fn settings(&self) -> &DatabaseSettings;
    fn retry(&self) -> (&Retry, u64);
    fn notes(&self) -> &Notes;

    /// Connects and begins a read-only transaction over one snapshot.
    fn connect(&self) -> impl Future<Output = Result<Self::Session, Failure>> + Send;
}

/// A connection within its transaction. Dropping it in the middle of a statement ends that at the
/// server.
pub(super) trait Session: Send {
    /// What [`Session::lay_out`] found out about a table.
    type Layout: Send + Sync;
    /// The values that name a row, as the database takes them back.
    type Key: Clone + Send + Sync;

    /// Looks the table up, and decides what to select.
    fn lay_out(
        &mut self,
        pull: &Pull,
        mark: Option<&str>,
    ) -> impl Future<Output = Result<Self::Layout, Failure>> + Send;

    /// The database's clock, in microseconds since 1970.
    fn now(&self) -> i64;

    /// Up to which value the column that tells changes is complete, where the database tells.
    fn settled(_layout: &Self::Layout) -> Option<i64> {
        None
    }

    /// Whether rows come in the order of a key.
    fn is_keyed(layout: &Self::Layout) -> bool;

    /// Asks for the next rows, after a key where there is one: at most `rows` where the table has a
    /// key, else as many as suit.
    fn open(
        &mut self,
        layout: &Self::Layout,
        after: Option<&Self::Key>,
        rows: usize,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Puts the next row of the page; empty at the page's end.
    fn row(
        &mut self,
        layout: &Self::Layout,
        notes: &Notes,
        cells: &mut Cells,
    ) -> impl Future<Output = Result<Option<Row<Self::Key>>, Failure>> + Send;
}

/// What is known of a row beside its cells.
pub(super) struct Row<K> {
    pub(super) key: Option<K>,
    /// Of the column that tells changes.
    pub(super) changed: Option<i64>,
}

/// The rows of a table.
pub(super) fn stream<D: Database>(
    database: Arc<D>,
    pull: Pull,
) -> BoxStream<'static, Result<Pulled, SourceError>> {
    Box::pin(async_stream::try_stream! {
        database.notes().begin(&pull.table.name);
        let mut reader = Reader::new(database, pull);
        while let Some(pulled) = reader.next().await? {
            yield pulled;
        }
    })
}

struct Reader<D: Database> {
    database: Arc<D>,
    pull: Pull,
    open: Option<Open<D::Session>>,
    cells: Cells,
    mark: Option<Mark>,
    last_key: Option<<D::Session as Session>::Key>,
    /// Rows of batches that were given away.
    given: u64,
    in_page: bool,
    /// What was asked for last is a table without a key.
    open_without_key: bool,
    page_rows: usize,
    tried: u32,
    ended: bool,
}

struct Open<S: Session> {
    session: S,
    layout: S::Layout,
}

impl<D: Database> Reader<D> {
    fn new(database: Arc<D>, pull: Pull) -> Self {
        let cells = Cells::new(&pull.table);
        Self {
            database,
            pull,
            open: None,
            cells,
            mark: None,
            last_key: None,
            given: 0,
            in_page: false,
            open_without_key: false,
            page_rows: 0,
            tried: 0,
            ended: false,
        }
    }

    async fn next(&mut self) -> Result<Option<Pulled>, SourceError> {
        while !self.ended {
            match self.advance().await {
                Ok(Some(pulled)) => {
                    self.tried = 0;
                    return Ok(Some(pulled));
                }
                Ok(None) => {}
                Err(failure) => self.recover(failure).await?,
            }
        }
        Ok(None)
    }

    /// Reads up to a full batch or the end of a page.
    async fn advance(&mut self) -> Result<Option<Pulled>, Failure> {
        let within = self.database.settings().statement_timeout() + GRACE;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => timed(within, self.connect()).await?,
        };
        self.open_without_key = !D::Session::is_keyed(&open.layout);
        if !self.in_page {
            let key = self.last_key.as_ref();
            timed(within, open.session.open(&open.layout, key, PAGE_ROWS)).await?;
            self.in_page = true;
            self.page_rows = 0;
        }
        loop {
            let notes = self.database.notes();
            let row = open.session.row(&open.layout, notes, &mut self.cells);
            let Some(row) = timed(within, row).await? else { break };
            self.page_rows += 1;
            self.last_key = row.key;
            if let (Some(mark), Some(value)) = (&mut self.mark, row.changed) {
                mark.see(value);
            }
            if self.cells.rows() >= PAGE_ROWS || self.cells.bytes() >= BATCH_BYTES {
                self.open = Some(open);
                return Ok(Some(self.give()?));
            }
        }
        self.in_page = false;
        self.ended = self.page_rows == 0
            || (D::Session::is_keyed(&open.layout) && self.page_rows < PAGE_ROWS);
        self.open = Some(open);
        let moved = self.watermark() != self.pull.since;
        if self.ended && (self.cells.rows() > 0 || moved) {
            return Ok(Some(self.give()?));
        }
        Ok(None)
    }

    async fn connect(&mut self) -> Result<Open<D::Session>, Failure> {
        let mut session = self.database.connect().await?;
        let overlap = self.database.settings().overlap_seconds;
        // From the last load's mark, not from the rows of this one: a page may be read twice.
        let from = match (&self.pull.since, self.changes_by()?) {
            (Some(since), Some(column)) => {
                Mark::new(column, Some(since), session.now())?.read_from(overlap)
            }
            _ => None,
        };
        let layout = session.lay_out(&self.pull, from.as_deref()).await?;
        if let (None, Some(column)) = (&self.mark, self.changes_by()?) {
            let mark = Mark::new(column, self.pull.since.as_ref(), session.now())?;
            self.mark = Some(mark.up_to(D::Session::settled(&layout)));
        }
        Ok(Open { session, layout })
    }

    fn changes_by(&self) -> Result<Option<pacioli_model::ColumnType>, SourceError> {
        let Some(name) = &self.pull.table.changes_by else { return Ok(None) };
        let column = self.pull.table.columns.iter().find(|column| column.name == *name);
        let detail = format!("{name}, which tells changes, is not among the columns to read");
        let missing = || SourceError::invalid("changes_by_unsupported", detail);
        column.map(|column| Some(column.data_type)).ok_or_else(missing)
    }

    fn watermark(&self) -> Option<crate::source::Watermark> {
        // Rows come in the order of the key, not of their changes: before the end there may be older
        // changes to come, and the mark stays where it was.
        if self.ended {
            self.mark.as_ref().and_then(Mark::watermark).or_else(|| self.pull.since.clone())
        } else {
            self.pull.since.clone()
        }
    }

    fn give(&mut self) -> Result<Pulled, SourceError> {
        let bytes = self.cells.bytes();
        let batch = self.cells.take()?;
        self.given += batch.num_rows() as u64;
        let rows_expected = if self.pull.since.is_none() { self.pull.table.rows } else { None };
        Ok(Pulled { batch, bytes, rows_expected, watermark: self.watermark() })
    }

    /// Waits and goes on from the last row that came, or says why not.
    async fn recover(&mut self, failure: Failure) -> Result<(), SourceError> {
        let error = match failure {
            Failure::Lasting(error) => return Err(error),
            // What takes too long without a key would take too long again, from its beginning.
            Failure::Silent(error) if self.open_without_key => return Err(error),
            Failure::Silent(error) | Failure::Passing(error) => error,
        };
        self.open = None;
        self.in_page = false;
        let (retry, spread) = self.database.retry();
        if self.tried >= retry.times {
            return Err(error);
        }
        if self.last_key.is_none() {
            if self.given > 0 {
                return Err(cut_short(&self.pull.table.name, self.given, &error));
            }
            self.cells = Cells::new(&self.pull.table);
            self.mark = None;
        }
        let wait = retry.wait(self.tried, spread);
        self.tried += 1;
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

fn cut_short(table: &str, given: u64, error: &SourceError) -> SourceError {
    unreachable(format!(
        "the connection was lost after {given} rows of {table}, which has no key to go on from, so that \
         it has to be loaded from its beginning: {error}"
    ))
}

pub(super) async fn timed<T>(
    within: Duration,
    work: impl Future<Output = Result<T, Failure>> + Send,
) -> Result<T, Failure> {
    tokio::time::timeout(within, work)
        .await
        .unwrap_or_else(|_| Err(Failure::silent(within.as_secs())))
}

/// Does something whole, again after a failure that may pass.
pub(super) async fn patiently<D: Database, T>(
    database: &D,
    work: impl AsyncFn(&D) -> Result<T, Failure>,
) -> Result<T, SourceError> {
    let (retry, spread) = database.retry();
    let mut tried = 0;
    loop {
        match work(database).await {
            Ok(done) => return Ok(done),
            Err(Failure::Passing(_) | Failure::Silent(_)) if tried < retry.times => {
                tokio::time::sleep(retry.wait(tried, spread)).await;
                tried += 1;
            }
            Err(failure) => return Err(failure.into_error()),
        }
    }
}
