use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch},
    datatypes::SchemaRef,
    error::ArrowError,
    row::{RowConverter, SortField},
};
use pacioli_model::ColumnName;

/// Which rows came, by key, and where each key came last. A key is remembered as a hash of 128 bits,
/// which tells keys apart.
pub struct Keys {
    converter: RowConverter,
    columns: Vec<usize>,
    hashers: [RandomState; 2],
    last: HashMap<u128, u64>,
    rows: u64,
}

impl Keys {
    /// For rows of `schema` that `key` names.
    pub fn new(schema: &SchemaRef, key: &[ColumnName]) -> Result<Self, ArrowError> {
        let columns: Result<Vec<usize>, ArrowError> =
            key.iter().map(|name| schema.index_of(name.as_str())).collect();
        let columns = columns?;
        let fields = columns.iter().map(|at| SortField::new(schema.field(*at).data_type().clone()));
        Ok(Self {
            converter: RowConverter::new(fields.collect())?,
            columns,
            hashers: [RandomState::new(), RandomState::new()],
            last: HashMap::new(),
            rows: 0,
        })
    }

    /// Sees new rows, which come after those seen before.
    pub fn see(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        for hash in self.hashes(batch)? {
            self.last.insert(hash, self.rows);
            self.rows += 1;
        }
        Ok(())
    }

    /// Which of these older rows stay: those whose key did not come.
    pub fn untouched(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let hashes = self.hashes(batch)?;
        Ok(hashes.iter().map(|hash| Some(!self.last.contains_key(hash))).collect())
    }

    /// Which of the new rows from number `first` on count: the last one of each key.
    pub fn lasting(&self, batch: &RecordBatch, first: u64) -> Result<BooleanArray, ArrowError> {
        let hashes = self.hashes(batch)?;
        let is_last = |(hash, row): (&u128, u64)| Some(self.last.get(hash) == Some(&row));
        Ok(hashes.iter().zip(first..).map(is_last).collect())
    }

    fn hashes(&self, batch: &RecordBatch) -> Result<Vec<u128>, ArrowError> {
        let columns: Vec<ArrayRef> =
            self.columns.iter().map(|at| batch.column(*at).clone()).collect();
        let rows = self.converter.convert_columns(&columns)?;
        let hash = |row: &[u8]| {
            let [high, low] =
                [0, 1].map(|half: usize| u128::from(self.hashers[half].hash_one(row)));
            (high << 64) | low
        };
        Ok(rows.iter().map(|row| hash(row.as_ref())).collect())
    }
}
