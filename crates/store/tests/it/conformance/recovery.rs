//! What a crash leaves on a MongoDB without transactions, and what becomes of it.

use std::time::Duration;

use mongodb::bson::{Document, doc, oid::ObjectId};
use pacioli_model::{Role, Timestamp};
use pacioli_store::{AuditQuery, Store, StoreError, Transactions, UserChange, UserQuery};

use super::{
    mongo_server::MongoServer,
    subject::{Kind, Subject},
    words::*,
};

const COLLECTIONS: [&str; 4] = ["users", "companies", "sessions", "audit"];

/// Seconds since 1970 of the interrupted batches made here.
const BEGUN: i64 = 1_800_000_000;

fn seconds_after(span: i64) -> Timestamp {
    Timestamp::from_millis((BEGUN + span) * 1000)
}

async fn notes(subject: &Subject) -> u64 {
    let mut notes = 0;
    for collection in COLLECTIONS {
        let documents = subject.database().await.collection::<Document>(collection);
        let filter = doc! { "_batch": { "$exists": true } };
        notes += documents.count_documents(filter).await.unwrap();
    }
    notes
}

async fn log_entries(subject: &Subject) -> u64 {
    let log = subject.database().await.collection::<Document>("batches");
    log.count_documents(doc! {}).await.unwrap()
}

/// Leaves what a process leaves that dies in a batch that changed `person`, made a session and was to
/// delete another one.
async fn interrupted(subject: &Subject, person: &str, leaving: &str, made: &str, state: &str) {
    let database = subject.database().await;
    let batch = ObjectId::from_parts(BEGUN.try_into().unwrap(), [7; 5], [7; 3]);
    let touched = [("users", person), ("sessions", made), ("sessions", leaving)];
    let touched = touched.map(|(collection, id)| doc! { "collection": collection, "id": id });
    let entry = doc! { "_id": batch, "state": state, "touched": touched.to_vec() };
    database.collection("batches").insert_one(entry).await.unwrap();
    let before = doc! { "fields": { "full_name": "Ada Lovelace" }, "absent": ["disabled_at"] };
    let change = doc! { "$set": {
        "full_name": "Half done",
        "disabled_at": "2026-01-01T00:00:00.000Z",
        "_batch": { "id": batch, "before": before },
    } };
    let users = database.collection::<Document>("users");
    users.update_one(doc! { "_id": person }, change).await.unwrap();
    let sessions = database.collection::<Document>("sessions");
    let note = doc! { "$set": { "_batch": { "id": batch, "leaving": true } } };
    sessions.update_one(doc! { "_id": leaving }, note).await.unwrap();
    let mut copy = sessions.find_one(doc! { "_id": leaving }).await.unwrap().unwrap();
    copy.insert("_id", made);
    copy.insert("_batch", doc! { "id": batch, "made": true });
    sessions.insert_one(copy).await.unwrap();
}

#[tokio::test]
async fn an_open_batch_is_undone() {
    let Some(subject) = Subject::open(Kind::MongoAlone).await else { return };
    let store = &subject.store;
    let (tenant, _) = signed_up(store).await;
    let person = added(&tenant, Role::User).await;
    let kept = signed_in(&tenant, &person).await;
    let person = tenant.user(person.id).await.unwrap().unwrap();
    let made = session(&person).id;
    let (user_id, kept_id) = (person.id.to_string(), kept.id.to_string());
    interrupted(&subject, &user_id, &kept_id, &made.to_string(), "open").await;

    // Nobody changes what an unfinished batch has: it could not be undone then.
    let change = UserChange { full_name: Some("Eve".into()), ..UserChange::default() };
    let refused = tenant.update_user(person.id, &change, None).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(store.recover(seconds_after(20)).await.unwrap(), 0, "its process may live");

    assert_eq!(store.recover(seconds_after(40)).await.unwrap(), 1);
    assert_eq!(tenant.user(person.id).await.unwrap(), Some(person.clone()));
    assert_eq!(tenant.session(kept.id).await.unwrap(), Some(kept));
    assert_eq!(tenant.session(made).await.unwrap(), None);
    assert_eq!(notes(&subject).await, 0);
    assert_eq!(store.recover(seconds_after(50)).await.unwrap(), 0);
    assert_eq!(log_entries(&subject).await, 1, "so that it cannot commit after all");
    assert_eq!(store.recover(seconds_after(400)).await.unwrap(), 0);
    assert_eq!(log_entries(&subject).await, 0);
    assert!(tenant.update_user(person.id, &change, None).await.unwrap().is_some());
}

