use std::collections::{BTreeMap, BTreeSet};

use pacioli_model::{Fact, Finding, TimeGrain};

use super::{Candidate, MOST, Study};
use crate::number::correlation;

/// How much somebody can do about a kind of finding, 0 to 1.
pub fn actionability(fact: &Fact) -> f64 {
    match fact {
        Fact::DataQuality { .. } | Fact::StockCover { .. } | Fact::Ageing { .. } => 1.0,
        Fact::OutlierMember { .. } | Fact::Drivers { .. } | Fact::NewLost { .. } => 0.9,
        Fact::Change { .. }
        | Fact::ChangePoint { .. }
        | Fact::OutlierPoint { .. }
        | Fact::Burst { .. }
        | Fact::PriceVolumeMix { .. }
        | Fact::RatioDrivers { .. }
        | Fact::DaysOutstanding { .. }
        | Fact::Pace { .. }
        | Fact::Forecast { .. } => 0.8,
        Fact::Trend { .. } => 0.7,
        Fact::Concentration { .. } => 0.6,
        Fact::OutstandingFirst { .. } | Fact::OutstandingLast { .. } | Fact::LeadLag { .. } => 0.5,
        Fact::Season { .. } => 0.4,
    }
}

/// What is badly doubtful in the data first, for it makes other findings doubtful; then the best, those that
/// say the same as a better one left out, few of each kind, at most [`MOST`].
pub fn rank(findings: Vec<Finding>) -> Vec<Finding> {
    let mut findings = findings;
    findings.sort_by(|one, other| {
        let by_doubt = is_grave(other).cmp(&is_grave(one));
        let by_score = other.score.total().total_cmp(&one.score.total());
        by_doubt.then(by_score).then_with(|| one.id.cmp(&other.id))
    });
    let mut said = BTreeSet::new();
    findings.retain(|it| said.insert(key(it, &it.subject.metric.name)));
    // Of two kinds of movement of one member the better one tells both.
    let mut of_kind = BTreeMap::new();
    findings.retain(|it| {
        let count = of_kind.entry(it.fact.kind()).or_insert(0);
        *count += 1;
        *count <= most_of(&it.fact)
    });
    findings.truncate(MOST);
    findings
}

/// A doubt about the data that puts what is computed from it in doubt.
fn is_grave(finding: &Finding) -> bool {
    matches!(&finding.fact, Fact::DataQuality { severity, .. } if severity == "high")
}

/// Findings of one kind that are worth telling in one report.
fn most_of(fact: &Fact) -> usize {
    match fact {
        Fact::Season { .. } | Fact::LeadLag { .. } => 1,
        Fact::OutstandingFirst { .. }
        | Fact::OutstandingLast { .. }
        | Fact::Concentration { .. } => 2,
        _ => 3,
    }
}

pub(super) fn choose(study: &Study, kept: Vec<Candidate>) -> Vec<Finding> {
    let mut kept = kept;
    kept.sort_by(|one, other| {
        let by_score = other.finding.score.total().total_cmp(&one.finding.score.total());
        by_score.then_with(|| one.finding.id.cmp(&other.finding.id))
    });
    let twins = twins(study);
    let mut said = BTreeSet::new();
    let mut chosen: Vec<Candidate> = Vec::new();
    for one in kept {
        let metric = |it: &Candidate| &study.figures[twins[it.figure]].metric.name;
        let is_told =
            |it: &Candidate| metric(it) == metric(&one) && is_same_shift(&it.finding, &one.finding);
        if !said.insert(key(&one.finding, metric(&one))) {
            continue;
        }
        match chosen.iter().position(is_told) {
            // The one that shifted most by its size is where it comes from.
            Some(place) if by_size(&one.finding) > by_size(&chosen[place].finding) => {
                chosen[place] = one;
            }
            Some(_) => {}
            None => chosen.push(one),
        }
    }
    rank(chosen.into_iter().map(|it| it.finding).collect())
}

/// How far a level shifted, beside what it was.
fn by_size(finding: &Finding) -> f64 {
    match finding.fact {
        Fact::ChangePoint { before, after, .. } => {
            (after - before).abs() / before.abs().max(f64::MIN_POSITIVE)
        }
        _ => 0.0,
    }
}

/// Whether members of two dimensions shifted at one time and in one way: a large customer is most of its country.
fn is_same_shift(one: &Finding, other: &Finding) -> bool {
    let shift = |it: &Finding| match it.fact {
        Fact::ChangePoint { at, before, after } => Some((at, after > before)),
        _ => None,
    };
    let (Some(first), Some(second)) = (shift(one), shift(other)) else { return false };
    let days = match one.subject.window.grain {
        TimeGrain::Day => 1,
        TimeGrain::Week => 7,
        TimeGrain::Month => 31,
        TimeGrain::Quarter => 92,
        TimeGrain::Year => 366,
    };
    let (Some(by), Some(other_by)) = (&one.subject.dimension, &other.subject.dimension) else {
        return false;
    };
    by != other_by && first.1 == second.1 && (first.0 - second.0).num_days().abs() <= days
}

