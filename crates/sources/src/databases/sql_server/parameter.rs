//! Values of ours in a statement.

use tiberius::{ColumnData, ToSql};

/// A value as the database takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parameter {
    /// `bigint`.
    Whole(i64),
    /// `nvarchar`.
    Text(String),
    /// `varbinary`.
    Bytes(Vec<u8>),
}

impl ToSql for Parameter {
    fn to_sql(&self) -> ColumnData<'_> {
        match self {
            Self::Whole(value) => ColumnData::I64(Some(*value)),
            Self::Text(text) => ColumnData::String(Some(text.as_str().into())),
            Self::Bytes(bytes) => ColumnData::Binary(Some(bytes.as_slice().into())),
        }
    }
}
