use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Cell, ConnectionId, Semantics, TableVersion, Timestamp, UserId};

/// The text cannot name a table or a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 63 lower-case letters, digits and underscores, and starts with a letter")]
pub struct InvalidName;

macro_rules! name {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Reads a name that already has the form.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                let holds = text.len() <= 63
                    && text.starts_with(|c: char| c.is_ascii_lowercase())
                    && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
                if holds { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

name! {
    /// What a table is called in questions, in SQL and in paths: `order_lines`.
    TableName
}
name! {
    /// What a column is called in SQL: `order_date`. The header it came from is its label.
    ColumnName
}
name! {
    /// What a declared figure is called: `invoiced_revenue`.
    MetricName
}
name! {
    /// What a relationship is called, after its table and columns: `orders_customer_id`.
    RelationshipName
}

impl RelationshipName {
    /// `text`, which is a name but for its length, cut to fit with `end`, a short end of a name.
    pub(crate) fn cut(text: &str, end: &str) -> Self {
        let kept = 63_usize.saturating_sub(end.len());
        Self(text.chars().take(kept).chain(end.chars()).collect())
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Whole numbers of 64 bits.
    Integer,
    /// Exact numbers with this many digits after the point (Arrow `Decimal128(38, scale)`).
    Decimal {
        /// Digits after the point.
        scale: u8,
    },
    /// Binary fractions: measurements, never money.
    Float,
    /// Anything else.
    Text,
    /// Calendar days.
    Date,
    /// Moments, in UTC to the microsecond.
    Timestamp,
    /// True or false.
    Boolean,
}

impl ColumnType {
    /// Whether sums and averages make sense.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal { .. } | Self::Float)
    }

    /// Whether it can be grouped by month and filtered by "last year".
    pub fn is_time(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp)
    }

    /// The name that is sent: `integer`, `decimal`, `float`, `text`, `date`, `timestamp`, `boolean`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Decimal { .. } => "decimal",
            Self::Float => "float",
            Self::Text => "text",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Boolean => "boolean",
        }
    }
}

/// How many different values a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distinct {
    /// Counted to the end.
    Exactly(u64),
    /// Counting stopped here.
    MoreThan(u64),
}

/// What a load saw in a column: every row, never a sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Rows without a value.
    pub nulls: u64,
    /// Different values, nulls apart.
    pub distinct: Distinct,
    /// The least value; empty for a column of nulls.
    pub min: Option<Cell>,
    /// The greatest value.
    pub max: Option<Cell>,
    /// All values of a text column, sorted, when there are few enough to keep: what names in
    /// questions are matched with.
    pub values: Option<Vec<String>>,
    /// Whether the rows stand in the order of this column, which then lacks no value. Told of whole
    /// numbers, decimals, dates and timestamps only.
    #[serde(default)]
    pub ascending: bool,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name in SQL.
    pub name: ColumnName,
    /// The header as it was in the file.
    pub label: String,
    /// What it holds.
    pub data_type: ColumnType,
    /// What the load saw in it.
    pub profile: ColumnProfile,
}

/// Where a table came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// A file that a person sent.
    Upload {
        /// The file's own name, cleaned.
        file_name: String,
        /// Which part of it: a sheet, a table of a database, a file of an archive.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<String>,
    },
    /// A system that is asked again and again.
    Connection {
        /// Which.
        connection_id: ConnectionId,
        /// What the table is called there.
        source_table: String,
        /// Up to where the source's changes are in this version, in the source's words; empty where
        /// the next load must be a full one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        watermark: Option<String>,
    },
    /// Rows that a program sends.
    Push,
}

/// Columns that name a row of another table, as its source declares them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Columns of this table.
    pub columns: Vec<ColumnName>,
    /// The other table.
    pub table: TableName,
    /// The columns there, in the same order.
    pub references: Vec<ColumnName>,
}

/// How rows of two tables belong together: each row of `table` to at most one of `to`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Relationship {
    /// Unique within the company.
    pub name: RelationshipName,
    /// The many side.
    pub table: TableName,
    /// Its columns.
    pub columns: Vec<ColumnName>,
    /// The one side: `references` name at most one of its rows.
    pub to: TableName,
    /// Its columns, in the same order.
    pub references: Vec<ColumnName>,
    /// `to` has at most one row of `table` too.
    #[serde(default)]
    pub one_to_one: bool,
    /// How it is known.
    pub known: Known,
    /// What people call the other side from here, where its table's name does not say it: `shipped to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The part of the values that are found on the other side, 0 to 1; empty before it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_rate: Option<f64>,
    /// Values that are not found there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orphans: Option<u64>,
}

/// How a relationship is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// A person or a pack said so.
    Declared,
    /// The source's own foreign key.
    ForeignKey,
    /// Found from names and values.
    Found,
}

/// One table of a company, as its last complete load left it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableEntry {
    /// Unique within the company.
    pub name: TableName,
    /// Which load: the folder its files lie in.
    pub version: TableVersion,
    /// Where it came from.
    pub origin: Origin,
    /// In file order.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: u64,
    /// Parquet bytes on the object store.
    pub bytes: u64,
    /// When it was loaded.
    pub loaded_at: Timestamp,
    /// Who loaded it.
    pub loaded_by: UserId,
    /// What the load decided or could not decide, for people to read: date order, encoding.
    pub notes: Vec<String>,
    /// The columns whose values name a row: declared by the source, or seen to; empty when none do.
    #[serde(default)]
    pub primary_key: Vec<ColumnName>,
    /// References that the source declares.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
}

impl TableEntry {
    /// The column of this name.
    pub fn column(&self, name: &ColumnName) -> Option<&Column> {
        self.columns.iter().find(|column| &column.name == name)
    }
}

/// All tables of one company, how they belong together, and what they mean.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// Sorted by name.
    pub tables: Vec<TableEntry>,
    /// Declared ones and those found, sorted by name.
    pub relationships: Vec<Relationship>,
    /// What is declared.
    pub semantics: Semantics,
}

impl Catalog {
    /// The table of this name.
    pub fn table(&self, name: &TableName) -> Option<&TableEntry> {
        self.tables.iter().find(|table| &table.name == name)
    }

    /// The relationship of this name.
    pub fn relationship(&self, name: &RelationshipName) -> Option<&Relationship> {
        self.relationships.iter().find(|relationship| &relationship.name == name)
    }

    /// Relationships that lead from the table to at most one row of another.
    pub fn references_of(&self, table: &TableName) -> impl Iterator<Item = &Relationship> {
        self.relationships.iter().filter(move |relationship| &relationship.table == table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_folder_or_its_quotes() {
        for bad in ["", "Orders", "1st", "a-b", "a b", "../x", "a\"b", "é", &"a".repeat(64)] {
            assert_eq!(TableName::parse(bad), Err(InvalidName), "{bad}");
        }
        assert_eq!(TableName::parse("order_lines_2").unwrap().as_str(), "order_lines_2");
    }
}
