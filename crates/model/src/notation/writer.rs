//! Meaning to words: what is read back is the same.

use chrono::SecondsFormat;

use super::{NotWritable, RESERVED};
use crate::{
    Aggregate, Aggregation, CallerAttribute, ColumnRef, Comparison, DatePart, Definition, Literal,
    Named, Operation, OverTime, Predicate, RelationshipName, TableName, TextPlace, Value,
};

type Written = Result<String, NotWritable>;

/// How tightly a part holds together: brackets stand around what holds less than its place asks for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    Or,
    And,
    Not,
    Compared,
    Sum,
    Product,
    Signed,
    Single,
}

pub(super) fn definition(definition: &Definition) -> Written {
    match definition {
        Definition::Calculation(given) => Writer { home: None }.value(given, Hold::Sum),
        Definition::Aggregate(given) => Writer { home: None }.aggregation(given),
    }
}

pub(super) fn predicate(predicate: &Predicate, table: &TableName) -> Written {
    if *predicate == Predicate::All(Vec::new()) {
        return Ok("all rows".to_owned());
    }
    Writer { home: Some(table) }.predicate(predicate, Hold::Or)
}

pub(super) fn column(column: &ColumnRef) -> String {
    Writer { home: None }.column(column)
}

struct Writer<'a> {
    /// Whose columns stand without their table.
    home: Option<&'a TableName>,
}

