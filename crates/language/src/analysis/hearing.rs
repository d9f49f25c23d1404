//! The words of a question that ask for an analysis, and its days.

use pacioli_model::{AnalysisKind, Direction};

use super::Heard;
use crate::{
    calendar::{self, Company, Period},
    token::{Token, tokenise},
    translation::Span,
};

const DOWN: &[&str] = &[
    "fall",
    "fell",
    "fallen",
    "falling",
    "drop",
    "dropped",
    "dropping",
    "decline",
    "declined",
    "declining",
    "decrease",
    "decreased",
    "decreasing",
    "down",
    "lower",
    "shrink",
    "shrank",
    "slump",
    "slumped",
    "dip",
    "dipped",
    "worse",
    "low",
    "collapse",
    "collapsed",
    "sink",
    "sank",
];
const UP: &[&str] = &[
    "rise",
    "rose",
    "risen",
    "rising",
    "increase",
    "increased",
    "increasing",
    "grow",
    "grew",
    "grown",
    "growing",
    "growth",
    "jump",
    "jumped",
    "up",
    "higher",
    "high",
    "spike",
    "spiked",
    "climb",
    "climbed",
    "surge",
    "surged",
    "better",
];
const CHANGED: &[&str] = &["change", "changed", "changes", "move", "moved", "different"];
/// Verbs and adverbs around a change.
const AROUND: &[&str] = &[
    "did", "has", "have", "is", "are", "was", "were", "do", "does", "go", "gone", "went", "going",
    "been", "so", "much", "sharply", "suddenly", "strongly",
];
const FORECASTS: &[&str] = &[
    "forecast",
    "forecasts",
    "predict",
    "predicted",
    "prediction",
    "projected",
    "projection",
    "extrapolate",
    "outlook",
];
/// Words that ask for a figure to come and name nothing of it.
const TO_COME: &[&str] = &[
    "what", "how", "much", "many", "will", "would", "shall", "be", "we", "look", "like", "is",
    "make", "have", "get", "our", "the", "for", "of", "can", "you", "give", "me", "show", "a",
];
const UNUSUAL: &[&str] = &[
    "unusual",
    "unusually",
    "anomaly",
    "anomalies",
    "anomalous",
    "outlier",
    "outliers",
    "strange",
    "odd",
    "abnormal",
    "weird",
    "suspicious",
];
const ANYTHING: &[&str] = &[
    "is",
    "are",
    "was",
    "were",
    "there",
    "anything",
    "something",
    "any",
    "what",
    "which",
    "show",
    "find",
    "detect",
    "spot",
    "me",
    "values",
    "the",
    "see",
    "do",
    "you",
    "looks",
    "look",
    "seems",
    "going",
    "on",
    "an",
];
const TREND_HOLDS: &[&[&str]] = &[
    &["if", "the", "trend", "holds"],
    &["if", "the", "trend", "continues"],
    &["if", "this", "trend", "continues"],
    &["if", "things", "go", "on", "like", "this"],
];
const COMPARED: &[&[&str]] = &[
    &["compared", "to"],
    &["compared", "with"],
    &["relative", "to"],
    &["vs"],
    &["versus"],
    &["against"],
    &["than"],
];

/// What kind of analysis a question asks for, if any.
pub(crate) fn heard(question: &str, company: Company) -> Option<Heard> {
    let tokens = tokenise(question);
    let mut reader = Reader { question, taken: vec![false; tokens.len()], tokens: &tokens };
    let (kind, certain) = reader.kind()?;
    let (period, compare) = reader.days(company);
    let rest = reader.left();
    (!rest.is_empty()).then(|| Heard {
        kind,
        certain,
        spans: reader.spans(kind, period.as_ref(), compare.as_ref()),
        rest,
        period,
        compare,
    })
}

struct Reader<'a> {
    question: &'a str,
    tokens: &'a [Token],
    taken: Vec<bool>,
}

