use proptest::prelude::*;

use super::*;
use crate::{
    Aggregate, Aggregation, CallerAttribute, ColumnName, ColumnRef, Comparison, DatePart, Decimal,
    Literal, MetricName, Named, Operation, OverTime, RelationshipName, TextPlace, Value,
};

fn orders() -> TableName {
    TableName::parse("orders").unwrap()
}

/// Reads a metric and writes it.
fn metric(text: &str) -> String {
    let read = parse_definition(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let written = write_definition(&read).unwrap();
    assert_eq!(parse_definition(&written), Ok(read), "{text} was written as {written}");
    written
}

/// Reads a condition on orders and writes it.
fn condition(text: &str) -> String {
    let read = parse_predicate(text, &orders()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let written = write_predicate(&read, &orders()).unwrap();
    assert_eq!(parse_predicate(&written, &orders()), Ok(read), "{text} was written as {written}");
    written
}

#[test]
fn metrics_are_written_as_they_are_read() {
    for text in [
        "count(orders)",
        "count(distinct orders.customer_id)",
        "count(orders.shipped_on) where orders.state != 'draft'",
        "sum(order_lines.amount) where orders.state in ('sale', 'done') on orders.ordered_on",
        "sum(-lines.balance) where moves.state = 'posted' on moves.invoice_date",
        "sum(lines.quantity * lines.price - lines.discount)",
        "sum(lines.quantity * (lines.price - lines.discount / 100))",
        "sum(lines.amount / rates.rate) from lines",
        "average(days(orders.ordered_on, orders.delivered_on)) on orders.ordered_on",
        "sum(stock.quantity) on stock.day as snapshot",
        "sum(ledger.debit - ledger.credit) on ledger.posted_on as balance",
        "max(customers.name via orders_ship_to.sites_customer_id) from orders",
        "min(orders.\"from\") where orders.on is not null",
        "sum(orders.amount) where not (orders.a = 1 and orders.b = 2) or orders.c is null",
        "count(orders) where exists(order_lines where order_lines.amount > 0)",
        "count(orders) where not exists(returns via returns_order_id)",
        "count(orders) where year(orders.day) = 2025 and orders.day >= date '2025-02-01'",
        "count(orders) where orders.at < timestamp '2025-02-01T12:00:00.500Z'",
        "count(orders) where orders.note contains 'it''s' and orders.open = true",
        "revenue / orders",
        "(revenue - cost) / revenue",
        "1 - returned / sold",
        "-revenue",
    ] {
        let text = text.replace("orders.\"from\"", "orders.from");
        assert_eq!(metric(&text), text);
    }
}

#[test]
fn what_may_be_said_in_several_ways_is_written_in_one() {
    for (text, written) in [
        ("SUM ( orders . amount )", "sum(orders.amount)"),
        ("avg(orders.amount)", "average(orders.amount)"),
        ("count(*) from orders", "count(orders)"),
        (
            "sum(amount) from orders where state = 'x' on day",
            "sum(orders.amount) where orders.state = 'x' on orders.day",
        ),
        (
            "sum(orders.a) on orders.d where orders.open",
            "sum(orders.a) where orders.open = true on orders.d",
        ),
        ("sum(orders.a) where orders.b <> 1.50", "sum(orders.a) where orders.b != 1.50"),
        (
            "sum(orders.a) where orders.b between 1 and 2",
            "sum(orders.a) where orders.b >= 1 and orders.b <= 2",
        ),
        ("sum(orders.a) where not orders.b in (1)", "sum(orders.a) where orders.b not in (1)"),
        (
            "sum(orders.amount) where state = 'x' on day",
            "sum(orders.amount) where orders.state = 'x' on orders.day",
        ),
        ("count(orders) where state = 'x'", "count(orders) where orders.state = 'x'"),
        ("((revenue))", "revenue"),
        ("revenue - (cost + tax)", "revenue - (cost + tax)"),
        ("(revenue - cost) + tax", "revenue - cost + tax"),
        ("revenue / (cost * 2)", "revenue / (cost * 2)"),
        ("- - revenue", "--revenue"),
        ("0 - 5 * rate", "-(5 * rate)"),
        ("\"where\" + 1", "\"where\" + 1"),
    ] {
        assert_eq!(metric(text), written, "{text}");
    }
}

#[test]
fn conditions_on_a_table_name_its_columns_alone() {
    for (text, written) in [
        ("docstatus = 1", "docstatus = 1"),
        ("orders.docstatus = 1", "docstatus = 1"),
        ("canceled = 'N' and not returned", "canceled = 'N' and not returned = true"),
        ("region = 'North' or owner = caller.email", "region = 'North' or owner = caller.email"),
        ("exists(order_lines where amount > 0)", "exists(order_lines where amount > 0)"),
        ("customers.region = 'North'", "customers.region = 'North'"),
        ("\"on\" is null", "\"on\" is null"),
        ("state not in ('a', 'b')", "state not in ('a', 'b')"),
        (
            "name not starts with 'x' and name ends with 'y'",
            "name not starts with 'x' and name ends with 'y'",
        ),
        ("quantity > -5 and quantity < - price", "quantity > -5 and quantity < -price"),
        ("a = 1 and (b = 2 and c = 3)", "a = 1 and (b = 2 and c = 3)"),
        ("all rows", "all rows"),
    ] {
        assert_eq!(condition(text), written, "{text}");
    }
    assert_eq!(parse_predicate("all rows", &orders()), Ok(Predicate::All(Vec::new())));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, at, words) in [
        ("", 1, "expected a number or the name of a metric"),
        ("sum(orders.amount", 18, "expected `)`, found the end"),
        ("sum(amount)", 5, "which table's `amount`? Say table.amount, or `from`"),
        ("sum(1)", 1, "which table's rows count?"),
        ("sum(a.x * b.y)", 1, "which table's rows count?"),
        ("sum(orders.amount) when orders.state = 'x'", 20, "found `when`"),
        ("sum(orders.amount) where orders.state", 38, ""),
        ("sum(orders.amount) where orders.state = ", 41, "expected a value"),
        ("sum(orders.amount) where 1", 27, "expected a comparison"),
        ("sum(orders.amount) / count(orders)", 20, "declare each aggregate as a metric"),
        ("revenue / count(orders)", 11, "declare each aggregate as a metric"),
        ("sum(orders.state = 'x')", 5, "expected a value, found a condition"),
        ("sum(orders.amount) where orders.a in ()", 39, "expected a value"),
        ("sum(orders.amount) where orders.a = 'x", 37, "what ' opens is not closed"),
        ("sum(orders.amount) as total", 23, "expected `snapshot` or `balance`"),
        ("median(orders.amount)", 1, "there is no `median(…)`"),
        ("revenue #", 9, "`#` means nothing here"),
        ("\"Revenue\"", 1, "is no name"),
        ("sum(orders.amount) on date '2025-02-30'", 28, "found '2025-02-30'"),
        ("sum(a.x * b.y) from a where a.x > z.y on", 41, "expected a value, such as table.column"),
        ("sum(a.x) where a.y = 1 where a.z = 2", 24, "each once"),
        ("count(orders) where orders.d = date '2025-02-30'", 37, "a day is written"),
    ] {
        match parse_definition(text) {
            // A column by itself is whether it is true.
            Ok(_) => assert_eq!(words, "", "{text}"),
            Err(error) => {
                assert!(error.detail.contains(words), "{text}: {error}");
                assert_eq!(error.at, at, "{text}: {error}");
            }
        }
    }
    for text in
        ["(".repeat(9_000), "-".repeat(9_000), "not ".repeat(2_000), "a+".repeat(4_000) + "a"]
    {
        assert!(parse_definition(&text).is_err());
        assert!(parse_predicate(&text, &orders()).is_err());
    }
    assert!(parse_definition(&"a".repeat(20_000)).is_err());
}

#[test]
fn units_are_words() {
    let column = ColumnRef::new(orders(), ColumnName::parse("currency").unwrap());
    for (text, unit, written) in [
        ("number", Unit::Number, "number"),
        (" Percent ", Unit::Percent, "percent"),
        ("%", Unit::Percent, "percent"),
        ("days", Unit::Days, "days"),
        ("company  currency", Unit::CompanyCurrency, "company currency"),
        ("EUR", Unit::Currency("EUR".to_owned()), "currency EUR"),
        ("currency USD", Unit::Currency("USD".to_owned()), "currency USD"),
        ("currency of orders.currency", Unit::CurrencyOf(column), "currency of orders.currency"),
        ("pieces", Unit::Named("pieces".to_owned()), "pieces"),
        ("unit KWH", Unit::Named("KWH".to_owned()), "unit KWH"),
    ] {
        assert_eq!(parse_unit(text), Ok(unit.clone()), "{text}");
        assert_eq!(write_unit(&unit), written);
        assert_eq!(parse_unit(written), Ok(unit));
    }
    for text in ["", "currency", "currency of", "currency euro", &"x".repeat(41)] {
        assert!(parse_unit(text).is_err(), "{text}");
    }
}

#[test]
fn everything_that_a_metric_names_is_found() {
    let text = "sum(lines.amount * rates.rate) from lines where exists(tags via lines_tag where tags.a = 1) on orders.day via x";
    let definition = parse_definition(text).unwrap();
    let names: Vec<String> = definition
        .names()
        .into_iter()
        .map(|named| match named {
            Named::Column(column) => format!("{}.{}", column.table, column.column),
            Named::Table(table) => table.to_string(),
            Named::Relationship(name) => name.to_string(),
            Named::Metric(name) => name.to_string(),
            Named::Caller => "caller".to_owned(),
        })
        .collect();
    let expect =
        ["lines", "lines.amount", "rates.rate", "tags", "lines_tag", "tags.a", "orders.day", "x"];
    assert_eq!(names, expect);
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9_]{0,8}",
        prop::sample::select(RESERVED.to_vec()).prop_map(str::to_owned),
        prop::sample::select(vec!["sum", "count", "date", "year", "days", "distinct", "all"])
            .prop_map(str::to_owned),
    ]
}

