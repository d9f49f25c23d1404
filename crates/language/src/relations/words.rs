//! An Ask in plain words, for people to check.

use pacioli_model::{
    Aggregate, Aggregation, Ask, Catalog, ColumnRef, Comparison, DatePart, Definition, Direction,
    Figure, GroupKey, Literal, Operation, Predicate, TableName, TextPlace, Value,
};

use crate::translation::{DateRange, Interpretation};

/// Describes an Ask. Every filter of it, those of its measures too, is named.
pub(crate) fn interpretation(ask: &Ask, catalog: &Catalog, notes: Vec<String>) -> Interpretation {
    let words = Words { catalog, home: &ask.table };
    let mut filters: Vec<String> = match &ask.filter {
        Some(Predicate::All(parts)) => parts.iter().map(|part| words.predicate(part)).collect(),
        Some(other) => vec![words.predicate(other)],
        None => Vec::new(),
    };
    filters.extend(ask.having.iter().map(|having| words.predicate(having)));
    let measures = ask.shown_measures().map(|measure| words.figure(&measure.figure)).collect();
    let groups =
        ask.group_by.iter().filter(|group| !group.hidden).map(|group| words.key(&group.key));
    // What was read already may be described once more after it is changed.
    let ranks: Vec<String> = words.ranks(ask).filter(|rank| !notes.contains(rank)).collect();
    Interpretation {
        table: ask.table.clone(),
        tables: tables_of(ask),
        measures,
        groups: groups.collect(),
        filters,
        date_range: words.date_range(ask),
        grain: ask.group_by.iter().find_map(pacioli_model::Grouping::grain),
        currency: None,
        as_of: None,
        notes: notes.into_iter().chain(ranks).collect(),
    }
}

/// All tables that an Ask reads, the first one first.
pub(crate) fn tables_of(ask: &Ask) -> Vec<TableName> {
    let mut tables = vec![ask.table.clone()];
    let mut add = |name: &TableName| {
        if !tables.contains(name) {
            tables.push(name.clone());
        }
    };
    for measure in &ask.measures {
        if let Some(aggregation) = measure.aggregation() {
            add(&aggregation.table);
            aggregation.column().iter().for_each(|column| add(&column.table));
        }
    }
    for group in &ask.group_by {
        group.column().iter().for_each(|column| add(&column.table));
    }
    if let Some(filter) = &ask.filter {
        tables_in(filter, &mut add);
    }
    tables
}

fn tables_in(filter: &Predicate, add: &mut dyn FnMut(&TableName)) {
    let value = |value: &Value, add: &mut dyn FnMut(&TableName)| match value {
        Value::Column(column) => add(&column.table),
        Value::Part { of, .. } => {
            if let Value::Column(column) = of.as_ref() {
                add(&column.table);
            }
        }
        _ => {}
    };
    match filter {
        Predicate::All(parts) | Predicate::Any(parts) => {
            for part in parts {
                tables_in(part, add);
            }
        }
        Predicate::Not(part) => tables_in(part, add),
        Predicate::Compare { left, right, .. } => {
            value(left, add);
            value(right, add);
        }
        Predicate::OneOf { value: of, .. }
        | Predicate::Matches { value: of, .. }
        | Predicate::IsNull { value: of } => value(of, add),
        Predicate::Among { ask, .. } => tables_of(ask).iter().for_each(add),
        Predicate::Related { table, filter, .. } => {
            add(table);
            if let Some(filter) = filter {
                tables_in(filter, add);
            }
        }
    }
}

struct Words<'a> {
    catalog: &'a Catalog,
    home: &'a TableName,
}

