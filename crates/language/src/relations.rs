//! Questions about rows and how they belong together, over the whole catalog: what a list shows,
//! counts for each, who has the most, who has none.
//!
//! `schema` sees the catalog as a graph; `lexicon` knows what everything in it may be called;
//! `pieces` cuts a question into what its words may mean, `parse` reads the pieces into a `sketch`,
//! `resolve` fits its nouns to columns by how close they are to what the question is about, `build`
//! makes the Ask, and `words` says it back.

mod build;
mod business;
mod confidence;
mod follow;
pub(crate) mod idioms;
mod lexicon;
mod missing;
mod nations;
mod parse;
mod pieces;
mod resolve;
mod schema;
mod sketch;
mod thesaurus;
mod vocabulary;
mod words;

use std::ops::Range;

use chrono::NaiveDate;
use pacioli_model::{Ask, Catalog, Comparison, Named, Predicate, Value};

use self::{
    build::{Built, Reading},
    pieces::{Item, Piece},
    resolve::Misfit,
    sketch::Sketch,
    vocabulary::Key,
};
use crate::{
    calendar::Company,
    judge::NOT_TOGETHER,
    token::{Token, tokenise},
    translation::{Choice, Interpretation, Span, Translation, Understood},
};

/// An Ask in words, for people to check.
pub(crate) fn interpretation(ask: &Ask, catalog: &Catalog) -> Interpretation {
    words::interpretation(ask, catalog, Vec::new())
}

/// More choices than this help nobody.
const MOST_CHOICES: usize = 5;
/// Readings that are offered where none is sure.
const MOST_READINGS: usize = 3;
/// Readings that are less likely right than this are asked about before they are run.
const SURE: f64 = 0.45;

/// A catalog made ready for such questions.
#[derive(Debug)]
pub(crate) struct Relations<'c> {
    schema: schema::Schema<'c>,
    lexicon: lexicon::Lexicon,
}

impl<'c> Relations<'c> {
    pub(crate) fn new(catalog: &'c Catalog) -> Self {
        let schema = schema::Schema::new(catalog);
        let lexicon = lexicon::Lexicon::new(&schema);
        Self { schema, lexicon }
    }

    /// Whether the tables belong together in any way.
    pub(crate) fn is_related(&self) -> bool {
        !self.schema.relationships.is_empty()
    }

    /// Whether figures are declared.
    pub(crate) fn has_metrics(&self) -> bool {
        !self.schema.catalog.semantics.metrics.is_empty()
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        self.schema.catalog
    }

    /// Labels of declared figures, and what else they are called, in lower case.
    pub(crate) fn figures(&self) -> Vec<(&str, Vec<String>)> {
        let metrics = self.schema.catalog.semantics.metrics.iter();
        let names = |metric: &pacioli_model::Metric| {
            let all = std::iter::once(&metric.label).chain(&metric.synonyms);
            all.map(|name| name.to_lowercase()).collect()
        };
        metrics.map(|metric| (metric.label.as_str(), names(metric))).collect()
    }

    pub(crate) fn company(&self, today: NaiveDate) -> Company {
        let semantics = &self.schema.catalog.semantics;
        Company {
            today,
            fiscal_year_start: semantics.fiscal_year_start,
            week_start: semantics.week_start,
        }
    }

    pub(crate) fn translate(&self, question: &str, today: NaiveDate) -> Translation {
        let tokens = tokenise(question);
        let (pieces, notes) = pieces::cut(question, &tokens, self.company(today), &self.lexicon);
        let typed = tokens.iter().map(|token| &question[token.at.clone()]).collect();
        let sketch = parse::parse(&pieces, typed, &self.schema);
        if sketch.unplaced.is_empty() {
            self.fitted(question, &tokens, &pieces, &sketch, notes, today)
        } else {
            let unknown = |tokens: &&Range<usize>| {
                pieces.iter().any(|piece| piece.tokens == **tokens && piece.item == Item::Unknown)
            };
            let strange: Vec<Range<usize>> =
                sketch.unplaced.iter().filter(unknown).cloned().collect();
            if let Some(refused) = self.only_a_value(question, &tokens, &pieces, &sketch) {
                return refused;
            }
            if strange.is_empty() {
                refusal(question, &tokens, &sketch.unplaced, NOT_TOGETHER)
            } else {
                // What else found no place may have found none because of these.
                let reason = self.missing(question, &tokens, &pieces, &strange);
                refusal(question, &tokens, &strange, &reason)
            }
        }
    }

