//! A bound Ask as SQL, for people to read and for a worker to run.

use std::fmt::Write;

use chrono::SecondsFormat;
use pacioli_model::{Aggregate, Column, Comparison, Direction, TimeGrain};

use super::{
    bind::{Bound, Group, Measured},
    condition::{Condition, Value},
    width::Width,
};

impl Bound<'_> {
    /// The text, one clause a line.
    pub(crate) fn sql(&self) -> String {
        let groups: Vec<String> = self.groups.iter().map(group).collect();
        let measures = self.measures.iter().map(|one| aliased(&measure(one), one.name.as_str()));
        let outputs = self.groups.iter().zip(&groups);
        let outputs = outputs.map(|(one, text)| aliased(text, one.name.as_str())).chain(measures);
        let mut sql = format!("SELECT {}", outputs.collect::<Vec<_>>().join(", "));
        let _ = write!(sql, "\nFROM {}", identifier(self.table.name.as_str()));
        if let Some(filter) = &self.filter {
            let _ = write!(sql, "\nWHERE {}", condition(filter, false));
        }
        if !groups.is_empty() {
            let _ = write!(sql, "\nGROUP BY {}", groups.join(", "));
        }
        if !self.order.is_empty() {
            let keys = self.order.iter().map(|(position, direction)| {
                let name = identifier(self.output_name(*position).as_str());
                match direction {
                    Direction::Ascending => name,
                    Direction::Descending => format!("{name} DESC NULLS LAST"),
                }
            });
            let _ = write!(sql, "\nORDER BY {}", keys.collect::<Vec<_>>().join(", "));
        }
        if let Some(limit) = self.limit {
            let _ = write!(sql, "\nLIMIT {limit}");
        }
        sql
    }
}

fn aliased(text: &str, name: &str) -> String {
    let name = identifier(name);
    if text == name { name } else { format!("{text} AS {name}") }
}

fn named(column: &Column) -> String {
    identifier(column.name.as_str())
}

fn group(group: &Group<'_>) -> String {
    let period = match group.grain {
        None => return named(group.column),
        Some(TimeGrain::Day) => "day",
        Some(TimeGrain::Week) => "week",
        Some(TimeGrain::Month) => "month",
        Some(TimeGrain::Quarter) => "quarter",
        Some(TimeGrain::Year) => "year",
    };
    format!("CAST(date_trunc('{period}', {}) AS DATE)", named(group.column))
}

fn measure(measure: &Measured<'_>) -> String {
    let values = match (measure.column, measure.width) {
        (None, _) => "*".to_owned(),
        (Some(column), Width::AsItIs) => named(column),
        (Some(column), Width::Decimal(precision, scale)) => {
            format!("CAST({} AS DECIMAL({precision}, {scale}))", named(column))
        }
    };
    match measure.aggregate {
        Aggregate::Count => format!("count({values})"),
        Aggregate::CountDistinct => format!("count(DISTINCT {values})"),
        Aggregate::Sum => format!("sum({values})"),
        Aggregate::Average => format!("avg({values})"),
        Aggregate::Min => format!("min({values})"),
        Aggregate::Max => format!("max({values})"),
    }
}

