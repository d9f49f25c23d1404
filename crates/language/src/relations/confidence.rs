//! How likely a reading is right: whether everything that the question says is in the Ask, how well
//! the words fit what they were taken as, and how many other readings were nearly as good.
//!
//! The weights are those of a logistic regression over questions whose answers are known, of databases
//! that no rule was written for.

use std::collections::BTreeSet;

use pacioli_model::{
    Aggregate, Ask, Comparison, Decimal, Figure, Literal, Named, Predicate, Value,
};

use super::{
    build::Built,
    pieces::{Degree, Item, Mention, Piece},
    schema::Schema,
    vocabulary::Key,
};

/// What speaks for and against a reading, one number for each of [`WEIGHTS`].
pub(crate) type Evidence = [f64; WEIGHTS.len()];

/// Of the regression: the log-odds of a reading that nothing speaks against, and what one of each
/// piece of evidence adds, in the order of [`evidence`].
const BIAS: f64 = 2.65;
const WEIGHTS: [f64; 18] = [
    -1.46, -0.19, -0.93, -0.47, -0.16, -0.19, -0.33, -0.39, -0.11, -0.81, -0.83, 0.15, -0.26,
    -0.01, -1.22, -0.17, -0.99, -0.21,
];

/// The chance, 0 to 1, that the reading is the one that was meant.
pub(crate) fn confidence(evidence: &Evidence) -> f64 {
    let sum: f64 = evidence.iter().zip(WEIGHTS).map(|(one, weight)| one * weight).sum();
    1.0 / (1.0 + (-(BIAS + sum)).exp())
}

/// Weighs what the pieces of a question say against what the Ask does.
pub(crate) fn evidence(pieces: &[Piece], built: &Built, schema: &Schema<'_>) -> Evidence {
    let ask = &built.ask;
    let doubt: f64 = built.margins.values().map(|margin| (0.3 - margin).max(0.0)).sum();
    let contents = Contents::of(ask);
    let mentions = || {
        pieces.iter().filter_map(|piece| match &piece.item {
            Item::Mention(mention) => Some((piece, mention)),
            _ => None,
        })
    };
    let lowest = mentions().map(|(piece, _)| 1.0 - piece.quality).fold(0.0, f64::max);
    let lacking: f64 = mentions().map(|(piece, _)| 1.0 - piece.quality).sum();
    let lost = mentions().filter(|(_, mention)| !contents.has(mention, schema)).count();
    let missing = pieces.iter().filter(|piece| !contents.shows(&piece.item)).count();
    let verbs = pieces.iter().filter(|piece| piece.item == Item::Key(Key::Verb)).count();
    let values = mentions().filter(|(_, mention)| mention.only_values()).count();
    let unsaid = contents
        .tables
        .iter()
        .filter(|table| !mentions().any(|(_, mention)| names_table(mention, table, schema)))
        .count();
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let flag = |holds: bool| if holds { 1.0 } else { 0.0 };
    [
        lowest,
        lacking,
        count(lost),
        count(missing),
        count(verbs),
        count(values),
        count(unsaid),
        count(contents.tables.len().saturating_sub(1)),
        count(contents.nested),
        count(built.doubts().count()),
        count(pieces.len()) / 10.0,
        count(contents.conditions),
        flag(ask.limit.is_some()),
        flag(ask.filter.is_none() && ask.order.is_empty() && ask.having.is_none()),
        doubt,
        count(ask.outputs().count().saturating_sub(1)),
        flag(contents.led),
        flag(contents.tests_nulls),
    ]
}

/// The tables that an Ask is about.
pub(crate) fn tables_of(ask: &Ask) -> BTreeSet<&str> {
    Contents::of(ask).tables
}

/// Whether a mention may be of a table's rows.
fn names_table(mention: &Mention, name: &str, schema: &Schema<'_>) -> bool {
    mention.tables.iter().any(|(table, _)| schema.tables[*table].entry.name.as_str() == name)
}

/// What an Ask does, taken apart.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that an Ask does or not")]
struct Contents<'a> {
    tables: BTreeSet<&'a str>,
    columns: BTreeSet<(&'a str, &'a str)>,
    metrics: BTreeSet<&'a str>,
    texts: Vec<&'a str>,
    numbers: Vec<Decimal>,
    aggregates: Vec<Aggregate>,
    compares: bool,
    denies: bool,
    ranks: bool,
    orders: bool,
    lists: bool,
    days: bool,
    /// One of several ways is named.
    led: bool,
    tests_nulls: bool,
    nested: usize,
    conditions: usize,
}

impl<'a> Contents<'a> {
    fn of(ask: &'a Ask) -> Self {
        let mut contents = Self::default();
        for named in ask.names() {
            match named {
                Named::Column(column) => {
                    contents.tables.insert(column.table.as_str());
                    contents.columns.insert((column.table.as_str(), column.column.as_str()));
                }
                Named::Table(table) => {
                    contents.tables.insert(table.as_str());
                }
                Named::Metric(metric) => {
                    contents.metrics.insert(metric.as_str());
                }
                Named::Relationship(_) => contents.led = true,
                Named::Caller => {}
            }
        }
        contents.ask(ask);
        contents
    }

