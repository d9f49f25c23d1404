//! All readings of a question over all tables to one translation.

use std::ops::Range;

use chrono::NaiveDate;

use crate::{
    bind::{Reading, bind},
    calendar,
    draft::Unplaced,
    grammar,
    keywords::Keyword,
    lexicon::TableWords,
    segment::{Meaning, Segment, segment},
    token::{Token, tokenise},
    translation::{Choice, Interpretation, Span, Translation, Understood},
    variants::variants,
};

/// Readings this close are equally good.
const MARGIN: f64 = 0.02;
/// A reading that itself must be asked back is worse than one that is clear.
const UNCLEAR: f64 = 0.9;
/// More choices than this help nobody.
const MOST_CHOICES: usize = 5;

const NOT_IN_ONE: &str =
    "Every word is known, but not in one table, and nothing relates these tables.";
pub(crate) const NOT_TOGETHER: &str =
    "These words are known, but not how they belong together here.";
const NOT_KNOWN: &str = "No column, value or date of any table is called that.";

/// Whether a refusal says more than that words were not understood: then it stands, however else
/// the question could be read.
pub(crate) fn is_explained(translation: &Translation) -> bool {
    match translation {
        Translation::Refuse { reason, .. } => {
            ![NOT_IN_ONE, NOT_TOGETHER, NOT_KNOWN].contains(&reason.as_str())
        }
        _ => true,
    }
}

/// Something that one table can answer.
struct Candidate {
    readings: Vec<Reading>,
    /// What to ask back when there are several.
    question: Option<String>,
    spans: Vec<Span>,
    notes: Vec<String>,
    score: f64,
}

/// Something that one table cannot.
struct Failure {
    unplaced: Vec<Unplaced>,
    /// Tokens that mean nothing in this table.
    unknown: Vec<usize>,
}

/// Translates against `tables`.
pub(crate) fn judge(question: &str, today: NaiveDate, tables: &[&TableWords<'_>]) -> Translation {
    let tokens = tokenise(question);
    let (mut candidates, mut failures) = (Vec::new(), Vec::new());
    for table in tables {
        let segmentation = segment(question, &tokens, today, table);
        for segments in &segmentation.alternatives {
            match attempt(question, &tokens, segments, table, today) {
                Ok(mut candidate) => {
                    candidate.notes.clone_from(&segmentation.notes);
                    candidates.push(candidate);
                }
                Err(unplaced) => {
                    let unknown =
                        segments.iter().filter(|segment| segment.meaning == Meaning::Unknown);
                    let unknown = unknown.flat_map(|segment| segment.tokens.clone()).collect();
                    failures.push(Failure { unplaced, unknown });
                }
            }
        }
    }
    match choose(candidates) {
        Some(translation) => translation,
        None => refuse(question, &tokens, &failures),
    }
}

fn attempt(
    question: &str,
    tokens: &[Token],
    segments: &[Segment],
    table: &TableWords<'_>,
    today: NaiveDate,
) -> Result<Candidate, Vec<Unplaced>> {
    let mut draft = grammar::read(segments, tokens, table);
    let strange = |segment: &&Segment| {
        matches!(segment.meaning, Meaning::Unknown | Meaning::Key(Keyword::Beyond(_)))
    };
    let strange: Vec<&Range<usize>> =
        segments.iter().filter(strange).map(|segment| &segment.tokens).collect();
    if !strange.is_empty() {
        // What else found no place may have found none because of these.
        draft.unplaced.retain(|unplaced| strange.contains(&&unplaced.tokens));
    }
    if !draft.unplaced.is_empty() {
        return Err(draft.unplaced);
    }
    let ways = variants(draft, table)?;
    let mut readings = Vec::new();
    let mut failed = Vec::new();
    for draft in ways.drafts {
        match bind(draft, table, today) {
            Ok(reading) => readings.push(reading),
            Err(unplaced) => failed = unplaced,
        }
    }
    let Some(first) = readings.first() else { return Err(failed) };
    let unclear = if readings.len() > 1 { UNCLEAR } else { 1.0 };
    let score = fit(segments) * first.ease * unclear;
    let spans = spans(question, tokens, segments, table);
    Ok(Candidate { readings, question: ways.question, spans, notes: Vec::new(), score })
}

/// How well the words fit what they were taken as.
fn fit(segments: &[Segment]) -> f64 {
    let names = segments.iter().filter(|segment| {
        segment.quality < 1.0
            || matches!(
                segment.meaning,
                Meaning::Column(_) | Meaning::Values { .. } | Meaning::Rows
            )
    });
    let (count, sum) =
        names.fold((0_u32, 0.0), |(count, sum), segment| (count + 1, sum + segment.quality));
    if count == 0 { 1.0 } else { sum / f64::from(count) }
}

fn choose(mut candidates: Vec<Candidate>) -> Option<Translation> {
    let best = candidates.iter().map(|candidate| candidate.score).fold(0.0, f64::max);
    candidates.retain(|candidate| candidate.score > best - MARGIN);
    let mut distinct: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let same = |known: &Candidate| {
            known.readings.iter().map(|r| &r.ask).eq(candidate.readings.iter().map(|r| &r.ask))
        };
        if !distinct.iter().any(same) {
            distinct.push(candidate);
        }
    }
    let alone = distinct.len() == 1;
    let first = distinct.first()?;
    if alone && first.readings.len() == 1 {
        let candidate = distinct.pop()?;
        return candidate.understood();
    }
    let asked = first.question.clone().filter(|_| alone);
    let question = asked.unwrap_or_else(|| "Which of these is meant?".to_owned());
    let readings: Vec<Reading> =
        distinct.into_iter().flat_map(|candidate| candidate.readings).take(MOST_CHOICES).collect();
    Some(Translation::Clarify { question, choices: choices(readings), confidence: None })
}

