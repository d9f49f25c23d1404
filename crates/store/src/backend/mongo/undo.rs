//! A batch without transactions: for a lone server. What it promises is all or nothing after a crash,
//! and that two batches never change one document at once; readers may see a batch half done.
//!
//! 1. The log entry: which documents the batch touches, state `open`.
//! 2. Each document gets a note, `_batch`, and is changed. While it has the note nobody else changes it.
//!    The note of an update holds the fields as they were; a deletion is only noted.
//! 3. The entry becomes `committed`: from here the batch counts, before it never happened.
//! 4. Noted deletions are made, notes are taken off, the entry is removed.
//!
//! A batch that fails undoes itself. What a dead process left is found by [`recover`] in the log: an open
//! batch is first marked `aborted`, so that it cannot commit any more should its process live after all,
//! and is undone; a committed one is finished.

use futures_util::TryStreamExt;
use mongodb::{
    Collection as Documents,
    bson::{Bson, Document, doc, oid::ObjectId},
    error::Error,
};
use pacioli_model::Timestamp;

use super::{Failure, Mongo, convert, filter, refusal};
use crate::{
    StoreError,
    backend::{Collection, Filter, Write},
    document,
    store::{ATTEMPTS, back_off},
};

/// The collection of log entries.
pub(super) const LOG: &str = "batches";

/// The field of a document that holds its note.
pub(super) const NOTE: &str = "_batch";

/// A batch older than this many seconds has lost its process.
const ABANDONED: i64 = 30;

/// An aborted batch older than this many seconds can touch nothing any more.
const FORGOTTEN: i64 = 300;

/// Why an attempt at a batch was given up.
enum Stop {
    /// Another batch has one of the documents: try again.
    Busy,
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(Failure::Driver(error))
    }
}

/// Holds for documents that no unfinished batch has.
pub(super) fn settled() -> Document {
    doc! { NOTE: { "$exists": false } }
}

