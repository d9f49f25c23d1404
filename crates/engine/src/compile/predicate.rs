//! Conditions: over rows, and over the groups of an answer.

use chrono::{NaiveDate, NaiveTime};
use pacioli_model::{Ask, ColumnType, Comparison, Literal, Predicate, TextPlace, Value};

use super::{
    literal::{self, settle},
    names::Names,
    nearest::invalid,
    statement::{Expr, Relation, Select, Source},
    typed::{Typed, kind},
    value::{self, MOST_DEPTH},
    way::Hop,
};
use crate::EngineError;

/// Values that one is looked for among.
const MOST_VALUES: usize = 10_000;

/// Settles `predicate`.
pub(super) fn bind(
    names: &mut dyn Names<'_>,
    predicate: &Predicate,
    depth: usize,
) -> Result<Expr, EngineError> {
    if depth > MOST_DEPTH {
        return Err(invalid(format!("The filter is nested more than {MOST_DEPTH} deep.")));
    }
    if let Some(way) = names.several(predicate)? {
        return names.exists(way, &[predicate], depth);
    }
    let deeper = depth + 1;
    match predicate {
        Predicate::All(parts) => all(names, parts, deeper),
        Predicate::Any(parts) => {
            let parts = parts.iter().map(|part| bind(names, part, deeper));
            Ok(Expr::Any(parts.collect::<Result<_, _>>()?))
        }
        Predicate::Not(part) => {
            names.negate(true);
            let bound = bind(names, part, deeper);
            names.negate(false);
            Ok(bound?.negated())
        }
        Predicate::Compare { left, comparison, right } => {
            compare(names, left, *comparison, right, deeper)
        }
        Predicate::OneOf { value, values } => one_of(names, value, values, deeper),
        Predicate::Matches { value, place, text } => matches(names, value, *place, text, deeper),
        Predicate::IsNull { value } => {
            Ok(Expr::IsNull(Box::new(value::bind(names, value, deeper)?.expr)))
        }
        Predicate::Among { values, ask } => among(names, values, ask, deeper),
        Predicate::Related { .. } => names.related(predicate, deeper),
    }
}

