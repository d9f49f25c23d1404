//! Asks and their answers from one line each: `month(sale_date), region -> sum(revenue_eur)` and
//! rows of cells that say their type by their form.

use pacioli_model::{
    Aggregate, Aggregation, Ask, Catalog, Cell, Column, ColumnName, ColumnProfile, ColumnRef,
    ColumnType, Direction, Distinct, Figure, GroupKey, Grouping, Measure, OrderBy, Origin, Table,
    TableColumn, TableEntry, TableName, TableVersion, TimeGrain, Timestamp, UserId, Value,
};

pub(crate) fn catalog() -> Catalog {
    let column = |name: &str, data_type, values: &[&str]| Column {
        name: ColumnName::parse(name).unwrap(),
        label: name.to_owned(),
        data_type,
        profile: ColumnProfile {
            nulls: 0,
            distinct: Distinct::Exactly(9),
            min: None,
            max: None,
            values: (!values.is_empty()).then(|| values.iter().map(|v| (*v).to_owned()).collect()),
            ascending: false,
        },
    };
    let money = ColumnType::Decimal { scale: 2 };
    let entry = TableEntry {
        name: TableName::parse("sales").unwrap(),
        version: TableVersion(uuid::Uuid::nil()),
        origin: Origin::Upload { file_name: "sales.csv".to_owned(), part: None },
        columns: vec![
            column("sale_date", ColumnType::Date, &[]),
            column("region", ColumnType::Text, &["Nordics", "South"]),
            column("currency", ColumnType::Text, &["EUR", "USD"]),
            column("order_number", ColumnType::Text, &[]),
            column("quantity", ColumnType::Integer, &[]),
            column("amount", money, &[]),
            column("revenue_eur", money, &[]),
        ],
        rows: 1000,
        bytes: 0,
        loaded_at: Timestamp::from_millis(0),
        loaded_by: UserId(uuid::Uuid::nil()),
        notes: Vec::new(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
    };
    Catalog { tables: vec![entry], ..Catalog::default() }
}

/// `month(sale_date), region -> sum(revenue_eur), count order total_revenue_eur desc limit 5`
pub(crate) fn ask(text: &str) -> Ask {
    let (text, limit) =
        text.split_once(" limit ").map_or((text, None), |(t, n)| (t, Some(n.parse().unwrap())));
    let (text, order) = text.split_once(" order ").map_or((text, None), |(t, o)| (t, Some(o)));
    let (groups, measures) = text.split_once("->").expect("an arrow");
    let order = order.map(|order| match order.split_once(' ') {
        Some((name, "desc")) => OrderBy { name: named(name), direction: Direction::Descending },
        _ => OrderBy { name: named(order), direction: Direction::Ascending },
    });
    Ask {
        measures: parts(measures).map(measure).collect(),
        group_by: parts(groups).map(group).collect(),
        order: order.into_iter().collect(),
        limit,
        ..Ask::about(sales())
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn named(text: &str) -> ColumnName {
    ColumnName::parse(text).unwrap()
}

fn sales() -> TableName {
    TableName::parse("sales").unwrap()
}

fn of(column: &str) -> ColumnRef {
    ColumnRef::new(sales(), named(column))
}

fn call(text: &str) -> (&str, Option<&str>) {
    text.split_once('(')
        .map_or((text, None), |(name, rest)| (name, Some(rest.trim_end_matches(')'))))
}

fn measure(text: &str) -> Measure {
    let (name, column) = call(text);
    let (aggregate, prefix) = match name {
        "sum" => (Aggregate::Sum, "total"),
        "average" => (Aggregate::Average, "average"),
        "distinct" => (Aggregate::CountDistinct, "distinct"),
        "max" => (Aggregate::Max, "maximum"),
        _ => (Aggregate::Count, "count"),
    };
    let output = column.map_or("count".to_owned(), |column| format!("{prefix}_{column}"));
    let value = column.map(|column| Value::Column(of(column)));
    let aggregation = Aggregation { value, ..Aggregation::new(aggregate, sales()) };
    Measure::new(named(&output), Figure::Aggregate(aggregation))
}

fn group(text: &str) -> Grouping {
    let (name, column) = call(text);
    let grain = column.map(|_| match name {
        "month" => TimeGrain::Month,
        "quarter" => TimeGrain::Quarter,
        _ => TimeGrain::Year,
    });
    let column = of(column.unwrap_or(name));
    let key = match grain {
        Some(grain) => GroupKey::Period { column: Some(column), grain },
        None => GroupKey::Value(Value::Column(column)),
    };
    Grouping::new(named(name), key)
}

/// Rows of cells, one row a line, cells between bars: dates, numbers with or without a point, `null`,
/// text.
pub(crate) fn table(ask: &Ask, rows: &[&str]) -> Table {
    let names = ask.group_by.iter().map(|g| &g.name).chain(ask.measures.iter().map(|m| &m.name));
    let columns =
        names.map(|name| TableColumn { name: name.clone(), data_type: ColumnType::Text }).collect();
    let cells = |row: &&str| row.split('|').map(|cell| read(cell.trim())).collect();
    Table { columns, rows: rows.iter().map(cells).collect(), truncated: false }
}

fn read(text: &str) -> Cell {
    let day = || text.parse().ok().map(Cell::Date);
    let whole = || text.parse().ok().map(Cell::Integer);
    let decimal = || text.parse().ok().map(Cell::Decimal);
    let null = (text == "null").then_some(Cell::Null);
    null.or_else(day).or_else(whole).or_else(decimal).unwrap_or_else(|| Cell::Text(text.to_owned()))
}