fn column() -> impl Strategy<Value = ColumnRef> {
    (prop_oneof![Just("orders".to_owned()), name()], name(), prop::collection::vec(name(), 0..3))
        .prop_map(|(table, column, via)| ColumnRef {
            table: TableName::parse(&table).unwrap(),
            column: ColumnName::parse(&column).unwrap(),
            via: via.iter().map(|name| RelationshipName::parse(name).unwrap()).collect(),
        })
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<bool>().prop_map(Literal::Boolean),
        any::<i64>().prop_map(Literal::Integer),
        (-10_i128.pow(30)..10_i128.pow(30), 1_u8..9)
            .prop_map(|(mantissa, scale)| Literal::Decimal(Decimal::new(mantissa, scale))),
        ".{0,12}".prop_map(Literal::Text),
        (0..40_000).prop_map(|day| Literal::Date(chrono::NaiveDate::from_epoch_days(day).unwrap())),
        (0..4_000_000_000_000_i64).prop_map(|at| {
            Literal::Timestamp(chrono::DateTime::from_timestamp_micros(at * 1000).unwrap())
        }),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::{Add, Divide, Multiply, Subtract};
    prop::sample::select(vec![Add, Subtract, Multiply, Divide])
}

fn value(leaf: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    leaf.prop_recursive(4, 16, 2, |inner| {
        let part = prop::sample::select(vec![DatePart::Year, DatePart::Weekday, DatePart::Hour]);
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            (operation(), boxed(), boxed())
                .prop_map(|(operation, left, right)| Value::Arithmetic { operation, left, right }),
            (boxed(), boxed()).prop_map(|(from, to)| Value::Days { from, to }),
            (part, boxed()).prop_map(|(part, of)| Value::Part { part, of }),
        ]
    })
}

