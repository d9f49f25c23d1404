//! The SQL that is shown says what was run: DataFusion's own reading of it, over the same file, gives
//! the same rows.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use pacioli_model::{
    Aggregate, Ask, Comparison,
    Direction::{Ascending, Descending},
    Literal, Predicate, TableEntry, TimeGrain,
};

use crate::world::*;

const COLUMNS: [&str; 8] = ["whole", "exact", "measured", "word", "day", "moment", "flag", "group"];
const NUMBERS: [&str; 3] = ["whole", "exact", "measured"];
const GRAINS: [TimeGrain; 5] =
    [TimeGrain::Day, TimeGrain::Week, TimeGrain::Month, TimeGrain::Quarter, TimeGrain::Year];

/// Sixty rows with nulls in every column, repeated values, and awkward texts.
fn csv() -> String {
    let words = [
        "plain",
        "it's",
        "\"\"quoted\"\"",
        "back\\slash",
        "semi;colon",
        "-- note",
        "",
        "%_",
        "ünï",
    ];
    let mut text = format!("{}\n", COLUMNS.join(","));
    for row in 0..60_i64 {
        let or_nothing =
            |every: i64, value: String| if row % every == 0 { String::new() } else { value };
        let cells = [
            or_nothing(7, ((row * 37) % 11 - 5).to_string()),
            or_nothing(5, format!("{}.{:02}", (row * 53) % 17 - 8, row % 100)),
            or_nothing(6, format!("{}.5e0", (row * 29) % 13 - 6)),
            format!("\"{}\"", words[usize::try_from(row).unwrap() % words.len()]),
            or_nothing(8, format!("20{:02}-{:02}-{:02}", 18 + row % 5, row % 12 + 1, row % 28 + 1)),
            or_nothing(
                9,
                format!(
                    "20{:02}-{:02}-{:02} {:02}:30:00",
                    20 + row % 3,
                    row % 12 + 1,
                    row % 28 + 1,
                    row % 24
                ),
            ),
            or_nothing(4, (row % 3 == 0).to_string()),
            format!("g{}", row % 2),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

/// Every aggregate over every column that it fits.
fn measured(mut ask: Ask) -> Ask {
    use Aggregate::{Average, Count, CountDistinct, Max, Min, Sum};
    ask = ask.measure("rows", Count, None);
    for column in COLUMNS {
        for (prefix, aggregate) in [("n", Count), ("d", CountDistinct), ("lo", Min), ("hi", Max)] {
            ask = ask.measure(&format!("{prefix}_{column}"), aggregate, Some(column));
        }
    }
    for column in NUMBERS {
        ask = ask.measure(&format!("sum_{column}"), Sum, Some(column));
        ask = ask.measure(&format!("avg_{column}"), Average, Some(column));
    }
    ask
}

fn filters() -> Vec<Predicate> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let mut filters = vec![Predicate::All(vec![]), Predicate::Any(vec![])];
    for comparison in [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual] {
        filters.extend([
            compare("whole", comparison, Literal::Integer(-2)),
            compare("whole", comparison, decimal("1.50")),
            compare("exact", comparison, decimal("-3.005")),
            compare("exact", comparison, Literal::Integer(2)),
            compare("measured", comparison, decimal("0.5")),
            compare("word", comparison, text("it's")),
            compare("day", comparison, date("2020-03-03")),
            compare("moment", comparison, date("2021-06-06")),
            compare("moment", comparison, moment("2021-06-06T05:30:00Z")),
        ]);
    }
    for word in ["\"quoted\"", "back\\slash", "semi;colon", "-- note", "%_", "ünï", "' OR 1=1 --"]
    {
        filters.push(compare("word", Equal, text(word)));
    }
    filters.push(compare("flag", NotEqual, Literal::Boolean(true)));
    filters.push(Predicate::OneOf {
        value: column("word"),
        values: vec![text("plain"), text("it's")],
    });
    filters.push(Predicate::OneOf {
        value: column("exact"),
        values: vec![decimal("-5.001"), Literal::Integer(1), decimal("2.20")],
    });
    filters.push(Predicate::OneOf {
        value: column("day"),
        values: vec![date("2019-02-02"), date("2020-03-03")],
    });
    filters.push(Predicate::OneOf {
        value: column("moment"),
        values: vec![date("2021-02-02"), moment("2020-01-01T00:30:00Z")],
    });
    for name in COLUMNS {
        filters.push(Predicate::IsNull { value: column(name) });
    }
    let some: Vec<Predicate> = filters[2..10].to_vec();
    for pair in some.chunks(2) {
        filters.push(Predicate::Not(Box::new(Predicate::Any(pair.to_vec()))));
        filters.push(Predicate::Any(vec![
            Predicate::All(pair.to_vec()),
            Predicate::Not(Box::new(pair[0].clone())),
        ]));
    }
    filters
}

fn asks() -> Vec<Ask> {
    let mut asks = vec![measured(ask())];
    for column in COLUMNS {
        asks.push(measured(ask().by(column, column, None)));
        asks.push(ask().by("value", column, None).order("value", Descending));
    }
    for grain in GRAINS {
        asks.push(measured(ask().by("period", "day", Some(grain))));
        asks.push(measured(ask().by("moment", "moment", Some(grain)).by("flag", "flag", None)));
        asks.push(
            ask()
                .by("day", "day", Some(grain))
                .by("group", "group", None)
                .order("group", Descending),
        );
    }
    for filter in filters() {
        asks.push(
            ask()
                .measure("n", Aggregate::Count, None)
                .measure("s", Aggregate::Sum, Some("exact"))
                .only(filter.clone()),
        );
        asks.push(ask().by("word", "word", None).measure("n", Aggregate::Count, None).only(filter));
    }
    for (output, direction) in
        [("group", Ascending), ("whole", Descending), ("exact", Ascending), ("exact", Descending)]
    {
        for rows in [0, 1, 7, 1000] {
            let base = ask().by("group", "group", None).by("whole", "whole", None);
            let base = base.measure("exact", Aggregate::Sum, Some("exact"));
            asks.push(base.clone().order(output, direction).top(rows));
            asks.push(base.order(output, direction).order("whole", Descending).top(rows));
        }
    }
    asks
}

async fn rows_of_sql(world: &World, entry: &TableEntry, sql: &str) -> Vec<String> {
    // As PostgreSQL does, and as the shown SQL says.
    let config =
        SessionConfig::new().set_bool("datafusion.sql_parser.parse_float_as_decimal", true);
    let session = SessionContext::new_with_config(config);
    let path = format!("tables/companies/{}/tables/t/{}/part-0.parquet", company(1), entry.version);
    let path = world.folder.path().join(path);
    session
        .register_parquet("t", path.to_str().unwrap(), ParquetReadOptions::default())
        .await
        .unwrap();
    let batches = session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
    let batches = batches.collect().await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
    let options = FormatOptions::new().with_null("∅");
    let mut rows = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(cells.join("|"));
        }
    }
    rows
}

