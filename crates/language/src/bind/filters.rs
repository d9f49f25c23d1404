//! Conditions and periods to predicates.

use chrono::{NaiveDate, NaiveTime};
use pacioli_model::{ColumnType, Comparison, Decimal, Literal, Predicate, Value};

use super::{Binder, all, fail};
use crate::{
    calendar,
    draft::{Condition, Draft, Unplaced},
    translation::DateRange,
    variants::is_money,
};

impl Binder<'_> {
    fn compare(&self, column: usize, comparison: Comparison, literal: Literal) -> Predicate {
        Predicate::compare(self.reference(column), comparison, literal)
    }

    pub(super) fn condition(&mut self, condition: &Condition) {
        let (predicate, words) = match condition {
            Condition::Values { column, values, negated } => self.values(*column, values, *negated),
            Condition::Flag { column, value } => {
                let name = self.name(*column);
                let words = format!("{name} is {}", if *value { "true" } else { "false" });
                (self.compare(*column, Comparison::Equal, Literal::Boolean(*value)), words)
            }
            Condition::Numbers { column, bounds, .. } => self.bounds(*column, bounds),
        };
        self.predicates.push(predicate);
        self.interpretation.filters.push(words);
    }

    pub(super) fn values(
        &mut self,
        column: usize,
        values: &[String],
        negated: bool,
    ) -> (Predicate, String) {
        let name = self.name(column);
        let mut literals: Vec<Literal> = values.iter().cloned().map(Literal::Text).collect();
        let predicate = match literals.pop() {
            Some(only) if literals.is_empty() => self.compare(column, Comparison::Equal, only),
            last => {
                literals.extend(last);
                Predicate::OneOf { value: Value::Column(self.reference(column)), values: literals }
            }
        };
        let words =
            format!("{name} is {}{}", if negated { "not " } else { "" }, values.join(" or "));
        if !negated {
            return (predicate, words);
        }
        if self.table.columns[column].column.profile.nulls > 0 {
            self.note(format!("Rows without a {name} are left out."));
        }
        (Predicate::Not(Box::new(predicate)), words)
    }

    pub(super) fn bounds(
        &mut self,
        column: usize,
        bounds: &[(Comparison, Decimal)],
    ) -> (Predicate, String) {
        let name = self.name(column);
        let literal = |value: Decimal| match i64::try_from(value.mantissa) {
            Ok(whole) if value.scale == 0 => Literal::Integer(whole),
            _ => Literal::Decimal(value),
        };
        let parts: Vec<Predicate> = bounds
            .iter()
            .map(|(comparison, value)| self.compare(column, *comparison, literal(*value)))
            .collect();
        let words: Vec<String> = bounds
            .iter()
            .map(|(comparison, value)| format!("{} {value}", comparison_words(*comparison)))
            .collect();
        if is_money(self.table, column)
            && self.interpretation.currency.is_none()
            && self.table.currency_column.is_some()
        {
            self.note(format!(
                "The limit is compared with {name} as booked, whatever its currency."
            ));
        }
        (all(parts), format!("{name} is {}", words.join(" and ")))
    }

    pub(super) fn periods(&mut self, draft: &Draft) -> Result<(), Vec<Unplaced>> {
        let mut ranges: Vec<(usize, Option<NaiveDate>, Option<NaiveDate>)> = Vec::new();
        for (period, column) in &draft.periods {
            let Some(column) = column.or(draft.time) else {
                return fail(0..0, "The table has no dates.");
            };
            for note in &period.notes {
                self.note(note.clone());
            }
            ranges.push((column, period.from, period.to));
        }
        ranges.sort_by_key(|(column, from, _)| (*column, *from));
        // "2024 and 2025" is one run of days.
        ranges.dedup_by(|next, before| {
            let touches = next.0 == before.0 && before.2.is_some() && next.1 == before.2;
            if touches {
                before.2 = next.2;
            }
            touches
        });
        let columns: std::collections::BTreeSet<usize> =
            ranges.iter().map(|range| range.0).collect();
        for column in columns {
            let of_column: Vec<_> = ranges.iter().filter(|range| range.0 == column).collect();
            let name = self.name(column);
            let in_words: Vec<String> =
                of_column.iter().map(|(_, from, to)| calendar::words(*from, *to)).collect();
            let parts =
                of_column.iter().map(|(column, from, to)| self.days(*column, *from, *to)).collect();
            self.predicates.push(any(parts));
            self.interpretation.filters.push(format!("{name} is in {}", in_words.join(" or ")));
        }
        if let [(column, from, to)] = ranges.as_slice() {
            self.interpretation.filters.pop();
            let (column, words) = (self.name(*column).clone(), calendar::words(*from, *to));
            self.interpretation.date_range =
                Some(DateRange { column, from: *from, to: *to, words });
        }
        Ok(())
    }

    pub(super) fn days(
        &self,
        column: usize,
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
    ) -> Predicate {
        let moment = self.table.columns[column].column.data_type == ColumnType::Timestamp;
        let literal = |day: NaiveDate| {
            if moment {
                Literal::Timestamp(day.and_time(NaiveTime::MIN).and_utc())
            } else {
                Literal::Date(day)
            }
        };
        let from = from.map(|day| self.compare(column, Comparison::GreaterOrEqual, literal(day)));
        let to = to.map(|day| self.compare(column, Comparison::Less, literal(day)));
        all(from.into_iter().chain(to).collect())
    }
}

fn any(mut parts: Vec<Predicate>) -> Predicate {
    if parts.len() == 1 { parts.remove(0) } else { Predicate::Any(parts) }
}

fn comparison_words(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "equal to",
        Comparison::NotEqual => "not equal to",
        Comparison::Less => "less than",
        Comparison::LessOrEqual => "at most",
        Comparison::Greater => "more than",
        Comparison::GreaterOrEqual => "at least",
    }
}
