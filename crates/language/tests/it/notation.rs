//! An Ask on one line: `sales: sum(amount) by region where country = Germany order total_amount desc, region limit 5`.

use pacioli_model::{
    Aggregate, Ask, ColumnRef, Comparison, Direction, Grouping, Literal, Measure, Predicate,
    TimeGrain, Value,
};

pub(crate) fn line(ask: &Ask) -> String {
    let mut parts = vec![format!("{}:", ask.table)];
    let join = |parts: Vec<String>| parts.join(", ");
    if ask.each_row {
        parts.push("rows".to_owned());
    } else if ask.measures.is_empty() {
        parts.push("list".to_owned());
    } else {
        parts.push(join(ask.measures.iter().map(measure).collect()));
    }
    if !ask.group_by.is_empty() {
        parts.push(format!("by {}", join(ask.group_by.iter().map(group).collect())));
    }
    if let Some(filter) = &ask.filter {
        parts.push(format!("where {}", predicate(filter)));
    }
    if !ask.order.is_empty() {
        let order = ask.order.iter().map(|order| match order.direction {
            Direction::Ascending => order.name.to_string(),
            Direction::Descending => format!("{} desc", order.name),
        });
        parts.push(format!("order {}", join(order.collect())));
    }
    if let Some(limit) = ask.limit {
        parts.push(format!("limit {limit}"));
    }
    parts.join(" ")
}

fn measure(measure: &Measure) -> String {
    let Some(aggregation) = measure.aggregation() else { return format!("{:?}", measure.figure) };
    let name = match aggregation.aggregate {
        Aggregate::Count => "count",
        Aggregate::CountDistinct => "distinct",
        Aggregate::Sum => "sum",
        Aggregate::Average => "average",
        Aggregate::Min => "min",
        Aggregate::Max => "max",
    };
    let column = aggregation.column().map(column);
    column.map_or(name.to_owned(), |column| format!("{name}({column})"))
}

fn group(group: &Grouping) -> String {
    let of = group.column().map_or_else(String::new, column);
    let grain = match group.grain() {
        None => return of,
        Some(TimeGrain::Day) => "day",
        Some(TimeGrain::Week) => "week",
        Some(TimeGrain::Month) => "month",
        Some(TimeGrain::Quarter) => "quarter",
        Some(TimeGrain::Year) => "year",
    };
    format!("{grain}({of})")
}

fn column(column: &ColumnRef) -> String {
    column.column.to_string()
}

fn value(value: &Value) -> String {
    match value {
        Value::Column(of) => column(of),
        Value::Literal(value) => literal(value),
        other => format!("{other:?}"),
    }
}

fn predicate(filter: &Predicate) -> String {
    let nested = |part: &Predicate| match part {
        Predicate::All(_) | Predicate::Any(_) => format!("({})", predicate(part)),
        _ => predicate(part),
    };
    match filter {
        Predicate::All(parts) => parts.iter().map(nested).collect::<Vec<_>>().join(" and "),
        Predicate::Any(parts) => parts.iter().map(nested).collect::<Vec<_>>().join(" or "),
        Predicate::Not(part) => format!("not {}", nested(part)),
        Predicate::IsNull { value: of } => format!("{} is null", value(of)),
        Predicate::OneOf { value: of, values } => {
            let of = value(of);
            format!("{of} in [{}]", values.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        Predicate::Compare { left, comparison, right } => {
            let sign = match comparison {
                Comparison::Equal => "=",
                Comparison::NotEqual => "!=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("{} {sign} {}", value(left), value(right))
        }
        other => format!("{other:?}"),
    }
}

fn literal(value: &Literal) -> String {
    match value {
        Literal::Boolean(value) => value.to_string(),
        Literal::Integer(value) => value.to_string(),
        Literal::Decimal(value) => value.to_string(),
        Literal::Text(value) => value.clone(),
        Literal::Date(value) => value.to_string(),
        Literal::Timestamp(value) => value.to_rfc3339(),
    }
}