async fn check_all(csv: &str, asks: &[Ask]) {
    let world = World::new();
    let entry = world.load(company(1), 1, csv).await;
    for ask in asks {
        let answer =
            world.run(&entry, ask).await.unwrap_or_else(|error| panic!("{ask:?}\n{error}"));
        assert_eq!(
            lines(&answer.table),
            rows_of_sql(&world, &entry, &answer.sql).await,
            "{}",
            answer.sql
        );
    }
}

#[tokio::test]
async fn the_shown_sql_gives_the_same_rows() {
    check_all(&csv(), &asks()).await;
}

#[tokio::test]
async fn it_does_over_two_rows_too() {
    let first = csv().lines().take(2).collect::<Vec<_>>().join("\n");
    // The first row is null but for its texts; the second gives the columns their types.
    let two = format!("{first}\n{}\n", csv().lines().nth(2).unwrap());
    check_all(&two, &asks()[..20]).await;
}

#[tokio::test]
async fn an_empty_table_has_an_answer_too() {
    let world = World::new();
    let mut entry = world.load(company(1), 1, &csv()).await;
    entry.version = pacioli_model::TableVersion(uuid::Uuid::from_u128(2));
    entry.rows = 0;
    let schema = {
        let path = format!(
            "tables/companies/{}/tables/t/{}/part-0.parquet",
            company(1),
            uuid::Uuid::from_u128(1)
        );
        let file = std::fs::File::open(world.folder.path().join(path)).unwrap();
        let reader =
            parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        reader.schema().clone()
    };
    let writer = world.files.writer(company(1), &entry.name, entry.version, schema).unwrap();
    assert_eq!(writer.finish().await.unwrap().rows, 0);
    for ask in &asks()[..40] {
        let answer = world.run(&entry, ask).await.unwrap();
        assert_eq!(
            lines(&answer.table),
            rows_of_sql(&world, &entry, &answer.sql).await,
            "{}",
            answer.sql
        );
        assert_eq!(answer.table.rows.len(), usize::from(ask.group_by.is_empty()));
    }
}
