//! From a company's figures to the few findings that matter: every method is tried on every figure, the
//! false discovery rate is held over all tests that were made, and what is left is ranked.

mod evidence;
mod level;
mod members;
mod parts;
mod rank;
mod seldom;

use std::collections::BTreeSet;

use pacioli_model::{
    Caveat, Dimension, Evidence, Fact, Finding, MetricUsed, Score, Subject, TableName, Test, Votes,
    Window,
};

use crate::{Series, number::false_discovery, trend::Tested};

pub use evidence::{Cells, table};
pub use level::forecast_of;
pub use parts::{drivers_of, mix_of};
pub use rank::{actionability, rank};

/// Chance of being wrong that is borne over all findings of a report.
const LEVEL: f64 = 0.05;

/// Its shares: of figures as a whole, of members, of pairs of figures; and that of seasons, which is none of
/// it: that there is one says nothing that somebody would act on.
const SHARES: [f64; 4] = [0.6, 0.3, 0.1, 1.0];

/// How rare by itself a movement is that is told where none is sure.
const RARE: f64 = 0.01;

/// Changes that are as sure as this are explained: one that is not there would be told twice.
const SURE: f64 = 0.01;

/// Findings of a report, at most.
pub const MOST: usize = 10;

/// What a report looks at.
#[derive(Debug, Clone)]
pub struct Study {
    /// The days it is about: whole periods, the last of each series.
    pub window: Window,
    /// The days they are compared with, of as many periods.
    pub against: Option<Window>,
    /// Its figures, the most important first.
    pub figures: Vec<Figure>,
    /// Ids of what the last report of its kind said.
    pub said: BTreeSet<String>,
    /// What readers think of what they were told.
    pub votes: Votes,
}

/// One figure over time, and by its members.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Which.
    pub metric: MetricUsed,
    /// Of which table.
    pub table: TableName,
    /// Complete periods up to the end of the study's window.
    pub series: Series,
    /// How much it matters beside the others, 0 to 1.
    pub weight: f64,
    /// The query that gave the series.
    pub query: usize,
    /// By members.
    pub breakdowns: Vec<Breakdown>,
    /// What holds of all that is found in it.
    pub caveats: Vec<Caveat>,
}

/// A figure by the members of one dimension; every row has exactly one.
#[derive(Debug, Clone)]
pub struct Breakdown {
    /// What they are told apart by.
    pub dimension: Dimension,
    /// Each with a value for every period of the figure's series; `None` where it has no row.
    pub members: Vec<Member>,
    /// More exist than are here.
    pub cut: bool,
    /// Which of them there are, and over which periods.
    pub reach: Reach,
    /// The query that gave them.
    pub query: usize,
}

/// What a breakdown has values of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Of every member in every period.
    Whole,
    /// Of every member over spans of periods, each at its first: nothing of single periods.
    Spans,
    /// Of the largest members in every period: nothing of the others.
    Largest,
}

impl Breakdown {
    /// Whether its members make up the figure.
    pub fn is_whole(&self) -> bool {
        !self.cut && self.reach != Reach::Largest
    }
}

/// One member over time.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// By period.
    pub values: Vec<Option<f64>>,
    /// How many rows are behind each; empty where that is not known.
    pub rows: Vec<f64>,
}

impl Member {
    /// Its sum over some periods.
    pub fn sum(&self, periods: std::ops::Range<usize>) -> f64 {
        self.values[periods].iter().flatten().sum()
    }
}

/// What came of a study.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The most important first, at most [`MOST`].
    pub findings: Vec<Finding>,
    /// What would have been told, had nobody muted it.
    pub muted: Vec<Finding>,
    /// Tests that were made.
    pub tests_made: usize,
}

/// A finding before the control of how many tests were made.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    finding: Finding,
    /// The p-value by itself; nothing where no test is needed.
    p_value: Option<f64>,
    /// The place of its figure in the study.
    figure: usize,
    /// It was tested, and counts as that, but is not worth telling.
    untold: bool,
}

