//! Names of tables within a database, as one text and as two parts.

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
    fn a_quoted_name_ends_where_it_should() {
        assert_eq!(quoted(r#"a"b"#, '"'), r#""a""b""#);
        assert_eq!(quoted("a`b", '`'), "`a``b`");
    }
}
