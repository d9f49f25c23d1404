//! A draft that can be meant in one way only, to an Ask and its interpretation.

mod currencies;
mod filters;

use chrono::NaiveDate;
use pacioli_model::{
    Aggregate, Aggregation, Ask, ColumnName, ColumnRef, ColumnType, Direction, Figure,
    GroupKey as AskKey, Grouping, Measure, OrderBy, Predicate, TimeGrain, Value,
};

use crate::{
    draft::{Condition, Draft, Group, GroupKey, GroupOrigin, Target, Unplaced, Wanted},
    lexicon::TableWords,
    role::Role,
    translation::Interpretation,
    variants::extreme,
};

/// A draft that fitted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) ask: Ask,
    pub(crate) interpretation: Interpretation,
    /// How natural the reading is, 0 to 1: counting what nobody said to count is less so.
    pub(crate) ease: f64,
}

/// How many are listed when a plural is ranked and no number is named.
const DEFAULT_TOP: u32 = 10;

const UNCLEAR_LIMIT: &str = "It is not clear whether the limit is for single rows or for totals, and \
                             limits on totals are not possible yet.";

/// Fits `draft` to the table.
pub(crate) fn bind(
    mut draft: Draft,
    table: &TableWords<'_>,
    today: NaiveDate,
) -> Result<Reading, Vec<Unplaced>> {
    let ease = arrange(&mut draft, table)?;
    limits_are_of_rows(&draft, table)?;
    let mut binder = Binder::new(table, today, &draft);
    binder.currency(&mut draft)?;
    for wanted in &draft.measures {
        binder.measure(wanted)?;
    }
    for group in &draft.groups {
        binder.group(group, draft.time)?;
    }
    for condition in &draft.conditions {
        binder.condition(condition);
    }
    binder.periods(&draft)?;
    binder.order(&draft)?;
    binder.interpretation.notes.splice(0..0, draft.notes.iter().cloned());
    Ok(binder.reading(ease))
}

fn fail<T>(tokens: std::ops::Range<usize>, reason: &str) -> Result<T, Vec<Unplaced>> {
    Err(vec![Unplaced { tokens, reason: Some(reason.to_owned()) }])
}

/// Gives what was only named its place: counted, listed or grouped.
fn arrange(draft: &mut Draft, table: &TableWords<'_>) -> Result<f64, Vec<Unplaced>> {
    let mut ease = 1.0;
    let subject = draft.subject.take();
    if let Some(subject) = &subject
        && let Target::Column(column) = subject.target
    {
        let key = GroupKey::Column(column);
        let known = draft.groups.iter().any(|group| group.key == key)
            || draft.measures.iter().any(|wanted| wanted.target == subject.target);
        let counted = table.columns[column].role == Role::Identifier || !draft.groups.is_empty();
        let grouped = if draft.measures.is_empty() {
            !counted
        } else {
            !known && (draft.rank.is_some() || table.columns[column].role != Role::Identifier)
        };
        if grouped {
            let origin = GroupOrigin::Named;
            let tokens = subject.tokens.clone();
            draft.groups.insert(0, Group { key, origin, plural: subject.plural, tokens });
        }
    }
    let listed = draft.groups.iter().any(|group| group.origin == GroupOrigin::Named);
    if draft.measures.is_empty() && !listed {
        let Some(subject) = subject else {
            let limited = draft.conditions.iter().find_map(|condition| match condition {
                Condition::Numbers { tokens, .. } => Some(tokens.clone()),
                _ => None,
            });
            if let Some(tokens) = limited {
                return fail(tokens, UNCLEAR_LIMIT);
            }
            let group = draft.groups.first().map(|group| group.tokens.clone());
            let rank = draft.rank.as_ref().map(|rank| rank.tokens.clone());
            let tokens = group.or(rank).unwrap_or(0..0);
            return fail(tokens, "The question names nothing to count, add up or list.");
        };
        let bare = draft.conditions.is_empty() && draft.periods.is_empty();
        if (draft.list || bare) && draft.groups.is_empty() {
            return fail(
                subject.tokens,
                "Single rows cannot be listed yet: ask how many, or for a figure.",
            );
        }
        ease = 0.85;
        draft.notes.push("No figure was named, so they are counted.".to_owned());
        draft.measures.push(counting(subject.target, subject.tokens, table));
    }
    if draft.groups.is_empty() {
        single_extreme(draft)?;
    }
    // A table of customers counts them better than a column of another one does.
    let by_value = |wanted: &Wanted| wanted.aggregate == Some(Aggregate::CountDistinct);
    Ok(if draft.measures.iter().any(by_value) { ease * 0.95 } else { ease })
}