    fn ask(&mut self, ask: &'a Ask) {
        for measure in &ask.measures {
            if let Figure::Aggregate(aggregation) = &measure.figure {
                self.aggregates.push(aggregation.aggregate);
                aggregation.filter.iter().for_each(|filter| self.predicate(filter));
            }
        }
        self.ranks |= ask.limit.is_some();
        self.orders |= !ask.order.is_empty();
        self.lists |= ask.each_row;
        self.days |=
            ask.range.is_some() || ask.group_by.iter().any(|group| group.grain().is_some());
        self.numbers.extend(ask.limit.map(|limit| Decimal::new(i128::from(limit), 0)));
        ask.filter.iter().chain(&ask.having).for_each(|filter| self.predicate(filter));
    }

    fn value(&mut self, value: &'a Value) {
        match value {
            Value::Literal(Literal::Text(text)) => self.texts.push(text),
            Value::Literal(Literal::Integer(number)) => {
                self.numbers.push(Decimal::new(i128::from(*number), 0));
            }
            Value::Literal(Literal::Decimal(number)) => self.numbers.push(*number),
            Value::Literal(_) | Value::Part { .. } => self.days = true,
            Value::Figure(ask) => {
                self.nested += 1;
                self.ask(ask);
            }
            Value::Arithmetic { left, right, .. } => {
                self.value(left);
                self.value(right);
            }
            _ => {}
        }
    }

    fn predicate(&mut self, predicate: &'a Predicate) {
        match predicate {
            Predicate::All(parts) | Predicate::Any(parts) => {
                for part in parts {
                    self.predicate(part);
                }
            }
            Predicate::Not(part) => {
                self.denies = true;
                self.predicate(part);
            }
            Predicate::Compare { left, comparison, right } => {
                self.conditions += 1;
                self.compares |= *comparison != Comparison::Equal;
                self.denies |= *comparison == Comparison::NotEqual;
                self.value(left);
                self.value(right);
            }
            Predicate::OneOf { values, .. } => {
                self.conditions += 1;
                for value in values {
                    if let Literal::Text(text) = value {
                        self.texts.push(text);
                    }
                }
            }
            Predicate::Matches { text, .. } => {
                self.conditions += 1;
                self.texts.push(text);
            }
            Predicate::IsNull { .. } => {
                self.denies = true;
                self.tests_nulls = true;
            }
            Predicate::Among { ask, .. } => {
                self.nested += 1;
                self.ask(ask);
            }
            Predicate::Related { filter, .. } => {
                self.conditions += 1;
                if let Some(filter) = filter {
                    self.predicate(filter);
                }
            }
        }
    }

    /// Whether something that a mention may mean is there.
    fn has(&self, mention: &Mention, schema: &Schema<'_>) -> bool {
        let table = |table: usize| schema.tables[table].entry.name.as_str();
        let there = |column: usize| {
            let node = &schema.columns[column];
            self.columns.contains(&(table(node.table), node.column.name.as_str()))
        };
        let metrics = &schema.catalog.semantics.metrics;
        mention
            .columns
            .iter()
            .any(|(column, _)| there(*column) || there(schema.referenced(*column)))
            || mention.tables.iter().any(|(id, _)| self.tables.contains(table(*id)))
            || mention.values.iter().any(|(value, _)| self.texts.contains(&value.text.as_str()))
            || mention.metrics.iter().any(|metric| {
                metrics.get(*metric).is_some_and(|one| self.metrics.contains(one.name.as_str()))
            })
    }

    /// Whether what a word of the closed list, a number or a text asks for is there.
    fn shows(&self, item: &Item) -> bool {
        let measures =
            |aggregate: Aggregate| self.aggregates.contains(&aggregate) || !self.metrics.is_empty();
        let counts = || measures(Aggregate::Count) || measures(Aggregate::CountDistinct);
        let extreme = || self.ranks || measures(Aggregate::Min) || measures(Aggregate::Max);
        match item {
            Item::Key(key) => match key {
                Key::HowMany => counts() || measures(Aggregate::Sum) || self.lists,
                Key::Aggregate(Aggregate::Min | Aggregate::Max) | Key::Most(_) => extreme(),
                Key::Aggregate(aggregate) => measures(*aggregate),
                Key::Common(_) => self.ranks && counts(),
                Key::Distinct => counts() || !self.lists,
                Key::Compare(Comparison::Equal) => true,
                Key::Compare(Comparison::NotEqual) | Key::Not | Key::Empty => self.denies,
                Key::Compare(_) | Key::Between => self.compares || self.days,
                Key::Order | Key::Towards(_) | Key::OrderTowards(_) | Key::Alphabetical => {
                    self.orders
                }
                Key::Grain(_) | Key::Every(_) => self.days,
                Key::Text(_) => !self.texts.is_empty(),
                _ => true,
            },
            Item::Adjective { degree: Degree::Most, .. } => extreme(),
            Item::Adjective { degree: Degree::More, .. } => self.compares,
            Item::Number(number) => {
                self.numbers.contains(number)
                    || self.texts.contains(&number.to_string().as_str())
                    || self.days
                    || *number == Decimal::new(1, 0)
            }
            Item::Quoted(text, _) => {
                let text = text.to_lowercase();
                self.texts.iter().any(|known| known.to_lowercase().contains(&text))
            }
            Item::Days(_) => self.days,
            _ => true,
        }
    }
}
