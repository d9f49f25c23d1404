//! Answers that are kept. The key is all that an answer depends on: whose it is, the SQL that runs,
//! the versions of the tables that it reads and what its asker may see of them. A load makes new
//! versions and so new keys; nothing has to be withdrawn, and what nobody asks for again goes.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use futures_util::future::BoxFuture;
use pacioli_model::{Cell, CompanyId, TableName, TableVersion};
use sha2::{Digest as _, Sha256};

use crate::{
    Answer, EngineError, packed,
    query::{Job, Task},
};

/// One answer may take this part of the room.
const LARGEST_PART: usize = 8;

/// What an answer depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    company: CompanyId,
    sql: String,
    tables: Vec<(TableName, TableVersion)>,
    access: String,
}

impl Key {
    /// Of a statement; empty where the answer depends on more than that, as on the time of day.
    pub(crate) fn of(job: &Job) -> Option<Self> {
        let Task::Sql { sql, .. } = &job.task else { return None };
        let lower = sql.to_ascii_lowercase();
        if ["now", "current_", "local"].iter().any(|word| lower.contains(word)) {
            return None;
        }
        let tables = job.tables.iter().map(|entry| (entry.name.clone(), entry.version));
        Some(Self {
            company: job.company,
            sql: sql.clone(),
            tables: tables.collect(),
            access: serde_json::to_string(&job.access).ok()?,
        })
    }

    /// The same for every server, and for no other key: a digest. Another version of the program may
    /// answer otherwise.
    fn id(&self) -> Option<String> {
        let parts =
            (env!("CARGO_PKG_VERSION"), self.company, &self.sql, &self.tables, &self.access);
        let digest = Sha256::digest(serde_json::to_vec(&parts).ok()?);
        Some(digest.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // a String takes everything
            text
        }))
    }

    fn bytes(&self) -> usize {
        let names: usize = self.tables.iter().map(|(name, _)| name.as_str().len() + 48).sum();
        size_of::<Self>() + self.sql.len() + self.access.len() + names
    }
}

type Outcome = Result<Arc<Answer>, EngineError>;
/// Of a query under way: what came of it, once it is there.
type Flight = Arc<tokio::sync::Mutex<Option<Outcome>>>;

/// Where several servers keep answers for each other. What is found there is what was kept there under
/// that id; that nothing is found is never wrong.
pub trait SharedAnswers: std::fmt::Debug + Send + Sync {
    /// What was kept under this id.
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Option<Vec<u8>>>;
    /// Keeps an answer, or does not.
    fn keep<'a>(&'a self, id: &'a str, answer: Vec<u8>) -> BoxFuture<'a, ()>;
}

/// Answers within a bound of bytes, the least lately used going first.
#[derive(Debug)]
pub(crate) struct Kept {
    most_bytes: usize,
    shared: Option<Arc<dyn SharedAnswers>>,
    shelf: Mutex<Shelf>,
    flights: Mutex<HashMap<Key, Flight>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug, Default)]
struct Shelf {
    answers: HashMap<Key, Item>,
    /// By when they were last used.
    order: BTreeMap<u64, Key>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Item {
    answer: Arc<Answer>,
    bytes: usize,
    used: u64,
}

/// What is counted of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KeptStats {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) bytes: u64,
}