impl Writer<'_> {
    fn aggregation(&self, given: &Aggregation) -> Written {
        if given.shift.is_some() {
            return Err(NotWritable("an aggregate of earlier days"));
        }
        let (name, distinct) = match given.aggregate {
            Aggregate::Count => ("count", ""),
            Aggregate::CountDistinct => ("count", "distinct "),
            Aggregate::Sum => ("sum", ""),
            Aggregate::Average => ("average", ""),
            Aggregate::Min => ("min", ""),
            Aggregate::Max => ("max", ""),
        };
        let inside = match &given.value {
            Some(value) => self.value(value, Hold::Sum)?,
            None => word(given.table.as_str()),
        };
        let mut text = format!("{name}({distinct}{inside})");
        if !tells_table(given) {
            text += " from ";
            text += &word(given.table.as_str());
        }
        if let Some(filter) = &given.filter {
            text += " where ";
            text += &self.predicate(filter, Hold::Or)?;
        }
        if let Some(date) = &given.date {
            text += " on ";
            text += &self.column(date);
        }
        text.push_str(match given.over_time {
            OverTime::Within => "",
            OverTime::Snapshot => " as snapshot",
            OverTime::ToDate => " as balance",
        });
        Ok(text)
    }

    fn predicate(&self, given: &Predicate, place: Hold) -> Written {
        let (text, hold) = match given {
            Predicate::All(parts) => (self.joined(parts, " and ", Hold::Not)?, Hold::And),
            Predicate::Any(parts) => (self.joined(parts, " or ", Hold::And)?, Hold::Or),
            Predicate::Not(inner) => self.negated(inner)?,
            Predicate::Compare { left, comparison, right } => {
                let (left, right) = (self.value(left, Hold::Sum)?, self.value(right, Hold::Sum)?);
                (format!("{left} {} {right}", sign(*comparison)), Hold::Compared)
            }
            Predicate::OneOf { .. } | Predicate::Matches { .. } | Predicate::IsNull { .. } => {
                (self.test(given, "")?, Hold::Compared)
            }
            Predicate::Related { table, via, filter } => {
                let inner = Writer { home: self.home.map(|_| table) };
                let filter = match filter {
                    Some(filter) => format!(" where {}", inner.predicate(filter, Hold::Or)?),
                    None => String::new(),
                };
                let table = word(table.as_str());
                (format!("exists({table}{}{filter})", path(via)), Hold::Single)
            }
            Predicate::Among { .. } => return Err(NotWritable("a condition on another answer")),
        };
        Ok(if hold < place { format!("({text})") } else { text })
    }

    fn joined(&self, parts: &[Predicate], word: &str, place: Hold) -> Written {
        if parts.len() < 2 {
            return Err(NotWritable("a condition without parts"));
        }
        let parts: Result<Vec<_>, _> = parts.iter().map(|it| self.predicate(it, place)).collect();
        Ok(parts?.join(word))
    }

    /// `not` goes inside, where that is how people say it.
    fn negated(&self, inner: &Predicate) -> Result<(String, Hold), NotWritable> {
        Ok(match inner {
            Predicate::OneOf { .. } | Predicate::Matches { .. } | Predicate::IsNull { .. } => {
                (self.test(inner, "not ")?, Hold::Compared)
            }
            other => (format!("not {}", self.predicate(other, Hold::Not)?), Hold::Not),
        })
    }

    fn test(&self, given: &Predicate, not: &str) -> Written {
        Ok(match given {
            Predicate::OneOf { value, values } => {
                let values: Vec<_> = values.iter().map(literal).collect();
                let value = self.value(value, Hold::Sum)?;
                format!("{value} {not}in ({})", values.join(", "))
            }
            Predicate::Matches { value, place, text } => {
                let place = match place {
                    TextPlace::Anywhere => "contains",
                    TextPlace::Start => "starts with",
                    TextPlace::End => "ends with",
                };
                format!("{} {not}{place} {}", self.value(value, Hold::Sum)?, quoted(text))
            }
            Predicate::IsNull { value } => {
                format!("{} is {not}null", self.value(value, Hold::Sum)?)
            }
            _ => return Err(NotWritable("this condition")),
        })
    }

    fn value(&self, given: &Value, place: Hold) -> Written {
        let (text, hold) = match given {
            Value::Column(column) => (self.column(column), Hold::Single),
            Value::Literal(given) => (literal(given), Hold::Single),
            Value::Metric(metric) => (word(metric.as_str()), Hold::Single),
            Value::Caller(attribute) => {
                let attribute = match attribute {
                    CallerAttribute::Email => "email",
                    CallerAttribute::UserId => "id",
                };
                (format!("caller.{attribute}"), Hold::Single)
            }
            Value::Days { from, to } => {
                let (from, to) = (self.value(from, Hold::Sum)?, self.value(to, Hold::Sum)?);
                (format!("days({from}, {to})"), Hold::Single)
            }
            Value::Part { part, of } => {
                (format!("{}({})", part_name(*part), self.value(of, Hold::Sum)?), Hold::Single)
            }
            Value::Arithmetic { operation, left, right } => {
                self.arithmetic(*operation, left, right)?
            }
            Value::Output(_) => return Err(NotWritable("an output of an answer")),
            Value::Figure(_) => return Err(NotWritable("the value of another answer")),
        };
        Ok(if hold < place { format!("({text})") } else { text })
    }

    fn arithmetic(
        &self,
        operation: Operation,
        left: &Value,
        right: &Value,
    ) -> Result<(String, Hold), NotWritable> {
        let is_minus = operation == Operation::Subtract
            && *left == Value::Literal(Literal::Integer(0))
            && !matches!(right, Value::Literal(Literal::Integer(_) | Literal::Decimal(_)));
        if is_minus {
            return Ok((format!("-{}", self.value(right, Hold::Signed)?), Hold::Signed));
        }
        let (sign, hold, tighter) = match operation {
            Operation::Add => ("+", Hold::Sum, Hold::Product),
            Operation::Subtract => ("-", Hold::Sum, Hold::Product),
            Operation::Multiply => ("*", Hold::Product, Hold::Signed),
            Operation::Divide => ("/", Hold::Product, Hold::Signed),
        };
        let (left, right) = (self.value(left, hold)?, self.value(right, tighter)?);
        Ok((format!("{left} {sign} {right}"), hold))
    }

    fn column(&self, given: &ColumnRef) -> String {
        let via = path(&given.via);
        if self.home == Some(&given.table) {
            return format!("{}{via}", word(given.column.as_str()));
        }
        // After a point, every word is a name.
        format!("{}.{}{via}", word(given.table.as_str()), given.column)
    }
}

/// Whether what is aggregated tells whose rows count.
fn tells_table(given: &Aggregation) -> bool {
    let Some(value) = &given.value else { return true };
    let calculation = Definition::Calculation(value.clone());
    let mut tables = calculation.names().into_iter().filter_map(|named| match named {
        Named::Column(column) => Some(column.table.clone()),
        _ => None,
    });
    let first = tables.next();
    first.as_ref() == Some(&given.table) && tables.all(|table| table == given.table)
}

fn path(via: &[RelationshipName]) -> String {
    if via.is_empty() {
        return String::new();
    }
    let names: Vec<_> = via.iter().map(|name| word(name.as_str())).collect();
    format!(" via {}", names.join("."))
}

fn word(name: &str) -> String {
    if RESERVED.contains(&name) { format!("\"{name}\"") } else { name.to_owned() }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn literal(given: &Literal) -> String {
    match given {
        Literal::Boolean(value) => value.to_string(),
        Literal::Integer(value) => value.to_string(),
        Literal::Decimal(value) => value.to_string(),
        Literal::Text(text) => quoted(text),
        Literal::Date(day) => format!("date '{day}'"),
        Literal::Timestamp(moment) => {
            format!("timestamp '{}'", moment.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        }
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

fn part_name(part: DatePart) -> &'static str {
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
