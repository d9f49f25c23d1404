//! Names as SQL writes them.

/// Words that SQL keeps for itself, in PostgreSQL or in DataFusion's parser: as names they are quoted.
const RESERVED: [&str; 144] = [
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
    "exclude",
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
    "recursive",
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
            "WITH {name} AS (SELECT {name}, CAST(date_trunc('day', {name}) AS DATE) AS {name}, count(DISTINCT {name}) AS {name} \
             FROM {name} WHERE {name} = 1 AND {name} IS NULL AND ({name} IN (1)) GROUP BY {name} HAVING sum({name}) > 1 \
             ORDER BY {name}, {name} DESC NULLS LAST LIMIT 1), {name} AS (SELECT DISTINCT {name}.{name} AS {name} FROM {name} \
             UNION SELECT 1 AS {name}) SELECT coalesce({name}.{name}, {name}.{name}) AS {name}, NULLIF({name}, 0), \
             sum({name}) OVER (PARTITION BY {name}, {name} ORDER BY {name}), {name} + INTERVAL '1 month', ({name} * {name}) / {name}, \
             CASE WHEN {name} IS NULL THEN NULL WHEN {name} < 1 THEN 0 ELSE 1 END FROM {name} \
             LEFT JOIN {name} AS {name} ON {name}.{name} = {name}.{name} FULL JOIN {name} ON ({name}.{name} IS NOT DISTINCT FROM \
             {name}.{name}) AND ({name} IS NOT DISTINCT FROM {name}) CROSS JOIN {name} WHERE {name} ILIKE '%' AND NOT EXISTS \
             (SELECT 1 FROM {name} AS {name} WHERE {name}.{name} = {name}.{name}) OR {name} IN (SELECT max({name}) AS day FROM {name})",
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
