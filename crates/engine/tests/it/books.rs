//! A small company with every shape of one-to-many in it, and Asks over several tables.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use pacioli_engine::{Answer, EngineError, run_in_process};
use pacioli_model::{
    Access, Aggregate, Aggregation, Ask, Catalog, ColumnRef, Direction, Figure, GroupKey, Grouping,
    Known, Literal, Measure, Operation, OrderBy, Predicate, Relationship, Semantics, TableName,
    TimeGrain, Value,
};

use crate::world::{ROW_LIMIT, World, company, name, whole};

/// Customers with a parent each; a region is missing.
const CUSTOMERS: &str = "\
id,name,region,parent_id,credit
1,Ada,North,,15.00
2,Bob,South,1,4.00
3,Cy,,1,100.00
4,Dee,North,2,1.00
";
/// Orders of known, unknown and no customers; one has no day.
const ORDERS: &str = "\
id,customer_id,ship_to_id,ordered_on,amount,status
1,1,2,2024-01-31,10.50,open
2,1,1,2024-02-29,20.25,done
3,2,2,2025-01-15,5.00,done
4,9,1,2025-02-01,7.00,open
5,,3,2025-02-28,1.00,done
6,3,3,,2.00,open
";
/// Lines without a key, one of them twice on purpose; one of an unknown order, one of none.
const LINES: &str = "\
order_id,product_id,quantity
1,1,2
1,2,1
1,2,1
2,1,3
3,2,4
4,3,5
8,1,6
,2,7
";
const PRODUCTS: &str = "\
id,name,price,category
1,Pen,1.50,Office
2,Ink,2.25,Office
3,Mug,3.00,Home
4,Cap_50%,4.00,Home
";
const PAYMENTS: &str = "\
id,customer_id,paid_on,paid
1,1,2024-02-10,8.00
2,1,2024-03-01,2.00
3,2,2025-01-20,5.00
4,,2025-01-21,1.00
";
/// The bridge between products and tags; one link twice, one to nowhere.
const PRODUCT_TAGS: &str = "\
product_id,tag_id
1,1
1,2
1,1
2,1
3,
";
const TAGS: &str = "\
id,label
1,red
2,blue
3,green
";
/// States, not changes.
const STOCK: &str = "\
day,product_id,warehouse,pieces
2024-01-10,1,W1,10
2024-01-10,2,W1,5
2024-01-31,1,W1,8
2024-01-31,1,W2,1
2024-01-31,2,W1,5
2024-02-15,1,W1,6
2024-02-28,2,W1,4
2024-02-28,1,W2,2
";
/// Changes of balances.
const LEDGER: &str = "\
posted_on,account,change
2024-01-05,cash,100.00
2024-01-20,cash,-30.00
2024-01-20,bank,50.00
2024-03-02,cash,5.00
2024-05-01,bank,-20.00
";

const TABLES: [(&str, &str, &[&str]); 9] = [
    ("customers", CUSTOMERS, &["id"]),
    ("ledger", LEDGER, &[]),
    ("lines", LINES, &[]),
    ("orders", ORDERS, &["id"]),
    ("payments", PAYMENTS, &["id"]),
    ("product_tags", PRODUCT_TAGS, &[]),
    ("products", PRODUCTS, &["id"]),
    ("stock", STOCK, &[]),
    ("tags", TAGS, &["id"]),
];

/// The company's tables, and what is declared of them.
pub(crate) struct Books {
    world: World,
    pub(crate) catalog: Catalog,
}

