//! The kinds of things that analyses find.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Dimension, MetricUsed, Test, Window};

/// What was found. Values are in the metric's unit; rates and shares are fractions (0.1 is 10 %).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// The subject's window against another of equal length. Evidence: `period, value`.
    Change {
        /// In the window.
        value: f64,
        /// In the other one.
        before: f64,
        /// The other one.
        against: Window,
        /// `value / before - 1`; empty where `before` is next to nothing or the sign turns.
        rate: Option<f64>,
    },
    /// A steady rise or fall (Mann-Kendall). Evidence: `period, value`.
    Trend {
        /// Sen's slope: change in a period.
        slope: f64,
        /// Sen's line at the first period.
        first: f64,
        /// And at the last.
        last: f64,
        /// How many.
        periods: usize,
    },
    /// Years that run alike. Evidence: `period, value`.
    Season {
        /// Periods in a cycle.
        length: usize,
        /// 0 for none, 1 for nothing else.
        strength: f64,
        /// The place in the cycle that is highest, from 1: January is 1.
        high: usize,
        /// How far above the level it lies, as a fraction of it.
        high_effect: f64,
        /// The place that is lowest.
        low: usize,
        /// How far below (negative).
        low_effect: f64,
    },
    /// The level shifted at a date and stayed. Evidence: `period, value`.
    ChangePoint {
        /// First day of the first period of the new level.
        at: NaiveDate,
        /// Mean before, of what is not season.
        before: f64,
        /// Mean since.
        after: f64,
    },
    /// One period unlike what trend and season lead to expect. Evidence: `period, value, expected, low, high`.
    OutlierPoint {
        /// First day of the period.
        at: NaiveDate,
        /// What it was.
        value: f64,
        /// What was to be expected.
        expected: f64,
        /// The expected range.
        low: f64,
        /// Its upper end.
        high: f64,
    },
    /// What seldom happens happened to the subject's member more often than its own past and the others lead to
    /// expect. Evidence: `period, value, rows,
    /// rows_in_all`.
    Burst {
        /// First day of the first of its periods.
        at: NaiveDate,
        /// The day after the last.
        to: NaiveDate,
        /// The figure in these periods.
        value: f64,
        /// What was to be expected.
        expected: f64,
        /// How many rows make it up.
        rows: f64,
        /// How many were to be expected.
        expected_rows: f64,
    },
    /// The subject's member changed unlike its peers. Evidence: `member, before, after, change`.
    OutlierMember {
        /// In the window.
        value: f64,
        /// In the one before.
        before: f64,
        /// Its rate of change.
        rate: f64,
        /// The peers' median rate of change.
        typical_rate: f64,
        /// Members that were compared.
        members: usize,
    },
    /// The subject's member stands out above all others. Evidence: `member, value`.
    OutstandingFirst {
        /// Its value.
        value: f64,
        /// The next one's.
        next: f64,
        /// What a power law through the others leads to expect of a first.
        expected: f64,
        /// How many.
        members: usize,
    },
    /// The subject's member stands out below all others. Evidence: `member, value`.
    OutstandingLast {
        /// Its value.
        value: f64,
        /// The next one's.
        next: f64,
        /// What the others lead to expect of a last.
        expected: f64,
        /// How many.
        members: usize,
    },
    /// Few members make up much. The subject's member is the largest. Evidence: `member, value`.
    Concentration {
        /// Herfindahl-Hirschman index, 1/members to 1.
        hhi: f64,
        /// The largest member's share.
        first_share: f64,
        /// How many of the largest make up 80 %.
        for_80_percent: usize,
        /// How many in all.
        members: usize,
        /// Sum over the members.
        total: f64,
    },
    /// Which members a change comes from; with `rest`, the components add up to it.
    /// Evidence: `member, before, after, change`.
    Drivers {
        /// In the window.
        value: f64,
        /// In the other one.
        before: f64,
        /// The other one.
        against: Window,
        /// The largest, by the size of their change.
        components: Vec<Component>,
        /// All other members together.
        rest: Component,
        /// How many those are.
        others: usize,
        /// The combination with a member of another dimension that it lies in most clearly, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        crossed: Option<Box<Crossed>>,
    },
    /// A change of a value that is quantity times price, in three parts that add up to it.
    /// Evidence: `member, quantity_before, quantity_after, value_before, value_after`.
    PriceVolumeMix {
        /// Value in the window.
        value: f64,
        /// Value in the other one.
        before: f64,
        /// The other one.
        against: Window,
        /// By prices of the same members.
        price: f64,
        /// By more or fewer units altogether.
        volume: f64,
        /// By other shares of dear and cheap members, new and lost ones too.
        mix: f64,
    },
    /// A change of a ratio by Shapley values: of what its parts did, and its members' shares.
    /// Evidence: `member, numerator_before, numerator_after, denominator_before, denominator_after`.
    RatioDrivers {
        /// The ratio in the window.
        value: f64,
        /// In the other one.
        before: f64,
        /// The other one.
        against: Window,
        /// Each member's own ratio moved (`rate`) or its weight did (`mix`); they add up to the change.
        components: Vec<RatioComponent>,
    },
    /// Who came, went and came back. Evidence: `member, before, after, change`.
    NewLost {
        /// Never seen before the window.
        new: usize,
        /// What they brought.
        new_value: f64,
        /// In the window before and not in this one.
        lost: usize,
        /// What they had brought.
        lost_value: f64,
        /// Seen earlier, not in the window before, and here again.
        back: usize,
        /// What they brought.
        back_value: f64,
        /// In both.
        kept: usize,
        /// By how much these changed.
        kept_change: f64,
    },
    /// The subject's figure follows or leads another: associated, no more. Evidence: `period, value, other`.
    LeadLag {
        /// The other figure.
        other: MetricUsed,
        /// Periods by which the other goes ahead; 0 for together.
        lag: usize,
        /// Spearman's rank correlation of the changes from period to period.
        rho: f64,
    },
    /// Where a period that still runs will end at the present rate. Evidence: `period, to_date, value`, the
    /// last of which is empty for the period that runs.
    Pace {
        /// Up to now.
        so_far: f64,
        /// Days that are over.
        days: u32,
        /// Days in all.
        days_in_all: u32,
        /// At its end.
        projected: f64,
        /// The target, or the same period a year or a period before.
        reference: f64,
        /// Whether `reference` is a target.
        is_target: bool,
    },
    /// Open amounts by how long they are overdue. Evidence: `bucket, amount, items`.
    Ageing {
        /// Whose.
        side: Side,
        /// As of this day.
        on: NaiveDate,
        /// By days overdue.
        buckets: Vec<AgeBucket>,
        /// Open in all.
        open: f64,
        /// Of it overdue.
        overdue: f64,
    },
    /// How long money is outstanding. Evidence: `day, open, billed`.
    DaysOutstanding {
        /// Customers' (DSO) or suppliers' (DPO).
        side: Side,
        /// Days, at the end of the window.
        days: f64,
        /// At the end of the days that the report compares with, where the tables tell what was open then.
        before: Option<f64>,
        /// When that was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before_on: Option<NaiveDate>,
        /// Open amount behind it.
        open: f64,
    },
    /// How long the stock lasts at the present rate. Evidence: `item, on_hand, per_day, days`.
    StockCover {
        /// Items in stock.
        items: usize,
        /// Of them, those that run out within `within_days`.
        short: usize,
        /// What counts as soon.
        within_days: u32,
        /// Items in stock that nobody took in the window.
        dead: usize,
        /// Median days of cover of the items that move.
        median_days: Option<f64>,
    },
    /// What comes next. Evidence: `period, value, forecast, low, high`.
    Forecast {
        /// One for each period ahead.
        steps: Vec<ForecastStep>,
        /// Part of cases in which the value is expected within `low..=high`: 0.8.
        level: f64,
        /// The methods whose median it is.
        methods: Vec<String>,
        /// Mean absolute scaled error on the past (Hyndman & Koehler 2006), of this.
        mase: f64,
        /// And of the seasonal naive forecast.
        naive_mase: f64,
        /// Whether it was better on the past than repeating the season; if not, that is what is shown.
        beats_naive: bool,
    },
    /// Something doubtful in the data that figures rest on. Evidence: `table, columns, rows`.
    DataQuality {
        /// `orphans`, `duplicate_key`, `missing_months`… of `GET /quality`.
        problem: String,
        /// `high`, `medium` or `low`.
        severity: String,
        /// Columns it is in.
        columns: Vec<String>,
        /// Rows it is about, where that is known.
        rows: Option<u64>,
        /// What exactly, in a sentence of English; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
}

