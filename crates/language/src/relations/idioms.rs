//! Questions of business that are more than the sum of their words: "overdue invoices", "receivables
//! ageing", "customers whose revenue dropped by more than 30%", "the share of our top 5 customers".
//!
//! Each idiom takes its own words out of the question, has what is left read as any other question, and
//! changes the Ask that comes of it. What is left must be understood whole: an idiom adds, and never
//! hides a word.

mod balances;
mod changes;
mod common;
mod denied;
mod everyday;
mod implied;
mod pairs;
mod people;
mod places;
mod plainer;
mod rates;
mod sets;
mod shares;
mod states;
mod superiors;
mod unsold;

use chrono::NaiveDate;
use pacioli_model::{
    Aggregate, Ask, ColumnName, ColumnRef, Comparison, Decimal, Definition, Figure, GroupKey,
    Grouping, Literal, Measure, OrderBy, Predicate, TableName, Value,
};

use super::{
    Relations,
    build::all,
    lexicon::Name,
    schema::{ColumnId, TableId},
    words,
};
use crate::{
    token::{Token, tokenise},
    translation::{Choice, Translation, Understood},
};

/// What reads the words that are left.
pub(crate) type Rows<'a> = &'a dyn Fn(&str) -> Translation;

/// Words before what a question is about.
const LEADS: &[&str] = &[
    "which", "what", "who", "list", "show", "me", "give", "the", "our", "all", "are", "is", "find",
    "display", "those", "of", "my", "were", "was",
];

/// How often a question is said in plainer words, at most: of odd words what is plainer has yet plainer ones.
const PLAINER: usize = 8;

/// Reads a question as an idiom; nothing where it is none.
pub(crate) fn read(
    relations: &Relations<'_>,
    question: &str,
    today: NaiveDate,
    rows: Rows<'_>,
) -> Option<Translation> {
    read_within(relations, question, today, rows, PLAINER)
}

fn read_within(
    relations: &Relations<'_>,
    question: &str,
    today: NaiveDate,
    rows: Rows<'_>,
    left: usize,
) -> Option<Translation> {
    let tokens = tokenise(question);
    let idioms = Idioms { relations, question, tokens: &tokens, today, rows };
    if let Some(plainer) = idioms.plainer().filter(|_| left > 0) {
        let again = read_within(relations, &plainer, today, rows, left - 1);
        return Some(again.unwrap_or_else(|| rows(&plainer)))
            .filter(|read| !matches!(read, Translation::Refuse { .. }));
    }
    idioms
        .as_of()
        .or_else(|| idioms.in_place())
        .or_else(|| idioms.superior())
        .or_else(|| idioms.who_came_or_went())
        .or_else(|| idioms.those_who_left())
        .or_else(|| idioms.in_currency())
        .or_else(|| idioms.days_of_cover())
        .or_else(|| idioms.stock_turns())
        .or_else(|| idioms.ageing())
        .or_else(|| idioms.debtors())
        .or_else(|| idioms.to_pay())
        .or_else(|| idioms.received_not_billed())
        .or_else(|| idioms.and_their_figure())
        .or_else(|| idioms.came_and_went())
        .or_else(|| idioms.never_dealt_with())
        .or_else(|| idioms.without_figure())
        .or_else(|| idioms.how_many_sold())
        .or_else(|| idioms.of_large_orders())
        .or_else(|| idioms.share_that_are())
        .or_else(|| idioms.rate_of_value())
        .or_else(|| idioms.against_own())
        .or_else(|| idioms.done_or_not())
        .or_else(|| idioms.how_long())
        .or_else(|| idioms.days_between())
        .or_else(|| idioms.flagged())
        .or_else(|| idioms.overdue())
        .or_else(|| idioms.out_of_stock())
        .or_else(|| idioms.bought_together())
        .or_else(|| idioms.share_of_the_first())
        .or_else(|| idioms.share_of_some())
        .or_else(|| idioms.share_of_part())
        .or_else(|| idioms.own_average())
        .or_else(|| idioms.changed_by())
        .or_else(|| idioms.beyond_the_average())
        .or_else(|| idioms.ranked_growth())
        .or_else(|| idioms.best_period())
        .or_else(|| idioms.ratio())
        .or_else(|| idioms.average_of_each())
        .or_else(|| idioms.number_per_each())
        .or_else(|| idioms.best_of_all())
        .or_else(|| idioms.in_common())
        .or_else(|| idioms.dealt_with())
        .or_else(|| idioms.with_amounts())
        .or_else(|| idioms.no_count())
}

