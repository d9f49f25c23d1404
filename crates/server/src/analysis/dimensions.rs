//! Which columns tell the members of a figure apart.

use pacioli_model::{
    Catalog, Column, ColumnRef, ColumnType, Dimension, Distinct, Labels, ReportKind, TableEntry,
    TableName,
};

/// More members than these are not told apart.
const MOST_MEMBERS: u64 = 5000;

/// What a kind of report tells members apart by, the most telling first.
fn hints(kind: ReportKind) -> &'static [&'static str] {
    match kind {
        ReportKind::Customers => {
            &["customer", "client", "partner", "segment", "region", "country", "channel"]
        }
        ReportKind::Products => &["product", "item", "category", "brand", "group", "region"],
        ReportKind::Purchasing => {
            &["supplier", "vendor", "category", "product", "country", "warehouse"]
        }
        ReportKind::Inventory => &["warehouse", "location", "category", "product", "item"],
        ReportKind::People => &["department", "kind", "job", "team", "location", "employee"],
        ReportKind::Production => {
            &["product", "work_center", "work_centre", "machine", "category", "line"]
        }
        _ => &[
            "customer",
            "product",
            "category",
            "region",
            "country",
            "segment",
            "channel",
            "salesperson",
            "sales_person",
            "supplier",
            "department",
            "account",
            "cost_center",
            "warehouse",
            "team",
            "kind",
        ],
    }
}

/// The dimensions of a table's figures: columns of it and of what each of its rows belongs to, at most
/// `most`. Columns that say how many members they have, and that these are few enough.
pub fn dimensions(
    catalog: &Catalog,
    table: &TableName,
    kind: ReportKind,
    most: usize,
) -> Vec<Dimension> {
    let hints = hints(kind);
    let mut found: Vec<(usize, usize, Dimension)> = Vec::new();
    for (distance, name) in reached(catalog, table).into_iter().enumerate() {
        let Some(entry) = catalog.table(name) else { continue };
        let meaning = catalog.semantics.table(name);
        let display = meaning.and_then(|it| it.display.clone());
        for column in entry.columns.iter().filter(|column| tells_apart(column, entry)) {
            let is_display = display.as_ref() == Some(&column.name);
            let hidden = meaning.and_then(|it| it.column(&column.name)).is_some_and(|it| it.hidden);
            // What a row is called in its own table tells members apart for others.
            let called = if is_display { name.as_str() } else { column.name.as_str() };
            let hint = hints.iter().position(|hint| called.contains(hint));
            let Some(hint) = hint.filter(|_| !hidden && (!is_display || name != table)) else {
                continue;
            };
            // Names of things are told by their own table alone: `name`, `customer_name`.
            let is_name = !is_display && distance > 0 && column.name.as_str().ends_with("name");
            if is_name && display.is_some() {
                continue;
            }
            let column = ColumnRef::new(name.clone(), column.name.clone());
            let (label, labels) = self::called(catalog, &column);
            found.push((hint, distance, Dimension { column, label, labels }));
        }
    }
    found.sort_by_key(|one| (one.0, one.1));
    // One for each hint: a customer is not told of by two of its columns.
    found.dedup_by(|later, earlier| later.0 == earlier.0);
    found.into_iter().map(|(_, _, dimension)| dimension).take(most).collect()
}

/// What a column is called, in English and in other languages: what names the rows of its table and is called nothing
/// itself, as the table.
pub fn called(catalog: &Catalog, of: &ColumnRef) -> (String, Labels) {
    let meaning = catalog.semantics.table(&of.table);
    let is_display = meaning.is_some_and(|it| it.display.as_ref() == Some(&of.column));
    let declared = meaning.and_then(|it| it.column(&of.column));
    let is_called = declared.is_some_and(|it| it.label.is_some() || !it.labels.is_empty());
    let of_table = meaning.and_then(|it| Some((it.label.clone()?, it.labels.clone())));
    of_table.filter(|_| is_display && !is_called).unwrap_or_else(|| {
        let own = declared.and_then(|it| it.label.clone());
        let column = || catalog.table(&of.table).and_then(|it| it.column(&of.column));
        let label = own.or_else(|| column().map(|it| it.label.clone()));
        let labels = declared.map(|it| it.labels.clone()).unwrap_or_default();
        (label.unwrap_or_else(|| of.column.to_string()), labels)
    })
}

/// The members that a dimension has, where that is known.
pub fn members(catalog: &Catalog, dimension: &Dimension) -> u64 {
    let entry = catalog.table(&dimension.column.table);
    let column = entry.and_then(|it| it.column(&dimension.column.column));
    match column.map(|it| it.profile.distinct) {
        Some(Distinct::Exactly(count)) => count,
        _ => MOST_MEMBERS,
    }
}

fn tells_apart(column: &Column, entry: &TableEntry) -> bool {
    let name = column.name.as_str();
    let few = match column.profile.distinct {
        Distinct::Exactly(count) => (2..=MOST_MEMBERS).contains(&count),
        // What was seen in rows that not everybody sees is not told.
        Distinct::MoreThan(count) => count == 0,
    };
    let is_key = entry.primary_key.contains(&column.name)
        || ["_id", "_number", "_code", "_no", "email", "phone", "_sku"]
            .iter()
            .any(|end| name.ends_with(end));
    column.data_type == ColumnType::Text && few && !is_key && name != "id"
}

/// The tables that a row belongs to at most one row of, itself among them, the nearest first.
fn reached<'a>(catalog: &'a Catalog, table: &'a TableName) -> Vec<&'a TableName> {
    let mut found = vec![table];
    let mut at = 0;
    while let Some(here) = found.get(at).copied() {
        for relationship in catalog.references_of(here) {
            if !found.contains(&&relationship.to) {
                found.push(&relationship.to);
            }
        }
        at += 1;
    }
    found
}
