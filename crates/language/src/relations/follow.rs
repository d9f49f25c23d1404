//! Questions that go on from the last one: "only Germany", "and by month", "same for orders", "top 5 of
//! those". What they say is merged into the last Ask; what they do not say stays as it was.

use chrono::NaiveDate;
use pacioli_model::{
    Aggregate, Ask, ColumnRef, Definition, Direction, Figure, GroupKey, OrderBy, Predicate, Value,
};

use super::{
    Relations,
    build::{self, Follow},
    fit, parse,
    pieces::{self, Item, Piece},
    refusal,
    resolve::Misfit,
    schema::TableId,
    sketch::{Measured, Sketch, Target},
    vocabulary::Key,
    words,
};
use crate::{
    token::{Token, tokenise},
    translation::{Translation, Understood},
};

/// Words that a question begins with when it goes on from another.
const OPENERS: &[&str] = &[
    "only",
    "just",
    "and",
    "now",
    "same",
    "also",
    "but",
    "then",
    "by",
    "per",
    "top",
    "bottom",
    "without",
    "excluding",
    "except",
    "sorted",
    "sort",
    "ordered",
    "monthly",
    "yearly",
    "quarterly",
    "weekly",
    "daily",
    "instead",
    "for",
    "in",
    "compared",
    "vs",
    "versus",
    "since",
    "before",
    "after",
    "not",
    "compare",
    "exclude",
];
/// Pairs of words that do the same.
const OPENING_PAIRS: &[[&str; 2]] = &[
    ["what", "about"],
    ["how", "about"],
    ["split", "by"],
    ["broken", "down"],
    ["the", "same"],
    ["break", "it"],
    ["break", "that"],
    ["break", "this"],
    ["split", "it"],
    ["split", "that"],
    ["split", "this"],
    ["group", "it"],
    ["group", "that"],
    ["group", "them"],
];
/// How an answer is shown: each has its chart and its table.
const SHOWN: &[&str] = &[
    "chart", "graph", "plot", "diagram", "bar", "line", "pie", "as", "a", "in", "draw", "make",
    "can", "you", "could",
];
/// Words that carry nothing in such a question.
const HOLLOW: &[&str] = &[
    "only", "just", "now", "same", "also", "but", "then", "instead", "those", "these", "them",
    "ones", "please", "again", "what", "how", "about", "it", "that", "show", "me", "and", "the",
    "thing", "break", "split", "group", "down", "this", "up", "compare", "but",
];