    /// "In each warehouse", where no table or column is called so, and nothing but a value of one is.
    fn only_a_value(
        &self,
        question: &str,
        tokens: &[Token],
        pieces: &[Piece],
        sketch: &Sketch,
    ) -> Option<Translation> {
        let [only] = sketch.unplaced.as_slice() else { return None };
        let at = pieces.iter().position(|piece| piece.tokens == *only)?;
        let Item::Mention(mention) = &pieces[at].item else { return None };
        let grouped = pieces[..at].iter().rev().find(|piece| piece.item != Item::Key(Key::Stop));
        let grouped =
            grouped.is_some_and(|piece| matches!(piece.item, Item::Key(Key::Each | Key::By)));
        let (value, _) = mention.values.first().filter(|_| grouped && mention.only_values())?;
        let node = &self.schema.columns[value.column];
        let table = &self.schema.tables[node.table].entry.name;
        let reason = format!(
            "No table and no column is called that: here it is only a value of {} in {table}.",
            node.column.name
        );
        Some(refusal(question, tokens, std::slice::from_ref(only), &reason))
    }

    fn fitted(
        &self,
        question: &str,
        tokens: &[Token],
        pieces: &[Piece],
        sketch: &Sketch,
        notes: Vec<String>,
        today: NaiveDate,
    ) -> Translation {
        match build::build(sketch, &self.schema, tokens, today, Reading::default()) {
            Ok(built) if denies_own_year(&built.ask) => {
                let not: Vec<Range<usize>> = (0..tokens.len())
                    .filter(|at| tokens[*at].word == "not")
                    .map(|at| at..at + 1)
                    .collect();
                refusal(question, tokens, &not, NOT_TOGETHER)
            }
            Ok(built) => {
                let ask = &built.ask;
                // A declared figure means what its declaration says: only its words can be unsure.
                let declared = ask.names().iter().any(|named| matches!(named, Named::Metric(_)));
                let spans = self.spans(question, tokens, pieces, ask);
                let evidence = confidence::evidence(pieces, &built, &self.schema);
                let confidence =
                    if declared { fit(pieces) } else { confidence::confidence(&evidence) };
                if confidence < SURE && !declared {
                    return self.unsure(tokens, sketch, built, today, Some(confidence));
                }
                if let Some(asked) = self.namesakes(question, tokens, pieces, ask, today) {
                    return asked;
                }
                if let Some(doubt) = build::whose_or_what(sketch, &self.schema, tokens, ask) {
                    let built = Built { margins: [(doubt, 0.0)].into(), ..built };
                    // Both fit as well: that is for the person alone to say.
                    return self.unsure(tokens, sketch, built, today, None);
                }
                let notes = notes.into_iter().chain(day_notes(pieces)).collect();
                let mut interpretation = words::interpretation(ask, self.schema.catalog, notes);
                interpretation.as_of = relative(pieces).then_some(today);
                Translation::Understood(Box::new(Understood {
                    ask: built.ask,
                    spans,
                    interpretation,
                    confidence,
                }))
            }
            Err(misfit) => self.asked_back(question, tokens, sketch, &misfit, today),
        }
    }

