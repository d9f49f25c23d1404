//! Names: of tables within a database, as one text and as two parts, and of their columns here.

use std::collections::BTreeMap;

use pacioli_model::ColumnName;

/// `schema.table`; a part that holds a point or a quotation mark stands in quotation marks, doubled
/// inside, so that no two tables share a text.
pub(super) fn join(schema: &str, table: &str) -> String {
    format!("{}.{}", part(schema), part(table))
}

fn part(name: &str) -> String {
    if name.contains(['.', '"']) || name.is_empty() { quoted(name, '"') } else { name.to_owned() }
}

/// The parts of a name that [`join`] made; empty for any other text.
pub(super) fn split(name: &str) -> Option<(String, String)> {
    let (schema, rest) = take_part(name)?;
    let (table, rest) = take_part(rest.strip_prefix('.')?)?;
    rest.is_empty().then_some((schema, table))
}

fn take_part(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return (!name.is_empty() && !name.contains('"')).then(|| (name.to_owned(), rest));
    };
    let mut name = String::new();
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, after)),
        }
    }
}

/// An identifier between quotation marks of the dialect, doubled inside.
pub(super) fn quoted(name: &str, mark: char) -> String {
    let doubled: String = [mark, mark].iter().collect();
    format!("{mark}{}{mark}", name.replace(mark, &doubled))
}

/// What columns are called here, by the table's name and their own.
pub(super) struct Names(BTreeMap<(String, String), ColumnName>);

impl Names {
    pub(super) fn new(columns: impl Iterator<Item = ((String, String), ColumnName)>) -> Self {
        Self(columns.collect())
    }

    /// Empty when one of the columns may not be read.
    pub(super) fn of(&self, table: &str, columns: &[String]) -> Option<Vec<ColumnName>> {
        let one = |column: &String| self.0.get(&(table.to_owned(), column.clone())).cloned();
        columns.iter().map(one).collect()
    }
}

/// A comment serves as a label when it is one: its first line, if that is short.
pub(super) fn label(comment: Option<&str>, name: &str) -> String {
    let line = comment.and_then(|comment| comment.lines().next()).map(str::trim);
    match line {
        Some(line) if !line.is_empty() && line.chars().count() <= 80 => line.to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parts_become_one_text_and_come_back() {
        for (schema, table, text) in [
            ("public", "orders", "public.orders"),
            ("public", "Order Lines", "public.Order Lines"),
            ("a.b", "c", r#""a.b".c"#),
            ("a", "b.c", r#"a."b.c""#),
            ("x", r#"a"; DROP TABLE b; --"#, r#"x."a""; DROP TABLE b; --""#),
            ("x", r#"""#, r#"x."""""#),
            ("x", "顧客", "x.顧客"),
        ] {
            assert_eq!(join(schema, table), text);
            assert_eq!(split(text), Some((schema.to_owned(), table.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_name_is_none() {
        for text in ["", "orders", "a.", ".a", "a.b.c", r#""a.b"#, r#"a."b"c"#, r#"a.b"c"#, "a.b."]
        {
            assert_eq!(split(text), None, "{text}");
        }
    }

    #[test]
    fn a_short_comment_is_a_label_and_a_long_one_is_not() {
        let long = "x".repeat(81);
        for (comment, expect) in [
            (Some(" Customer \nand more"), "Customer"),
            (Some(""), "t"),
            (Some("\nx"), "t"),
            (Some(long.as_str()), "t"),
            (None, "t"),
        ] {
            assert_eq!(label(comment, "t"), expect);
        }
    }

    #[test]
    fn a_quoted_name_ends_where_it_should() {
        assert_eq!(quoted(r#"a"b"#, '"'), r#""a""b""#);
        assert_eq!(quoted("a`b", '`'), "`a``b`");
    }
}