impl Words<'_> {
    /// The days that count, by the date of the first measure.
    fn date_range(&self, ask: &Ask) -> Option<DateRange> {
        let range = ask.range?;
        let declared =
            |metric| match self.catalog.semantics.metric(metric).map(|metric| &metric.definition) {
                Some(Definition::Aggregate(aggregation)) => aggregation.date.as_ref(),
                _ => None,
            };
        let date = ask.measures.iter().find_map(|measure| match &measure.figure {
            Figure::Aggregate(aggregation) => aggregation.date.as_ref(),
            Figure::Metric { metric, .. } => declared(metric),
            _ => None,
        })?;
        let words = crate::calendar::words(range.from, range.to);
        Some(DateRange { column: date.column.clone(), from: range.from, to: range.to, words })
    }

    fn column(&self, column: &ColumnRef) -> String {
        let own = column.table == *self.home;
        let name = if own {
            column.column.to_string()
        } else {
            format!("{}.{}", column.table, column.column)
        };
        let labels = column.via.iter().filter_map(|name| self.catalog.relationship(name)).map(
            |relationship| {
                relationship.label.clone().unwrap_or_else(|| {
                    relationship
                        .columns
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(" and ")
                })
            },
        );
        let via: Vec<String> = labels.collect();
        if via.is_empty() { name } else { format!("{name} (by {})", via.join(", ")) }
    }

    fn figure(&self, figure: &Figure) -> String {
        match figure {
            Figure::Aggregate(aggregation) => self.aggregation(aggregation),
            Figure::Metric { metric, shift } => {
                let declared = self.catalog.semantics.metric(metric);
                let label =
                    declared.map_or_else(|| metric.to_string(), |metric| metric.label.clone());
                let description = declared
                    .map(|metric| metric.description.as_str())
                    .filter(|text| !text.is_empty());
                let described =
                    description.map_or_else(|| label.clone(), |text| format!("{label} ({text})"));
                match shift {
                    Some(shift) => {
                        format!("{described}, {}", shift_words(shift.months, shift.days))
                    }
                    None => described,
                }
            }
            Figure::Calculation(value) => self.value(value),
            Figure::Share { of, within } => format!("share of {of}{}", within_words(within)),
            Figure::Running { of, within } => {
                format!("running total of {of}{}", within_words(within))
            }
            Figure::Across { aggregate, of, within } => {
                format!("{} of {of}{}", aggregate_word(*aggregate), within_words(within))
            }
        }
    }

    fn aggregation(&self, aggregation: &Aggregation) -> String {
        let of = match &aggregation.value {
            Some(value) => self.value(value),
            None => format!("rows of {}", aggregation.table),
        };
        let mut words = format!("{} of {of}", aggregate_word(aggregation.aggregate));
        if let Some(filter) = &aggregation.filter {
            words = format!("{words} where {}", self.predicate(filter));
        }
        if let Some(shift) = &aggregation.shift {
            words = format!("{words}, {}", shift_words(shift.months, shift.days));
        }
        words
    }

    fn key(&self, key: &GroupKey) -> String {
        match key {
            GroupKey::Value(value) => self.value(value),
            GroupKey::Period { column, grain } => {
                let of =
                    column.as_ref().map_or_else(|| "date".to_owned(), |column| self.column(column));
                format!("{of} by {}", grain.as_str())
            }
            GroupKey::Bucket { value, edges } => {
                let edges: Vec<String> = edges.iter().map(ToString::to_string).collect();
                format!("{} in buckets from {}", self.value(value), edges.join(", "))
            }
        }
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::Column(column) => self.column(column),
            Value::Literal(literal) => literal_words(literal),
            Value::Output(name) => name.to_string(),
            Value::Metric(name) => name.to_string(),
            Value::Arithmetic { operation, left, right } => {
                let sign = match operation {
                    Operation::Add => "+",
                    Operation::Subtract => "-",
                    Operation::Multiply => "×",
                    Operation::Divide => "/",
                };
                format!("({} {sign} {})", self.value(left), self.value(right))
            }
            Value::Days { from, to } => {
                format!("days from {} to {}", self.value(from), self.value(to))
            }
            Value::Part { part, of } => format!("{} of {}", part_word(*part), self.value(of)),
            Value::Figure(ask) => self.figure_of(ask),
            Value::Caller(_) => "who asks".to_owned(),
        }
    }

    fn figure_of(&self, ask: &Ask) -> String {
        let words = Words { catalog: self.catalog, home: &ask.table };
        let of = ask.shown_measures().map(|measure| words.figure(&measure.figure));
        let of: Vec<String> =
            of.chain(ask.shown_groups().map(|group| words.key(&group.key))).collect();
        let filter = ask
            .filter
            .as_ref()
            .map_or_else(String::new, |filter| format!(" where {}", words.predicate(filter)));
        let rank: Vec<String> = words.ranks(ask).collect();
        let rank = if rank.is_empty() { String::new() } else { format!(" ({})", rank.join(" ")) };
        format!("the {}{filter}{rank}", of.join(" and "))
    }

    fn predicate(&self, predicate: &Predicate) -> String {
        let join = |parts: &[Predicate], word: &str| {
            let parts: Vec<String> = parts.iter().map(|part| self.predicate(part)).collect();
            parts.join(word)
        };
        match predicate {
            Predicate::All(parts) => join(parts, " and "),
            Predicate::Any(parts) => join(parts, " or "),
            Predicate::Not(part) => self.denied(part),
            Predicate::Compare { left, comparison, right } => {
                format!(
                    "{} {} {}",
                    self.value(left),
                    comparison_words(*comparison),
                    self.value(right)
                )
            }
            Predicate::OneOf { value, values } => {
                let values: Vec<String> = values.iter().map(literal_words).collect();
                format!("{} is {}", self.value(value), values.join(" or "))
            }
            Predicate::Matches { value, place, text } => {
                let verb = match place {
                    TextPlace::Anywhere => "contains",
                    TextPlace::Start => "starts with",
                    TextPlace::End => "ends with",
                };
                format!("{} {verb} \"{text}\"", self.value(value))
            }
            Predicate::IsNull { value } => format!("{} is empty", self.value(value)),
            Predicate::Among { values, ask } => {
                let values: Vec<String> = values.iter().map(|value| self.value(value)).collect();
                let having = ask.having.as_ref().map_or_else(String::new, |having| {
                    format!(" having {}", self.predicate(having))
                });
                format!("{} is one of {}{having}", values.join(", "), self.figure_of(ask))
            }
            Predicate::Related { table, filter, .. } => {
                let words = Words { catalog: self.catalog, home: table };
                let filter = filter.as_ref().map_or_else(String::new, |filter| {
                    format!(" where {}", words.predicate(filter))
                });
                format!("has {table}{filter}")
            }
        }
    }

    fn denied(&self, part: &Predicate) -> String {
        match part {
            Predicate::IsNull { value } => format!("{} is not empty", self.value(value)),
            Predicate::Compare { left, comparison: Comparison::Equal, right } => {
                format!("{} is not {}", self.value(left), self.value(right))
            }
            Predicate::Related { .. } => self.predicate(part).replacen("has ", "has no ", 1),
            other => format!("not ({})", self.predicate(other)),
        }
    }

    /// What is shown of many rows.
    fn ranks(&self, ask: &Ask) -> impl Iterator<Item = String> {
        let by = ask.order.first().map(|order| {
            let hidden =
                ask.measures.iter().find(|measure| measure.name == order.name && measure.hidden);
            let group = ask.group_by.iter().find(|group| group.name == order.name && group.hidden);
            let what = hidden
                .map(|measure| self.figure(&measure.figure))
                .or_else(|| group.map(|group| self.key(&group.key)))
                .unwrap_or_else(|| order.name.to_string());
            let end = if order.direction == Direction::Descending { "greatest" } else { "least" };
            (what, end)
        });
        let limit = ask
            .limit
            .zip(by)
            .map(|(limit, (what, end))| format!("Only the {limit} with the {end} {what}."));
        limit.into_iter()
    }
}

