//! Questions for what lies behind a figure: "why did revenue fall in March", "what will sales be next
//! quarter", "anything unusual in expenses". The words that ask so, and the days, are taken out; what is
//! left must be a figure that a reader of rows understands, as a series over time.

use pacioli_model::{
    Aggregate, Aggregation, Analysis, AnalysisKind, Ask, DayRange, Direction, TimeGrain,
};

use crate::{
    calendar::{self, Company, Period},
    token::{Token, tokenise},
    translation::{Analysed, Choice, Span, Translation, Understood},
};

/// A question that asks for an analysis, without the words that ask so.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heard {
    kind: AnalysisKind,
    /// Nothing else can be meant by these words: "why" is no column.
    pub(crate) certain: bool,
    /// What is left: the figure, its groups and conditions.
    rest: String,
    period: Option<Period>,
    compare: Option<Period>,
    spans: Vec<Span>,
}

/// A figure that is only guessed at is not analysed.
const SURE: f64 = 0.7;

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

/// Reads what is left with `rows`, as a series. `figures` are the labels of declared figures, each with
/// what else it is called.
pub(crate) fn read(
    heard: &Heard,
    figures: &[(&str, Vec<String>)],
    rows: impl Fn(&str) -> Translation,
) -> Translation {
    let read = series(heard, &heard.rest, &rows);
    // "The share price": where figures are declared, the mean of some column is none to be carried on.
    if let Translation::Analyse(analysed) = &read
        && !figures.is_empty()
        && is_mean(&analysed.analysis.ask)
    {
        return no_series(heard);
    }
    match read {
        // "Which expense accounts are unusual": members of a figure that is called like them.
        Translation::Refuse { not_understood, reason } => {
            let first = heard.rest.split(' ').next().unwrap_or_default().to_lowercase();
            let called = |names: &[String]| {
                names.iter().any(|name| !first.is_empty() && name.starts_with(&first))
            };
            let figure = figures.iter().find(|(_, names)| called(names));
            let members = figure
                .filter(|_| heard.kind == AnalysisKind::Unusual)
                .map(|(label, _)| series(heard, &format!("{label} by {}", heard.rest), &rows));
            members
                .filter(|read| matches!(read, Translation::Analyse(_)))
                .unwrap_or(Translation::Refuse { not_understood, reason })
        }
        read => read,
    }
}

fn series(heard: &Heard, rest: &str, rows: &impl Fn(&str) -> Translation) -> Translation {
    let first = rows(rest);
    let in_periods = |ask: &Ask| ask.group_by.iter().any(|group| group.grain().is_some());
    let series = match &first {
        Translation::Understood(understood) if in_periods(&understood.ask) => first,
        _ => rows(&format!("{rest} by {}", grain_word(heard.grain()))),
    };
    match series {
        Translation::Understood(understood) => {
            let Understood { ask, spans, interpretation, confidence } = *understood;
            let analysis = heard.analysis(ask).filter(|_| confidence > SURE);
            let Some(analysis) = analysis else { return no_series(heard) };
            let spans = heard.spans.iter().cloned().chain(spans).collect();
            let analysed = Analysed { analysis, spans, interpretation, confidence };
            Translation::Analyse(Box::new(analysed))
        }
        Translation::Clarify { question, choices, .. } => {
            let analysed = |choice: Choice| {
                let analysis = heard.analysis(choice.ask.clone())?;
                Some(Choice { analysis: Some(analysis), ..choice })
            };
            let choices: Vec<Choice> = choices.into_iter().filter_map(analysed).collect();
            if choices.len() < 2 {
                no_series(heard)
            } else {
                // Only rows can be read by anybody else.
                Translation::Clarify { question, choices, confidence: None }
            }
        }
        // What is left names no figure by itself.
        Translation::Refuse { not_understood, reason } if not_understood.is_empty() => {
            let words = heard.rest.split(' ').map(str::to_owned).collect();
            Translation::Refuse { not_understood: words, reason }
        }
        other => other,
    }
}

fn is_mean(ask: &Ask) -> bool {
    let first = ask.shown_measures().next().and_then(pacioli_model::Measure::aggregation);
    first.is_some_and(|one| one.aggregate == Aggregate::Average)
}

fn no_series(heard: &Heard) -> Translation {
    Translation::Refuse {
        not_understood: heard.rest.split(' ').map(str::to_owned).collect(),
        reason: "Only a figure over time can be explained or carried forward.".to_owned(),
    }
}

impl Heard {
    /// Weeks and days for short periods, months otherwise.
    fn grain(&self) -> TimeGrain {
        let days = self
            .period
            .as_ref()
            .and_then(|period| Some(period.to?.signed_duration_since(period.from?).num_days()));
        match days {
            Some(days) if days < 7 => TimeGrain::Day,
            Some(days) if days < 28 => TimeGrain::Week,
            _ => TimeGrain::Month,
        }
    }

    /// Rows are counted that the question does not name: "the share price" is no number of expenses.
    fn is_guessed(&self, aggregation: &Aggregation) -> bool {
        let name = aggregation.table.as_str();
        let stem: String = name.chars().take(4).collect();
        let mut words = self.rest.split(' ').map(str::to_lowercase);
        aggregation.aggregate == Aggregate::Count
            && aggregation.value.is_none()
            && !words.any(|word| word.starts_with(&stem))
    }

    /// Nothing where the Ask is no series of a figure.
    fn analysis(&self, mut ask: Ask) -> Option<Analysis> {
        let grain = ask.group_by.iter().find_map(pacioli_model::Grouping::grain)?;
        let measure = ask.shown_measures().next()?;
        if ask.each_row || measure.aggregation().is_some_and(|one| self.is_guessed(one)) {
            return None;
        }
        ask.range = None;
        ask.limit = None;
        let range = |period: &Period| DayRange { from: period.from, to: period.to };
        Some(Analysis {
            kind: self.kind,
            ask,
            grain,
            period: self.period.as_ref().map(range),
            compare: self.compare.as_ref().map(range),
        })
    }
}

fn grain_word(grain: TimeGrain) -> &'static str {
    match grain {
        TimeGrain::Day => "day",
        TimeGrain::Week => "week",
        _ => "month",
    }
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