impl Relations<'_> {
    /// Reads a question that goes on from `last`; nothing where it stands by itself.
    pub(crate) fn follow(
        &self,
        question: &str,
        today: NaiveDate,
        last: &Ask,
    ) -> Option<Translation> {
        let tokens = tokenise(question);
        if is_chart(&tokens) {
            return Some(self.again(last));
        }
        if !opens(&tokens) {
            return None;
        }
        let base = self.base_of(last)?;
        let start = tokens.iter().take_while(|token| HOLLOW.contains(&token.word.as_str())).count();
        let rest = &tokens[start..];
        let (pieces, notes) = pieces::cut(question, rest, self.company(today), &self.lexicon);
        let typed = rest.iter().map(|token| &question[token.at.clone()]).collect();
        let mut sketch = parse::parse_on(&pieces, typed, &self.schema, base);
        let same = tokens.iter().any(|token| token.word == "same");
        if let Some(metric) = self.only_metric(&pieces, same) {
            sketch = Sketch { targets: vec![Target::Metric(metric)], ..Sketch::default() };
        }
        if !sketch.unplaced.is_empty() {
            let reason = "This part of the question is not understood after the last one.";
            return Some(refusal(question, rest, &sketch.unplaced, reason));
        }
        let merged = self.merged(&sketch, rest, today, last, base);
        Some(match merged {
            Ok(ask) if ask == *last => return None,
            Ok(ask) => {
                let spans = self.spans(question, rest, &pieces, &ask);
                let mut notes = notes;
                notes.push("It goes on from the last question.".to_owned());
                let interpretation = words::interpretation(&ask, self.schema.catalog, notes);
                Translation::Understood(Box::new(Understood {
                    ask,
                    spans,
                    interpretation,
                    confidence: fit(&pieces),
                }))
            }
            Err(misfit) => {
                refusal(question, rest, std::slice::from_ref(&misfit.tokens), &misfit.reason)
            }
        })
    }

    /// The table whose rows the last Ask is about.
    fn base_of(&self, last: &Ask) -> Option<TableId> {
        let metric = last.measures.iter().find_map(|measure| match &measure.figure {
            Figure::Metric { metric, .. } => {
                let metrics = &self.schema.catalog.semantics.metrics;
                self.schema.metric_table(metrics.iter().position(|known| known.name == *metric)?)
            }
            Figure::Aggregate(aggregation) => {
                self.schema.tables.iter().position(|table| table.entry.name == aggregation.table)
            }
            _ => None,
        });
        metric
            .or_else(|| self.schema.tables.iter().position(|table| table.entry.name == last.table))
    }

    fn merged(
        &self,
        sketch: &Sketch,
        tokens: &[Token],
        today: NaiveDate,
        last: &Ask,
        base: TableId,
    ) -> Result<Ask, Misfit> {
        let mut ask = last.clone();
        if let Some(metric) = sketch.targets.iter().find_map(|target| match target {
            Target::Metric(metric) => Some(*metric),
            _ => None,
        }) {
            if !self.reaches_groups(metric, last) {
                let reason = "This figure is not known by what the last one was shown by.";
                return Err(Misfit::new(0..tokens.len(), reason));
            }
            self.replace_metric(&mut ask, metric);
        }
        if !sketch.groups.is_empty() {
            keep_ranked(&mut ask);
        }
        let follow = Follow { sketch, schema: &self.schema, tokens, today, base };
        build::follow(&follow, &mut ask)?;
        if let Some(best) = &sketch.best {
            if !matches!(best.by, Measured::Count(_)) {
                return Err(Misfit::new(
                    best.tokens.clone(),
                    "What is ranked stays that of the last question.",
                ));
            }
            rank(&mut ask, best.direction, best.number.unwrap_or(1));
        }
        Ok(ask)
    }

    /// The last question once more, shown in another way.
    fn again(&self, last: &Ask) -> Translation {
        let notes =
            vec!["The same as before: every answer has its chart and its table.".to_owned()];
        let interpretation = words::interpretation(last, self.schema.catalog, notes);
        let (ask, spans) = (last.clone(), Vec::new());
        let understood = Understood { ask, spans, interpretation, confidence: 1.0 };
        Translation::Understood(Box::new(understood))
    }

    /// Whether a declared figure can be shown by what the last Ask was shown by and narrowed to.
    fn reaches_groups(&self, metric: usize, last: &Ask) -> bool {
        let Some(base) = self.schema.metric_table(metric) else { return false };
        let reached = |column: &ColumnRef| {
            let table =
                self.schema.tables.iter().position(|table| table.entry.name == column.table);
            table.is_some_and(|table| self.schema.reaches_one(base, table))
        };
        let filtered = last.filter.iter().flat_map(|filter| match filter {
            Predicate::All(parts) => parts.iter().filter_map(column_of).collect(),
            other => column_of(other).into_iter().collect::<Vec<_>>(),
        });
        last.group_by.iter().filter_map(|group| group.column()).chain(filtered).all(reached)
    }

    /// "Same for orders" names nothing but another figure, or rows that one sum alone is declared over.
    fn only_metric(&self, pieces: &[Piece], same: bool) -> Option<usize> {
        let silent = |piece: &&Piece| {
            !matches!(piece.item, Item::Key(Key::Stop | Key::Of | Key::In | Key::By))
        };
        let mut said = pieces.iter().filter(silent);
        let (Some(Item::Mention(mention)), None) =
            (said.next().map(|piece| &piece.item), said.next())
        else {
            return None;
        };
        let of_rows = || {
            let (table, _) = mention.best_table().filter(|(_, quality)| same && *quality > 0.9)?;
            let metrics = &self.schema.catalog.semantics.metrics;
            let mut sums = (0..metrics.len()).filter(|at| {
                self.schema.metric_table(*at) == Some(table)
                    && matches!(&metrics[*at].definition, Definition::Aggregate(one)
                        if one.aggregate == Aggregate::Sum && one.filter.is_none())
            });
            sums.next().filter(|_| sums.next().is_none())
        };
        mention.metrics.first().copied().or_else(of_rows)
    }

    /// "Same for orders": another declared figure under the same conditions.
    fn replace_metric(&self, ask: &mut Ask, metric: usize) {
        let Some(metric) = self.schema.catalog.semantics.metrics.get(metric) else { return };
        let Ok(named) = pacioli_model::ColumnName::parse(metric.name.as_str()) else { return };
        let taken = ask.group_by.iter().any(|group| group.name == named) || ask.measures.len() > 1;
        for measure in &mut ask.measures {
            if let Figure::Metric { metric: name, .. } = &mut measure.figure {
                name.clone_from(&metric.name);
                if !taken {
                    let before = std::mem::replace(&mut measure.name, named.clone());
                    ask.order
                        .iter_mut()
                        .filter(|order| order.name == before)
                        .for_each(|order| order.name = named.clone());
                }
            }
        }
    }
}