impl Candidate {
    fn understood(self) -> Option<Translation> {
        let reading = self.readings.into_iter().next()?;
        let mut interpretation = reading.interpretation;
        interpretation.notes.splice(0..0, self.notes);
        let ask = reading.ask;
        let confidence = self.score.clamp(0.0, 1.0);
        let understood = Understood { ask, spans: self.spans, interpretation, confidence };
        Some(Translation::Understood(Box::new(understood)))
    }
}

/// Labels say only what tells the readings apart.
fn choices(readings: Vec<Reading>) -> Vec<Choice> {
    let parts: Vec<Vec<String>> =
        readings.iter().map(|reading| parts(&reading.interpretation)).collect();
    let describe = |own: &[String]| {
        let shared = |part: &String| parts.iter().all(|others| others.contains(part));
        let differing: Vec<&str> =
            own.iter().filter(|part| !shared(part)).map(String::as_str).collect();
        differing.join(", ")
    };
    let described: Vec<(String, String)> =
        parts.iter().map(|own| (describe(own), own.join(", "))).collect();
    let choice = |(reading, (label, question)): (Reading, (String, String))| Choice {
        label: if label.is_empty() { question.clone() } else { label },
        question,
        ask: reading.ask,
        analysis: None,
        interpretation: reading.interpretation,
    };
    readings.into_iter().zip(described).map(choice).collect()
}

/// An interpretation, cut into what can differ.
fn parts(interpretation: &Interpretation) -> Vec<String> {
    let mut parts = Vec::new();
    if interpretation.measures.is_empty() {
        parts.push(format!("list of {}", interpretation.groups.join(" and ")));
    } else {
        parts.extend(interpretation.measures.iter().cloned());
        parts.extend(interpretation.groups.iter().map(|group| format!("by {group}")));
    }
    parts.extend(interpretation.filters.iter().map(|filter| format!("where {filter}")));
    parts.extend(
        interpretation.date_range.iter().map(|days| format!("{} in {}", days.column, days.words)),
    );
    parts.push(format!("table {}", interpretation.table));
    parts
}

