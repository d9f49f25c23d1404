use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// Each brings a database from the version that is its position to the next one. What has been
/// released is never edited.
const MIGRATIONS: [&str; 9] =
    [FIRST, CONNECTIONS, SEMANTICS, ANSWERS, MODEL_USE, DELIVERIES, REPORTS, RESUMED, VOTES];

/// One table a collection. An index serves a query only where its expressions are written exactly as
/// `sql.rs` writes them. A list that is searched has a side table, kept by triggers.
const FIRST: &str = "
CREATE TABLE companies   (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE users       (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE sessions    (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE audit       (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE tables      (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE jobs        (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE questions   (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE idempotency (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;

CREATE UNIQUE INDEX users_email_canonical ON users (doc ->> '$.email_canonical');
CREATE INDEX users_adopted ON users (lower(doc ->> '$.email'))
    WHERE doc ->> '$.email_canonical' IS NULL;
CREATE INDEX users_company ON users (doc ->> '$.company_id', coalesce(doc ->> '$.created_at', ''), _id);
CREATE INDEX users_role ON users (doc ->> '$.role', _id);

CREATE INDEX sessions_user ON sessions (doc ->> '$.user_id');
CREATE INDEX sessions_refresh ON sessions (doc ->> '$.refresh_hash');
CREATE INDEX sessions_previous ON sessions (doc ->> '$.previous_hash');
CREATE INDEX sessions_expiry ON sessions (doc ->> '$.expires_at');
CREATE TABLE sessions_spent_hashes (
    value TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (value, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_spent_hashes_id ON sessions_spent_hashes (id);
CREATE TRIGGER sessions_spent_inserted AFTER INSERT ON sessions BEGIN
    INSERT OR IGNORE INTO sessions_spent_hashes
        SELECT value, new._id FROM json_each(new.doc, '$.spent_hashes');
END;
CREATE TRIGGER sessions_spent_updated AFTER UPDATE ON sessions
WHEN old.doc ->> '$.spent_hashes' IS NOT new.doc ->> '$.spent_hashes' BEGIN
    DELETE FROM sessions_spent_hashes WHERE id = old._id;
    INSERT OR IGNORE INTO sessions_spent_hashes
        SELECT value, new._id FROM json_each(new.doc, '$.spent_hashes');
END;
CREATE TRIGGER sessions_spent_deleted AFTER DELETE ON sessions BEGIN
    DELETE FROM sessions_spent_hashes WHERE id = old._id;
END;

CREATE INDEX audit_company ON audit (doc ->> '$.company_id', coalesce(doc ->> '$.at', ''), _id);
CREATE INDEX tables_company ON tables (doc ->> '$.company_id', coalesce(doc ->> '$.name', ''), _id);
CREATE INDEX jobs_expiry ON jobs (doc ->> '$.expires_at');
CREATE INDEX questions_user
    ON questions (doc ->> '$.user_id', coalesce(doc ->> '$.asked_at', ''), _id);
CREATE INDEX idempotency_expiry ON idempotency (doc ->> '$.expires_at');
";

/// Systems that tables are loaded from, their runs, and jobs in lists.
const CONNECTIONS: &str = "
CREATE TABLE connections (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE runs        (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;

CREATE INDEX connections_company
    ON connections (doc ->> '$.company_id', coalesce(doc ->> '$.created_at', ''), _id);
CREATE INDEX connections_next ON connections (doc ->> '$.next_run_at');
CREATE INDEX connections_lease ON connections (doc ->> '$.lease_until');
CREATE INDEX runs_connection
    ON runs (doc ->> '$.connection_id', coalesce(doc ->> '$.started_at', ''), _id);
CREATE INDEX runs_expiry ON runs (doc ->> '$.expires_at');
CREATE INDEX jobs_company
    ON jobs (doc ->> '$.company_id', coalesce(doc ->> '$.created_at', ''), _id);
";

/// What tables mean, and what was measured in them.
const SEMANTICS: &str = "
CREATE TABLE semantics          (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE semantics_versions (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE measurements       (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;

CREATE INDEX semantics_versions_company
    ON semantics_versions (doc ->> '$.company_id', coalesce(doc ->> '$.replaced_at', ''), _id);
";

/// What people keep of their questions and answers.
const ANSWERS: &str = "
CREATE TABLE verified_questions (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE feedback           (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE saved_questions    (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE dashboards         (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;

CREATE INDEX verified_questions_company
    ON verified_questions (doc ->> '$.company_id', coalesce(doc ->> '$.created_at', ''), _id);
CREATE INDEX feedback_company
    ON feedback (doc ->> '$.company_id', coalesce(doc ->> '$.created_at', ''), _id);
CREATE INDEX saved_questions_company
    ON saved_questions (doc ->> '$.company_id', coalesce(doc ->> '$.created_at', ''), _id);
CREATE INDEX dashboards_company
    ON dashboards (doc ->> '$.company_id', coalesce(doc ->> '$.created_at', ''), _id);
";

/// What companies spend on models.
const MODEL_USE: &str = "
CREATE TABLE model_use (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
";

/// What is sent by itself.
const DELIVERIES: &str = "
CREATE TABLE subscriptions (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE deliveries    (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;
CREATE TABLE webhooks      (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;

CREATE INDEX subscriptions_company
    ON subscriptions (doc ->> '$.company_id', coalesce(doc ->> '$.created_at', ''), _id);
CREATE INDEX subscriptions_next ON subscriptions (doc ->> '$.next_at');
CREATE INDEX deliveries_company
    ON deliveries (doc ->> '$.company_id', coalesce(doc ->> '$.created_at', ''), _id);
CREATE INDEX deliveries_due ON deliveries (doc ->> '$.due_at');
CREATE INDEX deliveries_expiry ON deliveries (doc ->> '$.expires_at');
CREATE INDEX webhooks_company
    ON webhooks (doc ->> '$.company_id', coalesce(doc ->> '$.created_at', ''), _id);
";

/// Reports, of whoever asked for them.
const REPORTS: &str = "
CREATE TABLE reports (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;

CREATE INDEX reports_user
    ON reports (doc ->> '$.user_id', coalesce(doc ->> '$.created_at', ''), _id);
";

/// Jobs that another server takes up.
const RESUMED: &str = "
CREATE INDEX jobs_resumed ON jobs (doc ->> '$.resume_at');
";

/// What readers think of findings.
const VOTES: &str = "
CREATE TABLE finding_votes (_id TEXT NOT NULL PRIMARY KEY, doc TEXT NOT NULL) STRICT;

CREATE INDEX finding_votes_company
    ON finding_votes (doc ->> '$.company_id', coalesce(doc ->> '$.created_at', ''), _id);
";

/// Brings the database up to this version's shape, all or nothing, also when two processes start
/// at once. One that a later version wrote is refused.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(StoreError::unavailable)?;
    let version: u32 = transaction
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(StoreError::unavailable)?;
    let Some(pending) = MIGRATIONS.get(version as usize..) else {
        return Err(StoreError::unavailable(format!(
            "the database has version {version}, this program knows {} at most",
            MIGRATIONS.len()
        )));
    };
    for (migration, number) in pending.iter().zip(version + 1..) {
        transaction.execute_batch(migration).map_err(StoreError::unavailable)?;
        transaction.pragma_update(None, "user_version", number).map_err(StoreError::unavailable)?;
    }
    transaction.commit().map_err(StoreError::unavailable)
}