fn row_value() -> impl Strategy<Value = Value> {
    let caller = prop::sample::select(vec![CallerAttribute::Email, CallerAttribute::UserId]);
    value(
        prop_oneof![
            column().prop_map(Value::Column),
            literal().prop_map(Value::Literal),
            caller.prop_map(Value::Caller),
        ]
        .boxed(),
    )
}

fn predicate() -> impl Strategy<Value = Predicate> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let comparison =
        prop::sample::select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]);
    let place = prop::sample::select(vec![TextPlace::Anywhere, TextPlace::Start, TextPlace::End]);
    let leaf = prop_oneof![
        (row_value(), comparison, row_value())
            .prop_map(|(left, comparison, right)| Predicate::Compare { left, comparison, right }),
        (row_value(), prop::collection::vec(literal(), 1..4))
            .prop_map(|(value, values)| Predicate::OneOf { value, values }),
        (row_value(), place, ".{0,8}").prop_map(|(value, place, text)| Predicate::Matches {
            value,
            place,
            text
        }),
        row_value().prop_map(|value| Predicate::IsNull { value }),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        let filter = prop::option::of(inner.clone().prop_map(Box::new));
        prop_oneof![
            parts.clone().prop_map(Predicate::All),
            parts.prop_map(Predicate::Any),
            inner.prop_map(|it| Predicate::Not(Box::new(it))),
            (name(), filter).prop_map(|(table, filter)| Predicate::Related {
                table: TableName::parse(&table).unwrap(),
                via: Vec::new(),
                filter,
            }),
        ]
    })
}