/// What a finding says, whatever it says it by: two with the same key say the same.
fn key(finding: &Finding, metric: &str) -> (&'static str, String, String) {
    let says = match finding.fact {
        Fact::Change { .. }
        | Fact::Trend { .. }
        | Fact::ChangePoint { .. }
        | Fact::OutlierPoint { .. }
        | Fact::Burst { .. }
        | Fact::OutlierMember { .. } => "moves",
        Fact::OutstandingFirst { .. } | Fact::Concentration { .. } => "leads",
        Fact::OutstandingLast { .. } => "trails",
        ref other => other.kind(),
    };
    let (dimension, member) = (&finding.subject.dimension, &finding.subject.member);
    match (dimension, member, &finding.fact) {
        // One member is told of once, whichever figure shows it.
        (Some(dimension), Some(member), _) => {
            (says, dimension.column.column.to_string(), member.clone())
        }
        // Who came and went is told once, by the figure that it tells most of.
        (Some(dimension), None, Fact::NewLost { .. }) => {
            (says, dimension.column.column.to_string(), String::new())
        }
        (_, _, Fact::DataQuality { problem, columns, .. }) => {
            (says, finding.subject.table.to_string(), format!("{problem} {columns:?}"))
        }
        _ => (says, metric.to_owned(), String::new()),
    }
}

/// For each figure the first one that runs like it: correlated by 0.9 or more from period to period.
fn twins(study: &Study) -> Vec<usize> {
    let changes = |place: usize| {
        let values = &study.figures[place].series.values;
        values.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<f64>>()
    };
    let all: Vec<Vec<f64>> = (0..study.figures.len()).map(changes).collect();
    let alike = |one: usize, other: usize| {
        let (one, other) = (&all[one], &all[other]);
        let count = one.len().min(other.len());
        count >= 8 && correlation(&one[one.len() - count..], &other[other.len() - count..]) >= 0.9
    };
    (0..all.len())
        .map(|place| (0..place).find(|first| alike(*first, place)).unwrap_or(place))
        .collect()
}

#[cfg(test)]
mod tests {
    use pacioli_model::{
        Better, ColumnName, ColumnRef, Dimension, Evidence, Labels, MetricUsed, Score, Subject,
        Table, TableName, Unit, Window,
    };

    use super::*;

    fn finding(id: &str, fact: Fact, impact: f64) -> Finding {
        let metric = MetricUsed {
            name: id.to_owned(),
            label: id.to_owned(),
            labels: Labels::new(),
            unit: Unit::Number,
            better: Better::Neither,
            adds_up: true,
        };
        let (from, to) = ("2025-11-01".parse().unwrap(), "2025-12-01".parse().unwrap());
        let window = Window { from, to, grain: TimeGrain::Month, complete: true };
        let table = TableName::parse("sales").unwrap();
        let rows = Table { columns: Vec::new(), rows: Vec::new(), truncated: false };
        Finding {
            id: id.to_owned(),
            subject: Subject { metric, table, dimension: None, member: None, window },
            fact,
            test: None,
            score: Score { impact, significance: 1.0, novelty: 1.0, actionability: 1.0 },
            caveats: Vec::new(),
            evidence: Evidence { table: rows, queries: Vec::new() },
        }
    }

    fn doubt(id: &str, severity: &str, impact: f64) -> Finding {
        let (problem, severity) = (id.to_owned(), severity.to_owned());
        let columns = Vec::new();
        finding(
            id,
            Fact::DataQuality { problem, severity, columns, rows: None, detail: String::new() },
            impact,
        )
    }

    #[test]
    fn grave_doubts_come_before_everything_and_others_by_their_score() {
        let trend = |id: &str, impact| {
            let fact = Fact::Trend { slope: 1.0, first: 1.0, last: 12.0, periods: 12 };
            finding(id, fact, impact)
        };
        let given = vec![
            trend("rises", 0.95),
            doubt("spelled_differently", "medium", 0.5),
            doubt("missing_key", "high", 0.1),
            trend("rises_too", 0.3),
            doubt("orphans", "high", 0.2),
        ];
        let ranked: Vec<String> = rank(given).into_iter().map(|it| it.id).collect();
        let expect = ["orphans", "missing_key", "rises", "spelled_differently", "rises_too"];
        assert_eq!(ranked, expect);
    }

    #[test]
    fn a_shift_seen_in_a_customer_and_in_its_country_is_one() {
        let shift = |by: &str, at: &str, after: f64| {
            let fact = Fact::ChangePoint { at: at.parse().unwrap(), before: 10.0, after };
            let column = ColumnRef::new(
                TableName::parse("customers").unwrap(),
                ColumnName::parse(by).unwrap(),
            );
            let mut it = finding("days_to_pay", fact, 0.5);
            let (label, labels) = (by.to_owned(), Labels::new());
            it.subject.dimension = Some(Dimension { column, label, labels });
            it
        };
        let customer = shift("customer", "2025-09-01", 20.0);
        assert!(is_same_shift(&customer, &shift("country", "2025-10-01", 12.0)));
        assert!(!is_same_shift(&customer, &shift("country", "2025-11-01", 12.0)));
        assert!(!is_same_shift(&customer, &shift("country", "2025-09-01", 8.0)));
        assert!(!is_same_shift(&customer, &shift("customer", "2025-09-01", 20.0)));
    }
}