impl Candidate {
    /// It passed its test, whatever else was tested, and is worth telling.
    fn is_told(&self) -> bool {
        !self.untold && self.p_value.is_none_or(|p_value| p_value <= LEVEL)
    }
}

/// The findings of a study.
pub fn findings(study: &Study) -> Outcome {
    let mut candidates = Vec::new();
    let mut without = 0;
    for (place, figure) in study.figures.iter().enumerate() {
        let look = Look { study, figure, place };
        look.at_level(&mut candidates);
        without += look.at_members(&mut candidates);
    }
    level::leads(study, &mut candidates);
    let tests_made = candidates.iter().filter(|it| it.p_value.is_some()).count() + without;
    control(&mut candidates, without);
    let nearest = nearest(&candidates);
    let mut kept = Vec::new();
    for (place, mut candidate) in candidates.into_iter().enumerate() {
        if let Some(p_value) = candidate.p_value {
            if !candidate.is_told() && nearest != Some(place) {
                continue;
            }
            candidate.finding.score.significance = 1.0 - p_value;
            if let Some(test) = &mut candidate.finding.test {
                test.p_value = p_value;
            }
        }
        kept.push(candidate);
    }
    explain(study, &mut kept);
    let mut muted = Vec::new();
    kept.retain(|it| {
        let is_muted = study.votes.is_muted(&it.finding);
        if is_muted {
            muted.push(it.finding.clone());
        }
        !is_muted
    });
    Outcome { findings: rank::choose(study, kept), muted, tests_made }
}

/// Controls the false discovery rate (Benjamini & Hochberg 1995) in families of tests, which share the chance
/// of being wrong that a report may take: figures as a whole, their members, and pairs of figures. In one
/// family the many members would drown the few figures (Benjamini & Bogomolov 2014). Seasons are a family
/// by themselves: nearly every figure has one, and that many sure discoveries would let as many of the others
/// be wrong (Efron 2008, on what may be tested together). `without` members were tested and nothing was seen
/// in them.
fn control(candidates: &mut [Candidate], without: usize) {
    let family = |it: &Candidate| match it.finding.fact {
        Fact::Season { .. } => 3,
        Fact::LeadLag { .. } => 2,
        _ => usize::from(it.finding.subject.dimension.is_some()),
    };
    for (number, unseen) in [(0, 0), (1, without), (2, 0), (3, 0)] {
        let of_family = candidates.iter_mut().filter(|it| family(it) == number);
        let mut p_values: Vec<&mut f64> = of_family.filter_map(|it| it.p_value.as_mut()).collect();
        let mut all: Vec<f64> = p_values.iter().map(|it| **it).collect();
        all.resize(all.len() + unseen, 1.0);
        for (p_value, adjusted) in p_values.iter_mut().zip(false_discovery(&all)) {
            **p_value = (adjusted / SHARES[number]).min(1.0);
        }
    }
}

/// Where no movement is sure, the one of a figure as a whole that comes nearest to it, if by itself it would
/// be rare. One is the most that is told so: whoever bears one false finding in a report may add the
/// likeliest one, whatever else is controlled (Lehmann & Romano 2005, generalised familywise error with
/// k = 2). Its p-value after the control says how little sure it is.
fn nearest(candidates: &[Candidate]) -> Option<usize> {
    let moves =
        |it: &Candidate| it.p_value.is_some() && !matches!(it.finding.fact, Fact::Season { .. });
    if candidates.iter().any(|it| moves(it) && it.is_told()) {
        return None;
    }
    let by_itself = |it: &Candidate| it.finding.test.as_ref().map_or(1.0, |test| test.p_value);
    let of_figures = candidates.iter().enumerate().filter(|(_, it)| {
        let alone = it.finding.subject.dimension.is_none() && !it.untold;
        moves(it) && alone && !matches!(it.finding.fact, Fact::LeadLag { .. })
    });
    let first = of_figures.min_by(|one, other| by_itself(one.1).total_cmp(&by_itself(other.1)))?;
    (by_itself(first.1) <= RARE).then_some(first.0)
}