fn counting(target: Target, tokens: std::ops::Range<usize>, table: &TableWords<'_>) -> Wanted {
    let key = table.own_key().filter(|key| !table.is_unique(*key));
    let target = if target == Target::Rows { key.map_or(target, Target::Column) } else { target };
    let aggregate =
        if target == Target::Rows { Aggregate::Count } else { Aggregate::CountDistinct };
    Wanted { aggregate: Some(aggregate), target, tokens }
}

/// "The highest amount", with nothing to rank, is the greatest single one.
fn single_extreme(draft: &mut Draft) -> Result<(), Vec<Unplaced>> {
    let Some(rank) = draft.rank.take() else { return Ok(()) };
    match draft.measures.as_mut_slice() {
        [wanted]
            if wanted.aggregate.is_none()
                && rank.number.is_none()
                && wanted.target != Target::Rows =>
        {
            wanted.aggregate = Some(extreme(rank.direction));
            Ok(())
        }
        _ => fail(rank.tokens, "The question does not say what should be ranked."),
    }
}

/// A limit on a number speaks of rows only where rows are what is asked for.
fn limits_are_of_rows(draft: &Draft, table: &TableWords<'_>) -> Result<(), Vec<Unplaced>> {
    let entity = |column: usize| !table.is_unique(column);
    let counts_entities = draft.measures.iter().any(|wanted| {
        matches!(wanted.target, Target::Column(column)
            if wanted.aggregate == Some(Aggregate::CountDistinct) && entity(column))
    });
    let lists_entities = draft.groups.iter().any(|group| {
        group.origin == GroupOrigin::Named
            && matches!(group.key, GroupKey::Column(column) if entity(column))
    });
    let counts_rows = draft.measures.iter().all(|wanted| {
        matches!(wanted.aggregate, Some(Aggregate::Count | Aggregate::CountDistinct))
    });
    for condition in &draft.conditions {
        if let Condition::Numbers { column, tokens, of_rows, .. } = condition {
            let is_key = table.columns[*column].role == Role::Identifier;
            let clear = *of_rows || counts_rows || is_key;
            if counts_entities || (lists_entities && !is_key) || !clear {
                return fail(tokens.clone(), UNCLEAR_LIMIT);
            }
        }
    }
    Ok(())
}

struct Binder<'a> {
    table: &'a TableWords<'a>,
    ask: Ask,
    predicates: Vec<Predicate>,
    /// The currency column, where amounts are kept apart by it.
    apart: Option<usize>,
    interpretation: Interpretation,
}

impl<'a> Binder<'a> {
    fn new(table: &'a TableWords<'a>, today: NaiveDate, draft: &Draft) -> Self {
        let relative = draft.periods.iter().any(|(period, _)| period.relative);
        Self {
            table,
            ask: Ask::about(table.entry.name.clone()),
            predicates: Vec::new(),
            apart: None,
            interpretation: Interpretation {
                table: table.entry.name.clone(),
                tables: vec![table.entry.name.clone()],
                measures: Vec::new(),
                groups: Vec::new(),
                filters: Vec::new(),
                date_range: None,
                grain: None,
                currency: None,
                as_of: relative.then_some(today),
                notes: Vec::new(),
            },
        }
    }