fn within_words(within: &[pacioli_model::ColumnName]) -> String {
    let names: Vec<String> = within.iter().map(ToString::to_string).collect();
    if names.is_empty() { String::new() } else { format!(" within {}", names.join(", ")) }
}

fn shift_words(months: u32, days: u32) -> String {
    match (months, days) {
        (12, 0) => "the year before".to_owned(),
        (1, 0) => "the month before".to_owned(),
        (3, 0) => "the quarter before".to_owned(),
        (0, 7) => "the week before".to_owned(),
        (0, days) => format!("{days} days before"),
        (months, 0) => format!("{months} months before"),
        (months, days) => format!("{months} months and {days} days before"),
    }
}

fn aggregate_word(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Count => "number",
        Aggregate::CountDistinct => "number of different values",
        Aggregate::Sum => "sum",
        Aggregate::Average => "average",
        Aggregate::Min => "minimum",
        Aggregate::Max => "maximum",
    }
}

fn comparison_words(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "is",
        Comparison::NotEqual => "is not",
        Comparison::Less => "is less than",
        Comparison::LessOrEqual => "is at most",
        Comparison::Greater => "is more than",
        Comparison::GreaterOrEqual => "is at least",
    }
}

fn part_word(part: DatePart) -> &'static str {
    match part {
        DatePart::Year => "year",
        DatePart::Quarter => "quarter",
        DatePart::Month => "month",
        DatePart::Week => "week",
        DatePart::Day => "day",
        DatePart::Weekday => "weekday",
        DatePart::Hour => "hour",
    }
}

fn literal_words(literal: &Literal) -> String {
    match literal {
        Literal::Boolean(value) => if *value { "yes" } else { "no" }.to_owned(),
        Literal::Integer(value) => value.to_string(),
        Literal::Decimal(value) => value.to_string(),
        Literal::Text(value) => value.clone(),
        Literal::Date(value) => value.to_string(),
        Literal::Timestamp(value) => value.to_rfc3339(),
    }
}
