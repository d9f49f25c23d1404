//! The scale of numbers that declare none: `numeric` without a scale is how Odoo keeps its amounts.

use std::collections::BTreeMap;

use super::{catalog::Relation, connection::PostgresSession, value::Native};
use crate::databases::{name::quoted, retry::Failure};

/// Money has cents, also where today's values have none.
const LEAST_SCALE: i32 = 2;

/// The scales that a table's values need, and what could not be measured.
#[derive(Default)]
pub(super) struct Scales {
    by_column: BTreeMap<String, u8>,
    pub(super) notes: Vec<String>,
}

impl Scales {
    pub(super) fn of(&self, source_name: &str) -> Option<u8> {
        self.by_column.get(source_name).copied()
    }
}

impl PostgresSession {
    /// Looks at all values of the columns that need it. A view that cannot be read does not stand in
    /// the way of the other tables: its columns are text then, which is exact as well.
    pub(super) async fn measure(&mut self, relation: &Relation) -> Result<Scales, Failure> {
        let unscaled = |native| matches!(native, Native::Unscaled | Native::Money);
        let columns = relation.columns.iter().filter(|column| unscaled(column.native));
        let names: Vec<&str> = columns.map(|column| column.source_name.as_str()).collect();
        let mut scales = Scales::default();
        if names.is_empty() {
            return Ok(scales);
        }
        self.run("SAVEPOINT measure").await?;
        let statement = statement(relation, &names, self.version);
        let row = match self.ask(&statement, &[]).await {
            Ok(rows) => rows.into_iter().next(),
            Err(failure @ (Failure::Passing(_) | Failure::Silent(_))) => return Err(failure),
            Err(Failure::Lasting(error)) => {
                let names = names.join(", ");
                scales.notes.push(format!("{names}: read as text, digits not counted: {error}"));
                None
            }
        };
        self.run("ROLLBACK TO SAVEPOINT measure").await?;
        for (place, name) in names.iter().enumerate() {
            let Some(row) = &row else { break };
            let found = |at: usize| row.try_get::<_, Option<i32>>(at);
            let scale = found(2 * place).map_err(|error| self.failure(&error))?;
            let whole = found(2 * place + 1).map_err(|error| self.failure(&error))?;
            match fitting(scale.unwrap_or(0), whole.unwrap_or(0)) {
                Some(scale) => drop(scales.by_column.insert((*name).to_owned(), scale)),
                None => scales
                    .notes
                    .push(format!("{name} is read as text: its values have more than 38 digits")),
            }
        }
        Ok(scales)
    }
}

/// For each column, its digits after the point and before it. Neither counts for what is no number.
fn statement(relation: &Relation, names: &[&str], version: i32) -> String {
    let scale = if version >= 130_000 { "min_scale" } else { "scale" };
    let of = |name: &&str| {
        let column = format!("{}::pg_catalog.numeric", quoted(name, '"'));
        // Not a number and the infinities have no scale.
        format!(
            "pg_catalog.max(pg_catalog.{scale}({column})), \
             pg_catalog.length(pg_catalog.trunc(pg_catalog.max(pg_catalog.abs({column})) \
             FILTER (WHERE pg_catalog.scale({column}) IS NOT NULL))::pg_catalog.text)"
        )
    };
    let columns: Vec<String> = names.iter().map(of).collect();
    let (schema, table) = (quoted(&relation.schema, '"'), quoted(&relation.table, '"'));
    format!("SELECT {} FROM {schema}.{table}", columns.join(", "))
}

/// At least [`LEAST_SCALE`] where there is room, and empty where there is none for the values.
fn fitting(scale: i32, whole: i32) -> Option<u8> {
    let room = 38 - whole;
    (scale <= room).then(|| scale.max(LEAST_SCALE.min(room))).and_then(|it| u8::try_from(it).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_holds_cents_and_all_digits_or_there_is_none() {
        for (scale, whole, expect) in [
            (0, 0, Some(2)),
            (0, 5, Some(2)),
            (4, 5, Some(4)),
            (0, 37, Some(1)),
            (0, 38, Some(0)),
            (0, 39, None),
            (30, 9, None),
            (30, 8, Some(30)),
        ] {
            assert_eq!(fitting(scale, whole), expect, "{scale} {whole}");
        }
    }
}
