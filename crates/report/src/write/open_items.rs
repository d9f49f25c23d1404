//! What is said of open items and of stock.

use chrono::NaiveDate;
use pacioli_model::{AgeBucket, Fact, Side, Unit};

use super::{
    facts::borrowed,
    text,
    voice::{Said, Voice},
};
use crate::{document::Tone, locale::Format};

impl Voice<'_> {
    pub(super) fn ageing(
        &self,
        side: Side,
        on: &str,
        buckets: &[AgeBucket],
        (open, overdue): (f64, f64),
    ) -> Said {
        let late = buckets.iter().filter(|bucket| bucket.from_days.is_some());
        let worst = late.max_by(|left, right| left.amount.total_cmp(&right.amount));
        let name = if side == Side::Receivable { "receivable" } else { "payable" };
        let values = [
            ("side", text(self.language, &format!("side.{name}")).to_owned()),
            ("on", on.to_owned()),
            ("open", self.told(open)),
            ("overdue", self.told(overdue)),
            ("share", self.percent(if open > 0.0 { overdue / open } else { 0.0 })),
            ("amount", self.told(worst.map_or(0.0, |bucket| bucket.amount))),
            ("bucket", worst.map_or_else(String::new, |bucket| self.bucket(bucket))),
        ];
        let values = borrowed(&values);
        let is_late = overdue > 0.0;
        let body = if is_late { "ageing.body" } else { "ageing.fine" };
        Said {
            heading: self.say("ageing.head", &values),
            tone: if is_late { Tone::Bad } else { Tone::Good },
            sentences: vec![self.say(body, &values)],
            advice: is_late.then(|| self.say(&format!("advice.ageing.{name}"), &values)),
        }
    }

    /// `31–60`, `over 90`, `not due`.
    pub(super) fn bucket(&self, bucket: &AgeBucket) -> String {
        let days = |days: u32| days.to_string();
        match (bucket.from_days, bucket.to_days) {
            (None, _) => text(self.language, "bucket.due").to_owned(),
            (Some(from), None) => {
                self.say("bucket.over", &[("from", &days(from.saturating_sub(1)))])
            }
            (Some(from), Some(to)) => {
                self.say("bucket.between", &[("from", &days(from)), ("to", &days(to))])
            }
        }
    }

    pub(super) fn days_outstanding(
        &self,
        side: Side,
        days: f64,
        before: Option<(f64, NaiveDate)>,
        open: f64,
    ) -> Said {
        let name = if side == Side::Receivable { "receivable" } else { "payable" };
        let whole = |days: f64| self.language.value(days.round(), &Format::Days);
        // The figure is in days, what is open is money.
        let money = self.writer().format(&Unit::CompanyCurrency);
        let open = self.language.whole(open, &money);
        let values = [
            ("what", text(self.language, &format!("days.{name}")).to_owned()),
            ("days", whole(days)),
            ("before", before.map_or_else(String::new, |(days, _)| whole(days))),
            ("on", before.map_or_else(String::new, |(_, day)| self.language.day(day))),
            ("period", self.days()),
            ("open", open),
            ("billed", text(self.language, &format!("billed.{name}")).to_owned()),
        ];
        let values = borrowed(&values);
        // Money from customers is better early; suppliers are paid neither late nor too soon.
        let tone = match (side, before) {
            (Side::Receivable, Some((before, _))) if days > before => Tone::Bad,
            (Side::Receivable, Some((before, _))) if days < before => Tone::Good,
            _ => Tone::Neutral,
        };
        let advice = format!("advice.days_outstanding.{name}");
        let mut said = self.plain("days_outstanding", &values, tone, Some(&advice));
        if before.is_some() {
            said.sentences.push(self.say("days_outstanding.before", &values));
        }
        said
    }

    pub(super) fn stock_cover(&self) -> Said {
        let Fact::StockCover { items, short, within_days, dead, median_days } = &self.finding.fact
        else {
            return Said::nothing();
        };
        let values = [
            ("items", items.to_string()),
            ("short", short.to_string()),
            ("within", within_days.to_string()),
            ("dead", dead.to_string()),
            ("median", median_days.map_or_else(String::new, |days| self.language.number(days, 0))),
        ];
        let values = borrowed(&values);
        let tone = if *short > 0 { Tone::Bad } else { Tone::Neutral };
        let mut said = self.plain("stock_cover", &values, tone, Some("advice.stock_cover"));
        if *dead > 0 {
            said.sentences.push(self.say("stock_cover.dead", &values));
        }
        if median_days.is_some() {
            said.sentences.push(self.say("stock_cover.median", &values));
        }
        said
    }
}