/// A follow-up without the wish for a file at its end, and without a last "instead"; whether there was
/// such a wish.
pub(crate) fn without_export(question: &str) -> (&str, bool) {
    let trimmed = question.trim_end_matches(['.', '!', '?', ' ']);
    let lower = trimmed.to_ascii_lowercase();
    let wish = lower.rfind("export").filter(|at| {
        let known =
            ["export", "it", "this", "that", "them", "to", "as", "excel", "csv", "xlsx", "parquet"];
        lower[*at..].split_whitespace().all(|word| known.contains(&word))
    });
    let kept = wish.map_or(trimmed, |at| &trimmed[..at]);
    let kept = kept.trim_end_matches([',', ' ']);
    let kept = kept.strip_suffix(" and").unwrap_or(kept);
    let kept = kept.strip_suffix(" instead").unwrap_or(kept);
    (if kept.is_empty() { question } else { kept }, wish.is_some())
}

/// "Just the ones over 90 days", of a figure that the last question put into buckets of days.
pub(crate) fn older_than(
    relations: &Relations<'_>,
    question: &str,
    today: NaiveDate,
    last: &Ask,
) -> Option<Translation> {
    let tokens = tokenise(question);
    let nothing =
        |_: &str| Translation::Refuse { not_understood: Vec::new(), reason: String::new() };
    let idioms = Idioms { relations, question, tokens: &tokens, today, rows: &nothing };
    let over = idioms.find(&["over", "above", "older"])?;
    let at = over + 1 + usize::from(idioms.is(over + 1, &["than"]));
    let days = idioms.number(at).filter(|_| idioms.is(at + 1, &["days"]))?;
    let hollow = ["now", "just", "only", "the", "ones", "those", "and", "show", "me"];
    ((0..over).all(|at| idioms.is(at, &hollow)) && at + 2 == tokens.len()).then_some(())?;
    let bucket = last.group_by.iter().find_map(|group| match &group.key {
        GroupKey::Bucket { edges, .. } => {
            let wanted = Decimal::new(i128::from(days) + 1, 0);
            let place = edges.iter().position(|edge| *edge == wanted)?;
            Some((group.name.clone(), place + 1))
        }
        _ => None,
    });
    let (name, place) = bucket?;
    let mut ask = last.clone();
    let place = Value::Literal(Literal::Integer(i64::try_from(place).ok()?));
    bound(&mut ask, compare(output(&name), Comparison::GreaterOrEqual, place));
    let mut interpretation = words::interpretation(&ask, relations.schema.catalog, Vec::new());
    interpretation.as_of = Some(today);
    let spans = Vec::new();
    let understood = Understood { ask, spans, interpretation, confidence: 0.95 };
    Some(Translation::Understood(Box::new(understood)))
}

pub(super) struct Idioms<'a> {
    relations: &'a Relations<'a>,
    question: &'a str,
    tokens: &'a [Token],
    today: NaiveDate,
    rows: Rows<'a>,
}