impl Fact {
    /// The name of its kind, as it is written: `change_point`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Change { .. } => "change",
            Self::Trend { .. } => "trend",
            Self::Season { .. } => "season",
            Self::ChangePoint { .. } => "change_point",
            Self::OutlierPoint { .. } => "outlier_point",
            Self::Burst { .. } => "burst",
            Self::OutlierMember { .. } => "outlier_member",
            Self::OutstandingFirst { .. } => "outstanding_first",
            Self::OutstandingLast { .. } => "outstanding_last",
            Self::Concentration { .. } => "concentration",
            Self::Drivers { .. } => "drivers",
            Self::PriceVolumeMix { .. } => "price_volume_mix",
            Self::RatioDrivers { .. } => "ratio_drivers",
            Self::NewLost { .. } => "new_lost",
            Self::LeadLag { .. } => "lead_lag",
            Self::Pace { .. } => "pace",
            Self::Ageing { .. } => "ageing",
            Self::DaysOutstanding { .. } => "days_outstanding",
            Self::StockCover { .. } => "stock_cover",
            Self::Forecast { .. } => "forecast",
            Self::DataQuality { .. } => "data_quality",
        }
    }
}

/// One member's part of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Its name; empty for all others together.
    pub member: String,
    /// In the window before.
    pub before: f64,
    /// In the window.
    pub after: f64,
}