fn spans(
    question: &str,
    tokens: &[Token],
    segments: &[Segment],
    table: &TableWords<'_>,
) -> Vec<Span> {
    let name = |column: usize| &table.columns[column].column.name;
    let meaning = |segment: &Segment| match &segment.meaning {
        Meaning::Key(keyword) => keyword_words(*keyword),
        Meaning::Dates(period) => Some(calendar::words(period.from, period.to)),
        Meaning::Number(value) => Some(format!("number {value}")),
        Meaning::Column(column) => Some(format!("column {}", name(*column))),
        Meaning::Values { column, values } => {
            Some(format!("{} {}", name(*column), values.join(", ")))
        }
        Meaning::Rows => Some(format!("rows of {}", table.entry.name)),
        Meaning::Unknown => None,
    };
    segments
        .iter()
        .filter_map(|segment| {
            let text = typed(question, tokens, &segment.tokens);
            meaning(segment).map(|meaning| Span { text, meaning })
        })
        .collect()
}

/// What a word of the closed list was taken as; nothing for those that only join others.
fn keyword_words(keyword: Keyword) -> Option<String> {
    match keyword {
        Keyword::Grain(grain) | Keyword::Every(grain) => Some(format!("by {}", grain.as_str())),
        Keyword::Aggregate(aggregate) => Some(format!("{aggregate:?}").to_lowercase()),
        Keyword::HowMany => Some("count".to_owned()),
        Keyword::Distinct => Some("different values".to_owned()),
        Keyword::Rank(direction) => Some(format!("order {direction:?}").to_lowercase()),
        Keyword::Not => Some("not".to_owned()),
        Keyword::Currency(code) => Some(format!("currency {code}")),
        Keyword::Trend => Some("by month".to_owned()),
        Keyword::Compare(comparison) => Some(format!("{comparison:?}").to_lowercase()),
        _ => None,
    }
}

fn typed(question: &str, tokens: &[Token], range: &Range<usize>) -> String {
    let bytes =
        tokens.get(range.clone()).and_then(|run| Some(run.first()?.at.start..run.last()?.at.end));
    bytes.map_or(String::new(), |bytes| question[bytes].to_owned())
}

/// Refuses with the failure that comes closest: fewest unknown words, then fewest left over.
fn refuse(question: &str, tokens: &[Token], failures: &[Failure]) -> Translation {
    let size = |failure: &&Failure| {
        let words: usize = failure.unplaced.iter().map(|unplaced| unplaced.tokens.len()).sum();
        (failure.unknown.len(), words)
    };
    let Some(best) = failures.iter().min_by_key(size) else {
        return Translation::Refuse {
            not_understood: Vec::new(),
            reason: "There are no tables to ask yet.".to_owned(),
        };
    };
    let not_understood = merged(&best.unplaced)
        .iter()
        .map(|range| typed(question, tokens, range))
        .filter(|text| !text.is_empty())
        .collect();
    Translation::Refuse { not_understood, reason: reason(best, failures) }
}

fn reason(best: &Failure, failures: &[Failure]) -> String {
    let told: Vec<&str> =
        best.unplaced.iter().filter_map(|unplaced| unplaced.reason.as_deref()).collect();
    if let Some(first) = told.first() {
        return (*first).to_owned();
    }
    let elsewhere = |token: &usize| failures.iter().any(|other| !other.unknown.contains(token));
    if !best.unknown.is_empty() && best.unknown.iter().all(elsewhere) {
        return NOT_IN_ONE.to_owned();
    }
    if best.unknown.is_empty() {
        return NOT_TOGETHER.to_owned();
    }
    NOT_KNOWN.to_owned()
}

/// Runs of neighbouring tokens, each once.
fn merged(unplaced: &[Unplaced]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> =
        unplaced.iter().map(|unplaced| unplaced.tokens.clone()).collect();
    ranges.sort_by_key(|range| (range.start, range.end));
    ranges.dedup_by(|next, before| {
        let touches = next.start <= before.end;
        if touches {
            before.end = before.end.max(next.end);
        }
        touches
    });
    ranges
}
