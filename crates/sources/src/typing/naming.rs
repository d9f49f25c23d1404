//! Headers and file names to names that SQL, paths and questions can carry.

use std::collections::HashSet;

use pacioli_model::{ColumnName, TableName};
use unicode_normalization::UnicodeNormalization;

const LONGEST: usize = 63;

/// What a table is called that comes from a file of this name: `Order Lines (2024).csv` gives
/// `order_lines_2024`.
#[expect(clippy::expect_used, reason = "`identifier` makes nothing but names")]
#[expect(clippy::missing_panics_doc, reason = "and so this never panics")]
pub fn table_name_from_file(file_name: &str) -> TableName {
    let file = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    TableName::parse(&identifier(stem, "table", "table")).expect("an identifier is a name")
}

/// What a table is called that a system knows by this name: `sale.order` gives `sale_order`,
/// `Sales Invoice` gives `sales_invoice`, `Invoices/DocumentLines` gives `invoices_document_lines`.
#[expect(clippy::expect_used, reason = "`identifier` makes nothing but names")]
#[expect(clippy::missing_panics_doc, reason = "and so this never panics")]
pub fn table_name_from_source(source_name: &str) -> TableName {
    TableName::parse(&identifier(source_name, "table", "table")).expect("an identifier is a name")
}

/// One name per header, in order, all different.
#[expect(clippy::expect_used, reason = "`identifier` and `numbered` make nothing but names")]
#[expect(clippy::missing_panics_doc, reason = "and so this never panics")]
pub fn column_names(headers: &[String]) -> Vec<ColumnName> {
    let mut taken = HashSet::new();
    let name = |(position, header): (usize, &String)| {
        let wanted = identifier(header, &format!("column_{}", position + 1), "column");
        let name = untaken(&wanted, &mut taken);
        ColumnName::parse(&name).expect("an identifier is a name")
    };
    headers.iter().enumerate().map(name).collect()
}

/// One name per table, in order, all different.
#[expect(clippy::expect_used, reason = "`identifier` and `numbered` make nothing but names")]
pub(crate) fn table_names<'a>(wanted: impl Iterator<Item = &'a str>) -> Vec<TableName> {
    let mut taken = HashSet::new();
    let name = |(position, text): (usize, &str)| {
        let wanted = identifier(text, &format!("table_{}", position + 1), "table");
        TableName::parse(&untaken(&wanted, &mut taken)).expect("an identifier is a name")
    };
    wanted.enumerate().map(name).collect()
}

/// The name, or with a number after it the first that is not taken.
fn untaken(wanted: &str, taken: &mut HashSet<String>) -> String {
    let mut name = wanted.to_owned();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = numbered(wanted, number);
        number += 1;
    }
    name
}

fn numbered(name: &str, number: usize) -> String {
    let suffix = format!("_{number}");
    let kept = name.len().min(LONGEST - suffix.len());
    format!("{}{suffix}", name[..kept].trim_end_matches('_'))
}

/// Snake case of `text` in ASCII; `empty` where no letter or digit is left, `prefix` before a digit.
fn identifier(text: &str, empty: &str, prefix: &str) -> String {
    let mut name = String::new();
    let mut after_lower = false;
    for c in text.nfc() {
        let latin = transliterate(c);
        if latin.is_empty() {
            if !name.ends_with('_') {
                name.push('_');
            }
            after_lower = false;
            continue;
        }
        if after_lower && c.is_uppercase() {
            name.push('_');
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
        name.push_str(&latin);
    }
    let name = name.trim_matches('_');
    let name = match name.chars().next() {
        None => empty.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("{prefix}_{name}"),
        Some(_) => name.to_owned(),
    };
    name[..name.len().min(LONGEST)].trim_end_matches('_').to_owned()
}

/// A letter or digit in lower-case ASCII, or nothing.
fn transliterate(c: char) -> String {
    let spelled = match c {
        'ä' | 'Ä' | 'æ' | 'Æ' => "ae",
        'ö' | 'Ö' | 'œ' | 'Œ' => "oe",
        'ü' | 'Ü' => "ue",
        'ß' | 'ẞ' => "ss",
        'ø' | 'Ø' => "o",
        'ł' | 'Ł' => "l",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'þ' | 'Þ' => "th",
        'ı' => "i",
        _ => {
            return c
                .nfkd()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect();
        }
    };
    spelled.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_become_names() {
        let headers = [
            ("Order Date", "order_date"),
            ("OrderDate", "order_date_2"),
            ("order_date", "order_date_3"),
            ("Größe (m²)", "groesse_m2"),
            ("Montant payé €", "montant_paye"),
            ("2024", "column_2024"),
            ("顧客", "column_7"),
            ("customerID", "customer_id"),
            ("  % of total  ", "of_total"),
            ("Łódź / Ærø", "lodz_aero"),
        ];
        let labels: Vec<String> = headers.iter().map(|(label, _)| (*label).to_owned()).collect();
        let names: Vec<String> = column_names(&labels).iter().map(ToString::to_string).collect();
        assert_eq!(names, headers.map(|(_, name)| name));
    }

    #[test]
    fn long_headers_stay_apart() {
        let names = column_names(&["x".repeat(80), "x".repeat(90)]);
        assert_eq!(names[0].as_str(), "x".repeat(63));
        assert_eq!(names[1].as_str(), format!("{}_2", "x".repeat(61)));
    }

    #[test]
    fn names_of_other_systems_become_table_names() {
        for (source, name) in [
            ("sale.order", "sale_order"),
            ("Sales Invoice", "sales_invoice"),
            ("Invoices/DocumentLines", "invoices_document_lines"),
            ("generalLedgerEntries", "general_ledger_entries"),
            ("public.orders", "public_orders"),
        ] {
            assert_eq!(table_name_from_source(source).as_str(), name);
        }
    }

    #[test]
    fn file_names_become_table_names() {
        for (file, name) in [
            ("Order Lines (2024).csv", "order_lines_2024"),
            ("../../etc/passwd", "passwd"),
            ("C:\\data\\Kunden.csv.txt", "kunden"),
            ("2024.csv", "table_2024"),
            (".csv", "table"),
            ("", "table"),
            ("a\0b\nc;drop table x", "a_b_c_drop_table_x"),
        ] {
            assert_eq!(table_name_from_file(file).as_str(), name, "{file:?}");
        }
    }
}
