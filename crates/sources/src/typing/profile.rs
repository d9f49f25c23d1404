//! What a load saw in a column, exactly, in bounded memory.

use std::{
    collections::{BTreeSet, HashSet},
    hash::{BuildHasher, RandomState},
};

use chrono::{DateTime, NaiveDate};
use pacioli_model::{Cell, ColumnProfile, ColumnType, Decimal, Distinct};

/// Different values are counted up to here, fewer in very wide tables.
const DISTINCT: usize = 10_000;
const DISTINCT_IN_ALL: usize = 1_000_000;
/// Texts kept for matching names in questions.
const VALUES: usize = 1000;
const VALUE_BYTES: usize = 256 << 10;
const VALUE_BYTES_IN_ALL: usize = 4 << 20;
/// A longer text is of no use as the end of a range.
const END_BYTES: usize = 256;

/// The profile of one column while its rows go by. Every value has a key that orders as the values
/// do; a text's key is a hash of 128 bits, which tells texts apart and does not order them.
pub(crate) struct Profile {
    data_type: ColumnType,
    nulls: u64,
    distinct: HashSet<i128>,
    distinct_limit: usize,
    too_many: bool,
    ends: Option<(i128, i128)>,
    last: i128,
    ascending: bool,
    /// How often a value followed that was not the last: of rows in order, the different values.
    changes: u64,
    texts: Option<Texts>,
}

impl Profile {
    /// For one of a table's `columns`.
    pub(crate) fn new(data_type: ColumnType, columns: usize) -> Self {
        let columns = columns.max(1);
        Self {
            data_type,
            nulls: 0,
            distinct: HashSet::new(),
            distinct_limit: DISTINCT.min(DISTINCT_IN_ALL / columns),
            too_many: false,
            ends: None,
            last: i128::MIN,
            changes: 0,
            // A text's keys do not order; of floats, zeroes of both signs have one key and two places.
            ascending: !matches!(
                data_type,
                ColumnType::Text | ColumnType::Float | ColumnType::Boolean
            ),
            texts: (data_type == ColumnType::Text).then(|| Texts::new(columns)),
        }
    }

    pub(crate) fn null(&mut self) {
        self.nulls += 1;
        self.ascending = false;
    }

    /// Sees a boolean, an integer, a decimal's mantissa, a day or a microsecond.
    pub(crate) fn key(&mut self, key: i128) {
        self.ascending &= self.last <= key;
        self.changes += u64::from(self.last != key);
        self.last = key;
        self.ends = Some(match self.ends {
            Some((least, greatest)) => (least.min(key), greatest.max(key)),
            None => (key, key),
        });
        self.count(key);
    }

    pub(crate) fn float(&mut self, value: f64) {
        self.key(i128::from(float_to_key(value)));
    }

    pub(crate) fn text(&mut self, text: &str) {
        let Some(texts) = &mut self.texts else { return };
        texts.see(text);
        if !self.too_many {
            let key = texts.hash(text);
            self.count(key);
        }
    }

    fn count(&mut self, key: i128) {
        if self.too_many || !self.distinct.insert(key) {
            return;
        }
        if self.distinct.len() > self.distinct_limit {
            self.too_many = true;
            self.distinct = HashSet::new();
        }
    }

    pub(crate) fn finish(&self) -> ColumnProfile {
        let cell = |key| cell(self.data_type, key);
        let (min, max) = match (&self.texts, self.ends) {
            (Some(texts), _) => (text_end(texts.least.as_ref()), text_end(texts.greatest.as_ref())),
            (None, Some((least, greatest))) => (cell(least), cell(greatest)),
            (None, None) => (None, None),
        };
        let distinct = match (self.too_many, self.ascending) {
            (false, _) => Distinct::Exactly(self.distinct.len() as u64),
            (true, true) => Distinct::Exactly(self.changes),
            (true, false) => Distinct::MoreThan(self.distinct_limit as u64),
        };
        let values = self.texts.as_ref().and_then(|texts| texts.kept.as_ref());
        let values = values.map(|kept| kept.iter().cloned().collect());
        ColumnProfile { nulls: self.nulls, distinct, min, max, values, ascending: self.ascending }
    }
}

struct Texts {
    hashers: [RandomState; 2],
    least: Option<String>,
    greatest: Option<String>,
    kept: Option<BTreeSet<String>>,
    kept_bytes: usize,
    byte_limit: usize,
}

impl Texts {
    fn new(columns: usize) -> Self {
        Self {
            hashers: [RandomState::new(), RandomState::new()],
            least: None,
            greatest: None,
            kept: Some(BTreeSet::new()),
            kept_bytes: 0,
            byte_limit: VALUE_BYTES.min(VALUE_BYTES_IN_ALL / columns),
        }
    }

