//! Drafts that can be meant in several ways, as one draft each.

use std::ops::Range;

use pacioli_model::{Aggregate, Direction};

use crate::{
    draft::{Condition, Draft, GroupKey, GroupOrigin, Target, Unplaced, Wanted},
    lexicon::TableWords,
    role::Role,
};

/// One way to go on, or several and what to ask back.
pub(crate) struct Variants {
    pub(crate) question: Option<String>,
    pub(crate) drafts: Vec<Draft>,
}

/// Nobody chooses among more.
const MOST: usize = 5;

/// All ways to mean `draft`.
pub(crate) fn variants(draft: Draft, table: &TableWords<'_>) -> Result<Variants, Vec<Unplaced>> {
    if let Some(found) = undated(&draft, table)? {
        return Ok(found);
    }
    let found = rows_added_up(&draft, table)
        .or_else(|| nothing_measured(&draft, table))
        .or_else(|| greatest_of_each(&draft, table))
        .or_else(|| average_of_each(&draft, table))
        .or_else(|| mixed_rank(&draft, table));
    Ok(found.unwrap_or_else(|| Variants { question: None, drafts: vec![draft] }))
}

fn asking(question: &str, mut drafts: Vec<Draft>) -> Variants {
    drafts.truncate(MOST);
    let question = (drafts.len() > 1).then(|| question.to_owned());
    Variants { question, drafts }
}

fn measured(draft: &Draft, aggregate: Aggregate, target: Target, tokens: &Range<usize>) -> Draft {
    let mut variant = draft.clone();
    variant.measures = vec![Wanted { aggregate: Some(aggregate), target, tokens: tokens.clone() }];
    variant
}

/// "Total invoices" counts them or adds their amounts up.
fn rows_added_up(draft: &Draft, table: &TableWords<'_>) -> Option<Variants> {
    let sum_of_rows = |wanted: &&Wanted| {
        wanted.target == Target::Rows && wanted.aggregate == Some(Aggregate::Sum)
    };
    let wanted = draft.measures.iter().find(sum_of_rows)?;
    let mut drafts = vec![measured(draft, Aggregate::Count, Target::Rows, &wanted.tokens)];
    for column in
        added_up(table).into_iter().filter(|column| table.columns[*column].role == Role::Amount)
    {
        drafts.push(measured(draft, Aggregate::Sum, Target::Column(column), &wanted.tokens));
    }
    Some(asking("Should they be counted, or an amount added up?", drafts))
}

fn added_up(table: &TableWords<'_>) -> Vec<usize> {
    (0..table.columns.len()).filter(|column| table.columns[*column].role.adds_up()).collect()
}

/// "The best customers": by what?
fn nothing_measured(draft: &Draft, table: &TableWords<'_>) -> Option<Variants> {
    let rank = draft.rank.as_ref()?;
    let entity = !draft.groups.is_empty() || draft.subject.is_some();
    if !draft.measures.is_empty() || !entity {
        return None;
    }
    let mut drafts: Vec<Draft> = added_up(table)
        .into_iter()
        .take(MOST - 1)
        .map(|column| measured(draft, Aggregate::Sum, Target::Column(column), &rank.tokens))
        .collect();
    drafts.push(measured(draft, Aggregate::Count, Target::Rows, &rank.tokens));
    Some(asking("By which figure should they be ranked?", drafts))
}

/// "The highest revenue by region": of a single row in each, or the region with the highest total?
fn greatest_of_each(draft: &Draft, table: &TableWords<'_>) -> Option<Variants> {
    let rank = draft.rank.as_ref().filter(|rank| rank.of_measure && rank.number.is_none())?;
    let [wanted] = draft.measures.as_slice() else { return None };
    let Target::Column(column) = wanted.target else { return None };
    let by = |group: &crate::draft::Group| group.origin == GroupOrigin::By;
    let open = wanted.aggregate.is_none() && table.columns[column].role.adds_up();
    if !open || draft.subject.is_some() || draft.groups.is_empty() || !draft.groups.iter().all(by) {
        return None;
    }
    let aggregate = extreme(rank.direction);
    let mut single = measured(draft, aggregate, wanted.target, &wanted.tokens);
    single.rank = None;
    let mut total = draft.clone();
    if let Some(rank) = &mut total.rank {
        rank.of_measure = false;
    }
    Some(asking(
        "Is a single row of each meant, or the one with the extreme total?",
        vec![single, total],
    ))
}

/// The aggregate that finds the end a rank asks for.
pub(crate) fn extreme(direction: Direction) -> Aggregate {
    match direction {
        Direction::Ascending => Aggregate::Min,
        Direction::Descending => Aggregate::Max,
    }
}

/// "Average revenue per customer" may be an average of totals, which is out of reach.
fn average_of_each(draft: &Draft, table: &TableWords<'_>) -> Option<Variants> {
    let added = |wanted: &Wanted| match wanted.target {
        Target::Column(column) => {
            wanted.aggregate == Some(Aggregate::Average) && table.columns[column].role.adds_up()
        }
        Target::Rows => false,
    };
    if !draft.each || draft.groups.is_empty() || !draft.measures.iter().any(added) {
        return None;
    }
    let mut rows = draft.clone();
    rows.each = false;
    rows.notes.push("The average is that of single rows.".to_owned());
    let mut totals = rows.clone();
    totals.notes.pop();
    for wanted in totals.measures.iter_mut().filter(|wanted| added(wanted)) {
        wanted.aggregate = Some(Aggregate::Sum);
    }
    let question = "An average of totals cannot be computed yet. Is the average of single rows meant, or \
                    the total of each?";
    Some(asking(question, vec![rows, totals]))
}

