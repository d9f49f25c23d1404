//! An Ask as the SELECT that a model is to write for it.

use std::fmt::Write as _;

use pacioli_language::model::written;
use pacioli_model::{
    Aggregate, Aggregation, Ask, Catalog, ColumnName, ColumnRef, Comparison, DatePart, Direction,
    Figure, GroupKey, Literal, Predicate, TableName, TextPlace, Value,
};

/// The statement, with its semicolon; nothing where the grammar of models cannot say the Ask.
pub fn statement(ask: &Ask, catalog: &Catalog) -> Option<String> {
    Some(format!("{};", select(ask, catalog)?))
}

fn select(ask: &Ask, catalog: &Catalog) -> Option<String> {
    if ask.range.is_some() || !ask.limit_per.is_empty() {
        return None;
    }
    let writer = Writer { ask, others: others(ask)?, catalog };
    let mut items: Vec<String> = Vec::new();
    for group in ask.shown_groups() {
        items.push(writer.key(&group.key)?);
    }
    for measure in ask.shown_measures() {
        items.push(writer.figure(&measure.figure)?);
    }
    let grouped = !ask.each_row && !ask.measures.is_empty();
    let distinct = if ask.each_row || grouped { "" } else { "DISTINCT " };
    let mut text = format!("SELECT {distinct}{}{}", items.join(", "), writer.from()?);
    if let Some(filter) = &ask.filter {
        text.push_str(" WHERE ");
        text.push_str(&writer.predicate(filter)?);
    }
    if grouped && !ask.group_by.is_empty() {
        let keys = ask.group_by.iter().map(|group| writer.key(&group.key));
        text.push_str(" GROUP BY ");
        text.push_str(&keys.collect::<Option<Vec<_>>>()?.join(", "));
    }
    if let Some(having) = &ask.having {
        text.push_str(" HAVING ");
        text.push_str(&writer.predicate(having)?);
    }
    let mut keys = Vec::new();
    for order in &ask.order {
        let end = if order.direction == Direction::Descending { " DESC" } else { "" };
        keys.push(format!("{}{end}", writer.output(&order.name)?));
    }
    if !keys.is_empty() {
        text.push_str(" ORDER BY ");
        text.push_str(&keys.join(", "));
    }
    if let Some(limit) = ask.limit {
        let _ = write!(text, " LIMIT {limit}");
    }
    Some(text)
}

struct Writer<'a> {
    ask: &'a Ask,
    /// Tables that are joined to the one that it is about.
    others: Vec<&'a TableName>,
    catalog: &'a Catalog,
}

