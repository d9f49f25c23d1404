//! What was spent and what is owed.

use super::Idioms;

const PAYABLES: &[&str] = &["payables", "accounts payable", "owed to suppliers"];

impl Idioms<'_> {
    /// "What do we owe our suppliers", "how much money do we owe each vendor".
    pub(super) fn owed_by_us(&self) -> Option<String> {
        let owe = self.phrase(&["we", "owe"])? + 1;
        let lead = ["what", "how", "much", "money", "do", "still", "the", "amount", "total", "is"];
        (0..owe - 1).all(|at| self.is(at, &lead)).then_some(())?;
        let figure = self.metric_called(PAYABLES)?;
        let mut next = owe + 1;
        next += usize::from(self.is(next, &["to"]));
        if self.is(next, &["each", "every"]) {
            return Some(format!("{figure} by {}", self.said(next + 1..self.tokens.len())));
        }
        next += usize::from(self.is(next, &["our", "the", "all"]));
        next += usize::from(self.is(next, &["suppliers", "vendors", "creditors"]));
        Some(format!("{figure} {}", self.said(next..self.tokens.len())))
    }

    /// "How much rent did we pay this year", "what did we spend on hotels in 2025": the one amount of the
    /// rows that have such a value.
    pub(super) fn spent_on(&self) -> Option<String> {
        let asks = self.is(0, &["how"]) && self.is(1, &["much"]) || self.is(0, &["what"]);
        let did = (1..5).find(|at| self.is(*at, &["did", "do", "have"]))?;
        let verb = did + 2;
        let spends = self.is(did + 1, &["we"])
            && self.is(verb, &["spend", "spent", "pay", "paid", "expense"]);
        (asks && spends).then_some(())?;
        let before = self.said(if self.is(0, &["how"]) { 2 } else { 1 }..did);
        let on = verb + 1 + usize::from(self.is(verb + 1, &["on", "for"]));
        let (value, end) = if before.is_empty() || before == "money" {
            (on > verb + 1).then_some(())?;
            let mut ends = (1..4).rev().map(|length| (on, on + length));
            ends.find_map(|(from, to)| {
                let said = self.said(from..to);
                (to <= self.tokens.len() && self.amounts_of(&said).is_some()).then_some((said, to))
            })?
        } else {
            (before, verb + 1)
        };
        let amounts = self.amounts_of(&value)?;
        Some(format!("{amounts} {}", self.said(end..self.tokens.len())))
    }

    /// The amounts of rows that have a value: by the figure that is declared over them, or by the one
    /// column that holds any.
    fn amounts_of(&self, value: &str) -> Option<String> {
        let schema = &self.relations.schema;
        let tokens = crate::token::tokenise(value);
        let words: Vec<&str> = tokens.iter().map(|token| token.word.as_str()).collect();
        let values = self.relations.lexicon.values(&words);
        let mut tables: Vec<usize> =
            values.iter().map(|(value, _)| schema.table_of(value.column)).collect();
        tables.sort_unstable();
        tables.dedup();
        let costs = |table: &usize| {
            let words = schema.tables[*table].entry.name.as_str();
            ["expense", "cost", "spend", "aufwand"].iter().any(|word| words.contains(word))
        };
        let [table] = tables.into_iter().filter(costs).collect::<Vec<_>>()[..] else { return None };
        let metrics = &schema.catalog.semantics.metrics;
        let mut declared = (0..metrics.len()).filter(|at| {
            schema.metric_table(*at) == Some(table)
                && matches!(&metrics[*at].definition, pacioli_model::Definition::Aggregate(one)
                    if one.aggregate == pacioli_model::Aggregate::Sum && one.filter.is_none())
        });
        if let (Some(only), None) = (declared.next(), declared.next()) {
            return Some(format!("{} of {value}", metrics[only].label));
        }
        metrics.is_empty().then_some(())?;
        let amount = self.only_amount(table)?;
        let name = schema.tables[table].entry.name.as_str().replace('_', " ");
        let (text, _) = values.first()?;
        Some(format!("total {name} {amount} of {}", text.text))
    }

    /// "Which project has the highest expenses": by their amount, where nothing is declared.
    pub(super) fn highest_amounts(&self) -> Option<String> {
        let at = self.find(&["highest", "lowest", "largest", "biggest"])?;
        let table = self.table_called(&self.said([at + 1]))?;
        let of_others = (0..at)
            .any(|at| self.table_called(&self.said([at])).is_some_and(|other| other != table));
        // "The lowest credit score" is of a column, though loans are credits.
        let pair = [self.word(at + 1), self.word(at + 2)];
        let column = self.relations.lexicon.names(&pair).iter().any(|(_, fit)| *fit > 0.9);
        let label = self.only_amount(table).filter(|_| of_others && !column)?;
        let (before, noun) = (self.said(0..=at), self.said([at + 1]));
        Some(format!("{before} total {noun} {label} {}", self.said(at + 2..self.tokens.len())))
    }
}
