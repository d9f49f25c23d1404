//! What is said of each kind of fact.

use pacioli_model::{Component, Crossed, Fact, ForecastStep, MetricUsed, RatioComponent, Window};

use super::{
    catalogue, text,
    voice::{Said, Voice},
};
use crate::{
    document::Tone,
    locale::Format,
    words::{sentence, spaced},
};

/// Members named in a sentence.
const NAMED: usize = 3;

impl Voice<'_> {
    pub(super) fn said(&self) -> Said {
        match &self.finding.fact {
            Fact::Change { value, before, against, rate } => {
                self.change(*value, *before, against, *rate)
            }
            Fact::Trend { slope, first, last, periods } => {
                self.trend(*slope, *first, *last, *periods)
            }
            Fact::Season { .. } => self.season(),
            Fact::ChangePoint { at, before, after } => {
                let at = self.period(*at);
                let values = [
                    ("at", at.as_str()),
                    ("after", &self.told(*after)),
                    ("before", &self.told(*before)),
                    ("per", &self.per_period()),
                ];
                self.two_ways("change_point", after - before, &values, "advice.change_point")
            }
            Fact::OutlierPoint { at, value, expected, low, high } => {
                let values = [
                    ("at", self.period(*at)),
                    ("value", self.told(*value)),
                    ("expected", self.told(*expected)),
                    ("low", self.told(*low)),
                    ("high", self.told(*high)),
                ];
                self.two_ways(
                    "outlier_point",
                    value - expected,
                    &borrowed(&values),
                    "advice.outlier_point",
                )
            }
            Fact::Concentration { .. } => self.concentration(),
            Fact::NewLost { .. } => self.new_lost(),
            Fact::Burst { .. }
            | Fact::OutlierMember { .. }
            | Fact::OutstandingFirst { .. }
            | Fact::OutstandingLast { .. } => self.of_members(),
            Fact::Drivers { value, before, against, components, rest, others, crossed } => {
                let mut said =
                    self.drivers((*value, *before), against, components, (rest, *others));
                said.sentences.extend(crossed.as_deref().map(|it| self.crossed(it)));
                said
            }
            Fact::PriceVolumeMix { value, before, against, price, volume, mix } => {
                let mut values = self.between(*value, *before, against);
                values.push(("price", self.difference(*price)));
                values.push(("volume", self.difference(*volume)));
                values.push(("mix", self.difference(*mix)));
                let tone = self.tone(value - before);
                self.plain(
                    "price_volume_mix",
                    &borrowed(&values),
                    tone,
                    Some("advice.price_volume_mix"),
                )
            }
            Fact::RatioDrivers { value, before, against, components } => {
                self.ratio(*value, *before, against, components)
            }
            Fact::LeadLag { other, lag, rho } => self.lead_lag(other, *lag, *rho),
            Fact::Pace { .. } => self.pace(),
            Fact::Ageing { side, on, buckets, open, overdue } => {
                self.ageing(*side, &self.language.day(*on), buckets, (*open, *overdue))
            }
            Fact::DaysOutstanding { side, days, before, before_on, open } => {
                self.days_outstanding(*side, *days, before.zip(*before_on), *open)
            }
            Fact::StockCover { .. } => self.stock_cover(),
            Fact::Forecast { steps, .. } => self.forecast(steps),
            Fact::DataQuality { .. } => self.data_quality(),
        }
    }

    /// Heading and sentence of a key, and advice where there is any.
    pub(super) fn plain(
        &self,
        key: &str,
        values: &[(&str, &str)],
        tone: Tone,
        advice: Option<&str>,
    ) -> Said {
        Said {
            heading: self.say(&format!("{key}.head"), values),
            tone,
            sentences: vec![self.say(&format!("{key}.body"), values)],
            advice: advice.map(|key| self.say(key, values)),
        }
    }

    /// As `plain`, with a heading that goes by the sign of a difference.
    fn two_ways(&self, key: &str, difference: f64, values: &[(&str, &str)], advice: &str) -> Said {
        Said {
            heading: self.say(&way(key, difference), values),
            tone: self.tone(difference),
            sentences: vec![self.say(&format!("{key}.body"), values)],
            advice: Some(self.say(advice, values)),
        }
    }

    fn between(&self, value: f64, before: f64, against: &Window) -> Vec<(&'static str, String)> {
        vec![
            ("value", self.told(value)),
            ("before", self.told(before)),
            ("period", self.days()),
            ("against", self.writer().window(against)),
            ("difference", self.difference(value - before)),
        ]
    }

    fn change(&self, value: f64, before: f64, against: &Window, rate: Option<f64>) -> Said {
        let mut values = self.between(value, before, against);
        let key = match rate {
            // What is a rate itself rises by points.
            Some(_) if self.format == Format::Percent => {
                let points = self.language.value((value - before).abs(), &Format::Points);
                values.push(("rate", points));
                way("change", value - before)
            }
            Some(rate) => {
                values.push(("rate", self.percent(rate.abs())));
                way("change", value - before)
            }
            None => "change.to".to_owned(),
        };
        let (values, tone) = (borrowed(&values), self.tone(value - before));
        Said {
            heading: self.say(&key, &values),
            tone,
            sentences: vec![self.say("change.body", &values)],
            advice: (tone == Tone::Bad).then(|| self.say("advice.change.bad", &values)),
        }
    }

    fn trend(&self, slope: f64, first: f64, last: f64, periods: usize) -> Said {
        let values = [
            ("count", periods.to_string()),
            ("first", self.told(first)),
            ("last", self.told(last)),
            ("slope", self.difference(slope)),
        ];
        let mut values = borrowed(&values);
        values.extend([("periods", self.grain_name(true)), ("grain", self.grain_name(false))]);
        let mut said = self.two_ways("trend", slope, &values, "advice.trend.bad");
        said.advice = said.advice.filter(|_| said.tone == Tone::Bad);
        said
    }

    fn season(&self) -> Said {
        let Fact::Season { length, strength, high, high_effect, low, low_effect } =
            &self.finding.fact
        else {
            return Said::nothing();
        };
        let name = |place: usize| self.language.place(place, *length);
        let values = [
            ("high", name(*high)),
            ("low", name(*low)),
            ("high_effect", self.rate(*high_effect)),
            ("low_effect", self.rate(*low_effect)),
            ("strength", self.language.number(*strength, 2)),
        ];
        let values = borrowed(&values);
        let mut said = self.plain("season", &values, Tone::Neutral, Some("advice.season"));
        // Wang, Smith & Hyndman (2006) call the measure strength; 0.64 is where `forecast::nsdiffs` takes it as strong.
        let key = if *strength >= 0.64 { "season.strong" } else { "season.weak" };
        said.sentences.push(self.say(key, &values));
        said
    }

    /// ` a month`, of what adds up over months; an average of others is of no span.
    fn per_period(&self) -> String {
        let adds_up = self.finding.subject.metric.adds_up;
        let grain = [("grain", self.grain_name(false))];
        if adds_up { self.say("per_period", &grain) } else { String::new() }
    }

    fn drivers(
        &self,
        (value, before): (f64, f64),
        against: &Window,
        components: &[Component],
        (rest, others): (&Component, usize),
    ) -> Said {
        let part = |component: &Component| {
            let change = self.difference(component.change());
            self.say("drivers.part", &[("change", &change), ("member", &component.member)])
        };
        let mut parts: Vec<String> = components.iter().take(NAMED).map(part).collect();
        let unnamed = components.iter().skip(NAMED);
        let left = unnamed.clone().map(Component::change).sum::<f64>() + rest.change();
        let count = others + unnamed.count();
        if count > 0 {
            let (change, count) = (self.difference(left), count.to_string());
            parts.push(self.say("drivers.rest", &[("change", &change), ("others", &count)]));
        }
        let mut values = self.between(value, before, against);
        values.push(("parts", parts.join(", ")));
        let mut values = borrowed(&values);
        if let Some(first) = components.first() {
            values.insert(0, ("member", &first.member));
        }
        let advice = if components.is_empty() { None } else { Some("advice.drivers") };
        Said {
            heading: self.say(&way("drivers", value - before), &values),
            tone: self.tone(value - before),
            sentences: vec![self.say("drivers.body", &values)],
            advice: advice.map(|key| self.say(key, &values)),
        }
    }

    /// The combination that a change lies in, and what is left.
    fn crossed(&self, it: &Crossed) -> String {
        let values = [
            ("change", self.difference(it.after - it.before)),
            ("first", it.member.clone()),
            ("second", it.other.clone()),
            ("crossed", sentence(&spaced(&it.dimension.label))),
            ("rest", self.difference(it.rest)),
        ];
        self.say("drivers.crossed", &borrowed(&values))
    }

    fn ratio(&self, value: f64, before: f64, against: &Window, parts: &[RatioComponent]) -> Said {
        let sum = |of: fn(&RatioComponent) -> f64| parts.iter().map(of).sum::<f64>();
        let mut values = self.between(value, before, against);
        values.push(("rate", self.difference(sum(|part| part.rate))));
        values.push(("mix", self.difference(sum(|part| part.mix))));
        let size = |part: &RatioComponent| (part.rate + part.mix).abs();
        let largest = parts.iter().max_by(|left, right| size(left).total_cmp(&size(right)));
        if let Some(largest) = largest {
            values.insert(0, ("member", largest.member.clone()));
            values.push(("part", self.difference(largest.rate + largest.mix)));
        }
        let tone = self.tone(value - before);
        let advice = largest.map(|_| "advice.drivers");
        self.plain("ratio_drivers", &borrowed(&values), tone, advice)
    }

    fn lead_lag(&self, other: &MetricUsed, lag: usize, rho: f64) -> Said {
        let count = lag.to_string();
        let (key, when) = if lag == 0 {
            ("lead_lag.together", text(self.language, "lead_lag.same").to_owned())
        } else {
            let values = [("count", count.as_str()), ("periods", self.grain_name(true))];
            ("lead_lag.after", self.say("lead_lag.earlier", &values))
        };
        let rho = self.language.number(rho, 2);
        let values = [("other", other.label.as_str()), ("lag", &when), ("rho", &rho)];
        Said {
            heading: self.say(key, &values),
            tone: Tone::Neutral,
            sentences: vec![self.say("lead_lag.body", &values)],
            advice: None,
        }
    }

    fn pace(&self) -> Said {
        let Fact::Pace { so_far, days, days_in_all, projected, reference, is_target } =
            &self.finding.fact
        else {
            return Said::nothing();
        };
        let what = if *is_target { "pace.target" } else { "pace.reference" };
        let rate = if reference.abs() > f64::EPSILON {
            self.rate((projected - reference) / reference.abs())
        } else {
            self.difference(projected - reference)
        };
        let values = [
            ("what", text(self.language, what).to_owned()),
            ("days", days.to_string()),
            ("all", days_in_all.to_string()),
            ("so_far", self.told(*so_far)),
            ("projected", self.told(*projected)),
            ("reference", self.told(*reference)),
            ("rate", rate),
        ];
        let values = borrowed(&values);
        let above = projected >= reference;
        let tone = self.tone(projected - reference);
        Said {
            heading: self.say(if above { "pace.above" } else { "pace.below" }, &values),
            tone,
            sentences: vec![self.say("pace.body", &values)],
            advice: (tone == Tone::Bad).then(|| self.say("advice.pace.below", &values)),
        }
    }

    fn forecast(&self, steps: &[ForecastStep]) -> Said {
        let Fact::Forecast { level, methods, mase, naive_mase, beats_naive, .. } =
            &self.finding.fact
        else {
            return Said::nothing();
        };
        let Some(first) = steps.first() else { return Said::nothing() };
        let values = [
            ("at", self.period(first.at)),
            ("value", self.told(first.value)),
            ("low", self.told(first.low)),
            ("high", self.told(first.high)),
            ("level", self.language.percent(*level, 0)),
            ("count", steps.len().to_string()),
            ("sum", self.told(steps.iter().map(|step| step.value).sum())),
            ("methods", self.methods(methods)),
            ("mase", self.language.number(*mase, 2)),
            ("naive", self.language.number(*naive_mase, 2)),
            ("periods", self.grain_name(true).to_owned()),
        ];
        let values = borrowed(&values);
        // Rates, levels and counts of different things do not add up over several periods.
        let body = if steps.len() > 1 && self.finding.subject.metric.adds_up {
            "forecast.body"
        } else {
            "forecast.single"
        };
        let error = if *beats_naive { "forecast.better" } else { "forecast.naive" };
        Said {
            heading: self.say("forecast.head", &values),
            tone: Tone::Neutral,
            sentences: vec![self.say(body, &values), self.say(error, &values)],
            advice: None,
        }
    }

    /// `Theta, MSTL and damped Holt`.
    fn methods(&self, names: &[String]) -> String {
        let named = names.iter().map(|name| {
            let known = text(self.language, &format!("method.{name}"));
            if known.is_empty() { name.replace('_', " ") } else { known.to_owned() }
        });
        let mut named: Vec<String> = named.collect();
        match (named.pop(), named.is_empty()) {
            (Some(last), false) => {
                format!("{} {} {last}", named.join(", "), text(self.language, "and"))
            }
            (last, _) => last.unwrap_or_default(),
        }
    }

    fn data_quality(&self) -> Said {
        let Fact::DataQuality { problem, severity, columns, rows, detail } = &self.finding.fact
        else {
            return Said::nothing();
        };
        let known = text(self.language, &format!("problem.{problem}"));
        let problem = if known.is_empty() { problem.replace('_', " ") } else { known.to_owned() };
        let columns = if columns.is_empty() {
            String::new()
        } else {
            self.say("data_quality.columns", &[("columns", &columns.join(", "))])
        };
        #[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
        let rows = rows.map_or_else(String::new, |rows| {
            let rows = self.language.number(rows as f64, 0);
            self.say("data_quality.rows", &[("rows", &rows)])
        });
        let table = self.finding.subject.table.to_string();
        let values =
            [("problem", &*problem), ("table", &table), ("columns", &columns), ("rows", &rows)];
        let is_low = severity == "low";
        let tone = if is_low { Tone::Neutral } else { Tone::Bad };
        let mut said = self.plain("data_quality", &values, tone, Some("advice.data_quality"));
        if is_low {
            said.sentences = vec![self.say("data_quality.low.body", &values)];
        }
        if let Some(detail) = catalogue::known(detail, self.language).filter(|it| !it.is_empty()) {
            said.sentences.push(detail);
        }
        said
    }
}

impl Said {
    pub(super) fn nothing() -> Self {
        Self { heading: String::new(), tone: Tone::Neutral, sentences: Vec::new(), advice: None }
    }
}

pub(super) fn borrowed<'a>(values: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    values.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// `trend.up` or `trend.down`.
fn way(key: &str, difference: f64) -> String {
    format!("{key}.{}", if difference >= 0.0 { "up" } else { "down" })
}