/// The parts about several rows of one table hold for the same one of them.
fn all<'a>(
    names: &mut dyn Names<'a>,
    parts: &[Predicate],
    depth: usize,
) -> Result<Expr, EngineError> {
    enum Part<'a, 'p> {
        One(&'p Predicate),
        Several(Vec<Hop<'a>>, Vec<&'p Predicate>),
    }
    let mut grouped: Vec<Part<'a, '_>> = Vec::new();
    for part in parts {
        let Some(way) = names.several(part)? else {
            grouped.push(Part::One(part));
            continue;
        };
        let same = grouped.iter_mut().find_map(|other| match other {
            Part::Several(other, parts) if *other == way => Some(parts),
            _ => None,
        });
        match same {
            Some(parts) => parts.push(part),
            None => grouped.push(Part::Several(way, vec![part])),
        }
    }
    let bound = grouped.into_iter().map(|part| match part {
        Part::One(part) => bind(names, part, depth),
        Part::Several(way, parts) => names.exists(way, &parts, depth),
    });
    Ok(Expr::All(bound.collect::<Result<_, _>>()?))
}

fn compare(
    names: &mut dyn Names<'_>,
    left: &Value,
    comparison: Comparison,
    right: &Value,
    depth: usize,
) -> Result<Expr, EngineError> {
    match (left, right) {
        (_, Value::Literal(literal)) => {
            let typed = value::bind(names, left, depth)?;
            with_literal(&typed, comparison, literal)
        }
        (Value::Literal(literal), _) => {
            let typed = value::bind(names, right, depth)?;
            with_literal(&typed, comparison.mirrored(), literal)
        }
        _ => {
            let left = value::bind(names, left, depth)?;
            let right = value::bind(names, right, depth)?;
            refuse_order(&left, comparison)?;
            let (left, right) = comparable(left, right)?;
            Ok(left.expr.compare(sign(comparison), right.expr))
        }
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

/// A value against a literal in its type.
pub(super) fn with_literal(
    value: &Typed,
    comparison: Comparison,
    literal: &Literal,
) -> Result<Expr, EngineError> {
    if let (ColumnType::Timestamp, Literal::Date(day)) = (value.data_type, literal) {
        return during(value, comparison, *day);
    }
    refuse_order(value, comparison)?;
    let literal = settle(value, literal)?;
    Ok(value.expr.clone().compare(sign(comparison), literal))
}

fn refuse_order(value: &Typed, comparison: Comparison) -> Result<(), EngineError> {
    let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    if ordered && value.data_type == ColumnType::Boolean {
        return Err(invalid(format!("{} is true or false: neither is greater.", value.name)));
    }
    Ok(())
}

/// A day against a moment means all of the day: up to the 31st includes its evening.
fn during(value: &Typed, comparison: Comparison, day: NaiveDate) -> Result<Expr, EngineError> {
    let next = day.succ_opt().ok_or_else(|| invalid(format!("{day} is past the calendar.")))?;
    let start = |day: NaiveDate| literal::timestamp(day.and_time(NaiveTime::MIN).and_utc());
    let before = |day| value.expr.clone().compare("<", start(day));
    let from = |day| value.expr.clone().compare(">=", start(day));
    Ok(match comparison {
        Comparison::Equal => Expr::All(vec![from(day), before(next)]),
        Comparison::NotEqual => Expr::Any(vec![before(day), from(next)]),
        Comparison::Less => before(day),
        Comparison::LessOrEqual => before(next),
        Comparison::Greater => from(next),
        Comparison::GreaterOrEqual => from(day),
    })
}

/// Two values in types that can be compared.
fn comparable(left: Typed, right: Typed) -> Result<(Typed, Typed), EngineError> {
    let (one, other) = (left.data_type, right.data_type);
    if one.is_number() && other.is_number() {
        let floats = one == ColumnType::Float || other == ColumnType::Float;
        return Ok(if floats { (left.into_float(), right.into_float()) } else { (left, right) });
    }
    if one.is_time() && other.is_time() && one != other {
        return Ok((left.into_day(), right.into_day()));
    }
    if one == other {
        return Ok((left, right));
    }
    Err(invalid(format!(
        "{} is {} and cannot be compared with {}, which is {}.",
        left.name,
        kind(one),
        right.name,
        kind(other)
    )))
}

fn one_of(
    names: &mut dyn Names<'_>,
    value: &Value,
    values: &[Literal],
    depth: usize,
) -> Result<Expr, EngineError> {
    let value = value::bind(names, value, depth)?;
    if values.is_empty() {
        return Err(invalid(format!("The filter on {} names no value.", value.name)));
    }
    if values.len() > MOST_VALUES {
        return Err(invalid(format!(
            "The filter on {} names more than {MOST_VALUES} values.",
            value.name
        )));
    }
    if value.data_type == ColumnType::Timestamp {
        let each = values.iter().map(|literal| with_literal(&value, Comparison::Equal, literal));
        return Ok(Expr::Any(each.collect::<Result<_, _>>()?));
    }
    let values = values.iter().map(|literal| settle(&value, literal));
    let values = values.collect::<Result<_, _>>()?;
    Ok(Expr::OneOf(Box::new(value.expr), values))
}

fn matches(
    names: &mut dyn Names<'_>,
    value: &Value,
    place: TextPlace,
    text: &str,
    depth: usize,
) -> Result<Expr, EngineError> {
    let value = value::bind(names, value, depth)?;
    if value.data_type != ColumnType::Text {
        let kind = kind(value.data_type);
        return Err(invalid(format!("{} is {kind}: only texts have others in them.", value.name)));
    }
    let mut pattern = String::new();
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    let pattern = match place {
        TextPlace::Anywhere => format!("%{pattern}%"),
        TextPlace::Start => format!("{pattern}%"),
        TextPlace::End => format!("%{pattern}"),
    };
    Ok(value.expr.compare("ILIKE", literal::text(&pattern)))
}

/// A row of the other answer has these values. Both true and false for nulls on either side as an
/// equality never is: what a null is compared with is simply not there.
fn among(
    names: &mut dyn Names<'_>,
    values: &[Value],
    ask: &Ask,
    depth: usize,
) -> Result<Expr, EngineError> {
    if ask.limit.is_some() && ask.order.is_empty() {
        return Err(invalid("The question that values are among has a limit and no order."));
    }
    let shared = names.shared();
    let answered = shared.nested(ask)?;
    if answered.outputs.len() != values.len() || values.is_empty() {
        return Err(invalid(format!(
            "{} values cannot be among the rows of a question with {} columns.",
            values.len(),
            answered.outputs.len()
        )));
    }
    let alias = shared.fresh("others");
    let mut equal = Vec::new();
    for (value, (name, other)) in values.iter().zip(&answered.outputs) {
        let other = other.as_expr(Expr::column(&alias, name));
        let other = Typed { name: name.clone(), ..other };
        let (left, right) = comparable(value::bind(names, value, depth)?, other)?;
        equal.push(right.expr.compare("=", left.expr));
    }
    let source = Source::Query(Box::new(answered.query));
    let mut select = Select::of(Relation { source, alias });
    select.filter = Expr::all(equal);
    Ok(Expr::Exists(Box::new(select)))
}
