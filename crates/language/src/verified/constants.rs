//! What an Ask says that a question may say otherwise: its days, texts and numbers.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use pacioli_model::{
    Aggregation, Ask, ColumnRef, Comparison, Decimal, Figure, GroupKey, Literal, Predicate, Value,
};

/// Which end of a run of days a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The first day.
    From,
    /// The day after the last.
    To,
    /// Neither, or it cannot be told.
    Other,
}

/// One constant, where it stands.
pub(super) enum Constant<'a> {
    Literal { column: Option<&'a ColumnRef>, end: End, literal: &'a mut Literal },
    Day { end: End, day: &'a mut NaiveDate },
    Limit(&'a mut u32),
}

impl Constant<'_> {
    /// The day that it is, and which end.
    pub(super) fn day(&self) -> Option<(End, NaiveDate)> {
        match self {
            Self::Day { end, day } => Some((*end, **day)),
            Self::Literal { end, literal: Literal::Date(day), .. } => Some((*end, *day)),
            Self::Literal { end, literal: Literal::Timestamp(moment), .. } => {
                let end = if moment.time() == NaiveTime::MIN { *end } else { End::Other };
                Some((end, moment.date_naive()))
            }
            _ => None,
        }
    }

    /// Makes it another day, where it is one.
    pub(super) fn set_day(self, new: NaiveDate) {
        match self {
            Self::Day { day, .. } | Self::Literal { literal: Literal::Date(day), .. } => {
                *day = new;
            }
            Self::Literal { literal: Literal::Timestamp(moment), .. } => {
                *moment =
                    DateTime::<Utc>::from_naive_utc_and_offset(new.and_time(moment.time()), Utc);
            }
            _ => {}
        }
    }

    /// The text that it compares `column` with.
    pub(super) fn text_of(&mut self, column: &ColumnRef) -> Option<&mut String> {
        match self {
            Self::Literal { column: Some(it), literal: Literal::Text(text), .. }
                if *it == column =>
            {
                Some(text)
            }
            _ => None,
        }
    }

    /// The number that it is.
    pub(super) fn number(&self) -> Option<Decimal> {
        match self {
            Self::Limit(limit) => Some(Decimal::new(i128::from(**limit), 0)),
            Self::Literal { literal: Literal::Integer(number), .. } => {
                Some(Decimal::new(i128::from(*number), 0))
            }
            Self::Literal { literal: Literal::Decimal(number), .. } => Some(*number),
            _ => None,
        }
    }

    /// Makes it another number; false where it cannot be that one.
    pub(super) fn set_number(self, new: Decimal) -> bool {
        let whole = whole(new);
        match self {
            Self::Limit(limit) => {
                let whole = whole.and_then(|whole| u32::try_from(whole).ok());
                let Some(whole) = whole.filter(|whole| *whole > 0) else { return false };
                *limit = whole;
            }
            Self::Literal { literal, .. } => {
                let whole = whole.and_then(|whole| i64::try_from(whole).ok());
                *literal = whole.map_or(Literal::Decimal(new), Literal::Integer);
            }
            Self::Day { .. } => return false,
        }
        true
    }
}

/// The number without a fraction, where it has none.
pub(super) fn whole(number: Decimal) -> Option<i128> {
    let unit = 10_i128.checked_pow(u32::from(number.scale))?;
    (number.mantissa % unit == 0).then_some(number.mantissa / unit)
}

/// Shows every constant of `ask`, in a fixed order.
pub(super) fn each(ask: &mut Ask, see: &mut dyn FnMut(Constant<'_>)) {
    if let Some(range) = &mut ask.range {
        for (end, day) in [(End::From, &mut range.from), (End::To, &mut range.to)] {
            if let Some(day) = day {
                see(Constant::Day { end, day });
            }
        }
    }
    if let Some(limit) = &mut ask.limit {
        see(Constant::Limit(limit));
    }
    for measure in &mut ask.measures {
        match &mut measure.figure {
            Figure::Aggregate(aggregation) => of_aggregation(aggregation, see),
            Figure::Calculation(value) => of_value(value, see),
            _ => {}
        }
    }
    for group in &mut ask.group_by {
        if let GroupKey::Value(value) | GroupKey::Bucket { value, .. } = &mut group.key {
            of_value(value, see);
        }
    }
    for filter in ask.filter.iter_mut().chain(&mut ask.having) {
        of_predicate(filter, see);
    }
}

fn of_aggregation(aggregation: &mut Aggregation, see: &mut dyn FnMut(Constant<'_>)) {
    if let Some(value) = &mut aggregation.value {
        of_value(value, see);
    }
    if let Some(filter) = &mut aggregation.filter {
        of_predicate(filter, see);
    }
}

fn of_value(value: &mut Value, see: &mut dyn FnMut(Constant<'_>)) {
    match value {
        Value::Literal(literal) => {
            see(Constant::Literal { column: None, end: End::Other, literal });
        }
        Value::Arithmetic { left: one, right: other, .. }
        | Value::Days { from: one, to: other } => {
            of_value(one, see);
            of_value(other, see);
        }
        Value::Part { of, .. } => of_value(of, see),
        Value::Figure(ask) => each(ask, see),
        Value::Column(_) | Value::Output(_) | Value::Metric(_) | Value::Caller(_) => {}
    }
}

fn of_predicate(predicate: &mut Predicate, see: &mut dyn FnMut(Constant<'_>)) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            for part in parts {
                of_predicate(part, see);
            }
        }
        Predicate::Not(part) => of_predicate(part, see),
        Predicate::Compare { left, comparison, right } => {
            let end = match comparison {
                Comparison::GreaterOrEqual => End::From,
                Comparison::Less => End::To,
                _ => End::Other,
            };
            match (left, right) {
                (Value::Column(column), Value::Literal(literal)) => {
                    see(Constant::Literal { column: Some(column), end, literal });
                }
                (left, right) => {
                    of_value(left, see);
                    of_value(right, see);
                }
            }
        }
        Predicate::OneOf { value, values } => {
            let column = if let Value::Column(column) = &*value { Some(column) } else { None };
            for literal in values {
                see(Constant::Literal { column, end: End::Other, literal });
            }
        }
        Predicate::Matches { value, .. } | Predicate::IsNull { value } => of_value(value, see),
        Predicate::Among { values, ask } => {
            for value in values {
                of_value(value, see);
            }
            each(ask, see);
        }
        Predicate::Related { filter, .. } => {
            if let Some(filter) = filter {
                of_predicate(filter, see);
            }
        }
    }
}
