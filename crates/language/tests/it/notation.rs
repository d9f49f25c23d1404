//! An Ask on one line: `sales: sum(amount) by region where country = Germany order total_amount desc, region limit 5`.

use pacioli_model::{
    Aggregate, Aggregation, Ask, ColumnRef, Comparison, Direction, Figure, Grouping, Literal,
    Measure, Operation, Predicate, Shift, TimeGrain, Value,
};

pub(crate) fn line(ask: &Ask) -> String {
    let own = format!("{}.", ask.table);
    qualified(ask).replace(&own, "")
}

/// With every column's table.
fn qualified(ask: &Ask) -> String {
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
    if let Some(range) = &ask.range {
        let day = |day: Option<chrono::NaiveDate>| day.map_or(String::new(), |day| day.to_string());
        parts.push(format!("days {}..{}", day(range.from), day(range.to)));
    }
    if let Some(having) = &ask.having {
        parts.push(format!("having {}", predicate(having)));
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
        if !ask.limit_per.is_empty() {
            let per = ask.limit_per.iter().map(ToString::to_string).collect::<Vec<_>>();
            parts.push(format!("per {}", per.join(", ")));
        }
    }
    parts.join(" ")
}

fn measure(measure: &Measure) -> String {
    let shown = figure(&measure.figure);
    if measure.hidden { format!("({shown})") } else { shown }
}

fn figure(figure: &Figure) -> String {
    match figure {
        Figure::Aggregate(aggregation) => aggregated(aggregation),
        Figure::Metric { metric, shift } => {
            format!("{metric}{}", shift.map_or(String::new(), shifted))
        }
        Figure::Calculation(of) => value(of),
        Figure::Share { of, .. } => format!("share({of})"),
        Figure::Running { of, .. } => format!("running({of})"),
        Figure::Across { aggregate, of, .. } => format!("{aggregate:?}({of})"),
    }
}

fn shifted(shift: Shift) -> String {
    format!("[-{}m{}d]", shift.months, shift.days)
}

fn aggregated(aggregation: &Aggregation) -> String {
    let name = match aggregation.aggregate {
        Aggregate::Count => "count",
        Aggregate::CountDistinct => "distinct",
        Aggregate::Sum => "sum",
        Aggregate::Average => "average",
        Aggregate::Min => "min",
        Aggregate::Max => "max",
    };
    let column = aggregation.column().map(column);
    let mut shown = column.map_or(name.to_owned(), |column| format!("{name}({column})"));
    if let Some(filter) = &aggregation.filter {
        shown = format!("{shown} if {}", predicate(filter));
    }
    shown + &aggregation.shift.map_or(String::new(), shifted)
}

fn group(group: &Grouping) -> String {
    let shown = grouped(group);
    if group.hidden { format!("({shown})") } else { shown }
}

fn grouped(group: &Grouping) -> String {
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
    let via: Vec<String> = column.via.iter().map(ToString::to_string).collect();
    let way = if via.is_empty() { String::new() } else { format!("{}>", via.join(">")) };
    format!("{way}{}.{}", column.table, column.column)
}

fn value(shown: &Value) -> String {
    match shown {
        Value::Column(of) => column(of),
        Value::Literal(value) => literal(value),
        Value::Output(name) => name.to_string(),
        Value::Metric(name) => name.to_string(),
        Value::Part { part, of } => {
            format!("{}({})", format!("{part:?}").to_lowercase(), value(of))
        }
        Value::Figure(ask) => format!("[{}]", line(ask)),
        Value::Arithmetic { operation, left, right } => {
            let sign = match operation {
                Operation::Add => "+",
                Operation::Subtract => "-",
                Operation::Multiply => "*",
                Operation::Divide => "/",
            };
            format!("({} {sign} {})", value(left), value(right))
        }
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
        Predicate::Matches { value: of, place, text } => {
            format!("{} {} \"{text}\"", value(of), format!("{place:?}").to_lowercase())
        }
        Predicate::Among { values, ask } => {
            let values: Vec<String> = values.iter().map(value).collect();
            format!("{} among [{}]", values.join(", "), line(ask))
        }
        Predicate::Related { table, filter, .. } => {
            let filter =
                filter.as_ref().map_or(String::new(), |filter| format!(" with {}", nested(filter)));
            format!("has {table}{filter}")
        }
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