    /// "What is the rating of …", where two tables are called ratings: which one is for the person to say.
    fn namesakes(
        &self,
        question: &str,
        tokens: &[Token],
        pieces: &[Piece],
        ask: &Ask,
        today: NaiveDate,
    ) -> Option<Translation> {
        let (at, others) = pieces.iter().enumerate().find_map(|(at, piece)| {
            let Item::Mention(mention) = &piece.item else { return None };
            Some((at, mention.without_namesake()?))
        })?;
        let mut other = pieces.to_vec();
        other[at].item = Item::Mention(others);
        let typed = tokens.iter().map(|token| &question[token.at.clone()]).collect();
        let sketch = parse::parse(&other, typed, &self.schema);
        let built = build::build(&sketch, &self.schema, tokens, today, Reading::default()).ok()?;
        // What is said of the rows may tell which are meant.
        let tables = |ask: &Ask| confidence::tables_of(ask).len();
        let as_well = sketch.unplaced.is_empty() && tables(&built.ask) <= tables(ask);
        (as_well && built.ask != *ask).then_some(())?;
        let choices = vec![self.choice(ask.clone()), self.choice(built.ask)];
        let question = "Which of these do you mean?".to_owned();
        Some(Translation::Clarify { question, choices, confidence: None })
    }

    /// Tables that belong together in several ways: which one is for the person to say.
    fn asked_back(
        &self,
        question: &str,
        tokens: &[Token],
        sketch: &Sketch,
        misfit: &Misfit,
        today: NaiveDate,
    ) -> Translation {
        let mut choices: Vec<Choice> = Vec::new();
        for way in 0..misfit.ways.min(MOST_CHOICES) {
            let reading = Reading { way: Some(way), ..Reading::default() };
            let Ok(Built { ask, .. }) = build::build(sketch, &self.schema, tokens, today, reading)
            else {
                continue;
            };
            let label = misfit.labels.get(way).cloned().unwrap_or_default();
            if !label.is_empty()
                && !choices.iter().any(|known| known.ask == ask || known.label == label)
            {
                choices.push(Choice { label, ..self.choice(ask) });
            }
        }
        if choices.len() < 2 {
            return refusal(question, tokens, std::slice::from_ref(&misfit.tokens), &misfit.reason);
        }
        let question = "By which of these?".to_owned();
        Translation::Clarify { question, choices, confidence: None }
    }

    /// A reading that may well be wrong is offered beside those that are nearly as good, and not run.
    fn unsure(
        &self,
        tokens: &[Token],
        sketch: &Sketch,
        built: Built,
        today: NaiveDate,
        confidence: Option<f64>,
    ) -> Translation {
        let doubts: Vec<usize> = built.doubts().collect();
        let mut choices = vec![self.choice(built.ask)];
        for doubt in doubts {
            let reading = Reading { instead: Some(doubt), ..Reading::default() };
            if let Ok(Built { ask, .. }) =
                build::build(sketch, &self.schema, tokens, today, reading)
            {
                let choice = self.choice(ask);
                let known = |known: &Choice| known.label == choice.label;
                if choices.len() < MOST_READINGS && !choices.iter().any(known) {
                    choices.push(choice);
                }
            }
        }
        let question = match choices.len() {
            1 => "Is this what you mean?",
            _ => "Which of these do you mean?",
        };
        Translation::Clarify { question: question.to_owned(), choices, confidence }
    }

    /// A reading to be chosen, called by what it computes.
    fn choice(&self, ask: Ask) -> Choice {
        let interpretation = words::interpretation(&ask, self.schema.catalog, Vec::new());
        let said = interpretation.groups.iter().chain(&interpretation.measures);
        let mut said: Vec<String> = said.cloned().collect();
        said.extend(interpretation.filters.iter().map(|filter| format!("where {filter}")));
        said.push(format!("table {}", interpretation.table));
        let question = said.join(", ");
        Choice { label: question.clone(), question, ask, analysis: None, interpretation }
    }