impl Component {
    /// Its part.
    pub fn change(&self) -> f64 {
        self.after - self.before
    }
}

/// A combination of a member of the subject's dimension with one of another, and its part of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crossed {
    /// The member of the subject's dimension.
    pub member: String,
    /// The other dimension.
    pub dimension: Dimension,
    /// Its member.
    pub other: String,
    /// The combination's value in the window before.
    pub before: f64,
    /// And in the window.
    pub after: f64,
    /// By how much everything else changed: with the combination's own it adds up to the change.
    pub rest: f64,
    /// The part of all movement that it explains, 0 to 1.
    pub explained: f64,
    /// The same of the best single member of either dimension.
    pub single: f64,
    /// How unlike the other combinations it changed.
    pub test: Test,
}

/// One member's part of a change of a ratio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RatioComponent {
    /// Its name.
    pub member: String,
    /// By its own ratio.
    pub rate: f64,
    /// By its weight among the members.
    pub mix: f64,
}

/// Who owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Customers owe the company.
    Receivable,
    /// The company owes suppliers.
    Payable,
}

/// Open amounts that are overdue by so many days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgeBucket {
    /// From so many days; empty for what is not due yet.
    pub from_days: Option<u32>,
    /// Up to so many; empty without end.
    pub to_days: Option<u32>,
    /// How much.
    pub amount: f64,
    /// How many items.
    pub items: u64,
}

/// One period ahead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForecastStep {
    /// First day of the period.
    pub at: NaiveDate,
    /// Most likely.
    pub value: f64,
    /// Lower end of the range.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}