/// Makes all the writes or none. Runs to its end also where the caller goes away meanwhile.
pub(super) async fn run(mongo: &Mongo, writes: Vec<Write>) -> Result<(), StoreError> {
    let mongo = mongo.clone();
    let running = tokio::spawn(async move {
        for attempt in 0..ATTEMPTS {
            let done = match writes.as_slice() {
                [single] => alone(&mongo, single).await,
                several => Batch::run(&mongo, several).await,
            };
            match done {
                Ok(()) => return Ok(()),
                Err(Stop::Busy) => back_off(attempt).await,
                Err(Stop::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(StoreError::unavailable("an unfinished batch has the document"))
    });
    running.await.map_err(StoreError::unavailable)?
}

/// One write needs no log, only that no batch has its document.
async fn alone(mongo: &Mongo, write: &Write) -> Result<(), Stop> {
    let (collection, id, guard) = match write {
        Write::Insert { .. } => return Ok(mongo.apply(write, None).await?),
        Write::Update { collection, id, guard, .. } | Write::Delete { collection, id, guard } => {
            (*collection, id, guard)
        }
    };
    let documents = mongo.collection(collection);
    let mut target = filter::guarded(collection, id, guard);
    target.extend(settled());
    let found = match write {
        Write::Update { set, unset, .. } => {
            let update = documents.update_one(target, convert::change(set, unset)).await;
            update.map_err(|error| refusal(collection, error))?.matched_count
        }
        _ => documents.delete_one(target).await?.deleted_count,
    };
    if found > 0 { Ok(()) } else { Err(missed(&documents, collection, id, guard).await?) }
}

/// Why no document was found: another batch has it, or it does not meet the guard.
async fn missed(
    documents: &Documents<Document>,
    collection: Collection,
    id: &str,
    guard: &Filter,
) -> Result<Stop, Error> {
    let found = documents.find_one(filter::guarded(collection, id, guard)).await?;
    Ok(match found {
        Some(_) => Stop::Busy,
        None => Stop::Failed(Failure::Refused(StoreError::Conflict)),
    })
}

/// One attempt at a batch, or what is left of one.
struct Batch<'a> {
    mongo: &'a Mongo,
    id: ObjectId,
    /// Collection and id of every document that it touches, in order.
    touched: Vec<(String, String)>,
}

impl<'a> Batch<'a> {
    async fn run(mongo: &'a Mongo, writes: &[Write]) -> Result<(), Stop> {
        let touched = writes.iter().map(|write| match write {
            Write::Insert { collection, document } => (*collection, document::id_of(document)),
            Write::Update { collection, id, .. } | Write::Delete { collection, id, .. } => {
                (*collection, id.as_str())
            }
        });
        let touched = touched.map(|(it, id)| (it.name().to_owned(), id.to_owned())).collect();
        let batch = Self { mongo, id: ObjectId::new(), touched };
        batch.log().insert_one(batch.entry()).await?;
        for write in writes {
            if let Err(stop) = batch.make(write).await {
                batch.undo().await?;
                batch.forget().await?;
                return Err(stop);
            }
        }
        if !batch.commit().await? {
            batch.undo().await?;
            let slow = "a batch took so long that it was given up";
            return Err(Stop::Failed(Failure::Refused(StoreError::unavailable(slow))));
        }
        // It counts now. Should finishing fail, recovery finishes.
        if let Err(error) = batch.finish().await {
            tracing::warn!(batch = %batch.id, %error, "store.batch_left_for_recovery");
        }
        Ok(())
    }

    async fn make(&self, write: &Write) -> Result<(), Stop> {
        match write {
            Write::Insert { collection, document } => {
                let mut document = convert::to_bson(document);
                document.insert(NOTE, doc! { "id": self.id, "made": true });
                let inserted = self.mongo.collection(*collection).insert_one(document).await;
                inserted.map_err(|error| refusal(*collection, error))?;
            }
            Write::Update { collection, id, guard, set, unset } => {
                let before = self.take(*collection, id, guard, doc! { "id": self.id }).await?;
                let fields = set.keys().map(String::as_str).chain(unset.iter().copied());
                let mut change = convert::change(set, unset);
                let note = doc! { "id": self.id, "before": as_it_was(&before, fields) };
                match change.get_document_mut("$set") {
                    Ok(set) => drop(set.insert(NOTE, note)),
                    Err(_) => drop(change.insert("$set", doc! { NOTE: note })),
                }
                let documents = self.mongo.collection(*collection);
                let updated = documents.update_one(self.own(id), change).await;
                updated.map_err(|error| refusal(*collection, error))?;
            }
            Write::Delete { collection, id, guard } => {
                self.take(*collection, id, guard, doc! { "id": self.id, "leaving": true }).await?;
            }
        }
        Ok(())
    }

    /// Puts the batch's note on a document that meets the guard, and returns what it was.
    async fn take(
        &self,
        collection: Collection,
        id: &str,
        guard: &Filter,
        note: Document,
    ) -> Result<Document, Stop> {
        let documents = self.mongo.collection(collection);
        let mut target = filter::guarded(collection, id, guard);
        target.extend(settled());
        let noted = doc! { "$set": { NOTE: note } };
        match documents.find_one_and_update(target, noted).await? {
            Some(before) => Ok(before),
            None => Err(missed(&documents, collection, id, guard).await?),
        }
    }

    /// False where recovery gave the batch up meanwhile.
    async fn commit(&self) -> Result<bool, Error> {
        self.turn("committed").await
    }

    async fn turn(&self, state: &str) -> Result<bool, Error> {
        let open = doc! { "_id": self.id, "state": "open" };
        let turned = self.log().update_one(open, doc! { "$set": { "state": state } }).await?;
        Ok(turned.matched_count > 0)
    }

    /// Makes the noted deletions and takes the other notes off.
    async fn finish(&self) -> Result<(), Error> {
        for (documents, id) in self.documents() {
            let mut leaving = self.own(id);
            leaving.insert(format!("{NOTE}.leaving"), true);
            documents.delete_one(leaving).await?;
            documents.update_one(self.own(id), doc! { "$unset": { NOTE: "" } }).await?;
        }
        self.forget().await
    }

    /// Makes every touched document what it was. May be done again.
    async fn undo(&self) -> Result<(), Error> {
        for (documents, id) in self.documents().rev() {
            let mut made = self.own(id);
            made.insert(format!("{NOTE}.made"), true);
            documents.delete_one(made).await?;
            let Some(found) = documents.find_one(self.own(id)).await? else { continue };
            let note = found.get_document(NOTE).ok();
            let before = note.and_then(|note| note.get_document("before").ok());
            documents.update_one(self.own(id), restored(before)).await?;
        }
        Ok(())
    }

    async fn forget(&self) -> Result<(), Error> {
        self.log().delete_one(doc! { "_id": self.id }).await.map(drop)
    }

    fn log(&self) -> Documents<Document> {
        self.mongo.database.collection(LOG)
    }

    fn own(&self, id: &str) -> Document {
        let mut own = doc! { "_id": id };
        own.insert(format!("{NOTE}.id"), self.id);
        own
    }

    fn documents(&self) -> impl DoubleEndedIterator<Item = (Documents<Document>, &str)> {
        let documents = |name: &str| self.mongo.database.collection(name);
        self.touched.iter().map(move |(name, id)| (documents(name), id.as_str()))
    }

    fn entry(&self) -> Document {
        let touched = self.touched.iter().map(|(name, id)| doc! { "collection": name, "id": id });
        doc! { "_id": self.id, "state": "open", "touched": touched.collect::<Vec<_>>() }
    }

    fn from_entry(mongo: &'a Mongo, entry: &Document) -> Option<Self> {
        let touched = entry.get_array("touched").ok()?.iter().filter_map(|it| {
            let it = it.as_document()?;
            Some((it.get_str("collection").ok()?.to_owned(), it.get_str("id").ok()?.to_owned()))
        });
        Some(Self { mongo, id: entry.get_object_id("_id").ok()?, touched: touched.collect() })
    }
}

/// These fields of the document, and which of them it did not have.
fn as_it_was<'a>(before: &Document, fields: impl Iterator<Item = &'a str>) -> Document {
    let mut kept = Document::new();
    let mut absent = Vec::new();
    for field in fields {
        match before.get(field) {
            Some(value) => drop(kept.insert(field, value.clone())),
            None => absent.push(Bson::from(field)),
        }
    }
    doc! { "fields": kept, "absent": absent }
}

/// The update that takes the note off and puts the noted fields back.
fn restored(before: Option<&Document>) -> Document {
    let mut unset = doc! { NOTE: "" };
    let mut change = Document::new();
    if let Some(before) = before {
        let absent = before.get_array("absent").into_iter().flatten();
        unset.extend(absent.filter_map(Bson::as_str).map(|field| (field.to_owned(), "".into())));
        match before.get_document("fields") {
            Ok(fields) if !fields.is_empty() => drop(change.insert("$set", fields.clone())),
            _ => {}
        }
    }
    change.insert("$unset", unset);
    change
}

/// Settles what dead processes left; returns how many batches.
pub(super) async fn recover(mongo: &Mongo, now: Timestamp) -> Result<u64, Error> {
    let log: Documents<Document> = mongo.database.collection(LOG);
    let abandoned = doc! { "_id": { "$lt": first_id_of(now.seconds() - ABANDONED) } };
    let entries: Vec<Document> = log.find(abandoned).await?.try_collect().await?;
    let mut settled = 0;
    for entry in &entries {
        let Some(batch) = Batch::from_entry(mongo, entry) else { continue };
        let state = entry.get_str("state").unwrap_or_default();
        if state == "open" && batch.turn("aborted").await? {
            batch.undo().await?;
            settled += 1;
        } else if state == "committed" {
            batch.finish().await?;
            settled += 1;
        } else if batch.id < first_id_of(now.seconds() - FORGOTTEN) {
            batch.undo().await?;
            batch.forget().await?;
        }
    }
    Ok(settled)
}

/// The least id that is made in this second.
fn first_id_of(second: i64) -> ObjectId {
    let second = u32::try_from(second.max(0)).unwrap_or(u32::MAX);
    ObjectId::from_parts(second, [0; 5], [0; 3])
}