    fn spans(&self, question: &str, tokens: &[Token], pieces: &[Piece], ask: &Ask) -> Vec<Span> {
        let text = columns_of(ask);
        let meaning = |piece: &Piece| match &piece.item {
            Item::Mention(mention) => {
                let column = mention
                    .columns
                    .iter()
                    .map(|(column, _)| self.schema.reference(*column))
                    .find(|column| text.contains(column));
                let value = mention.values.first().map(|(value, _)| {
                    let node = &self.schema.columns[value.column];
                    format!("{} {}", node.column.name, value.text)
                });
                let table = mention
                    .best_table()
                    .map(|(table, _)| format!("rows of {}", self.schema.tables[table].entry.name));
                column.map(|column| format!("column {}", column.column)).or(table).or(value)
            }
            Item::Number(value) => Some(format!("number {value}")),
            Item::Quoted(text, _) => Some(format!("text \"{text}\"")),
            Item::Days(period) => Some(crate::calendar::words(period.from, period.to)),
            Item::Adjective { columns, .. } => columns.first().map(|column| format!("by {column}")),
            Item::Key(_) | Item::Unknown => None,
        };
        let span = |piece: &Piece| {
            Some(Span { text: typed(question, tokens, &piece.tokens), meaning: meaning(piece)? })
        };
        pieces.iter().filter_map(span).collect()
    }
}

/// What the person should know about the days that were read.
fn day_notes(pieces: &[Piece]) -> Vec<String> {
    let days = pieces.iter().filter_map(|piece| match &piece.item {
        Item::Days(period) => Some(period.notes.clone()),
        _ => None,
    });
    days.flatten().collect()
}

/// Whether some days were counted from today.
fn relative(pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| matches!(&piece.item, Item::Days(period) if period.relative))
}

/// The columns that an Ask shows or measures.
fn columns_of(ask: &Ask) -> Vec<pacioli_model::ColumnRef> {
    let bare = |column: &pacioli_model::ColumnRef| pacioli_model::ColumnRef {
        via: Vec::new(),
        ..column.clone()
    };
    let groups = ask.group_by.iter().filter_map(|group| group.column().map(bare));
    let measures =
        ask.measures.iter().filter_map(|measure| measure.aggregation()?.column().map(bare));
    groups.chain(measures).collect()
}

/// "Customers who came in 2024 but not in 2025", where each has one such day: whatever they came for is told
/// elsewhere.
fn denies_own_year(ask: &Ask) -> bool {
    let Some(Predicate::All(parts)) = &ask.filter else { return false };
    let year = |predicate: &Predicate| match predicate {
        Predicate::Compare { left: left @ Value::Part { .. }, comparison, .. }
            if *comparison == Comparison::Equal =>
        {
            Some(left.clone())
        }
        _ => None,
    };
    let said: Vec<Value> = parts.iter().filter_map(year).collect();
    ask.each_row
        && parts.iter().any(|part| match part {
            Predicate::Not(denied) => year(denied).is_some_and(|it| said.contains(&it)),
            _ => false,
        })
}

/// How well the words fit what they were taken as, 0 to 1.
fn fit(pieces: &[Piece]) -> f64 {
    let named = pieces.iter().filter(|piece| matches!(piece.item, Item::Mention(_)));
    let (count, sum) =
        named.fold((0_u32, 0.0), |(count, sum), piece| (count + 1, sum + piece.quality));
    if count == 0 { 1.0 } else { (sum / f64::from(count)).clamp(0.0, 1.0) }
}

fn typed(question: &str, tokens: &[Token], range: &Range<usize>) -> String {
    let bytes =
        tokens.get(range.clone()).and_then(|run| Some(run.first()?.at.start..run.last()?.at.end));
    bytes.map_or(String::new(), |bytes| question[bytes].to_owned())
}

fn refusal(question: &str, tokens: &[Token], ranges: &[Range<usize>], reason: &str) -> Translation {
    let mut words: Vec<String> = Vec::new();
    for text in
        ranges.iter().map(|range| typed(question, tokens, range)).filter(|text| !text.is_empty())
    {
        if !words.contains(&text) {
            words.push(text);
        }
    }
    Translation::Refuse { not_understood: words, reason: reason.to_owned() }
}