impl Books {
    pub(crate) async fn open() -> Self {
        let world = World::new();
        let mut catalog = Catalog::default();
        for (load, (table, csv, key)) in TABLES.into_iter().enumerate() {
            let load = u128::try_from(load).unwrap() + 1;
            let mut entry = world.load_as(table, company(1), load, csv).await;
            entry.primary_key = key.iter().map(|column| name(column)).collect();
            catalog.tables.push(entry);
        }
        catalog.relationships = vec![
            relationship("customers_parent", "customers.parent_id", "customers.id"),
            relationship("lines_order", "lines.order_id", "orders.id"),
            relationship("lines_product", "lines.product_id", "products.id"),
            relationship("orders_customer", "orders.customer_id", "customers.id"),
            relationship("payments_customer", "payments.customer_id", "customers.id"),
            relationship("product_tags_product", "product_tags.product_id", "products.id"),
            relationship("product_tags_tag", "product_tags.tag_id", "tags.id"),
            relationship("stock_product", "stock.product_id", "products.id"),
        ];
        Self { world, catalog }
    }

    /// Orders know a second customer: two ways from orders to customers.
    pub(crate) fn with_two_ways(mut self) -> Self {
        let mut shipped = relationship("orders_ship_to", "orders.ship_to_id", "customers.id");
        shipped.label = Some("shipped to".to_owned());
        self.catalog.relationships.push(shipped);
        self.catalog.relationships.sort_by(|one, other| one.name.cmp(&other.name));
        self
    }

    pub(crate) fn declare(&mut self, declare: impl FnOnce(&mut Semantics)) {
        declare(&mut self.catalog.semantics);
    }

    pub(crate) async fn run(&self, ask: &Ask) -> Result<Answer, EngineError> {
        let access = Access::default();
        let scope = whole(1, &self.catalog, &access);
        run_in_process(&self.world.files, &scope, ask, ROW_LIMIT).await
    }

    /// The sentence that an Ask is refused with.
    pub(crate) async fn refusal(&self, ask: &Ask) -> String {
        match self.run(ask).await {
            Err(EngineError::Invalid { detail } | EngineError::Ambiguous { detail, .. }) => detail,
            other => panic!("it was not refused: {other:?}"),
        }
    }

    /// The rows of a statement, as DataFusion alone reads it.
    pub(crate) async fn reference(&self, sql: &str) -> Vec<String> {
        let config =
            SessionConfig::new().set_bool("datafusion.sql_parser.parse_float_as_decimal", true);
        let session = SessionContext::new_with_config(config);
        for entry in &self.catalog.tables {
            let (owner, table, version) = (company(1), &entry.name, entry.version);
            let path = format!("tables/companies/{owner}/tables/{table}/{version}/part-0.parquet");
            let path = self.world.folder.path().join(path);
            let options = ParquetReadOptions::default();
            session
                .register_parquet(table.as_str(), path.to_str().unwrap(), options)
                .await
                .unwrap();
        }
        let batches = session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
        let batches = batches.collect().await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
        let options = FormatOptions::new().with_null("∅");
        let mut rows = Vec::new();
        for batch in &batches {
            let columns = batch.columns().iter();
            let columns: Vec<_> =
                columns.map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
            for row in 0..batch.num_rows() {
                let cells: Vec<String> =
                    columns.iter().map(|column| column.value(row).to_string()).collect();
                rows.push(cells.join("|"));
            }
        }
        rows
    }
}

pub(crate) fn table_name(text: &str) -> TableName {
    TableName::parse(text).unwrap()
}

/// `orders.amount`; `>` parts the relationships that lead to it: `orders_customer>customers.region`.
pub(crate) fn at(text: &str) -> ColumnRef {
    let mut parts: Vec<&str> = text.split('>').collect();
    let (table, column) = parts.pop().unwrap().split_once('.').unwrap();
    let via = parts.into_iter().map(|part| part.parse().unwrap()).collect();
    ColumnRef { via, ..ColumnRef::new(table_name(table), name(column)) }
}

pub(crate) fn value(text: &str) -> Value {
    Value::Column(at(text))
}

pub(crate) fn output(text: &str) -> Value {
    Value::Output(name(text))
}

pub(crate) fn whole_number(number: i64) -> Value {
    Value::Literal(Literal::Integer(number))
}

