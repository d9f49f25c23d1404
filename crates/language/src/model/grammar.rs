//! What a model may write, as a grammar in Lark's notation for llguidance: one SELECT whose tables and
//! columns are those of the catalog. It keeps a small model from inventing names; what a name means, and
//! whether the whole makes sense, the binder and the guard decide.

use std::{collections::BTreeSet, fmt::Write as _};

use pacioli_model::TableEntry;
use sqlparser::keywords::{
    ALL_KEYWORDS, ALL_KEYWORDS_INDEX, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS,
};

/// The parts that no catalog changes. Words of SQL are upper-case, so that a name, which is lower-case, is
/// never mistaken for one. Lines, aliases and the end are left as models write them by themselves: one
/// that is kept from ending its statement goes on with conditions that nobody asked for.
const SHAPE: &str = r#"
start: query (";" | FENCE)
query: select (S set_word S select)* (S order)? (S limit)?
set_word: "UNION" | "UNION ALL" | "INTERSECT" | "EXCEPT"
select: "SELECT" S ("DISTINCT" S)? items S "FROM" S table (S join)* (S where)? (S group)?
items: item ("," S item)*
item: "*" | expr (S "AS" S NAME)?
table: TABLE (S ("AS" S)? ALIAS)?
join: (("LEFT" | "INNER") S)? "JOIN" S table S "ON" S column " = " column (S "AND" S column " = " column)*
where: "WHERE" S condition
group: "GROUP BY" S group_key ("," S group_key)* (S "HAVING" S condition)?
group_key: column | date_part
order: "ORDER BY" S order_key ("," S order_key)*
order_key: (expr | NAME) (" ASC" | " DESC")?
limit: "LIMIT " COUNT (" OFFSET " COUNT)?
condition: test (S ("AND" | "OR") S test)*
test: ("NOT" S)? (comparison | exists | "(" condition ")")
exists: "EXISTS" " "? subquery
subquery: "(" S? query S? ")"
comparison: expr (compared | between | among | like | empty)
compared: (" = " | " != " | " <> " | " < " | " <= " | " > " | " >= ") operand
operand: expr | TEXT | DAY | TRUTH
between: " NOT"? " BETWEEN " operand " AND " operand
among: " NOT"? " IN " (subquery | "(" literal (", " literal)* ")")
literal: TEXT | NUMBER | DAY
like: " NOT"? (" LIKE " | " ILIKE ") TEXT
empty: " IS NULL" | " IS NOT NULL"
expr: term ((" + " | " - " | " * " | " / ") term)*
term: column | NUMBER | aggregate | function | date_part | subquery | "(" expr ")"
aggregate: ("COUNT(" | "count(") ("*" | "DISTINCT "? column) ")" | FIGURE "DISTINCT "? expr ")"
function: ("ABS(" | "LOWER(" | "UPPER(" | "LENGTH(") expr ")" | "ROUND(" expr ", " COUNT ")" | "CAST(" expr (" AS FLOAT" | " AS INTEGER" | " AS DATE") ")"
date_part: "EXTRACT(" ("YEAR" | "QUARTER" | "MONTH" | "WEEK" | "DAY" | "DOW" | "HOUR") " FROM " column ")" | "DATE_TRUNC('" ("year" | "quarter" | "month" | "week" | "day") "', " column ")"
column: COLUMN
FIGURE: "SUM(" | "AVG(" | "MIN(" | "MAX(" | "sum(" | "avg(" | "min(" | "max("
S: / |\n[ ]{0,16}/
FENCE: "\n```"
NAME: /[a-z][a-z0-9_]{0,40}/
NUMBER: /-?[0-9]{1,15}(\.[0-9]{1,6})?/
COUNT: /[0-9]{1,6}/
TEXT: /'([^'\n\\]|''){0,80}'/
DAY: /DATE '[0-9]{4}-[0-9]{2}-[0-9]{2}'/
TRUTH: "TRUE" | "FALSE"
"#;

/// Short names that models give tables in a statement.
const ALIAS: &str = "[a-z]{1,2}[0-9]?|T[0-9]";

/// The grammar over these tables.
pub fn grammar(tables: &[&TableEntry]) -> String {
    let mut text = SHAPE.to_owned();
    let names: Vec<String> = tables.iter().map(|table| written(table.name.as_str())).collect();
    let _ = writeln!(text, "ALIAS: /{ALIAS}/\nTABLE: /{}/", names.join("|"));
    let mut bare = BTreeSet::new();
    let mut qualified = Vec::new();
    for table in tables {
        let columns: Vec<String> =
            table.columns.iter().map(|column| written(column.name.as_str())).collect();
        qualified.push(format!("{}\\.({})", written(table.name.as_str()), columns.join("|")));
        bare.extend(columns);
    }
    let bare: Vec<String> = bare.into_iter().collect();
    let aliased = format!("({ALIAS})\\.({})", bare.join("|"));
    let all: Vec<String> = qualified.into_iter().chain([aliased]).chain(bare).collect();
    let _ = writeln!(text, "COLUMN: /{}/", all.join("|"));
    text
}

/// A name as a statement has it: in quotes where it is a word of SQL.
pub fn written(name: &str) -> String {
    let keyword = ALL_KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str());
    let reserved = keyword.is_ok_and(|place| {
        let keyword = ALL_KEYWORDS_INDEX[place];
        RESERVED_FOR_COLUMN_ALIAS.contains(&keyword) || RESERVED_FOR_TABLE_ALIAS.contains(&keyword)
    });
    if reserved { format!("\"{name}\"") } else { name.to_owned() }
}