impl Writer<'_> {
    fn from(&self) -> Option<String> {
        let base = &self.ask.table;
        let mut text = format!(" FROM {}", written(base.as_str()));
        for other in &self.others {
            let step = self.catalog.references_of(base).find(|one| one.to == **other)?;
            let pairs = step.columns.iter().zip(&step.references);
            let on: Vec<String> = pairs
                .map(|(from, to)| format!("{} = {}", qualified(base, from), qualified(other, to)))
                .collect();
            let _ = write!(text, " JOIN {} ON {}", written(other.as_str()), on.join(" AND "));
        }
        Some(text)
    }

    fn column(&self, column: &ColumnRef) -> String {
        if self.others.is_empty() {
            written(column.column.as_str())
        } else {
            qualified(&column.table, &column.column)
        }
    }

    fn key(&self, key: &GroupKey) -> Option<String> {
        match key {
            GroupKey::Value(value) => self.value(value),
            GroupKey::Period { column: Some(column), grain } => {
                let grain = grain.as_str();
                Some(format!("DATE_TRUNC('{grain}', {})", self.column(column)))
            }
            GroupKey::Period { column: None, .. } | GroupKey::Bucket { .. } => None,
        }
    }

    fn figure(&self, figure: &Figure) -> Option<String> {
        let Figure::Aggregate(aggregation) = figure else { return None };
        let Aggregation { aggregate, value, filter: None, date: None, shift: None, .. } =
            aggregation
        else {
            return None;
        };
        let Some(value) = value else {
            return (*aggregate == Aggregate::Count).then(|| "COUNT(*)".to_owned());
        };
        let value = self.value(value)?;
        Some(match aggregate {
            Aggregate::Count => format!("COUNT({value})"),
            Aggregate::CountDistinct => format!("COUNT(DISTINCT {value})"),
            Aggregate::Sum => format!("SUM({value})"),
            Aggregate::Average => format!("AVG({value})"),
            Aggregate::Min => format!("MIN({value})"),
            Aggregate::Max => format!("MAX({value})"),
        })
    }

    /// What an output is computed by.
    fn output(&self, name: &ColumnName) -> Option<String> {
        if let Some(group) = self.ask.group_by.iter().find(|group| group.name == *name) {
            return self.key(&group.key);
        }
        let measure = self.ask.measures.iter().find(|measure| measure.name == *name)?;
        self.figure(&measure.figure)
    }

    fn value(&self, value: &Value) -> Option<String> {
        match value {
            Value::Column(column) => Some(self.column(column)),
            Value::Literal(literal) => written_literal(literal),
            Value::Output(name) => self.output(name),
            Value::Part { part, of } => {
                let part = match part {
                    DatePart::Year => "YEAR",
                    DatePart::Quarter => "QUARTER",
                    DatePart::Month => "MONTH",
                    DatePart::Week => "WEEK",
                    DatePart::Day => "DAY",
                    DatePart::Hour => "HOUR",
                    DatePart::Weekday => return None,
                };
                Some(format!("EXTRACT({part} FROM {})", self.value(of)?))
            }
            Value::Figure(ask) => Some(format!("({})", select(ask, self.catalog)?)),
            Value::Arithmetic { .. } | Value::Days { .. } | Value::Metric(_) | Value::Caller(_) => {
                None
            }
        }
    }

    fn predicate(&self, predicate: &Predicate) -> Option<String> {
        let joined = |parts: &[Predicate], word: &str| {
            let parts = parts.iter().map(|part| match part {
                Predicate::All(_) | Predicate::Any(_) => {
                    self.predicate(part).map(|text| format!("({text})"))
                }
                part => self.predicate(part),
            });
            Some(parts.collect::<Option<Vec<_>>>()?.join(word))
        };
        match predicate {
            Predicate::All(parts) => joined(parts, " AND "),
            Predicate::Any(parts) => joined(parts, " OR "),
            Predicate::Not(inner) => match inner.as_ref() {
                Predicate::Among { .. } => self.among(inner, " NOT IN "),
                _ => None,
            },
            Predicate::Among { .. } => self.among(predicate, " IN "),
            Predicate::Compare { left, comparison, right } => {
                let sign = match comparison {
                    Comparison::Equal => "=",
                    Comparison::NotEqual => "!=",
                    Comparison::Less => "<",
                    Comparison::LessOrEqual => "<=",
                    Comparison::Greater => ">",
                    Comparison::GreaterOrEqual => ">=",
                };
                Some(format!("{} {sign} {}", self.value(left)?, self.value(right)?))
            }
            Predicate::Matches { value, place, text } => {
                let text = quoted(text);
                let pattern = match place {
                    TextPlace::Start => format!("{text}%"),
                    TextPlace::End => format!("%{text}"),
                    TextPlace::Anywhere => format!("%{text}%"),
                };
                Some(format!("{} LIKE '{pattern}'", self.value(value)?))
            }
            Predicate::OneOf { .. } | Predicate::IsNull { .. } | Predicate::Related { .. } => None,
        }
    }

    fn among(&self, among: &Predicate, word: &str) -> Option<String> {
        let Predicate::Among { values, ask } = among else { return None };
        let [value] = values.as_slice() else { return None };
        Some(format!("{}{word}({})", self.value(value)?, select(ask, self.catalog)?))
    }
}

fn written_literal(literal: &Literal) -> Option<String> {
    Some(match literal {
        Literal::Boolean(true) => "TRUE".to_owned(),
        Literal::Boolean(false) => "FALSE".to_owned(),
        Literal::Integer(number) => number.to_string(),
        Literal::Decimal(number) => number.to_string(),
        Literal::Text(text) => format!("'{}'", quoted(text)),
        Literal::Date(day) => format!("DATE '{day}'"),
        Literal::Timestamp(_) => return None,
    })
}

fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

fn qualified(table: &TableName, column: &ColumnName) -> String {
    format!("{}.{}", written(table.as_str()), written(column.as_str()))
}

/// The tables that the Ask's columns are of, its own apart; the Asks in it have their own.
fn others(ask: &Ask) -> Option<Vec<&TableName>> {
    let mut columns = Vec::new();
    for group in &ask.group_by {
        columns.push(group.column()?);
    }
    for measure in &ask.measures {
        columns.extend(measure.aggregation()?.column());
    }
    if let Some(filter) = &ask.filter {
        of_predicate(filter, &mut columns);
    }
    let mut others: Vec<&TableName> = Vec::new();
    for column in columns {
        if column.table != ask.table && !others.contains(&&column.table) {
            others.push(&column.table);
        }
    }
    Some(others)
}

fn of_predicate<'a>(predicate: &'a Predicate, columns: &mut Vec<&'a ColumnRef>) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            for part in parts {
                of_predicate(part, columns);
            }
        }
        Predicate::Not(inner) => of_predicate(inner, columns),
        Predicate::Compare { left, right, .. } => {
            of_value(left, columns);
            of_value(right, columns);
        }
        Predicate::Among { values, .. } => {
            for value in values {
                of_value(value, columns);
            }
        }
        Predicate::OneOf { value, .. }
        | Predicate::Matches { value, .. }
        | Predicate::IsNull { value } => of_value(value, columns),
        Predicate::Related { .. } => {}
    }
}

fn of_value<'a>(value: &'a Value, columns: &mut Vec<&'a ColumnRef>) {
    match value {
        Value::Column(column) => columns.push(column),
        Value::Part { of, .. } => of_value(of, columns),
        _ => {}
    }
}