pub(crate) fn arithmetic(operation: Operation, left: Value, right: Value) -> Value {
    Value::Arithmetic { operation, left: Box::new(left), right: Box::new(right) }
}

pub(crate) fn relationship(text: &str, from: &str, to: &str) -> Relationship {
    let (from, to) = (at(from), at(to));
    Relationship {
        name: text.parse().unwrap(),
        table: from.table,
        columns: vec![from.column],
        to: to.table,
        references: vec![to.column],
        one_to_one: false,
        known: Known::Declared,
        label: None,
        match_rate: None,
        orphans: None,
    }
}

/// An aggregate over a column of a table, or over its rows where only the table is named.
pub(crate) fn over(aggregate: Aggregate, of: &str) -> Aggregation {
    match of.split_once('.') {
        None => Aggregation::new(aggregate, table_name(of)),
        Some((table, _)) => over_table(aggregate, table, value(of)),
    }
}

/// An aggregate over a table's rows, of any value.
pub(crate) fn over_table(aggregate: Aggregate, table: &str, value: Value) -> Aggregation {
    Aggregation { value: Some(value), ..Aggregation::new(aggregate, table_name(table)) }
}

pub(crate) fn sum(of: &str) -> Aggregation {
    over(Aggregate::Sum, of)
}

pub(crate) fn count(table: &str) -> Aggregation {
    over(Aggregate::Count, table)
}

/// A column against a literal.
pub(crate) fn is(of: &str, comparison: pacioli_model::Comparison, literal: Literal) -> Predicate {
    Predicate::compare(at(of), comparison, literal)
}

pub(crate) fn not(predicate: Predicate) -> Predicate {
    Predicate::Not(Box::new(predicate))
}

/// An Ask about a table.
pub(crate) fn about(table: &str) -> Ask {
    Ask::about(table_name(table))
}

/// An Ask that grows over several tables.
pub(crate) trait GrowOver {
    fn with(self, output: &str, aggregation: Aggregation) -> Self;
    fn computed(self, output: &str, figure: Figure) -> Self;
    fn hide(self) -> Self;
    fn group(self, output: &str, of: &str) -> Self;
    fn key(self, output: &str, key: GroupKey) -> Self;
    fn period(self, output: &str, grain: TimeGrain) -> Self;
    fn days(self, from: &str, to: &str) -> Self;
    fn where_(self, filter: Predicate) -> Self;
    fn having(self, filter: Predicate) -> Self;
    fn sorted(self, output: &str, direction: Direction) -> Self;
}

impl GrowOver for Ask {
    fn with(self, output: &str, aggregation: Aggregation) -> Self {
        self.computed(output, Figure::Aggregate(aggregation))
    }

    fn computed(mut self, output: &str, figure: Figure) -> Self {
        self.measures.push(Measure::new(name(output), figure));
        self
    }

    /// Hides the last measure.
    fn hide(mut self) -> Self {
        self.measures.last_mut().unwrap().hidden = true;
        self
    }

    fn group(self, output: &str, of: &str) -> Self {
        self.key(output, GroupKey::Value(value(of)))
    }

    fn key(mut self, output: &str, key: GroupKey) -> Self {
        self.group_by.push(Grouping::new(name(output), key));
        self
    }

    fn period(self, output: &str, grain: TimeGrain) -> Self {
        self.key(output, GroupKey::Period { column: None, grain })
    }

    fn days(mut self, from: &str, to: &str) -> Self {
        let day = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        self.range = Some(pacioli_model::DayRange { from: day(from), to: day(to) });
        self
    }

    fn where_(mut self, filter: Predicate) -> Self {
        self.filter = Some(filter);
        self
    }

    fn having(mut self, filter: Predicate) -> Self {
        self.having = Some(filter);
        self
    }

    fn sorted(mut self, output: &str, direction: Direction) -> Self {
        self.order.push(OrderBy { name: name(output), direction });
        self
    }
}