#[tokio::test]
async fn a_committed_batch_is_finished() {
    let Some(subject) = Subject::open(Kind::MongoAlone).await else { return };
    let store = &subject.store;
    let (tenant, _) = signed_up(store).await;
    let person = added(&tenant, Role::User).await;
    let leaving = signed_in(&tenant, &person).await;
    let made = session(&person).id;
    let (user_id, leaving_id) = (person.id.to_string(), leaving.id.to_string());
    interrupted(&subject, &user_id, &leaving_id, &made.to_string(), "committed").await;
    assert_eq!(store.recover(seconds_after(40)).await.unwrap(), 1);
    assert_eq!(tenant.user(person.id).await.unwrap().unwrap().full_name, "Half done");
    assert_eq!(tenant.session(leaving.id).await.unwrap(), None);
    assert!(tenant.session(made).await.unwrap().is_some());
    assert_eq!((notes(&subject).await, log_entries(&subject).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_moment_leaves_all_or_nothing() {
    for kind in [Kind::MongoAlone, Kind::Mongo] {
        let Some(subject) = Subject::open(kind).await else { return };
        for round in 0..25 {
            crash_while_signing_up_and_deleting(&subject, Duration::from_micros(round * 900)).await;
        }
        assert_eq!((notes(&subject).await, log_entries(&subject).await), (0, 0));
    }
}

#[tokio::test]
async fn a_server_without_transactions_is_recognised_and_served() {
    let Some(server) = MongoServer::alone() else { return };
    let store = Store::open_mongo(&server.uri(), None).await.unwrap();
    let (tenant, owner) = signed_up(&store).await;
    let begun = signed_in(&tenant, &owner).await;
    let client = mongodb::Client::with_uri_str(server.uri()).await.unwrap();
    let sessions = client.database("pacioli").collection::<Document>("sessions");
    // Only where batches are undone by a log does a note keep others away.
    let note = doc! { "$set": { "_batch": { "id": ObjectId::new() } } };
    sessions.update_one(doc! {}, note).await.unwrap();
    let refused = tenant.end_session(begun.id, None).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    sessions.update_one(doc! {}, doc! { "$unset": { "_batch": 1 } }).await.unwrap();
    assert!(tenant.end_session(begun.id, Some(&some_event())).await.unwrap());
}

/// A process in small: a runtime of its own, with connections of its own, that ends in mid-sentence.
async fn crash_while_signing_up_and_deleting(subject: &Subject, lives: Duration) {
    let store = &subject.store;
    let (tenant, _) = signed_up(store).await;
    let person = added(&tenant, Role::User).await;
    let begun = signed_in(&tenant, &person).await;
    let company = company();
    let owner = user(company.id, Role::Superuser, some_email());
    let (founded, owner_id) = (company.id, owner.id);

    let (uri, name) = subject.mongo();
    let transactions = match subject.kind {
        Kind::Mongo => Transactions::Auto,
        _ => Transactions::Off,
    };
    let elsewhere = tenant.company_id();
    let process = std::thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let opened = Store::open_mongo_with(&uri, Some(&name), transactions);
        let store = runtime.block_on(opened).unwrap();
        runtime.spawn(async move {
            let tenant = store.tenant(elsewhere);
            let signing_up = some_event();
            let deleting = some_event();
            let _both = tokio::join!(
                store.sign_up(&company, &owner, &signing_up),
                tenant.delete_user(person.id, &deleting),
            );
        });
        std::thread::sleep(lives);
        runtime.shutdown_background();
    });
    tokio::task::spawn_blocking(move || process.join().unwrap()).await.unwrap();
    // What was on its way to the server arrives still.
    tokio::time::sleep(Duration::from_millis(30)).await;
    for _ in 0..2 {
        store.recover(now()).await.unwrap();
    }

    let new = store.tenant(founded);
    let parts = [
        subject.stored("companies", &founded.to_string()).await.is_some(),
        new.user(owner_id).await.unwrap().is_some(),
        !new.users(&UserQuery::default()).await.unwrap().items.is_empty(),
        !new.audit(&AuditQuery::default()).await.unwrap().items.is_empty(),
    ];
    assert!(parts.iter().all(|it| *it == parts[0]), "half a company after {lives:?}: {parts:?}");
    let person = tenant.user(begun.user_id).await.unwrap();
    let session = tenant.session(begun.id).await.unwrap();
    assert_eq!(person.is_some(), session.is_some(), "half a deletion after {lives:?}");
}

#[tokio::test]
async fn no_error_repeats_the_connection_string() {
    for uri in [
        "mongodb://ada:s3cret@127.0.0.1:1/?serverSelectionTimeoutMS=200",
        "mongodb://ada:s3cret@[::1/",
        "mongodb://ada:s3cret@127.0.0.1:1/?s3cret=s3cret&authMechanism=s3cret",
        "s3cret",
        "mongodb+srv://ada:s3cret@nowhere.invalid/",
    ] {
        let error = Store::open_mongo(uri, None).await.expect_err(uri);
        let mut chain = format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            chain = format!("{chain} {cause} {cause:?}");
            source = cause.source();
        }
        assert!(!chain.contains("s3cret"), "{chain}");
    }
}
