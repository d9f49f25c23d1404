//! Columns whose type is decided by their values: `bigint unsigned`, which seldom needs its last bit,
//! and `tinyint(1)`, which is nearly always a flag.

use std::collections::BTreeSet;

use mysql_async::Params;

use super::{
    catalog::Relation,
    connection::{MysqlSession, field},
    value::Native,
};
use crate::databases::{name::quoted, retry::Failure};

/// The columns that need the wider of their two types, and what could not be measured.
#[derive(Default)]
pub(super) struct Measured {
    wide: BTreeSet<String>,
    pub(super) notes: Vec<String>,
}

impl Measured {
    pub(super) fn is_wide(&self, source_name: &str) -> bool {
        self.wide.contains(source_name)
    }
}

impl MysqlSession {
    /// Looks at all values of the columns that need it. What cannot be read has the wider type.
    pub(super) async fn measure(&mut self, relation: &Relation) -> Result<Measured, Failure> {
        let tests: Vec<(&str, String)> = relation
            .columns
            .iter()
            .filter_map(|column| {
                Some((column.source_name.as_str(), test(column.native, &column.source_name)?))
            })
            .collect();
        let mut measured = Measured::default();
        if tests.is_empty() {
            return Ok(measured);
        }
        let select: Vec<&str> = tests.iter().map(|(_, test)| test.as_str()).collect();
        let (schema, table) = (quoted(&relation.schema, '`'), quoted(&relation.table, '`'));
        let statement = format!("SELECT {} FROM {schema}.{table}", select.join(", "));
        let row = match self.ask(&statement, Params::Empty).await {
            Ok(rows) => rows.into_iter().next(),
            Err(failure @ (Failure::Passing(_) | Failure::Silent(_))) => return Err(failure),
            Err(Failure::Lasting(error)) => {
                measured.notes.push(format!("its values could not be looked at: {error}"));
                None
            }
        };
        for (place, (name, _)) in tests.iter().enumerate() {
            let wide = match &row {
                Some(row) => field::<Option<i64>>(Some(row), place)?.unwrap_or(0) != 0,
                None => true,
            };
            if wide {
                measured.wide.insert((*name).to_owned());
            }
        }
        Ok(measured)
    }
}

fn test(native: Native, name: &str) -> Option<String> {
    let column = quoted(name, '`');
    match native {
        Native::Unsigned => Some(format!("MAX({column} > 9223372036854775807)")),
        Native::Bits => Some(format!("MAX(CAST({column} AS UNSIGNED) > 9223372036854775807)")),
        Native::Flag => Some(format!("MAX({column} NOT IN (0, 1))")),
        _ => None,
    }
}