/// Chooses the date column that periods are those of.
fn undated(draft: &Draft, table: &TableWords<'_>) -> Result<Option<Variants>, Vec<Unplaced>> {
    let by_period = |group: &crate::draft::Group| matches!(group.key, GroupKey::Period(_));
    let grouped = draft.groups.iter().find(|group| by_period(group));
    let undated = draft.periods.iter().any(|(_, column)| column.is_none());
    if draft.time.is_some() || (grouped.is_none() && !undated) {
        return Ok(None);
    }
    let named = draft.periods.iter().find_map(|(_, column)| *column);
    let columns = named.map_or_else(|| main_dates(draft, table), |column| vec![column]);
    if columns.is_empty() {
        let tokens = grouped.map_or(0..0, |group| group.tokens.clone());
        let reason = format!("The table {} has no dates.", table.entry.name);
        return Err(vec![Unplaced { tokens, reason: Some(reason) }]);
    }
    let several = table.time_columns().len() > 1 && named.is_none();
    let mut drafts = Vec::new();
    for column in columns {
        let mut dated = draft.clone();
        dated.time = Some(column);
        if several {
            dated.notes.push(format!("Dates are those of {}.", table.columns[column].column.name));
        }
        drafts.push(dated);
    }
    match drafts.as_slice() {
        // The rest of the ways to mean it are looked for with the date settled.
        [only] => variants(only.clone(), table).map(Some),
        _ => Ok(Some(asking("Which date is meant?", drafts))),
    }
}

/// The date columns that are most obviously the table's own; several when equally so.
fn main_dates(draft: &Draft, table: &TableWords<'_>) -> Vec<usize> {
    let columns = table.time_columns();
    let common = [
        "sale",
        "sales",
        "order",
        "invoice",
        "transaction",
        "posting",
        "booking",
        "document",
        "entry",
    ];
    let aside = [
        "due", "ship", "shipping", "delivery", "created", "updated", "modified", "birth", "valid",
        "start", "end", "loaded", "changed", "paid", "expiry",
    ];
    let score = |column: &usize| {
        let header = &table.columns[*column].header;
        let has = |names: &[&str]| header.iter().any(|word| word.is(names));
        let nouns: Vec<&str> = table
            .nouns
            .iter()
            .flat_map(|noun| &noun.words)
            .flat_map(|word| std::iter::once(word.stem.as_str()).chain(word.meaning))
            .collect();
        if draft.event.is_some_and(has) {
            5
        } else if has(&nouns) && !has(&aside) {
            4
        } else if header.len() == 1 && has(&["date"]) {
            3
        } else if has(&common) && !has(&aside) {
            2
        } else {
            i32::from(!has(&aside))
        }
    };
    let best = columns.iter().map(score).max();
    columns.into_iter().filter(|column| Some(score(column)) == best).collect()
}

/// A rank over amounts in several currencies compares what cannot be compared.
fn mixed_rank(draft: &Draft, table: &TableWords<'_>) -> Option<Variants> {
    let currency = table.currency_column?;
    let grouped = !draft.groups.is_empty() || draft.subject.is_some();
    if draft.rank.is_none() || draft.currency.is_some() || !grouped || !is_mixed(draft, table) {
        return None;
    }
    let codes = table.columns[currency].column.profile.values.as_deref().unwrap_or_default();
    let in_one = |code: &String| {
        let mut variant = draft.clone();
        let values = vec![code.clone()];
        variant.conditions.push(Condition::Values { column: currency, values, negated: false });
        variant
    };
    let drafts = codes.iter().take(MOST).map(in_one).collect();
    Some(asking("The amounts are in several currencies. Which one should be ranked?", drafts))
}

/// Whether a measure adds or compares amounts of several currencies.
pub(crate) fn is_mixed(draft: &Draft, table: &TableWords<'_>) -> bool {
    let Some(currency) = table.currency_column else { return false };
    let codes = table.columns[currency].column.profile.values.as_deref().unwrap_or_default();
    let one_is_chosen = draft.conditions.iter().any(|condition| {
        matches!(condition, Condition::Values { column, values, negated: false }
            if *column == currency && values.len() == 1)
    });
    let foreign = |wanted: &Wanted| {
        let counts = matches!(wanted.aggregate, Some(Aggregate::Count | Aggregate::CountDistinct));
        matches!(wanted.target, Target::Column(column) if !counts && is_money(table, column))
    };
    codes.len() > 1 && !one_is_chosen && draft.measures.iter().any(foreign)
}

/// Whether a column holds money whose currency stands in another column.
pub(crate) fn is_money(table: &TableWords<'_>, column: usize) -> bool {
    let words = &table.columns[column];
    let priced = words.header.iter().any(|word| word.is(&["price", "cost", "fee"]));
    words.currency.is_none() && (words.role == Role::Amount || words.role == Role::Rate && priced)
}