    fn name(&self, column: usize) -> &'a ColumnName {
        &self.table.columns[column].column.name
    }

    fn reference(&self, column: usize) -> ColumnRef {
        ColumnRef::new(self.table.entry.name.clone(), self.name(column).clone())
    }

    fn figure(&self, aggregate: Aggregate, column: Option<usize>) -> Figure {
        let value = column.map(|column| Value::Column(self.reference(column)));
        let table = self.table.entry.name.clone();
        Figure::Aggregate(Aggregation { value, ..Aggregation::new(aggregate, table) })
    }

    fn note(&mut self, note: String) {
        if !self.interpretation.notes.contains(&note) {
            self.interpretation.notes.push(note);
        }
    }

    fn measure(&mut self, wanted: &Wanted) -> Result<(), Vec<Unplaced>> {
        let Target::Column(column) = wanted.target else {
            let name = self.free_name("count".to_owned());
            self.ask.measures.push(Measure::new(name, self.figure(Aggregate::Count, None)));
            self.interpretation
                .measures
                .push(format!("number of rows of {}", self.table.entry.name));
            return Ok(());
        };
        let role = self.table.columns[column].role;
        let aggregate = match wanted.aggregate {
            Some(aggregate) => aggregate,
            None if role.adds_up() => Aggregate::Sum,
            None => {
                let name = self.name(column);
                self.note(format!(
                    "{name} does not add up, so it is averaged; each row counts once."
                ));
                Aggregate::Average
            }
        };
        if aggregate == Aggregate::Sum && !role.adds_up() {
            let reason = format!(
                "{} is a price, a rate or a key: adding it up has no meaning.",
                self.name(column)
            );
            return fail(wanted.tokens.clone(), &reason);
        }
        let (prefix, words) = match aggregate {
            Aggregate::Count => ("count", "number of values of"),
            Aggregate::CountDistinct => ("distinct", "number of different values of"),
            Aggregate::Sum => ("total", "sum of"),
            Aggregate::Average => ("average", "average of"),
            Aggregate::Min => ("minimum", "least"),
            Aggregate::Max => ("maximum", "greatest"),
        };
        let name = self.free_name(format!("{prefix}_{}", self.name(column)));
        let words = format!("{words} {}", self.described(column));
        self.interpretation.measures.push(words);
        self.ask.measures.push(Measure::new(name, self.figure(aggregate, Some(column))));
        if aggregate == Aggregate::CountDistinct && role == Role::Identifier {
            let name = self.name(column);
            self.note(format!("Each {name} is counted once, however many rows it has."));
        }
        Ok(())
    }

    /// `revenue_eur (column "Revenue EUR")`.
    fn described(&self, column: usize) -> String {
        let column = self.table.columns[column].column;
        if column.label == column.name.as_str() {
            column.name.to_string()
        } else {
            format!("{} (column \"{}\")", column.name, column.label)
        }
    }

    /// An output name that is not taken yet, cut to what a name may be.
    fn free_name(&self, wanted: String) -> ColumnName {
        let taken = |name: &ColumnName| {
            self.ask.measures.iter().any(|measure| &measure.name == name)
                || self.ask.group_by.iter().any(|group| &group.name == name)
        };
        let mut cut = wanted;
        cut.truncate(60);
        let numbered = (2..).map(|number| format!("{cut}_{number}"));
        let names = std::iter::once(cut.clone()).chain(numbered);
        let mut free =
            names.filter_map(|name| ColumnName::parse(&name).ok()).filter(|name| !taken(name));
        #[expect(clippy::expect_used, reason = "the run of numbers has no end")]
        free.next().expect("some name is free")
    }

    fn group(&mut self, group: &Group, time: Option<usize>) -> Result<(), Vec<Unplaced>> {
        let (column, grain) = match group.key {
            GroupKey::Column(column) => {
                let moment = self.table.columns[column].column.data_type == ColumnType::Timestamp;
                (column, moment.then_some(TimeGrain::Day))
            }
            GroupKey::Period(grain) => match time {
                Some(column) => (column, Some(grain)),
                None => return fail(group.tokens.clone(), "The table has no dates."),
            },
        };
        let base = grain.map_or(self.name(column).to_string(), |grain| grain.as_str().to_owned());
        let name = self.free_name(base);
        let described = self.described(column);
        self.interpretation.groups.push(match grain {
            Some(grain) => format!("{described} by {}", grain.as_str()),
            None => described,
        });
        self.interpretation.grain = self.interpretation.grain.or(grain);
        let of = self.reference(column);
        let key = match grain {
            Some(grain) => AskKey::Period { column: Some(of), grain },
            None => AskKey::Value(Value::Column(of)),
        };
        self.ask.group_by.push(Grouping::new(name, key));
        Ok(())
    }

    fn order(&mut self, draft: &Draft) -> Result<(), Vec<Unplaced>> {
        let groups: Vec<OrderBy> =
            self.ask.group_by.iter().map(|group| ascending(&group.name)).collect();
        let timed = self.ask.group_by.iter().any(|group| group.grain().is_some());
        let mut order = self.currencies_first(timed);
        if draft.sorting.by_name {
            order.clear();
        } else if let Some(rank) = &draft.rank {
            let Some(measure) = self.ask.measures.first() else {
                return fail(
                    rank.tokens.clone(),
                    "The question does not say what should be ranked.",
                );
            };
            order.push(OrderBy { name: measure.name.clone(), direction: rank.direction });
            let plural = draft.groups.first().is_some_and(|group| group.plural);
            self.ask.limit = Some(rank.number.unwrap_or(if plural { DEFAULT_TOP } else { 1 }));
            if rank.number.is_none() && plural {
                self.note(format!("No number was named: the first {DEFAULT_TOP} are shown."));
            }
        } else if let Some(name) = self.sorted_by(draft) {
            let measured = self.ask.measures.iter().any(|measure| measure.name == name);
            let usual = if measured { Direction::Descending } else { Direction::Ascending };
            order.push(OrderBy { name, direction: draft.sorting.direction.unwrap_or(usual) });
        } else if let Some(measure) = self.ask.measures.first()
            && (!timed || draft.sorting.direction.is_some())
            && !groups.is_empty()
        {
            let direction = draft.sorting.direction.unwrap_or(Direction::Descending);
            order.push(OrderBy { name: measure.name.clone(), direction });
        }
        // Equal figures always come in the same order; several currencies come one after the other.
        let rest =
            groups.into_iter().filter(|group| !order.iter().any(|known| known.name == group.name));
        let rest: Vec<OrderBy> = rest.collect();
        order.extend(rest);
        if self.interpretation.measures.is_empty()
            && let (Some(direction), Some(first)) = (draft.sorting.direction, order.first_mut())
        {
            first.direction = direction;
        }
        self.ask.order = order;
        Ok(())
    }

    fn sorted_by(&self, draft: &Draft) -> Option<ColumnName> {
        let column = match draft.sorting.by? {
            GroupKey::Column(column) => self.name(column),
            GroupKey::Period(grain) => {
                let group = self.ask.group_by.iter().find(|group| group.grain() == Some(grain))?;
                return Some(group.name.clone());
            }
        };
        let is_it = |of: Option<&ColumnRef>| of.is_some_and(|of| &of.column == column);
        let measured = self.ask.measures.iter();
        let measured =
            measured.clone().find(|one| is_it(one.aggregation().and_then(Aggregation::column)));
        let grouped = self.ask.group_by.iter().find(|group| is_it(group.column()));
        measured.map(|measure| &measure.name).or(grouped.map(|group| &group.name)).cloned()
    }

    fn reading(mut self, ease: f64) -> Reading {
        if !self.predicates.is_empty() {
            self.ask.filter = Some(all(self.predicates));
        }
        Reading { ask: self.ask, interpretation: self.interpretation, ease }
    }
}

fn all(mut parts: Vec<Predicate>) -> Predicate {
    if parts.len() == 1 { parts.remove(0) } else { Predicate::All(parts) }
}

fn ascending(name: &ColumnName) -> OrderBy {
    OrderBy { name: name.clone(), direction: Direction::Ascending }
}
