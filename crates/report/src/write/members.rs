//! What is said of the members of a figure.

use pacioli_model::{Better, Fact};

use super::{
    facts::borrowed,
    voice::{Said, Voice},
};
use crate::{document::Tone, locale::Format};

/// What those who buy are called in names of tables and columns.
const PARTIES: [&str; 5] = ["customer", "client", "partner", "buyer", "kunde"];

impl Voice<'_> {
    pub(super) fn of_members(&self) -> Said {
        match &self.finding.fact {
            Fact::Burst { at, to, value, expected, rows, expected_rows } => {
                let last = to.pred_opt().unwrap_or(*to);
                let count = |rows: f64| self.language.value(rows, &Format::Number);
                let values = [
                    ("days", self.language.days(*at, last)),
                    ("value", self.told(*value)),
                    ("expected", self.told(*expected)),
                    ("rows", count(*rows)),
                    ("expected_rows", count(*expected_rows)),
                ];
                let tone = self.tone(value - expected);
                self.plain("burst", &borrowed(&values), tone, Some("advice.burst"))
            }
            Fact::OutlierMember { value, before, rate, typical_rate, members } => {
                let values = [
                    ("value", self.told(*value)),
                    ("before", self.told(*before)),
                    ("rate", self.rate(*rate)),
                    ("typical", self.rate(*typical_rate)),
                    ("members", members.to_string()),
                ];
                let tone = self.tone(rate - typical_rate);
                self.plain(
                    "outlier_member",
                    &borrowed(&values),
                    tone,
                    Some("advice.outlier_member"),
                )
            }
            Fact::OutstandingFirst { value, next, expected, members } => {
                let values = self.outstanding(*value, *next, *expected, *members);
                self.plain("outstanding_first", &borrowed(&values), Tone::Neutral, None)
            }
            Fact::OutstandingLast { value, next, expected, members } => {
                let values = self.outstanding(*value, *next, *expected, *members);
                let advice = Some("advice.outstanding_last");
                self.plain("outstanding_last", &borrowed(&values), Tone::Neutral, advice)
            }
            _ => Said::nothing(),
        }
    }

    pub(super) fn concentration(&self) -> Said {
        let Fact::Concentration { hhi, first_share, for_80_percent, members, total } =
            &self.finding.fact
        else {
            return Said::nothing();
        };
        let values = [
            ("share", self.percent(*first_share)),
            ("total", self.told(*total)),
            ("few", for_80_percent.to_string()),
            ("members", members.to_string()),
            ("hhi", self.language.number(*hhi, 2)),
        ];
        let values = borrowed(&values);
        let is_named = !self.member().is_empty();
        // Of what should be less the first is where to begin; of what should be more, what to do without.
        let advice = match self.finding.subject.metric.better {
            Better::Lower => "advice.concentration.bad",
            _ => "advice.concentration",
        };
        let first = is_named.then(|| self.say("concentration.first", &values));
        Said {
            heading: self.say("concentration.head", &values),
            tone: Tone::Neutral,
            sentences: first.into_iter().chain([self.say("concentration.many", &values)]).collect(),
            advice: is_named.then(|| self.say(advice, &values)),
        }
    }

    pub(super) fn new_lost(&self) -> Said {
        let Fact::NewLost {
            new,
            new_value,
            lost,
            lost_value,
            back,
            back_value,
            kept,
            kept_change,
            ..
        } = &self.finding.fact
        else {
            return Said::nothing();
        };
        let parts = [
            ("new", *new, self.told(*new_value)),
            ("back", *back, self.told(*back_value)),
            ("lost", *lost, self.told(*lost_value)),
            ("kept", *kept, self.difference(*kept_change)),
        ];
        let part = |(name, count, value): &(&str, usize, String)| {
            let values = [("count", &*count.to_string()), ("value", value)];
            self.say(&format!("new_lost.{name}"), &values)
        };
        let told: Vec<String> = parts.iter().filter(|it| it.1 > 0).map(part).collect();
        let parties = self.finding.subject.dimension.as_ref().is_some_and(|it| {
            let names = [it.column.table.as_str(), it.column.column.as_str()];
            let is_party = |name: &str| PARTIES.iter().any(|party| name.contains(party));
            names.into_iter().any(is_party)
        });
        let advice = if parties { "advice.new_lost.customers" } else { "advice.new_lost" };
        Said {
            heading: self.say("new_lost.head", &[]),
            tone: self.tone(new_value + back_value - lost_value),
            sentences: vec![format!("{}.", told.join("; "))],
            advice: (*lost > 0).then(|| self.say(advice, &[])),
        }
    }

    fn outstanding(
        &self,
        value: f64,
        next: f64,
        expected: f64,
        members: usize,
    ) -> [(&'static str, String); 4] {
        [
            ("value", self.told(value)),
            ("next", self.told(next)),
            ("expected", self.told(expected)),
            ("members", members.to_string()),
        ]
    }
}
