//! What an analysis found: typed facts with the test behind each, no sentences. Whoever shows a finding takes its numbers from here and its words from templates.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    ColumnRef, CompanyId, Fact, Labels, Table, TableName, TimeGrain, Timestamp, Unit, UserId,
};

/// One thing worth telling about a company's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The same for the same kind of fact about the same subject in every report, whatever the
    /// figures: `change:revenue:-:-`. What is muted, and what novelty goes by.
    pub id: String,
    /// What it is about.
    pub subject: Subject,
    /// What was found.
    pub fact: Fact,
    /// The test behind it; empty for plain arithmetic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    /// How much it matters.
    pub score: Score,
    /// What to keep in mind when reading it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<Caveat>,
    /// The rows it was found in.
    pub evidence: Evidence,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// The figure.
    pub metric: MetricUsed,
    /// The table that the figure is of.
    pub table: TableName,
    /// What members are told apart by, where it is about one or several of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<Dimension>,
    /// The member of `dimension`, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The days it is about.
    pub window: Window,
}

/// A figure, as findings and headlines name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricUsed {
    /// A declared metric's name, or `sum_sales_revenue_eur` of one that was found.
    pub name: String,
    /// For people.
    pub label: String,
    /// The same in other languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// What its values are in.
    pub unit: Unit,
    /// Which way is good.
    pub better: Better,
    /// Values of periods and members add up: a sum or a count of what happens.
    #[serde(default)]
    pub adds_up: bool,
}

/// Which way of a figure is good for the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum Better {
    Higher,
    Lower,
    #[default]
    Neither,
}

/// A column whose values tell members apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dimension {
    /// Which.
    pub column: ColumnRef,
    /// For people: `Customer`.
    pub label: String,
    /// The same in other languages.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

/// A run of days, and the periods that it is looked at in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First day.
    pub from: NaiveDate,
    /// The day after the last.
    pub to: NaiveDate,
    /// The periods it is cut into.
    pub grain: TimeGrain,
    /// Every one of its days lies in the past and is covered by the data.
    pub complete: bool,
}

/// A statistical test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// `mann_kendall`, `welch_t`, `robust_z`, `spearman`, `pelt`…
    pub name: String,
    /// Its statistic.
    pub statistic: f64,
    /// After the control for how many were made (Benjamini & Hochberg 1995); 0 to 1.
    pub p_value: f64,
    /// Observations.
    pub n: usize,
}

/// How much a finding matters: each part 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Score {
    /// How large it is against the company's total.
    pub impact: f64,
    /// How unlikely it is that chance made it.
    pub significance: f64,
    /// How little of it the last report said.
    pub novelty: f64,
    /// How much somebody can do about it.
    pub actionability: f64,
}

impl Score {
    /// What findings are ranked by.
    pub fn total(self) -> f64 {
        self.impact * self.significance * self.novelty * self.actionability
    }
}

/// What to keep in mind when a finding is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caveat {
    /// Few periods or members.
    FewPoints,
    /// The data ends before the window does, or before today.
    DataEndsEarly,
    /// Forecasts were no better than repeating the season.
    NaiveNotBeaten,
    /// Figures of this table rest on doubtful data.
    DoubtfulData,
    /// Only rows that the asking person may see.
    PartOfRows,
    /// Rows in other currencies are left out.
    OneCurrency,
    /// More members exist than were looked at.
    MembersCut,
    /// What is open is as the table stands now, not as of the day.
    AsOfNow,
}

/// The rows behind a finding, and how to get them again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Rows, with the columns that the kind of fact names.
    pub table: Table,
    /// Numbers of the queries in [`ReportContent::queries`](crate::ReportContent::queries).
    pub queries: Vec<usize>,
}

/// What a reader thinks of findings of one kind about one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vote {
    /// Nobody of the company wants to be told of it.
    Mute,
    /// It is worth being told again.
    Useful,
}

/// A vote of one person's; it holds for the reports of all of their company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingVote {
    /// Stored as `_id`: whose, and on what.
    #[serde(rename = "_id")]
    pub id: String,
    /// Whose company.
    pub company_id: CompanyId,
    /// A kind of fact: `change_point`.
    pub kind: String,
    /// The name of the figure, or of the table whose data is doubtful.
    pub figure: String,
    /// What they think.
    pub vote: Vote,
    /// Who.
    pub created_by: UserId,
    /// When they last said so.
    pub created_at: Timestamp,
}

/// The votes of a company.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Votes {
    muted: BTreeSet<(String, String)>,
    useful: BTreeMap<(String, String), u32>,
}

impl Votes {
    /// Those that were given.
    pub fn of(given: impl IntoIterator<Item = FindingVote>) -> Self {
        let mut votes = Self::default();
        for FindingVote { kind, figure, vote, .. } in given {
            match vote {
                Vote::Mute => _ = votes.muted.insert((kind, figure)),
                Vote::Useful => *votes.useful.entry((kind, figure)).or_default() += 1,
            }
        }
        votes
    }

    /// Somebody has muted findings like this.
    pub fn is_muted(&self, finding: &Finding) -> bool {
        self.muted.contains(&subject_of(&finding.fact, &finding.subject.metric.name))
    }

    /// How new a fact about a figure is, 0 to 1: what was said before has lost half of that, and each reader who
    /// found it useful gives a quarter back.
    pub fn novelty(&self, fact: &Fact, figure: &str, was_said: bool) -> f64 {
        let useful = self.useful.get(&subject_of(fact, figure)).copied().unwrap_or(0);
        if was_said { (0.5 + 0.25 * f64::from(useful)).min(1.0) } else { 1.0 }
    }
}

fn subject_of(fact: &Fact, figure: &str) -> (String, String) {
    (fact.kind().to_owned(), figure.to_owned())
}
