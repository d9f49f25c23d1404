use serde::{Deserialize, Serialize};

use crate::{
    CompanyId, ConnectionId, JobFailure, JobId, JobStatus, RunId, TableName, Timestamp, UserId,
};

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A person.
    Manual,
    /// The connection's schedule.
    Schedule,
}

/// One load of a connection's tables, and how it went for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Stored as `_id`; the same value as its job's id.
    #[serde(rename = "_id")]
    pub id: RunId,
    /// Whose.
    pub company_id: CompanyId,
    /// Of which connection.
    pub connection_id: ConnectionId,
    /// What started it.
    pub trigger: Trigger,
    /// Who asked for it, or who connected the system.
    pub started_by: UserId,
    /// Whether all rows are asked for, also where changes alone would do.
    pub is_full: bool,
    /// Where it stands.
    pub status: JobStatus,
    /// Table by table, in the order of loading.
    pub tables: Vec<TableRun>,
    /// Why nothing could be loaded at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<JobFailure>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Forgotten after this.
    pub expires_at: Timestamp,
}

/// How a run went for one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRun {
    /// What the source calls it.
    pub source_table: String,
    /// What it is called here.
    pub table: TableName,
    /// Where its load stands.
    pub status: JobStatus,
    /// Whether only changed rows were asked for.
    pub is_incremental: bool,
    /// Rows that the source gave.
    pub rows: u64,
    /// How many it will give, where it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_expected: Option<u64>,
    /// Bytes that came over the wire.
    pub bytes: u64,
    /// Rows of the table after the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_in_service: Option<u64>,
    /// How often it was tried anew.
    pub retries: u32,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<JobFailure>,
    /// Where the next load of changes goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
}

impl Run {
    /// The job that does it.
    pub fn job_id(&self) -> JobId {
        JobId(self.id.0)
    }

    /// Rows that the source gave for all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// Bytes that came over the wire for all tables.
    pub fn bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.bytes).sum()
    }

    /// How far it is, 0 to 100, where the source said how many rows there are. A table that has ended
    /// is done whatever was said.
    pub fn percent(&self) -> Option<u64> {
        let part = |table: &TableRun| match (table.status, table.rows_expected) {
            (JobStatus::Queued, _) => Some(0),
            (JobStatus::Running, Some(all)) => {
                Some((table.rows.saturating_mul(100)).checked_div(all).unwrap_or(0).min(100))
            }
            (JobStatus::Running, None) => None,
            _ => Some(100),
        };
        let parts: Option<Vec<u64>> = self.tables.iter().map(part).collect();
        let parts = parts.filter(|parts| !parts.is_empty())?;
        Some(parts.iter().sum::<u64>() / parts.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(status: JobStatus, rows: u64, rows_expected: Option<u64>) -> TableRun {
        TableRun {
            source_table: "t".into(),
            table: TableName::parse("t").unwrap(),
            status,
            is_incremental: false,
            rows,
            rows_expected,
            bytes: 0,
            rows_in_service: None,
            retries: 0,
            failure: None,
            watermark: None,
        }
    }

    #[test]
    fn percent_is_told_where_it_is_known() {
        use JobStatus::{Failed, Queued, Running, Succeeded};
        let mut run = Run {
            id: RunId(uuid::Uuid::nil()),
            company_id: CompanyId(uuid::Uuid::nil()),
            connection_id: ConnectionId(uuid::Uuid::nil()),
            trigger: Trigger::Manual,
            started_by: UserId(uuid::Uuid::nil()),
            is_full: false,
            status: Running,
            tables: Vec::new(),
            failure: None,
            started_at: Timestamp::from_millis(0),
            ended_at: None,
            expires_at: Timestamp::from_millis(0),
        };
        for (tables, percent) in [
            (vec![], None),
            (vec![table(Queued, 0, None), table(Queued, 0, None)], Some(0)),
            (vec![table(Succeeded, 7, None), table(Queued, 0, None)], Some(50)),
            (vec![table(Failed, 0, None), table(Running, 5, Some(10))], Some(75)),
            (vec![table(Running, 50, Some(10))], Some(100)),
            (vec![table(Running, 0, Some(0))], Some(0)),
            (vec![table(Succeeded, 7, None), table(Running, 5, None)], None),
        ] {
            run.tables = tables;
            assert_eq!(run.percent(), percent, "{:?}", run.tables);
        }
    }
}