fn definition() -> impl Strategy<Value = Definition> {
    let over_time =
        prop::sample::select(vec![OverTime::Within, OverTime::Snapshot, OverTime::ToDate]);
    let aggregate = prop::sample::select(vec![
        Aggregate::Count,
        Aggregate::CountDistinct,
        Aggregate::Sum,
        Aggregate::Average,
        Aggregate::Min,
        Aggregate::Max,
    ]);
    let filter = prop::option::of(predicate());
    let date = prop::option::of(column());
    let aggregation = (aggregate, name(), prop::option::of(row_value()), filter, date, over_time)
        .prop_map(|(aggregate, table, value, filter, date, over_time)| {
            let table = TableName::parse(&table).unwrap();
            let aggregate = if value.is_none() { Aggregate::Count } else { aggregate };
            let read = Aggregation::new(aggregate, table);
            Definition::Aggregate(Aggregation { value, filter, date, over_time, ..read })
        });
    let metric = name().prop_map(|name| Value::Metric(MetricName::parse(&name).unwrap()));
    let calculation = value(prop_oneof![metric, literal().prop_map(Value::Literal)].boxed());
    prop_oneof![aggregation, calculation.prop_map(Definition::Calculation)]
}

proptest! {
    #[test]
    fn every_metric_survives_being_written(definition in definition()) {
        let text = write_definition(&definition).unwrap();
        prop_assert_eq!(parse_definition(&text), Ok(definition), "{}", text);
    }

    #[test]
    fn every_condition_survives_being_written(predicate in predicate()) {
        let text = write_predicate(&predicate, &orders()).unwrap();
        prop_assert_eq!(parse_predicate(&text, &orders()), Ok(predicate), "{}", text);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[a-z0-9_.,'\"()=<>!+*/ -]{0,60}") {
        let _ = parse_definition(&text);
        let _ = parse_predicate(&text, &orders());
        let _ = parse_unit(&text);
    }
}
