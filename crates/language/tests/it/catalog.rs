//! Catalogs from a few lines of text. A line that is not indented starts a table: name, rows. Each
//! indented line is a column: name, type, and any of `distinct=N`, `unique`, `nulls`, `min=N`, `max=N`,
//! `label=Two_words`, `key`, `->table` (it names a row there by its key), and last `values: a | b`.

use pacioli_model::{
    Catalog, Cell, Column, ColumnName, ColumnProfile, ColumnType, Distinct, Known, Origin,
    Relationship, RelationshipName, TableEntry, TableName, TableVersion, Timestamp, UserId,
};

pub(crate) fn read(text: &str) -> Catalog {
    let mut tables: Vec<TableEntry> = Vec::new();
    let mut references: Vec<(TableName, ColumnName, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if line.starts_with(' ') {
            let table = tables.last_mut().expect("a column follows a table");
            let column = column(line.trim(), table.rows);
            let head = line.split("values:").next().unwrap_or(line);
            for word in head.split_whitespace() {
                if let Some(to) = word.strip_prefix("->") {
                    references.push((table.name.clone(), column.name.clone(), to.to_owned()));
                }
                if word == "key" {
                    table.primary_key.push(column.name.clone());
                }
            }
            table.columns.push(column);
        } else {
            let (name, rows) = line.split_once(' ').expect("name and rows");
            tables.push(table(name, rows.trim().parse().unwrap()));
        }
    }
    tables.sort_by(|left, right| left.name.cmp(&right.name));
    let relationships = references
        .into_iter()
        .map(|(table, column, to)| relationship(&tables, table, column, &to))
        .collect();
    Catalog { tables, relationships, ..Catalog::default() }
}

fn relationship(
    tables: &[TableEntry],
    table: TableName,
    column: ColumnName,
    to: &str,
) -> Relationship {
    let other =
        tables.iter().find(|other| other.name.as_str() == to).expect("a table of this name");
    Relationship {
        name: RelationshipName::parse(&format!("{table}_{column}")).unwrap(),
        table,
        columns: vec![column],
        to: other.name.clone(),
        references: other.primary_key.clone(),
        one_to_one: false,
        known: Known::ForeignKey,
        label: None,
        match_rate: None,
        orphans: None,
    }
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
            ascending: false,
        },
    };
    for word in words {
        match word.split_once('=') {
            Some(("distinct", count)) => {
                column.profile.distinct = Distinct::Exactly(count.parse().unwrap());
            }
            Some(("max", most)) => column.profile.max = Some(Cell::Integer(most.parse().unwrap())),
            Some(("min", least)) => {
                column.profile.min = Some(Cell::Integer(least.parse().unwrap()));
            }
            Some(("label", label)) => column.label = label.replace('_', " "),
            None if word == "unique" => column.profile.distinct = Distinct::Exactly(rows),
            None if word == "key" || word.starts_with("->") => {}
            None if word == "nulls" => column.profile.nulls = 1,
            _ => panic!("not understood: {word}"),
        }
    }
    column
}