impl Kept {
    /// With room for so many bytes; none for none.
    pub(crate) fn new(most_bytes: u64, shared: Option<Arc<dyn SharedAnswers>>) -> Self {
        Self {
            shared,
            most_bytes: usize::try_from(most_bytes).unwrap_or(usize::MAX),
            shelf: Mutex::default(),
            flights: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    pub(crate) fn stats(&self) -> KeptStats {
        KeptStats {
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            bytes: self.shelf().bytes as u64,
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Nothing panics while it is held.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Key, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kept answer, or what `query` gives. Of equal questions at one time, one is run and all get
    /// what comes of it; where its asker leaves, the next one takes it up.
    pub(crate) async fn answer(
        &self,
        key: Option<Key>,
        query: impl Future<Output = Result<Answer, EngineError>>,
    ) -> Outcome {
        let Some(key) = key.filter(|_| self.most_bytes > 0) else {
            return query.await.map(Arc::new);
        };
        if let Some(found) = self.find(&key) {
            return Ok(found);
        }
        let flight = Arc::clone(self.flights().entry(key.clone()).or_default());
        let _seat = Seat { kept: self, key: &key };
        let mut outcome = flight.lock().await;
        if let Some(outcome) = outcome.as_ref() {
            self.hits.fetch_add(1, Relaxed);
            return outcome.clone();
        }
        let answered = self.shared_or(&key, query).await.map(Arc::new);
        if let Ok(answer) = &answered {
            self.keep(key.clone(), Arc::clone(answer));
        }
        *outcome = Some(answered.clone());
        // Whoever comes later finds it on the shelf, or asks anew.
        self.flights().remove(&key);
        answered
    }

    /// What another server has computed, or what `query` gives, which the others then have too.
    async fn shared_or(
        &self,
        key: &Key,
        query: impl Future<Output = Result<Answer, EngineError>>,
    ) -> Result<Answer, EngineError> {
        let shared = self.shared.as_deref().zip(key.id());
        if let Some((shared, id)) = &shared
            && let Some(bytes) = shared.find(id).await
            && let Some(answer) = packed::unpack(&bytes)
        {
            self.hits.fetch_add(1, Relaxed);
            return Ok(answer);
        }
        self.misses.fetch_add(1, Relaxed);
        let answer = query.await?;
        if let Some((shared, id)) = &shared
            && bytes_of(&answer) <= self.most_bytes / LARGEST_PART
            && let Ok(bytes) = packed::pack(&answer)
        {
            shared.keep(id, bytes).await;
        }
        Ok(answer)
    }

    fn find(&self, key: &Key) -> Option<Arc<Answer>> {
        let mut held = self.shelf();
        let held = &mut *held;
        let item = held.answers.get_mut(key)?;
        held.clock += 1;
        if let Some(key) = held.order.remove(&item.used) {
            held.order.insert(held.clock, key);
        }
        item.used = held.clock;
        self.hits.fetch_add(1, Relaxed);
        Some(Arc::clone(&item.answer))
    }

    fn keep(&self, key: Key, answer: Arc<Answer>) {
        let bytes = 2 * key.bytes() + size_of::<Item>() + bytes_of(&answer);
        if bytes > self.most_bytes / LARGEST_PART {
            return;
        }
        let mut held = self.shelf();
        let held = &mut *held;
        held.clock += 1;
        held.bytes += bytes;
        held.order.insert(held.clock, key.clone());
        if let Some(old) = held.answers.insert(key, Item { answer, bytes, used: held.clock }) {
            held.bytes -= old.bytes;
            held.order.remove(&old.used);
        }
        while held.bytes > self.most_bytes {
            let Some((_, oldest)) = held.order.pop_first() else { return };
            if let Some(gone) = held.answers.remove(&oldest) {
                held.bytes -= gone.bytes;
            }
        }
    }
}

/// Clears a flight that nobody is on any more.
struct Seat<'a> {
    kept: &'a Kept,
    key: &'a Key,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut flights = self.kept.flights();
        // The map's own, and that of whoever leaves now.
        if flights.get(self.key).is_some_and(|flight| Arc::strong_count(flight) <= 2) {
            flights.remove(self.key);
        }
    }
}

fn bytes_of(answer: &Answer) -> usize {
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => text.len(),
        _ => 0,
    };
    let rows = answer.table.rows.iter();
    let rows: usize = rows
        .map(|row| {
            size_of_val(row) + row.len() * size_of::<Cell>() + row.iter().map(cell).sum::<usize>()
        })
        .sum();
    size_of::<Answer>() + answer.sql.len() + answer.table.columns.len() * 64 + rows
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pacioli_model::Table;
    use uuid::Uuid;

    use super::*;

    fn key(owner: u128, sql: &str) -> Key {
        Key {
            company: CompanyId(Uuid::from_u128(owner)),
            sql: sql.to_owned(),
            tables: Vec::new(),
            access: String::new(),
        }
    }

    fn answer(text: &str) -> Answer {
        let rows = vec![vec![Cell::Text(text.to_owned())]];
        let table = Table { columns: Vec::new(), rows, truncated: false };
        Answer { table, sql: String::new(), notes: Vec::new() }
    }

    async fn ask(kept: &Kept, owner: u128, sql: &str, text: &str) -> String {
        let query = async { Ok(answer(text)) };
        let found = kept.answer(Some(key(owner, sql)), query).await.expect("an answer");
        match &found.table.rows[0][0] {
            Cell::Text(text) => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn an_answer_is_found_by_all_of_its_key_alone() {
        let kept = Kept::new(1 << 20, None);
        assert_eq!(ask(&kept, 1, "a", "first").await, "first");
        assert_eq!(ask(&kept, 1, "a", "second").await, "first");
        assert_eq!(ask(&kept, 2, "a", "theirs").await, "theirs");
        assert_eq!(ask(&kept, 1, "b", "other").await, "other");
        assert_eq!((kept.stats().hits, kept.stats().misses), (1, 3));
        let none = Kept::new(0, None);
        assert_eq!(ask(&none, 1, "a", "first").await, "first");
        assert_eq!(ask(&none, 1, "a", "second").await, "second");
    }

    #[tokio::test]
    async fn what_is_kept_stays_within_its_room_and_the_least_used_goes() {
        let kept = Kept::new(20_000, None);
        let text = "x".repeat(1000);
        ask(&kept, 1, "often", &text).await;
        for number in 0..100 {
            ask(&kept, 1, &number.to_string(), &text).await;
            assert_eq!(ask(&kept, 1, "often", "anew").await, text);
            assert!(kept.stats().bytes <= 20_000);
        }
        assert_eq!(ask(&kept, 1, "0", "anew").await, "anew", "it went");
        ask(&kept, 1, "large", &"x".repeat(10_000)).await;
        assert_eq!(ask(&kept, 1, "large", "anew").await, "anew", "too large to keep");
        let shelf = kept.shelf();
        assert_eq!(shelf.order.len(), shelf.answers.len());
        assert_eq!(shelf.bytes, shelf.answers.values().map(|item| item.bytes).sum::<usize>());
    }

    #[tokio::test]
    async fn of_equal_questions_at_one_time_one_is_run() {
        let kept = Arc::new(Kept::new(1 << 20, None));
        let runs = Arc::new(AtomicU64::new(0));
        let asks = (0..10).map(|_| {
            let (kept, runs) = (Arc::clone(&kept), Arc::clone(&runs));
            tokio::spawn(async move {
                let query = async {
                    runs.fetch_add(1, Relaxed);
                    tokio::task::yield_now().await;
                    Ok(answer("once"))
                };
                kept.answer(Some(key(1, "a")), query).await
            })
        });
        for asked in asks.collect::<Vec<_>>() {
            asked.await.expect("no panic").expect("an answer");
        }
        assert_eq!(runs.load(Relaxed), 1);
        assert!(kept.flights().is_empty());
    }

    #[tokio::test]
    async fn who_leaves_hands_the_question_on_and_errors_are_not_kept() {
        let kept = Arc::new(Kept::new(1 << 20, None));
        let leader = tokio::spawn({
            let kept = Arc::clone(&kept);
            async move { kept.answer(Some(key(1, "a")), std::future::pending()).await }
        });
        tokio::task::yield_now().await;
        let follower = tokio::spawn({
            let kept = Arc::clone(&kept);
            async move { ask(&kept, 1, "a", "after all").await }
        });
        tokio::task::yield_now().await;
        leader.abort();
        let found = tokio::time::timeout(Duration::from_secs(5), follower).await;
        assert_eq!(found.expect("in time").expect("no panic"), "after all");
        let failed = kept.answer(Some(key(1, "b")), async { Err(EngineError::Missing) }).await;
        assert!(matches!(failed, Err(EngineError::Missing)));
        assert_eq!(ask(&kept, 1, "b", "well").await, "well");
        assert!(kept.flights().is_empty());
    }
}
