//! What can only be known by reading whole tables: whether values of one are found in another, whether
//! they name rows, when rows happened. Asked by the server about a company's own tables, for no person,
//! and run as SQL like any other question.

use chrono::NaiveDate;
use pacioli_model::{
    Access, Catalog, Cell, ColumnName, CompanyId, Relationship, TableName, ValueMatch,
};

use crate::{Engine, EngineError, Scope};

impl Engine {
    /// Compares all values of a relationship's two sides.
    pub async fn compare(
        &self,
        company: CompanyId,
        catalog: &Catalog,
        relationship: &Relationship,
    ) -> Result<ValueMatch, EngineError> {
        let sql = comparison(relationship);
        let rows = self.survey(company, catalog, &sql).await?;
        let count = |at: usize| rows.first().and_then(|row| row.get(at)).map_or(0, counted);
        Ok(ValueMatch {
            rows: count(0),
            found: count(1),
            most_on_one_side: count(2),
            most_on_many_side: count(3),
        })
    }

    /// Whether these columns' values name a row, each, and are never missing.
    pub async fn names_rows(
        &self,
        company: CompanyId,
        catalog: &Catalog,
        table: &TableName,
        columns: &[ColumnName],
    ) -> Result<bool, EngineError> {
        let list = listed(columns);
        let missing: Vec<_> = columns.iter().map(|it| format!("\"{it}\" IS NULL")).collect();
        let sql = format!(
            "SELECT max(times), max(gaps) FROM (SELECT count(*) AS times, \
             max(CASE WHEN {} THEN 1 ELSE 0 END) AS gaps FROM \"{table}\" GROUP BY {list}) AS seen",
            missing.join(" OR "),
        );
        let rows = self.survey(company, catalog, &sql).await?;
        Ok(rows.first().is_some_and(|row| row.iter().map(counted).eq([1, 0])))
    }

    /// How many rows there are of each month, by a date or timestamp.
    pub async fn months(
        &self,
        company: CompanyId,
        catalog: &Catalog,
        table: &TableName,
        column: &ColumnName,
    ) -> Result<Vec<(NaiveDate, u64)>, EngineError> {
        let sql = format!(
            "SELECT date_trunc('month', \"{column}\") AS month, count(*) AS times \
             FROM \"{table}\" WHERE \"{column}\" IS NOT NULL \
             GROUP BY date_trunc('month', \"{column}\") ORDER BY month"
        );
        let rows = self.survey(company, catalog, &sql).await?;
        let month = |row: Vec<Cell>| match &row[..] {
            [Cell::Date(month), times] => Some((*month, counted(times))),
            [Cell::Timestamp(month), times] => Some((month.date_naive(), counted(times))),
            _ => None,
        };
        Ok(rows.into_iter().filter_map(month).collect())
    }

    async fn survey(
        &self,
        company: CompanyId,
        catalog: &Catalog,
        sql: &str,
    ) -> Result<Vec<Vec<Cell>>, EngineError> {
        let access = Access::default();
        let scope = Scope { company, catalog, access: &access };
        Ok(self.sql(&scope, sql).await?.table.rows)
    }
}

/// Both sides are counted by value first, so that the join never multiplies a row.
fn comparison(it: &Relationship) -> String {
    let side = |table: &TableName, columns: &[ColumnName]| {
        let keys = columns.iter().zip(1..).map(|(column, at)| format!("\"{column}\" AS k{at}"));
        let given = columns.iter().map(|column| format!("\"{column}\" IS NOT NULL"));
        format!(
            "(SELECT {}, count(*) AS times FROM \"{table}\" WHERE {} GROUP BY {})",
            keys.collect::<Vec<_>>().join(", "),
            given.collect::<Vec<_>>().join(" AND "),
            listed(columns),
        )
    };
    let equal = (1..=it.columns.len()).map(|at| format!("many.k{at} = one.k{at}"));
    format!(
        "SELECT sum(many.times), \
         sum(CASE WHEN one.times IS NULL THEN 0 ELSE many.times END), \
         max(one.times), max(many.times) \
         FROM {} AS many FULL JOIN {} AS one ON {}",
        side(&it.table, &it.columns),
        side(&it.to, &it.references),
        equal.collect::<Vec<_>>().join(" AND "),
    )
}

fn listed(columns: &[ColumnName]) -> String {
    let names: Vec<_> = columns.iter().map(|column| format!("\"{column}\"")).collect();
    names.join(", ")
}

/// A count; nothing counted is none.
fn counted(cell: &Cell) -> u64 {
    match cell {
        Cell::Integer(count) => u64::try_from(*count).unwrap_or(0),
        Cell::Decimal(count) if count.scale == 0 => u64::try_from(count.mantissa).unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use pacioli_model::Known;

    use super::*;

    #[test]
    fn both_sides_are_counted_before_they_meet() {
        let column = |name: &str| ColumnName::parse(name).unwrap();
        let relationship = Relationship {
            name: "orders_customer".parse().unwrap(),
            table: "orders".parse().unwrap(),
            columns: vec![column("market"), column("customer")],
            to: "customers".parse().unwrap(),
            references: vec![column("market"), column("code")],
            one_to_one: false,
            known: Known::ForeignKey,
            label: None,
            match_rate: None,
            orphans: None,
        };
        assert_eq!(
            comparison(&relationship),
            "SELECT sum(many.times), sum(CASE WHEN one.times IS NULL THEN 0 ELSE many.times END), \
             max(one.times), max(many.times) FROM \
             (SELECT \"market\" AS k1, \"customer\" AS k2, count(*) AS times FROM \"orders\" \
             WHERE \"market\" IS NOT NULL AND \"customer\" IS NOT NULL GROUP BY \"market\", \"customer\") AS many \
             FULL JOIN \
             (SELECT \"market\" AS k1, \"code\" AS k2, count(*) AS times FROM \"customers\" \
             WHERE \"market\" IS NOT NULL AND \"code\" IS NOT NULL GROUP BY \"market\", \"code\") AS one \
             ON many.k1 = one.k1 AND many.k2 = one.k2"
        );
    }
}
