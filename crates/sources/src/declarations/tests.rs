use std::collections::BTreeMap;

use pacioli_model::{
    Catalog, Column, ColumnName, ColumnProfile, ColumnType, Distinct, Origin, Semantics,
    StoredSemantics, TableEntry, TableName, TableVersion, Timestamp, UserId,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// `orders: id int, state text, …`
fn table(text: &str) -> TableEntry {
    let (name, columns) = text.split_once(':').unwrap();
    let column = |text: &str| {
        let (name, kind) = text.trim().split_once(' ').unwrap();
        let data_type = match kind {
            "int" => ColumnType::Integer,
            "dec" => ColumnType::Decimal { scale: 2 },
            "text" => ColumnType::Text,
            "date" => ColumnType::Date,
            "bool" => ColumnType::Boolean,
            other => panic!("{other}"),
        };
        let profile = ColumnProfile {
            nulls: 0,
            distinct: Distinct::Exactly(0),
            min: None,
            max: None,
            values: None,
            ascending: false,
        };
        Column {
            name: ColumnName::parse(name).unwrap(),
            label: name.to_owned(),
            data_type,
            profile,
        }
    };
    TableEntry {
        name: TableName::parse(name).unwrap(),
        version: TableVersion(Uuid::nil()),
        origin: Origin::Push,
        columns: columns.split(',').map(column).collect(),
        rows: 0,
        bytes: 0,
        loaded_at: Timestamp::from_millis(0),
        loaded_by: UserId(Uuid::nil()),
        notes: Vec::new(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
    }
}

fn tables() -> Vec<TableEntry> {
    [
        "customers: id int, name text, region text",
        "order_lines: order_id int, amount dec, quantity int",
        "orders: id int, customer_id int, ship_to int, state text, ordered_on date, open bool, currency text",
        "products: id int, name text",
    ]
    .map(table)
    .to_vec()
}

const RELATED: &str = r#"
[relationships.order_lines_order_id]
from = "order_lines.order_id"
to = "orders.id"
[relationships.orders_customer_id]
from = "orders.customer_id"
to = "customers.id"
"#;

/// What is wrong with these declarations over those tables.
fn problems(text: &str) -> Vec<String> {
    let text = format!("{text}\n{RELATED}");
    let declared = match Declarations::from_toml(&text).unwrap().read() {
        Ok(declared) => declared,
        Err(problems) => return problems.iter().map(ToString::to_string).collect(),
    };
    let stored = StoredSemantics { declared: declared.clone(), ..StoredSemantics::default() };
    let catalog = Catalog::assemble(tables(), &[], stored.in_effect());
    check(&declared, &catalog).iter().map(ToString::to_string).collect()
}

fn metric(expression: &str) -> String {
    format!("[metrics.figure]\nexpression = \"{expression}\"")
}

#[test]
fn what_reports_cannot_be_told_is_refused() {
    let wrong = |more: &str| {
        let text = format!("[metrics.m]\nexpression = \"count(orders)\"\n{more}\n");
        let problems = Declarations::from_toml(&text).unwrap().read().unwrap_err();
        problems.iter().map(|it| it.path.join(".")).collect::<Vec<_>>()
    };
    assert_eq!(wrong("better = \"up\""), ["metrics.m.better"]);
    assert_eq!(wrong("reports = [\"sales\", \"everything\"]"), ["metrics.m.reports"]);
    assert_eq!(wrong("labels = { german = \"Umsatz\" }"), ["metrics.m.labels"]);
    assert_eq!(wrong("labels = { de = \" \" }"), ["metrics.m.labels"]);
}

#[test]
fn what_fits_the_tables_is_taken() {
    for expression in [
        "count(orders)",
        "sum(order_lines.amount) where orders.state in ('sale', 'done') on orders.ordered_on",
        "sum(order_lines.amount * order_lines.quantity) where customers.region = 'North'",
        "count(customers) where exists(orders where state = 'sale')",
        "average(days(orders.ordered_on, date '2025-01-01'))",
        "max(customers.name) from orders",
        "sum(order_lines.amount) where customers.name via order_lines_order_id.orders_customer_id = 'x'",
    ] {
        assert_eq!(problems(&metric(expression)), Vec::<String>::new(), "{expression}");
    }
    let all = r#"
        [metrics.lines]
        expression = "count(order_lines)"
        [metrics.amount_of_a_line]
        expression = "revenue / lines"
        [metrics.revenue]
        expression = "sum(order_lines.amount) on orders.ordered_on"
        unit = "currency of orders.currency"
        [tables.orders]
        date = "ordered_on"
        display = "id"
        default_filter = "state != 'draft'"
        [tables.orders.columns.state]
        values = { sale = ["confirmed"] }
        [policies.own]
        roles = ["user"]
        table = "customers"
        rows = "region = 'North' or name = caller.email"
        hidden_columns = ["id"]
    "#;
    assert_eq!(problems(all), Vec::<String>::new());
}

#[test]
fn what_does_not_fit_is_named_with_what_is_nearest() {
    for (expression, expect) in [
        ("count(oders)", "there is no table oders; did you mean orders?"),
        (
            "sum(order_lines.amuont)",
            "there is no column order_lines.amuont; did you mean order_lines.amount?",
        ),
        (
            "sum(orders.amount)",
            "there is no column orders.amount; did you mean order_lines.amount?",
        ),
        ("sum(orders.state)", "only numbers add up, and this is a text"),
        ("sum(order_lines.amount) on orders.state", "expected a date, and this is a text"),
        ("sum(order_lines.amount) as balance", "say `on` which date it is a snapshot or a balance"),
        ("count(orders) where state = 1", "a text cannot be compared with a number"),
        (
            "count(orders) where ordered_on > '2025-01-01'",
            "a date cannot be compared with a text; write a day as date '2025-01-31'",
        ),
        ("count(orders) where open in ('yes')", "true or false cannot be compared with a text"),
        ("count(orders) where id contains 'x'", "only texts contain others, and this is a number"),
        (
            "sum(orders.ordered_on - 1)",
            "only numbers are calculated with, and this is a date; for days, `days(from, to)`",
        ),
        (
            "count(orders) where products.name = 'x'",
            "no relationship leads from orders to products: declare one",
        ),
        (
            "sum(order_lines.amount) from orders",
            "a row of orders may have several rows of order_lines: aggregate over order_lines instead",
        ),
        (
            "count(orders) where customers.name via orders_costumer_id = 'x'",
            "there is no relationship orders_costumer_id; did you mean orders_customer_id?",
        ),
        (
            "count(orders) where customers.name via order_lines_order_id = 'x'",
            "no relationship leads from orders to customers: declare one",
        ),
        ("count(orders) where state = caller.email", "`caller` is known in row policies alone"),
        ("revenu / 2", "there is no metric revenu"),
        ("figures / 2", "there is no metric figures; did you mean figure?"),
        ("figure / 2", "this metric is made of itself"),
        ("'a' + 1", "a metric that is no aggregate is made of other metrics and numbers"),
    ] {
        let expect = format!("metrics.figure.expression: {expect}");
        assert_eq!(problems(&metric(expression)), [expect], "{expression}");
    }
    for (text, expect) in [
        (
            "[tables.ordres]\nlabel = \"x\"",
            "tables.ordres: there is no table ordres; did you mean orders?",
        ),
        ("[tables.orders]\ndate = \"state\"", "tables.orders.date: state is no date but text"),
        (
            "[tables.orders]\ndisplay = \"nam\"",
            "tables.orders.display: there is no column orders.nam",
        ),
        (
            "[tables.orders.columns.stat]\nlabel = \"x\"",
            "tables.orders.columns.stat: there is no column orders.stat; did you mean orders.state?",
        ),
        (
            "[relationships.x]\nfrom = \"orders.ship_to\"\nto = \"customers.name\"",
            "relationships.x.to: the sides hold values of different kinds",
        ),
        (
            "[relationships.x]\nfrom = \"orders(ship_to, id)\"\nto = \"customers.id\"",
            "relationships.x.to: both sides have as many columns",
        ),
        (
            "[relationships.x]\nfrom = \"orders.id\"\nto = \"orders.id\"",
            "relationships.x.to: a column does not refer to itself",
        ),
        (
            "[policies.x]\neverybody = true\ntable = \"orders\"\nrows = \"customers.region = 'North'\"",
            "policies.x.rows: a policy is about columns of its own table alone",
        ),
        (
            "[policies.x]\neverybody = true\ntable = \"orders\"\nrows = \"exists(order_lines)\"",
            "policies.x.rows: a policy is about columns of its own table alone",
        ),
        (
            "[policies.x]\neverybody = true\ntable = \"orders\"\nhidden_columns = [\"states\"]",
            "policies.x.hidden_columns: there is no column orders.states; did you mean orders.state?",
        ),
    ] {
        assert_eq!(problems(text).first().map(String::as_str), Some(expect), "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_told_all_at_once() {
    let text = r#"
        currency = "euro"
        fiscal_year_start = 13
        week_start = "friday"
        [metrics.Revenue]
        expression = "count(orders)"
        [metrics.broken]
        expression = "sum(orders.amount"
        [relationships.x]
        from = "orders"
        to = "customers.id"
        [policies.nobody]
        table = "orders"
        rows = "state = 'x'"
        [policies.nothing]
        everybody = true
        table = "orders"
        [policies.boss]
        roles = ["boss"]
        table = "orders"
        rows = "state = 'x'"
        [policies.them]
        users = ["me"]
        table = "orders"
        rows = "state = 'x'"
    "#;
    let wrong = Declarations::from_toml(text).unwrap().read().unwrap_err();
    let paths: Vec<String> = wrong.iter().map(|problem| problem.path.join(".")).collect();
    assert_eq!(
        paths,
        [
            "fiscal_year_start",
            "week_start",
            "currency",
            "metrics.Revenue",
            "metrics.broken.expression",
            "relationships.x.from",
            "policies.boss.roles",
            "policies.nobody",
            "policies.nothing",
            "policies.them.users",
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    for (text, words) in [
        ("a = 1\n[metrics", "(line 2)"),
        ("metric = 1", "unknown field `metric`"),
        ("[metrics.x]\nexpresion = \"a\"", "unknown field `expresion`"),
        ("fiscal_year_start = \"May\"", "invalid type"),
    ] {
        let problem = Declarations::from_toml(text).unwrap_err();
        assert!(problem.detail.contains(words), "{text}: {problem}");
    }
}

fn word() -> impl Strategy<Value = String> {
    "[a-zA-Zäöü][a-zA-Zäöü '\"\\\\#=\\[\\]]{0,10}[a-z]"
}

fn words() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(word(), 0..3)
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,8}"
}

fn unit() -> impl Strategy<Value = Option<String>> {
    let known = vec![
        "number",
        "percent",
        "%",
        "EUR",
        "company currency",
        "currency of orders.currency",
        "kg",
    ];
    prop::option::of(prop::sample::select(known).prop_map(str::to_owned))
}

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[a-z]{2}", word(), 0..3)
}

/// `better`, `reports`, `place`.
fn in_reports() -> impl Strategy<Value = (Option<String>, Vec<String>, Option<u16>)> {
    let better = prop::sample::select(vec!["higher", "lower", "neither"]);
    let kind = prop::sample::select(vec!["overview", "sales", "receivables_payables"]);
    (
        prop::option::of(better.prop_map(str::to_owned)),
        prop::collection::vec(kind.prop_map(str::to_owned), 0..3),
        any::<Option<u16>>(),
    )
}

fn metrics() -> impl Strategy<Value = MetricText> {
    let expressions = vec![
        "count(orders)",
        "sum(lines.amount) where orders.note contains 'it''s \"so\"' on orders.day as balance",
        "(revenue - cost) / revenue",
    ];
    let expression = prop::sample::select(expressions).prop_map(str::to_owned);
    let given =
        (prop::option::of(word()), labels(), ".{0,20}", words(), expression, unit(), in_reports());
    given.prop_map(
        |(label, labels, description, synonyms, expression, unit, (better, reports, place))| {
            MetricText {
                label,
                labels,
                description,
                synonyms,
                expression,
                unit,
                better,
                reports,
                place,
            }
        },
    )
}

fn columns() -> impl Strategy<Value = ColumnText> {
    let values = prop::collection::btree_map(".{0,8}", words(), 0..3);
    (prop::option::of(word()), labels(), words(), unit(), any::<bool>(), values).prop_map(
        |(label, labels, synonyms, unit, hidden, values)| ColumnText {
            label,
            labels,
            synonyms,
            unit,
            hidden,
            values,
        },
    )
}

fn meanings() -> impl Strategy<Value = TableText> {
    let filters = vec!["all rows", "docstatus = 1", "state in ('a', 'b') or not open"];
    let filter = prop::option::of(prop::sample::select(filters).prop_map(str::to_owned));
    let columns = prop::collection::btree_map(name(), columns(), 0..3);
    let (label, date) = (prop::option::of(word()), prop::option::of(name()));
    (label, labels(), words(), filter, date, any::<bool>(), columns).prop_map(
        |(label, labels, synonyms, default_filter, date, hidden, columns)| TableText {
            label,
            labels,
            synonyms,
            default_filter,
            display: date.clone(),
            date,
            hidden,
            columns,
        },
    )
}

fn relationships() -> impl Strategy<Value = RelationshipText> {
    let from = vec!["orders.customer_id", "orders(market, customer)"];
    let to = vec!["customers.id", "customers( market ,code )"];
    (prop::sample::select(from), prop::sample::select(to), any::<bool>(), prop::option::of(word()))
        .prop_map(|(from, to, one_to_one, label)| RelationshipText {
            from: from.to_owned(),
            to: to.to_owned(),
            one_to_one,
            label,
        })
}

fn policies() -> impl Strategy<Value = PolicyText> {
    (0..3, any::<u128>()).prop_map(|(whom, id)| PolicyText {
        everybody: whom == 0,
        roles: if whom == 1 { vec!["user".to_owned()] } else { Vec::new() },
        users: if whom == 2 { vec![Uuid::from_u128(id).to_string()] } else { Vec::new() },
        table: "orders".to_owned(),
        rows: Some("owner = caller.email".to_owned()),
        hidden_columns: vec!["cost".to_owned()],
    })
}

fn declarations() -> impl Strategy<Value = Declarations> {
    fn some<T: std::fmt::Debug + Clone + 'static>(
        of: impl Strategy<Value = T> + 'static,
    ) -> BoxedStrategy<BTreeMap<String, T>> {
        prop::collection::btree_map(name(), of, 0..4).boxed()
    }
    let calendar = (prop::option::of(1_u8..=12), prop::option::of(Just("sunday".to_owned())));
    (calendar, some(metrics()), some(meanings()), some(relationships()), some(policies())).prop_map(
        |((fiscal_year_start, week_start), metrics, tables, relationships, policies)| {
            Declarations {
                currency: fiscal_year_start.map(|_| "EUR".to_owned()),
                fiscal_year_start,
                week_start,
                metrics,
                tables,
                relationships,
                policies,
            }
        },
    )
}

proptest! {
    #[test]
    fn every_declaration_survives_toml_and_json(declared in declarations()) {
        let meant: Semantics = declared.read().unwrap();
        let written = Declarations::write(&meant).unwrap();
        let toml = written.to_toml().unwrap();
        let read = Declarations::from_toml(&toml).unwrap();
        prop_assert_eq!(&read, &written, "{}", toml);
        prop_assert_eq!(&read.read().unwrap(), &meant);
        let json = serde_json::to_string(&written).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Declarations>(&json).unwrap(), &written);
        // Written again, it is the same text.
        prop_assert_eq!(Declarations::write(&meant).unwrap().to_toml().unwrap(), toml);
    }
}
