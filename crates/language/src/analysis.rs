//! Questions for what lies behind a figure: "why did revenue fall in March", "what will sales be next
//! quarter", "anything unusual in expenses". The words that ask so, and the days, are taken out; what is
//! left must be a figure that a reader of rows understands, as a series over time.

mod hearing;

use pacioli_model::{Aggregate, Aggregation, Analysis, AnalysisKind, Ask, DayRange, TimeGrain};

pub(crate) use self::hearing::heard;
use crate::{
    calendar::Period,
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
        _ => rows(&format!("{rest} by {}", heard.grain().as_str())),
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
