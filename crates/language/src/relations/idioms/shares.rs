//! Figures of other figures: the share of the first few, one figure per another, the best of all.

use pacioli_model::{
    Aggregate, Aggregation, Ask, Definition, Direction, Figure, GroupKey, Measure, Operation,
    Predicate, TimeGrain, Unit, Value,
};

use super::{Idioms, first_by, first_figure, has_groups, hidden, output};
use crate::{
    relations::{
        build::{all, free_name},
        lexicon::Name,
    },
    translation::{Choice, Translation},
};

/// Readings that are offered at most.
const MOST_CHOICES: usize = 4;
const BEST: &[&str] = &["best", "top", "biggest", "largest", "greatest", "leading", "strongest"];
const WORST: &[&str] = &["worst", "weakest", "poorest", "smallest", "bottom"];

impl Idioms<'_> {
    /// "What share of revenue comes from our top 5 customers?", "share of the top 10 products in
    /// revenue this year".
    pub(super) fn share_of_the_first(&self) -> Option<Translation> {
        let share = self.share(&["share", "percentage", "percent", "part", "proportion"])?;
        let top = self.find(&["top", "first", "biggest", "largest"])?;
        let count = self.number(top + 1).filter(|count| *count > 0)?;
        self.is(share + 1, &["of"]).then_some(())?;
        let (figure, entity, tail) = if share + 2 < top && !self.is(share + 2, &["the", "our"]) {
            let from = (share..top).find(|at| {
                self.is(*at, &["comes", "come", "is", "from", "did", "do", "was", "does"])
            })?;
            let days = (top + 2..self.tokens.len())
                .find(|at| self.is(*at, &["this", "last", "in", "since", "make", "made"]));
            let end = days.unwrap_or(self.tokens.len());
            (self.said(share + 2..from), self.said(top + 2..end), self.said(end..self.tokens.len()))
        } else {
            let of = (top..self.tokens.len()).find(|at| self.is(*at, &["in", "of"]))?;
            let days = (of + 1..self.tokens.len())
                .find(|at| self.is(*at, &["this", "last", "in", "since"]));
            let end = days.unwrap_or(self.tokens.len());
            (self.said(of + 1..end), self.said(top + 2..of), self.said(end..self.tokens.len()))
        };
        self.changed(&format!("{figure} by {entity} {tail}"), |ask| self.share_of_top(ask, count))
    }

    /// "What percentage of sales comes from the Web shop?": the figure of such rows as a part of that of
    /// all.
    pub(super) fn share_of_some(&self) -> Option<Translation> {
        const JOINTS: &[&str] = &[
            "comes",
            "come",
            "came",
            "is",
            "was",
            "are",
            "from",
            "in",
            "did",
            "do",
            "does",
            "stems",
            "goes",
            "went",
            "made",
            "with",
            "through",
            "via",
            "the",
            "our",
            "we",
            "make",
            "get",
            "to",
            "generated",
            "done",
            "earned",
            "on",
        ];
        let share = self.share(&["share", "percentage", "percent", "proportion", "part"])?;
        self.is(share + 1, &["of"]).then_some(())?;
        let from = (share + 3..self.tokens.len()).find(|at| self.is(*at, JOINTS))?;
        let figure =
            self.said((share + 2..from).filter(|at| !self.is(*at, &["our", "the", "total"])));
        let rest = (from..self.tokens.len()).find(|at| !self.is(*at, JOINTS))?;
        let figure = if self.metric_called(&[&figure]).is_some() {
            figure
        } else {
            format!("total {figure}")
        };
        let rest = self.said(rest..self.tokens.len());
        self.changed(&format!("{figure} in {rest}"), |ask| self.part_of_all(ask))
    }

    /// "Share of billable hours in 2025", "share of open orders": of the same without that condition.
    pub(super) fn share_of_part(&self) -> Option<Translation> {
        let share = self.share(&["share", "percentage", "percent", "proportion"])?;
        let lead = ["what", "is", "the", "our", "show", "me", "which"];
        ((0..share).all(|at| self.is(at, &lead)) && self.is(share + 1, &["of"])).then_some(())?;
        self.find(&["by", "per", "each", "every", "top"]).is_none().then_some(())?;
        let rest = self.said(share + 2..self.tokens.len());
        let read = super::read(self.relations, &rest, self.today, self.rows);
        let read = read.unwrap_or_else(|| (self.rows)(&rest));
        self.changed_read(read, |ask| self.part_of_all(ask))
    }

    /// Where a share is asked for; a column that is itself called so is no part of anything.
    fn share(&self, words: &[&str]) -> Option<usize> {
        let at = self.find(words)?;
        let names = self.relations.lexicon.names(&[self.word(at)]);
        let own = |(name, fit): &(Name, f64)| matches!(name, Name::Column(_)) && *fit > 0.99;
        (!names.iter().any(own)).then_some(at)
    }

    /// A figure under a condition becomes its part of the same figure without.
    fn part_of_all(&self, ask: &mut Ask) -> Option<()> {
        let measure = ask.shown_measures().next()?.clone();
        let some = ask.filter.take()?;
        (ask.group_by.is_empty() && ask.measures.len() == 1).then_some(())?;
        let whole = self.added_up(&measure)?;
        let own = whole.filter.clone().into_iter();
        let filter = all(own.chain([some]).collect());
        let part = Figure::Aggregate(Aggregation { filter, ..whole });
        let part_name = free_name(ask, &format!("{}_part", measure.name));
        let share = free_name(ask, &format!("{}_share", measure.name));
        let divided = Value::Arithmetic {
            operation: Operation::Divide,
            left: Box::new(output(&part_name)),
            right: Box::new(output(&measure.name)),
        };
        ask.measures = vec![
            hidden(measure.name, measure.figure),
            hidden(part_name, part),
            Measure::new(share, Figure::Calculation(divided)),
        ];
        Some(())
    }

    /// The aggregation of a figure whose groups add up to the whole.
    pub(super) fn added_up(&self, measure: &Measure) -> Option<Aggregation> {
        let semantics = &self.relations.schema.catalog.semantics;
        let aggregation = match &measure.figure {
            Figure::Aggregate(aggregation) => aggregation.clone(),
            Figure::Metric { metric, shift: None } => match &semantics.metric(metric)?.definition {
                Definition::Aggregate(aggregation) => aggregation.clone(),
                Definition::Calculation(_) => return None,
            },
            _ => return None,
        };
        matches!(aggregation.aggregate, Aggregate::Sum | Aggregate::Count).then_some(aggregation)
    }

    /// The figure of the first few groups as a part of that of all.
    fn share_of_top(&self, ask: &mut Ask, count: u32) -> Option<()> {
        let measure = ask.shown_measures().next()?.clone();
        has_groups(ask).then_some(())?;
        let aggregation = self.added_up(&measure)?;
        let mut ranked = ask.clone();
        ranked.measures = vec![hidden(measure.name.clone(), measure.figure.clone())];
        let keyed = ranked.group_by.iter().any(|group| group.hidden);
        ranked.group_by.iter_mut().for_each(|group| group.hidden = keyed && !group.hidden);
        ranked.order = vec![first_by(measure.name.clone(), Direction::Descending)];
        ranked.limit = Some(count);
        let values: Option<Vec<Value>> = ranked
            .shown_groups()
            .map(|group| match &group.key {
                GroupKey::Value(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        let among = Predicate::Among { values: values?, ask: Box::new(ranked) };
        let mut first = aggregation;
        first.filter = all(first.filter.take().into_iter().chain([among]).collect());
        ask.group_by.clear();
        ask.order.clear();
        let of_first = free_name(ask, &format!("{}_of_first_{count}", measure.name));
        let share = free_name(ask, &format!("share_of_first_{count}"));
        let figure = Figure::Calculation(Value::Arithmetic {
            operation: Operation::Divide,
            left: Box::new(output(&of_first)),
            right: Box::new(output(&measure.name)),
        });
        ask.measures = vec![
            hidden(measure.name.clone(), measure.figure),
            hidden(of_first, Figure::Aggregate(first)),
            Measure::new(share, figure),
        ];
        Some(())
    }

    /// "Revenue per employee by department": two figures, each of its own rows, divided group by group.
    pub(super) fn ratio(&self) -> Option<Translation> {
        let per = self.find(&["per"])?;
        let by = (per + 2..self.tokens.len()).find(|at| self.is(*at, &["by"]))?;
        if self.is(per + 1, &["day", "week", "month", "quarter", "year", "cent"]) {
            return None;
        }
        let first = self.after_lead(0);
        // "Average price per night by room": a column that is called so itself is no ratio.
        let called = (first..per).any(|from| self.column_called(&[&self.said(from..by)]).is_some());
        if called {
            return None;
        }
        let (over, under) = (self.said(first..per), self.said(per + 1..by));
        let tail = self.said(by..self.tokens.len());
        let counted = self.table_called(&under).is_some();
        let under = if counted { format!("number of {under}s") } else { format!("total {under}s") };
        let Translation::Understood(divisor) = (self.rows)(&format!("{under} {tail}")) else {
            return None;
        };
        let figure = divisor.ask.shown_measures().next()?.figure.clone();
        let over =
            if self.metric_called(&[&over]).is_some() { over } else { format!("total {over}") };
        self.changed(&format!("{over} {tail}"), |ask| {
            let same = ask.group_by.len() == divisor.ask.group_by.len()
                && ask.group_by.iter().zip(&divisor.ask.group_by).all(|(one, other)| {
                    one.column().map(|it| (&it.table, &it.column))
                        == other.column().map(|it| (&it.table, &it.column))
                });
            (same && !ask.group_by.is_empty() && ask.range == divisor.ask.range).then_some(())?;
            let over = first_figure(ask)?;
            let under = free_name(ask, "divided_by");
            ask.measures.push(hidden(under.clone(), figure.clone()));
            let ratio = free_name(ask, "ratio");
            let divided = Value::Arithmetic {
                operation: Operation::Divide,
                left: Box::new(output(&over)),
                right: Box::new(output(&under)),
            };
            ask.measures.push(Measure::new(ratio.clone(), Figure::Calculation(divided)));
            let missing = Predicate::IsNull { value: output(&ratio) };
            super::bound(ask, Predicate::Not(Box::new(missing)));
            Some(())
        })
    }

    /// "Average ticket value by store", where nothing is declared: what was sold for by how many tickets.
    pub(super) fn average_of_each(&self) -> Option<Translation> {
        (!self.relations.has_metrics()).then_some(())?;
        let at = self.find(&["average", "mean", "avg"]).filter(|at| *at < 4)?;
        self.is(at + 2, &["value", "amount", "size", "total"]).then_some(())?;
        let each = self.table_called(&self.said([at + 1]))?;
        let schema = &self.relations.schema;
        let sold = self.sales_column()?;
        let lines = schema.table_of(sold);
        let key = schema.tables[lines].columns.clone().find(|column| {
            schema.columns[*column].foreign && schema.table_of(schema.referenced(*column)) == each
        })?;
        let label = self.sold_words()?;
        let rest = self.said(at + 3..self.tokens.len());
        self.changed(&format!("total {label} {rest}"), |ask| {
            (ask.measures.len() == 1 && self.table_of(&ask.measures[0])? == lines).then_some(())?;
            let total = first_figure(ask)?;
            let Figure::Aggregate(one) = ask.measures[0].figure.clone() else { return None };
            let count = Aggregation {
                aggregate: Aggregate::CountDistinct,
                value: Some(Value::Column(self.column(key))),
                ..one
            };
            ask.measures[0].hidden = true;
            let counted = free_name(ask, "counted");
            ask.measures.push(hidden(counted.clone(), Figure::Aggregate(count)));
            let mean = free_name(ask, &format!("average_{total}"));
            let divided = Value::Arithmetic {
                operation: Operation::Divide,
                left: Box::new(output(&total)),
                right: Box::new(output(&counted)),
            };
            ask.measures.push(Measure::new(mean, Figure::Calculation(divided)));
            Some(())
        })
    }

    /// "Average number of items per ticket": lines by what holds them together.
    pub(super) fn number_per_each(&self) -> Option<Translation> {
        let at = self.find(&["average", "mean", "avg"]).filter(|at| *at < 4)?;
        (self.is(at + 1, &["number"]) && self.is(at + 2, &["of"])).then_some(())?;
        let per = self.find(&["per"]).filter(|per| *per > at + 3)?;
        let what = self.table_called(&self.said(at + 3..per))?;
        let each = self.table_called(&self.said([per + 1]))?;
        let schema = &self.relations.schema;
        let direct = schema.tables[what].columns.clone().find(|column| {
            schema.columns[*column].foreign && schema.table_of(schema.referenced(*column)) == each
        });
        let (lines, header) = direct.map(|key| (what, key)).or_else(|| self.lines_of(what))?;
        (schema.table_of(schema.referenced(header)) == each).then_some(())?;
        let rows = schema.tables[lines].entry.name.as_str().replace('_', " ");
        let tail = self.said(per + 2..self.tokens.len());
        self.changed(&format!("number of {rows} {tail}"), |ask| {
            (ask.measures.len() == 1 && self.table_of(&ask.measures[0])? == lines).then_some(())?;
            let total = first_figure(ask)?;
            let Figure::Aggregate(one) = ask.measures[0].figure.clone() else { return None };
            let count = Aggregation {
                aggregate: Aggregate::CountDistinct,
                value: Some(Value::Column(self.column(header))),
                ..one
            };
            ask.measures[0].hidden = true;
            let counted = free_name(ask, "counted");
            ask.measures.push(hidden(counted.clone(), Figure::Aggregate(count)));
            let mean = free_name(ask, "average_number");
            let divided = Value::Arithmetic {
                operation: Operation::Divide,
                left: Box::new(output(&total)),
                right: Box::new(output(&counted)),
            };
            ask.measures.push(Measure::new(mean, Figure::Calculation(divided)));
            Some(())
        })
    }

    /// "Which month had the highest revenue in each year?"
    pub(super) fn best_period(&self) -> Option<Translation> {
        let first = self.after_lead(0);
        let grain = |word: &str| match word {
            "day" => Some(TimeGrain::Day),
            "week" => Some(TimeGrain::Week),
            "month" => Some(TimeGrain::Month),
            "quarter" => Some(TimeGrain::Quarter),
            "year" => Some(TimeGrain::Year),
            _ => None,
        };
        let shown = grain(self.word(first))?;
        let rank = (first..self.tokens.len()).find(|at| {
            self.is(*at, &["highest", "lowest", "most", "best", "biggest", "least", "fewest"])
        })?;
        let lowest = self.is(rank, &["lowest", "least", "fewest"]);
        let each = self.find(&["each", "every"]).filter(|each| *each > rank);
        let within = each.map(|each| grain(self.word(each + 1)).ok_or(())).transpose().ok()?;
        let end = each
            .map_or(self.tokens.len(), |each| each - usize::from(self.is(each - 1, &["in", "of"])));
        let tail = each.map_or(String::new(), |each| self.said(each + 2..self.tokens.len()));
        let figure = self.said(rank + 1..end);
        if within.is_some_and(|within| within <= shown) {
            return None;
        }
        let period = self.said(first..=first);
        self.changed(&format!("{figure} by {period} {tail}"), |ask| {
            let name = first_figure(ask)?;
            (ask.group_by.len() == 1 && ask.group_by[0].grain() == Some(shown)).then_some(())?;
            if let Some(within) = within {
                let outer = free_name(ask, within.as_str());
                let mut group = ask.group_by[0].clone();
                group.name = outer.clone();
                group.hidden = true;
                if let GroupKey::Period { grain, .. } = &mut group.key {
                    *grain = within;
                }
                ask.group_by.push(group);
                ask.limit_per = vec![outer];
            }
            let direction = if lowest { Direction::Ascending } else { Direction::Descending };
            ask.order = vec![first_by(name, direction)];
            ask.limit = Some(1);
            Some(())
        })
    }

    /// "Show me the best customers": by which figure is for the person to say.
    pub(super) fn best_of_all(&self) -> Option<Translation> {
        let first = self.after_lead(0);
        let schema = &self.relations.schema;
        let declared = !schema.catalog.semantics.metrics.is_empty();
        // Of rows alone, the largest one is that with the largest size.
        let important =
            self.is(first, &["most"]) && self.is(first + 1, &["important", "valuable", "relevant"]);
        let alone = first == 0 && self.is(0, &["compare"]);
        let plain = important || alone || self.is(first, &["best", "worst", "top"]);
        let best = important || alone || self.is(first, BEST);
        let first = first + usize::from(important);
        // "Top 5 customers"
        let first = first + usize::from(self.number(first + 1).is_some());
        if !(best || self.is(first, WORST)) || !(declared || plain) {
            return None;
        }
        let (entity, end) = (1..3).rev().find_map(|length| {
            let end = first + 1 + length;
            let table = self.table_called(&self.said(first + 1..end))?;
            (end <= self.tokens.len()).then_some((table, end))
        })?;
        let narrows = ["in", "from", "of", "this", "last", "since", "outside", "for"];
        let narrowed =
            self.is(end, &narrows) && self.find(&["by", "per", "with", "each"]).is_none();
        (end == self.tokens.len() || narrowed && declared).then_some(())?;
        let what = self.said(first + 1..end);
        let tail = self.said(end..self.tokens.len());
        let rank = if best { "top" } else { "bottom" };
        let mut choices: Vec<Choice> = Vec::new();
        // Amounts that add up say more of who is best than rates and counts do.
        let revenue = self.metric_called(&["revenue", "sales", "turnover"]);
        let rank_of = |metric: &pacioli_model::Metric| match (&metric.definition, &metric.unit) {
            _ if Some(metric.label.as_str()) == revenue => -1,
            (_, Unit::Number | Unit::Percent | Unit::Days | Unit::Named(_)) => 2,
            (Definition::Aggregate(one), _) if one.aggregate == Aggregate::Sum => 0,
            _ => 1,
        };
        // One that such rows have no part in is not even asked for.
        let of_entity = |(at, _): &(usize, &pacioli_model::Metric)| {
            schema
                .metric_table(*at)
                .is_some_and(|of| of == entity || schema.reaches_one(of, entity))
        };
        let all = schema.catalog.semantics.metrics.iter().enumerate();
        let mut metrics: Vec<_> = all.filter(of_entity).map(|(_, metric)| metric).collect();
        metrics.sort_by_key(|metric| rank_of(metric));
        let mut figures: Vec<String> = metrics.iter().map(|metric| metric.label.clone()).collect();
        if !declared {
            let related = schema.tables.iter().enumerate().filter(|(table, node)| {
                *table != entity && !node.hidden && schema.reaches_one(*table, entity)
            });
            let words = |name: &str| name.replace('_', " ");
            figures.extend(
                related.map(|(_, node)| format!("number of {}", words(node.entry.name.as_str()))),
            );
        }
        for figure in figures {
            let question = format!("{rank} 10 {what} by {figure} {tail}").trim_end().to_owned();
            if choices.len() == MOST_CHOICES {
                break;
            }
            if let Translation::Understood(read) = (self.rows)(&question) {
                choices.push(Choice {
                    label: format!("by {figure}"),
                    question,
                    ask: read.ask,
                    analysis: None,
                    interpretation: read.interpretation,
                });
            }
        }
        let question = "By which figure?".to_owned();
        if choices.len() > 1 {
            return Some(Translation::Clarify { question, choices, confidence: None });
        }
        let reason = "The question does not say by which figure.";
        Some(Self::refused(&self.said([first]), reason))
    }
}