    fn hash(&self, text: &str) -> i128 {
        let [high, low] = [0, 1].map(|half: usize| self.hashers[half].hash_one(text));
        (i128::from(high.cast_signed()) << 64) | i128::from(low)
    }

    fn see(&mut self, text: &str) {
        if self.least.as_deref().is_none_or(|least| text < least) {
            self.least = Some(text.to_owned());
        }
        if self.greatest.as_deref().is_none_or(|greatest| text > greatest) {
            self.greatest = Some(text.to_owned());
        }
        let Some(kept) = &mut self.kept else { return };
        if !kept.contains(text) {
            self.kept_bytes += text.len();
            if kept.len() == VALUES || self.kept_bytes > self.byte_limit {
                self.kept = None;
            } else {
                kept.insert(text.to_owned());
            }
        }
    }
}

fn text_end(text: Option<&String>) -> Option<Cell> {
    text.filter(|text| text.len() <= END_BYTES).map(|text| Cell::Text(text.clone()))
}

/// A number whose order is the floats' own.
fn float_to_key(value: f64) -> i64 {
    let bits = if value == 0.0 { 0 } else { value.to_bits().cast_signed() };
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

fn key_to_float(key: i64) -> f64 {
    f64::from_bits((if key < 0 { key ^ i64::MAX } else { key }).cast_unsigned())
}

fn cell(data_type: ColumnType, key: i128) -> Option<Cell> {
    let short = i64::try_from(key).ok();
    Some(match data_type {
        ColumnType::Boolean => Cell::Boolean(key != 0),
        ColumnType::Integer => Cell::Integer(short?),
        ColumnType::Decimal { scale } => Cell::Decimal(Decimal::new(key, scale)),
        ColumnType::Float => Cell::Float(key_to_float(short?)),
        ColumnType::Date => Cell::Date(NaiveDate::from_epoch_days(i32::try_from(key).ok()?)?),
        ColumnType::Timestamp => Cell::Timestamp(DateTime::from_timestamp_micros(short?)?),
        ColumnType::Text => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_floats_order_as_they_do() {
        let ordered = [f64::MIN, -2.5, -1.0, -f64::MIN_POSITIVE, 0.0, 1e-300, 1.0, f64::MAX];
        let keys = ordered.map(float_to_key);
        assert!(keys.is_sorted());
        assert_eq!(keys.map(|key| key_to_float(key).to_bits()), ordered.map(f64::to_bits));
        assert_eq!(float_to_key(-0.0), float_to_key(0.0));
    }

    #[test]
    fn rows_in_the_order_of_a_column_are_seen_to_be() {
        let ascending = |data_type, keys: &[Option<i128>]| {
            let mut profile = Profile::new(data_type, 1);
            for key in keys {
                match key {
                    Some(key) => profile.key(*key),
                    None => profile.null(),
                }
            }
            profile.finish().ascending
        };
        let (integer, decimal) = (ColumnType::Integer, ColumnType::Decimal { scale: 2 });
        assert!(ascending(integer, &[Some(i128::from(i64::MIN)), Some(-1), Some(-1), Some(7)]));
        assert!(ascending(decimal, &[Some(-250), Some(0), Some(100)]));
        assert!(ascending(ColumnType::Date, &[]));
        assert!(!ascending(integer, &[Some(1), Some(3), Some(2), Some(4)]));
        assert!(!ascending(integer, &[None, Some(1)]));
        assert!(!ascending(ColumnType::Timestamp, &[Some(1), None]));
        assert!(!ascending(ColumnType::Float, &[Some(1), Some(2)]));
    }

    #[test]
    fn values_in_order_are_all_counted() {
        let mut profile = Profile::new(ColumnType::Integer, 1);
        (0..100_000).for_each(|row| profile.key(row / 4));
        assert_eq!(profile.finish().distinct, Distinct::Exactly(25_000));
        profile.key(0);
        assert_eq!(profile.finish().distinct, Distinct::MoreThan(10_000));
    }

    #[test]
    fn many_values_are_counted_no_further() {
        let mut profile = Profile::new(ColumnType::Text, 1);
        for number in 0..=DISTINCT {
            profile.text(&number.to_string());
            if number == VALUES - 1 {
                assert_eq!(profile.finish().values.map(|values| values.len()), Some(VALUES));
            }
            if number == VALUES {
                assert_eq!(profile.finish().values, None);
            }
        }
        let seen = profile.finish();
        assert_eq!(seen.distinct, Distinct::MoreThan(10_000));
        assert_eq!(seen.min, Some(Cell::Text("0".to_owned())));
        assert_eq!(seen.max, Some(Cell::Text("9999".to_owned())));
    }
}
