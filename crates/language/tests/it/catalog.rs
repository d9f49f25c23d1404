//! Catalogs from a few lines of text. A line that is not indented starts a table: name, rows. Each
//! indented line is a column: name, type, and any of `distinct=N`, `unique`, `nulls`, `max=N`,
//! `label=Two_words`, `key`, `-> table`, `hidden`, and last `values: a | b`. `~ metric`, `~ table` and
//! `~ column` lines declare what they mean.

use pacioli_model::{
    Catalog, Cell, Column, ColumnName, ColumnProfile, ColumnType, Distinct, Origin, TableEntry,
    TableName, TableVersion, Timestamp, UserId,
};

pub(crate) fn read(text: &str) -> Catalog {
    let mut tables: Vec<TableEntry> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if line.starts_with(' ') {
            let table = tables.last_mut().expect("a column follows a table");
            let column = column(line.trim(), table.rows);
            table.columns.push(column);
        } else {
            let (name, rows) = line.split_once(' ').expect("name and rows");
            tables.push(table(name, rows.trim().parse().unwrap()));
        }
    }
    tables.sort_by(|left, right| left.name.cmp(&right.name));
    Catalog { tables, ..Catalog::default() }
}

fn table(name: &str, rows: u64) -> TableEntry {
    TableEntry {
        name: TableName::parse(name).unwrap(),
        version: TableVersion(uuid::Uuid::nil()),
        origin: Origin::Upload { file_name: format!("{name}.csv"), part: None },
        columns: Vec::new(),
        rows,
        bytes: 0,
        loaded_at: Timestamp::from_millis(0),
        loaded_by: UserId(uuid::Uuid::nil()),
        notes: Vec::new(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
    }
}

fn column(line: &str, rows: u64) -> Column {
    let (head, values) = line.split_once("values:").unwrap_or((line, ""));
    let mut values: Vec<String> = values
        .split('|')
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
        .collect();
    values.sort();
    let mut words = head.split_whitespace();
    let name = words.next().expect("a name");
    let data_type = match words.next().expect("a type") {
        "integer" => ColumnType::Integer,
        "decimal" => ColumnType::Decimal { scale: 2 },
        "float" => ColumnType::Float,
        "text" => ColumnType::Text,
        "date" => ColumnType::Date,
        "timestamp" => ColumnType::Timestamp,
        "boolean" => ColumnType::Boolean,
        other => panic!("no such type: {other}"),
    };
    let mut column = Column {
        name: ColumnName::parse(name).unwrap(),
        label: name.to_owned(),
        data_type,
        profile: ColumnProfile {
            nulls: 0,
            distinct: Distinct::Exactly(values.len().max(1) as u64),
            min: None,
            max: None,
            values: (!values.is_empty()).then_some(values),
        },
    };
    for word in words {
        match word.split_once('=') {
            Some(("distinct", count)) => {
                column.profile.distinct = Distinct::Exactly(count.parse().unwrap());
            }
            Some(("max", most)) => column.profile.max = Some(Cell::Integer(most.parse().unwrap())),
            Some(("label", label)) => column.label = label.replace('_', " "),
            None if word == "unique" => column.profile.distinct = Distinct::Exactly(rows),
            None if word == "nulls" => column.profile.nulls = 1,
            _ => panic!("not understood: {word}"),
        }
    }
    column
}