/// `inner` where it is part of another condition, and so stands in parentheses when it is several.
fn condition(filter: &Condition<'_>, inner: bool) -> String {
    match filter {
        Condition::All(parts) => joined(parts, "AND", "TRUE", inner),
        Condition::Any(parts) => joined(parts, "OR", "FALSE", inner),
        Condition::Not(part) => match part.as_ref() {
            Condition::IsNull { column } => format!("{} IS NOT NULL", named(column)),
            part => format!("NOT ({})", condition(part, false)),
        },
        Condition::IsNull { column } => format!("{} IS NULL", named(column)),
        Condition::OneOf { column, values } => {
            let values: Vec<String> = values.iter().map(value).collect();
            format!("{} IN ({})", named(column), values.join(", "))
        }
        Condition::Compare { column, comparison, value: against } => {
            let sign = match comparison {
                Comparison::Equal => "=",
                Comparison::NotEqual => "<>",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("{} {sign} {}", named(column), value(against))
        }
    }
}

fn joined(parts: &[Condition<'_>], word: &str, empty: &str, inner: bool) -> String {
    match parts {
        [] => empty.to_owned(),
        [only] => condition(only, inner),
        _ => {
            let parts: Vec<String> = parts.iter().map(|part| condition(part, true)).collect();
            let text = parts.join(&format!(" {word} "));
            if inner { format!("({text})") } else { text }
        }
    }
}

fn value(value: &Value<'_>) -> String {
    match value {
        Value::Boolean(value) => if *value { "TRUE" } else { "FALSE" }.to_owned(),
        Value::Integer(value) => value.to_string(),
        Value::Decimal(value) => value.to_string(),
        Value::Float(value) => format!("CAST({value} AS DOUBLE PRECISION)"),
        Value::Text(value) => format!("'{}'", value.replace('\'', "''")),
        Value::Date(value) => format!("DATE '{value}'"),
        Value::Timestamp(value) => {
            let text = value.naive_utc().and_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true);
            format!("TIMESTAMP '{}'", text.trim_end_matches('Z').replace('T', " "))
        }
    }
}

/// Words that SQL keeps for itself, in PostgreSQL or in DataFusion's parser: as names they are quoted.
const RESERVED: [&str; 142] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "anti",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "begin",
    "between",
    "binary",
    "both",
    "by",
    "case",
    "cast",
    "check",
    "cluster",
    "collate",
    "collation",
    "column",
    "concurrently",
    "connect",
    "constraint",
    "create",
    "cross",
    "cube",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "describe",
    "distinct",
    "distribute",
    "do",
    "else",
    "emit",
    "end",
    "except",
    "exists",
    "explain",
    "extract",
    "false",
    "fetch",
    "final",
    "for",
    "foreign",
    "format",
    "freeze",
    "from",
    "full",
    "global",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "insert",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "match_condition",
    "match_recognize",
    "minus",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "partition",
    "pivot",
    "placing",
    "prewhere",
    "primary",
    "qualify",
    "references",
    "returning",
    "right",
    "rollup",
    "sample",
    "select",
    "semi",
    "session_user",
    "set",
    "settings",
    "similar",
    "some",
    "sort",
    "start",
    "struct",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "to",
    "top",
    "trailing",
    "trim",
    "true",
    "union",
    "unique",
    "unnest",
    "unpivot",
    "update",
    "user",
    "using",
    "values",
    "variadic",
    "verbose",
    "view",
    "when",
    "where",
    "window",
    "with",
    "within",
];

/// A name as SQL writes it. Names are lower case, so that nothing but reserved words needs quotes.
pub(super) fn identifier(name: &str) -> String {
    if RESERVED.binary_search(&name).is_ok() { format!("\"{name}\"") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::{
        dialect::{Dialect, GenericDialect, PostgreSqlDialect},
        keywords::ALL_KEYWORDS,
        parser::Parser,
    };

    use super::*;

    #[test]
    fn reserved_words_are_sorted() {
        assert!(RESERVED.is_sorted());
    }

    /// A name in every place where it can stand.
    fn statement(name: &str) -> String {
        format!(
            "SELECT {name}, CAST(date_trunc('day', {name}) AS DATE) AS {name}, count(DISTINCT {name}) AS {name} \
             FROM {name} WHERE {name} = 1 AND {name} IS NULL AND ({name} IN (1)) GROUP BY {name} \
             ORDER BY {name}, {name} DESC NULLS LAST LIMIT 1",
        )
    }

    #[test]
    fn no_word_of_the_language_is_taken_for_anything_but_a_name() {
        let dialects: [&dyn Dialect; 2] = [&GenericDialect {}, &PostgreSqlDialect {}];
        let reads_as_name = |word: &str, dialect: &dyn Dialect| {
            let parsed = |text: &str| {
                Parser::parse_sql(dialect, text).map(|tree| unplaced(&format!("{tree:?}")))
            };
            let quoted = parsed(&statement(&format!("\"{word}\"")));
            quoted.is_ok() && parsed(&statement(&identifier(word))) == quoted
        };
        let words = ALL_KEYWORDS.iter().map(|word| word.to_lowercase());
        let words = words.filter(|word| pacioli_model::ColumnName::parse(word).is_ok());
        let mistaken =
            words.filter(|word| !dialects.iter().all(|dialect| reads_as_name(word, *dialect)));
        assert_eq!(mistaken.collect::<Vec<_>>(), Vec::<String>::new());
    }

    /// A syntax tree without its quotes and its places in the text.
    fn unplaced(tree: &str) -> String {
        let tree = tree.replace("quote_style: Some('\"')", "quote_style: None");
        let mut parts = tree.split("Location(");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |tree, part| tree + part.split_once(')').map_or("", |(_, rest)| rest))
    }
}