impl Reader<'_> {
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.word.as_str())
    }

    fn is(&self, at: usize, words: &[&str]) -> bool {
        words.contains(&self.word(at))
    }

    fn find(&self, words: &[&str]) -> Option<usize> {
        (0..self.tokens.len()).find(|at| self.is(*at, words))
    }

    fn follows(&self, at: usize, phrase: &[&str]) -> bool {
        phrase.iter().enumerate().all(|(place, word)| self.word(at + place) == *word)
    }

    fn take(&mut self, at: usize, count: usize) {
        for taken in self.taken.iter_mut().skip(at).take(count) {
            *taken = true;
        }
    }

    fn kind(&mut self) -> Option<(AnalysisKind, bool)> {
        if let Some((at, length)) = self.asks_why() {
            self.take(at, length);
            return Some((AnalysisKind::Why { direction: self.change() }, true));
        }
        if self.asks_ahead() {
            return Some((AnalysisKind::Forecast, true));
        }
        if let Some(at) = self.find(FORECASTS) {
            let length = 1 + usize::from(self.is(at + 1, &["for", "of"]));
            self.take(at, length);
            self.take_all(TO_COME, at);
            self.trend();
            return Some((AnalysisKind::Forecast, false));
        }
        let at = self.find(UNUSUAL)?;
        let length = 1 + usize::from(self.is(at + 1, &["in", "with", "about", "for", "among"]));
        self.take(at, length);
        self.take_all(ANYTHING, self.tokens.len());
        Some((AnalysisKind::Unusual, false))
    }

    fn take_all(&mut self, words: &[&str], before: usize) {
        for at in 0..before.min(self.tokens.len()) {
            if self.is(at, words) {
                self.take(at, 1);
            }
        }
    }

    /// Where "why" stands, or what means the same.
    fn asks_why(&self) -> Option<(usize, usize)> {
        (0..self.tokens.len()).find_map(|at| {
            let length = match (self.word(at), self.word(at + 1), self.word(at + 2)) {
                ("why", ..) => 1,
                ("how", "come", _)
                | ("what", "caused" | "causes" | "drove" | "drives" | "explains", _)
                | ("whats" | "what", "behind", _)
                | ("reason" | "reasons", "for" | "behind", _) => 2,
                ("what", "is" | "was", "behind") => 3,
                ("explain", ..) if self.find(DOWN).or(self.find(UP)).is_some() => 1,
                _ => return None,
            };
            let lead = at > 0 && self.word(at - 1) == "the";
            Some((at - usize::from(lead), length + usize::from(lead)))
        })
    }

    /// Takes the words that say how it changed.
    fn change(&mut self) -> Option<Direction> {
        self.take_all(AROUND, self.tokens.len());
        let mut direction = None;
        for at in 0..self.tokens.len() {
            let way = if self.is(at, DOWN) {
                Some(Direction::Descending)
            } else if self.is(at, UP) {
                Some(Direction::Ascending)
            } else if self.is(at, CHANGED) {
                None
            } else {
                continue;
            };
            // "lower than last year" says it with the comparison that follows.
            direction = direction.or(way);
            self.take(at, 1);
            if self.is(at + 1, &["in", "of"]) && !self.is_day(at + 2) {
                self.take(at + 1, 1);
            }
            if at > 0 && self.is(at - 1, &["the", "a", "an", "this", "that"]) {
                self.take(at - 1, 1);
            }
        }
        direction
    }

    fn is_day(&self, at: usize) -> bool {
        self.tokens.get(at..).is_some_and(|rest| {
            let today = chrono::NaiveDate::default();
            calendar::read(rest, today).is_some()
        })
    }

    /// "What will revenue be next quarter?"
    fn asks_ahead(&mut self) -> bool {
        let Some(will) = self.find(&["will", "would"]) else { return false };
        let asks = self.is(0, &["what", "how"]) && will < 6;
        let be = (will..self.tokens.len())
            .any(|at| self.is(at, &["be"]) || self.follows(at, &["look", "like"]));
        let ours = self.is(will + 1, &["we"]) && self.is(will + 2, &["make", "have", "get"]);
        if !asks || !(be || ours) {
            return false;
        }
        self.take_all(TO_COME, self.tokens.len());
        self.trend();
        true
    }

    fn trend(&mut self) {
        for at in 0..self.tokens.len() {
            if let Some(phrase) = TREND_HOLDS.iter().find(|phrase| self.follows(at, phrase)) {
                self.take(at, phrase.len());
            }
        }
    }

    /// Takes the days that are asked about, and those they are compared with.
    fn days(&mut self, company: Company) -> (Option<Period>, Option<Period>) {
        let (mut period, mut compare) = (None, None);
        let mut at = 0;
        while at < self.tokens.len() {
            let read = calendar::read_for(&self.tokens[at..], company);
            let Some((length, days)) =
                read.filter(|(length, _)| self.taken[at..at + length].iter().all(|taken| !taken))
            else {
                at += 1;
                continue;
            };
            let marked = COMPARED
                .iter()
                .find(|phrase| at >= phrase.len() && self.follows(at - phrase.len(), phrase));
            let lead = marked.map_or_else(
                || usize::from(at > 0 && self.is(at - 1, &["in", "for", "during", "of", "on"])),
                |phrase| phrase.len(),
            );
            let place = if marked.is_some() { &mut compare } else { &mut period };
            if place.is_none() {
                *place = Some(days);
                self.take(at - lead, length + lead);
            }
            at += length;
        }
        (period, compare)
    }

    /// The words that were not taken, as they were typed.
    fn left(&self) -> String {
        let left = self.tokens.iter().zip(&self.taken).filter(|(_, taken)| !**taken);
        let words: Vec<&str> = left.map(|(token, _)| &self.question[token.at.clone()]).collect();
        words.join(" ")
    }

    fn spans(
        &self,
        kind: AnalysisKind,
        period: Option<&Period>,
        compare: Option<&Period>,
    ) -> Vec<Span> {
        let taken = self.tokens.iter().zip(&self.taken).filter(|(_, taken)| **taken);
        let text: Vec<&str> = taken.map(|(token, _)| &self.question[token.at.clone()]).collect();
        let mut meaning = match kind {
            AnalysisKind::Why { .. } => "what the change comes from".to_owned(),
            AnalysisKind::Forecast => "what comes next".to_owned(),
            AnalysisKind::Unusual => "what is out of the ordinary".to_owned(),
        };
        for (joint, days) in [("in", period), ("compared with", compare)] {
            if let Some(days) = days {
                let words = calendar::words(days.from, days.to);
                meaning = format!("{meaning}, {joint} {words}");
            }
        }
        vec![Span { text: text.join(" "), meaning }]
    }
}
