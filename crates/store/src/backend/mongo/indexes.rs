use std::time::Duration;

use mongodb::{
    Database, IndexModel,
    bson::{Document, doc},
    error::{Error, ErrorKind},
    options::IndexOptions,
};

use super::{case_folding, undo};
use crate::backend::Collection;

/// Makes the indexes that are missing. They serve the queries of the domain verbs; two also keep
/// rules: one account an address, and the end of what has expired.
pub(super) async fn ensure(database: &Database) -> Result<(), Error> {
    // Older servers make no collection within a transaction; these have no index to make them.
    let plain_ones = [
        Collection::Companies,
        Collection::Semantics,
        Collection::Measurements,
        Collection::ModelUse,
    ];
    for name in plain_ones.map(Collection::name).into_iter().chain([undo::LOG]) {
        match database.create_collection(name).await {
            Err(error) if !exists_already(&error) => return Err(error),
            _ => {}
        }
    }
    for (collection, models) in wanted() {
        database.collection::<Document>(collection.name()).create_indexes(models).await?;
    }
    Ok(())
}

fn exists_already(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(it) if it.code == 48)
}

fn wanted() -> Vec<(Collection, Vec<IndexModel>)> {
    vec![
        (
            Collection::Users,
            vec![
                // Accounts that were adopted and never changed since do not have the field.
                with(doc! { "email_canonical": 1 }, |it| {
                    it.unique = Some(true);
                    it.sparse = Some(true);
                }),
                with(doc! { "email": 1 }, |it| {
                    it.name = Some("email_folded".to_owned());
                    it.collation = Some(case_folding());
                }),
                plain(doc! { "company_id": 1, "created_at": 1, "_id": 1 }),
                plain(doc! { "role": 1, "_id": 1 }),
            ],
        ),
        (
            Collection::Sessions,
            vec![
                plain(doc! { "user_id": 1 }),
                plain(doc! { "refresh_hash": 1 }),
                plain(doc! { "previous_hash": 1 }),
                plain(doc! { "spent_hashes": 1 }),
                expiry(),
            ],
        ),
        (Collection::Audit, vec![plain(doc! { "company_id": 1, "at": 1, "_id": 1 })]),
        (Collection::Tables, vec![plain(doc! { "company_id": 1, "name": 1, "_id": 1 })]),
        (
            Collection::SemanticsVersions,
            vec![plain(doc! { "company_id": 1, "replaced_at": 1, "_id": 1 })],
        ),
        (
            Collection::Connections,
            vec![
                plain(doc! { "company_id": 1, "created_at": 1, "_id": 1 }),
                plain(doc! { "next_run_at": 1 }),
                plain(doc! { "lease_until": 1 }),
            ],
        ),
        (
            Collection::Runs,
            vec![plain(doc! { "connection_id": 1, "started_at": 1, "_id": 1 }), expiry()],
        ),
        (Collection::Jobs, vec![newest(), plain(doc! { "resume_at": 1 }), expiry()]),
        (Collection::Questions, vec![plain(doc! { "user_id": 1, "asked_at": 1, "_id": 1 })]),
        (Collection::Reports, vec![plain(doc! { "user_id": 1, "created_at": 1, "_id": 1 })]),
        (Collection::VerifiedQuestions, vec![newest()]),
        (Collection::Feedback, vec![newest()]),
        (Collection::SavedQuestions, vec![newest()]),
        (Collection::Dashboards, vec![newest()]),
        (Collection::Subscriptions, vec![newest(), plain(doc! { "next_at": 1 })]),
        (Collection::Deliveries, vec![newest(), plain(doc! { "due_at": 1 }), expiry()]),
        (Collection::Webhooks, vec![newest()]),
        (Collection::FindingVotes, vec![newest()]),
        (Collection::Idempotency, vec![expiry()]),
    ]
}

/// The database itself deletes a document once this time has passed.
fn expiry() -> IndexModel {
    with(doc! { "expires_at": 1 }, |it| it.expire_after = Some(Duration::ZERO))
}

/// A company's, the newest first.
fn newest() -> IndexModel {
    plain(doc! { "company_id": 1, "created_at": 1, "_id": 1 })
}

fn plain(keys: Document) -> IndexModel {
    IndexModel::builder().keys(keys).build()
}

fn with(keys: Document, set: impl FnOnce(&mut IndexOptions)) -> IndexModel {
    let mut options = IndexOptions::default();
    set(&mut options);
    IndexModel::builder().keys(keys).options(options).build()
}