fn opens(tokens: &[Token]) -> bool {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.word.as_str());
    let pair = OPENING_PAIRS.iter().any(|[first, second]| word(0) == *first && word(1) == *second);
    let last = tokens.last().map_or("", |token| token.word.as_str());
    // "Show me the top 2"
    let shown = word(0) == "show"
        && ["top", "bottom"].contains(&word(tokens.len().saturating_sub(2)))
        && tokens[..tokens.len() - 2].iter().all(|token| HOLLOW.contains(&token.word.as_str()));
    pair || shown
        || OPENERS.contains(&word(0))
        || tokens.len() <= 4 && matches!(last, "only" | "instead")
        || tokens.len() <= 4
            && tokens.iter().any(|token| matches!(token.word.as_str(), "those" | "them" | "these"))
}

/// Whether words ask for nothing but a picture of the last answer.
fn is_chart(tokens: &[Token]) -> bool {
    let word = |token: &Token| token.word.clone();
    let charts = ["chart", "graph", "plot", "diagram"];
    tokens.iter().any(|token| charts.contains(&word(token).as_str()))
        && tokens.iter().all(|token| {
            SHOWN.contains(&token.word.as_str()) || HOLLOW.contains(&token.word.as_str())
        })
}

fn rank(ask: &mut Ask, direction: Direction, limit: u32) {
    let measure = ask.shown_measures().next().map(|measure| measure.name.clone());
    let name = measure.or_else(|| ask.order.first().map(|order| order.name.clone()));
    if let Some(name) = name {
        ask.order = vec![OrderBy { name, direction }];
    }
    ask.limit = Some(limit);
}

/// More groups would spread the few that were ranked: they become a condition, and all their groups are
/// shown. Only where each is told apart by columns.
fn keep_ranked(ask: &mut Ask) {
    if ask.limit.is_none() || ask.each_row || ask.group_by.is_empty() {
        return;
    }
    let hidden = ask.group_by.iter().any(|group| group.hidden);
    let mut ranked = ask.clone();
    ranked.measures.iter_mut().for_each(|measure| measure.hidden = true);
    // The id behind the names tells them apart, where there is one.
    ranked.group_by.iter_mut().for_each(|group| group.hidden = hidden && !group.hidden);
    let values: Option<Vec<Value>> = ranked
        .shown_groups()
        .map(|group| match &group.key {
            GroupKey::Value(value) => Some(value.clone()),
            _ => None,
        })
        .collect();
    let Some(values) = values else { return };
    ask.limit = None;
    narrow(ask, Predicate::Among { values, ask: Box::new(ranked) });
}

/// Puts a condition in the place of those on the same column, or beside the others.
pub(super) fn narrow(ask: &mut Ask, condition: Predicate) {
    let parts = match ask.filter.take() {
        Some(Predicate::All(parts)) => parts,
        Some(other) => vec![other],
        None => Vec::new(),
    };
    let about = column_of(&condition).cloned();
    let mut parts: Vec<Predicate> = parts
        .into_iter()
        .filter(|part| about.is_none() || column_of(part) != about.as_ref())
        .collect();
    parts.push(condition);
    ask.filter = build::all(parts);
}

/// The one column that a condition is about.
fn column_of(predicate: &Predicate) -> Option<&ColumnRef> {
    match predicate {
        Predicate::Compare { left: Value::Column(column), .. }
        | Predicate::OneOf { value: Value::Column(column), .. } => Some(column),
        Predicate::Not(part) => column_of(part),
        Predicate::All(parts) | Predicate::Any(parts) => {
            let first = column_of(parts.first()?)?;
            parts.iter().all(|part| column_of(part) == Some(first)).then_some(first)
        }
        _ => None,
    }
}