impl Idioms<'_> {
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.word.as_str())
    }

    fn is(&self, at: usize, words: &[&str]) -> bool {
        words.contains(&self.word(at))
    }

    fn find(&self, words: &[&str]) -> Option<usize> {
        (0..self.tokens.len()).find(|at| self.is(*at, words))
    }

    /// Where words stand that follow each other.
    fn phrase(&self, phrase: &[&str]) -> Option<usize> {
        (0..self.tokens.len()).find(|at| {
            phrase.iter().enumerate().all(|(place, word)| self.word(at + place) == *word)
        })
    }

    fn number(&self, at: usize) -> Option<u32> {
        match self.tokens.get(at)?.kind {
            crate::token::Kind::Number(number) if number.scale == 0 => {
                u32::try_from(number.mantissa).ok()
            }
            _ => crate::keywords::count_word(self.word(at)),
        }
    }

    /// The words of some places, as they were typed.
    fn said(&self, places: impl IntoIterator<Item = usize>) -> String {
        let words: Vec<&str> = places
            .into_iter()
            .filter_map(|at| self.tokens.get(at))
            .map(|token| &self.question[token.at.clone()])
            .collect();
        words.join(" ")
    }

    /// All places but some.
    fn without<'s>(&'s self, taken: &'s [usize]) -> impl Iterator<Item = usize> + 's {
        (0..self.tokens.len()).filter(move |at| !taken.contains(at))
    }

    /// "How much did we invoice" is an amount: a count of invoices is no answer.
    fn no_count(&self) -> Option<Translation> {
        let much = self.is(0, &["how"]) && self.is(1, &["much"]);
        let value = self.phrase(&["value", "of"]).or_else(|| self.phrase(&["worth", "of"]));
        (much || value.is_some()).then_some(())?;
        let Translation::Understood(read) = (self.rows)(self.question) else { return None };
        let counts = read.ask.shown_measures().next().is_some_and(|measure| {
            let declared = match &measure.figure {
                Figure::Metric { metric, .. } => {
                    let semantics = &self.relations.schema.catalog.semantics;
                    semantics.metric(metric).map(|metric| &metric.definition)
                }
                _ => None,
            };
            let one = match declared {
                Some(Definition::Aggregate(one)) => Some(one),
                _ => measure.aggregation(),
            };
            one.is_some_and(|one| {
                matches!(one.aggregate, Aggregate::Count | Aggregate::CountDistinct)
            })
        });
        let reason = "It is not clear which amount is asked for.";
        let words = value.filter(|_| !much).unwrap_or(0);
        counts.then(|| Self::refused(&self.said([words, words + 1]), reason))
    }

    /// The first place from `at` on that is more than a lead.
    fn after_lead(&self, mut at: usize) -> usize {
        while self.is(at, LEADS) {
            at += 1;
        }
        at
    }

    /// The table that words name.
    fn table_called(&self, words: &str) -> Option<TableId> {
        let tokens = tokenise(words);
        let folded: Vec<&str> = tokens.iter().map(|token| token.word.as_str()).collect();
        self.relations.lexicon.names(&folded).into_iter().find_map(|(name, quality)| match name {
            Name::Table(table) if quality > 0.75 && !self.relations.schema.tables[table].hidden => {
                Some(table)
            }
            _ => None,
        })
    }

    /// The label of a declared figure that is called one of these.
    fn metric_called(&self, names: &[&str]) -> Option<&str> {
        let metrics = &self.relations.schema.catalog.semantics.metrics;
        let exact = names.iter().find_map(|name| {
            let known = |text: &str| text.eq_ignore_ascii_case(name);
            metrics.iter().find(|metric| {
                known(&metric.label) || metric.synonyms.iter().any(|synonym| known(synonym))
            })
        });
        let spoken = || {
            names.iter().find_map(|name| {
                let tokens = tokenise(name);
                let words: Vec<&str> = tokens.iter().map(|token| token.word.as_str()).collect();
                self.relations.lexicon.names(&words).into_iter().find_map(|(name, quality)| {
                    match name {
                        Name::Metric(metric) if quality > 0.9 => metrics.get(metric),
                        _ => None,
                    }
                })
            })
        };
        exact.or_else(spoken).map(|metric| metric.label.as_str())
    }

    /// The table that a measure is computed over.
    fn table_of(&self, measure: &Measure) -> Option<TableId> {
        let schema = &self.relations.schema;
        match &measure.figure {
            Figure::Metric { metric, .. } => {
                let metrics = &schema.catalog.semantics.metrics;
                schema.metric_table(metrics.iter().position(|known| known.name == *metric)?)
            }
            Figure::Aggregate(aggregation) => self.table_named(&aggregation.table),
            _ => None,
        }
    }

    fn table_named(&self, name: &TableName) -> Option<TableId> {
        self.relations.schema.tables.iter().position(|table| table.entry.name == *name)
    }

    /// The first column of a table that is a date and is called by one of these words.
    fn date_called(&self, table: TableId, words: &[&str]) -> Option<ColumnId> {
        let schema = &self.relations.schema;
        let entry = schema.tables[table].entry;
        let meaning = schema.catalog.semantics.table(&entry.name);
        schema.tables[table].columns.clone().find(|column| {
            let node = &schema.columns[*column];
            let declared = meaning.and_then(|meaning| meaning.column(&node.column.name));
            let mut called = super::lexicon::name_words(&node.column.label);
            for text in declared.iter().flat_map(|it| it.label.iter().chain(&it.synonyms)) {
                called.extend(super::lexicon::name_words(text));
            }
            node.column.data_type.is_time()
                && called.iter().any(|word| words.contains(&word.as_str()))
        })
    }

    fn column(&self, column: ColumnId) -> ColumnRef {
        self.relations.schema.reference(column)
    }

    /// Reads what is left, and changes every Ask that comes of it.
    fn changed(&self, rest: &str, change: impl Fn(&mut Ask) -> Option<()>) -> Option<Translation> {
        self.changed_read((self.rows)(rest), change)
    }

    /// Changes every Ask of a reading.
    fn changed_read(
        &self,
        read: Translation,
        change: impl Fn(&mut Ask) -> Option<()>,
    ) -> Option<Translation> {
        let fits = |ask: &Ask| {
            let mut ask = ask.clone();
            change(&mut ask).map(|()| ask)
        };
        let catalog = self.relations.schema.catalog;
        match read {
            Translation::Understood(understood) => {
                let ask = fits(&understood.ask)?;
                let Understood { spans, interpretation, confidence, .. } = *understood;
                let mut again = words::interpretation(&ask, catalog, interpretation.notes);
                again.as_of = Some(self.today);
                let understood = Understood { ask, spans, interpretation: again, confidence };
                Some(Translation::Understood(Box::new(understood)))
            }
            Translation::Clarify { question, choices, confidence } => {
                let choices: Vec<Choice> = choices
                    .into_iter()
                    .filter_map(|choice| {
                        let ask = fits(&choice.ask)?;
                        let notes = choice.interpretation.notes.clone();
                        let interpretation = words::interpretation(&ask, catalog, notes);
                        Some(Choice { ask, interpretation, ..choice })
                    })
                    .collect();
                let several = choices.len() > 1;
                several.then_some(Translation::Clarify { question, choices, confidence })
            }
            Translation::Refuse { .. } | Translation::Analyse(_) => None,
        }
    }

    fn refused(words: &str, reason: &str) -> Translation {
        Translation::Refuse { not_understood: vec![words.to_owned()], reason: reason.to_owned() }
    }

    fn today(&self) -> Value {
        Value::Literal(Literal::Date(self.today))
    }
}

/// An output by its name.
fn output(name: &ColumnName) -> Value {
    Value::Output(name.clone())
}

fn compare(left: Value, comparison: Comparison, right: Value) -> Predicate {
    Predicate::Compare { left, comparison, right }
}

fn narrow(ask: &mut Ask, condition: Predicate) {
    ask.filter = all(ask.filter.take().into_iter().chain([condition]).collect());
}

fn bound(ask: &mut Ask, condition: Predicate) {
    ask.having = all(ask.having.take().into_iter().chain([condition]).collect());
}

/// The name of the first figure that is shown.
fn first_figure(ask: &Ask) -> Option<ColumnName> {
    ask.shown_measures().next().map(|measure| measure.name.clone())
}

fn hidden(name: ColumnName, figure: Figure) -> Measure {
    Measure { name, figure, hidden: true }
}

fn first_by(name: ColumnName, direction: pacioli_model::Direction) -> OrderBy {
    OrderBy { name, direction }
}

fn has_groups(ask: &Ask) -> bool {
    ask.shown_groups().any(|group: &Grouping| group.grain().is_none())
}