/// Adds where a change that was found comes from.
fn explain(study: &Study, kept: &mut Vec<Candidate>) {
    let changed: BTreeSet<usize> = kept
        .iter()
        .filter(|it| it.finding.subject.member.is_none())
        .filter(|it| it.p_value.is_some_and(|p_value| p_value <= SURE))
        .filter(|it| matches!(it.finding.fact, Fact::Change { .. } | Fact::OutlierPoint { .. }))
        .map(|it| it.figure)
        .collect();
    for place in changed {
        let look = Look { study, figure: &study.figures[place], place };
        kept.extend(look.drivers());
        kept.extend(look.price_volume_mix());
    }
}

/// One figure of a study, being looked at.
struct Look<'a> {
    study: &'a Study,
    figure: &'a Figure,
    place: usize,
}

impl Look<'_> {
    /// The places of the study's window in the series.
    fn now(&self) -> Option<std::ops::Range<usize>> {
        range(&self.figure.series, &self.study.window)
    }

    /// The places of what it is compared with.
    fn before(&self) -> Option<(std::ops::Range<usize>, Window)> {
        let against = self.study.against?;
        Some((range(&self.figure.series, &against)?, against))
    }

    fn candidate(
        &self,
        fact: Fact,
        about: About<'_>,
        tested: Option<(&str, Tested, usize)>,
        impact: f64,
        evidence: Evidence,
    ) -> Candidate {
        let metric = &self.figure.metric;
        let part = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let id = format!(
            "{}:{}:{}:{}",
            fact.kind(),
            metric.name,
            part(about.dimension.map(|it| it.column.column.as_str())),
            part(about.member)
        );
        let was_said = self.study.said.contains(&id);
        let novelty = self.study.votes.novelty(&fact, &metric.name, was_said);
        let score = Score {
            impact: (impact.abs().min(1.0).sqrt() * self.figure.weight).clamp(0.0, 1.0),
            significance: 1.0,
            novelty,
            actionability: rank::actionability(&fact),
        };
        let mut caveats = self.figure.caveats.clone();
        if about.cut {
            caveats.push(Caveat::MembersCut);
        }
        if tested.is_some_and(|(_, _, n)| n < 24) {
            caveats.push(Caveat::FewPoints);
        }
        let test = tested.map(|(name, test, n)| Test {
            name: name.to_owned(),
            statistic: test.statistic,
            p_value: test.p_value,
            n,
        });
        let subject = Subject {
            metric: metric.clone(),
            table: self.figure.table.clone(),
            dimension: about.dimension.cloned(),
            member: about.member.map(str::to_owned),
            window: self.study.window,
        };
        let p_value = tested.map(|(_, test, _)| test.p_value);
        let finding = Finding { id, subject, fact, test, score, caveats, evidence };
        Candidate { finding, p_value, figure: self.place, untold: false }
    }
}

/// What a finding about a figure is about, beside it.
#[derive(Clone, Copy, Default)]
struct About<'a> {
    dimension: Option<&'a Dimension>,
    member: Option<&'a str>,
    cut: bool,
}

impl<'a> About<'a> {
    fn of(breakdown: &'a Breakdown) -> Self {
        Self { dimension: Some(&breakdown.dimension), member: None, cut: breakdown.cut }
    }

    fn member(self, name: &'a str) -> Self {
        Self { member: Some(name), ..self }
    }
}

/// The places of a window's periods in a series, where it has all of them.
pub fn range(series: &Series, window: &Window) -> Option<std::ops::Range<usize>> {
    let from = series.place(window.from)?;
    let to = (from..=series.values.len()).find(|place| series.at(*place) == window.to)?;
    (to > from).then_some(from..to)
}

#[cfg(test)]
mod planted;
