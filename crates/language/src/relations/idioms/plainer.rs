//! The same question in plainer words: "how much did we sell" is the sales.

use super::Idioms;

/// Verbs of "how much did we …", and what the figure is called.
const DEEDS: &[(&[&str], &[&str])] = &[
    (&["sell", "sold", "make", "earn"], &["sales", "revenue", "turnover"]),
    (&["spend", "spent", "buy"], &["spend", "purchase volume", "purchases value"]),
    (&["collect", "receive"], &["cash collected", "payments received"]),
];
const SLOWEST: &[&str] = &["days to pay", "payment time"];

impl Idioms<'_> {
    /// The question without a phrase that plainer words replace.
    pub(super) fn plainer(&self) -> Option<String> {
        self.money()
            .or_else(|| self.deed())
            .or_else(|| self.payers())
            .or_else(|| self.best_selling())
            .or_else(|| self.numbered_best())
            .or_else(|| self.figures_against_each_other())
            .or_else(|| self.compared_values())
            .or_else(|| self.and_how_many())
            .or_else(|| self.money_of_table())
            .or_else(|| self.undeclared_sales())
    }

    /// "How much money do customers owe us?"
    fn money(&self) -> Option<String> {
        let money = self.phrase(&["how", "much", "money"])? + 2;
        Some(self.said(self.without(&[money])))
    }

    /// "How much did we sell in May", "what did we spend per vendor".
    fn deed(&self) -> Option<String> {
        let asked = self.is(0, &["how"]) && self.is(1, &["much", "many"]) || self.is(0, &["what"]);
        let did = (1..4).find(|at| self.is(*at, &["did", "do", "have"]))?;
        (asked && self.is(did + 1, &["we"])).then_some(())?;
        let verb = did + 2;
        let (_, names) = DEEDS.iter().find(|(verbs, _)| self.is(verb, verbs))?;
        let figure = self.metric_called(names)?;
        let between = self.said(2..did);
        (did <= 2 || between.is_empty() || between == "money").then_some(())?;
        let rest = self.said(verb + 1..self.tokens.len());
        let rest = match rest.split_once(' ') {
            Some(("with" | "at" | "in", each)) if each.starts_with("each ") => {
                each.replacen("each ", "by ", 1)
            }
            _ => rest,
        };
        Some(format!("{figure} {rest}").replace(" and in ", " and "))
    }

    /// "Who are our slowest payers?"
    fn payers(&self) -> Option<String> {
        let payers = self.find(&["payers"])?;
        let figure = self.metric_called(SLOWEST)?;
        let rank = match self.word(payers.checked_sub(1)?) {
            "slowest" | "latest" | "worst" => "top",
            "fastest" | "quickest" | "best" => "bottom",
            _ => return None,
        };
        let lead = self.after_lead(0);
        (lead + 1 == payers).then_some(())?;
        let rest = self.said(payers + 1..self.tokens.len());
        Some(format!("{rank} 10 customers by {figure} {rest}"))
    }

    /// "Best selling product in each region".
    fn best_selling(&self) -> Option<String> {
        let selling = self.find(&["selling", "bestselling"])?;
        let figure = self.metric_called(&["revenue", "sales", "turnover"])?;
        let best = self.is(selling, &["bestselling"])
            || self.is(selling.checked_sub(1)?, &["best", "top"]);
        best.then_some(())?;
        let entity = self.word(selling + 1);
        let number = if entity.ends_with('s') { "10" } else { "1" };
        let entity = self.said(selling + 1..selling + 2);
        let rest = self.said(selling + 2..self.tokens.len());
        Some(format!("top {number} {entity} by {figure} {rest}"))
    }

    /// "The five customers with the highest sales this year".
    fn numbered_best(&self) -> Option<String> {
        let first = self.after_lead(0);
        let number = self.number(first).filter(|number| (1..=1000).contains(number))?;
        let entity = self.said(first + 1..first + 2);
        self.table_called(&entity)?;
        let rank = (first + 2..self.tokens.len().min(first + 9)).find(|at| {
            self.is(*at, &["highest", "largest", "biggest", "most", "lowest", "least", "smallest"])
        })?;
        let hollow = [
            "with",
            "that",
            "who",
            "have",
            "has",
            "had",
            "brought",
            "in",
            "bought",
            "the",
            "generated",
            "made",
            "by",
            "which",
        ];
        (first + 2..rank).all(|at| self.is(at, &hollow)).then_some(())?;
        let from = rank + 1 + usize::from(self.is(rank + 1, &["by"]));
        let top = if self.is(rank, &["lowest", "least", "smallest"]) { "bottom" } else { "top" };
        let figure = self.said(from..self.tokens.len());
        (!figure.is_empty()).then(|| format!("{top} {number} {entity} by {figure}"))
    }

    /// "Planned vs produced quantity by product".
    fn figures_against_each_other(&self) -> Option<String> {
        let versus = self.find(&["vs", "versus", "against"])?;
        let first = self.after_lead(0);
        let left = self.said(first..versus);
        let (right, end) = (1..=3).rev().find_map(|length| {
            let right = self.said(versus + 1..versus + 1 + length);
            let figure = self.metric_called(&[&right])?;
            Some((figure.to_owned(), versus + 1 + length))
        })?;
        let last = self.said(end - 1..end);
        let whole = format!("{left} {last}");
        let left = self.metric_called(&[&left, &whole])?;
        Some(format!("{left} and {right} {}", self.said(end..self.tokens.len())))
    }

    /// "Compare revenue in Germany and France".
    fn compared_values(&self) -> Option<String> {
        self.is(0, &["compare"]).then_some(())?;
        let and = self.find(&["and", "with", "to"])?;
        self.find(&["in", "for", "of"]).filter(|at| *at < and)?;
        let (before, after) = (self.said(1..and), self.said(and + 1..self.tokens.len()));
        Some(format!("{before} vs {after}"))
    }

    /// "Expenses by category" are amounts, and no number of rows.
    fn money_of_table(&self) -> Option<String> {
        let at = self.find(&["expenses", "costs", "payments", "spending"])?;
        let lead = ["total", "sum", "of", "the", "our", "all", "what", "are", "is"];
        (0..at).all(|before| self.is(before, &lead)).then_some(())?;
        let schema = &self.relations.schema;
        let table = self.table_called(&self.said([at]))?;
        let mut amounts = schema.tables[table]
            .columns
            .clone()
            .filter(|column| schema.columns[*column].role == crate::role::Role::Amount);
        let amount = amounts.next().filter(|_| amounts.next().is_none())?;
        let grouped = self.is(at + 1, &["by", "per", "for", "in"]) && self.tokens.len() > at + 2;
        (grouped && schema.catalog.semantics.metrics.is_empty()).then_some(())?;
        let (table, label) = (self.said([at]), &schema.columns[amount].column.label);
        let rest = self.said(at + 1..self.tokens.len());
        (!rest.to_lowercase().contains(&label.to_lowercase()))
            .then(|| format!("total {table} {label} {rest}"))
    }

    /// "Sales by store", where nothing is declared and one column alone can be what was sold for.
    fn undeclared_sales(&self) -> Option<String> {
        let schema = &self.relations.schema;
        schema.catalog.semantics.metrics.is_empty().then_some(())?;
        let sold =
            (self.is(0, &["how"]) && self.is(1, &["much"]) && self.is(3, &["each", "every"]))
                .then(|| self.find(&["sell"]))
                .flatten();
        let at = match sold {
            Some(sold) => sold,
            None => self.find(&["sales", "revenue", "turnover"])?,
        };
        self.relations.lexicon.names(&[self.word(at)]).is_empty().then_some(())?;
        let other =
            ["purchase", "expense", "cost", "discount", "tax", "budget", "salary", "payroll"];
        let called = |text: &str| crate::relations::lexicon::name_words(text);
        let mut amounts = (0..schema.columns.len()).filter(|column| {
            let node = &schema.columns[*column];
            let table = called(schema.tables[node.table].entry.name.as_str());
            let words = called(&node.column.label);
            node.role == crate::role::Role::Amount
                && !schema.tables[node.table].hidden
                && !table.iter().chain(&words).any(|word| other.contains(&word.as_str()))
        });
        let amount = amounts.next().filter(|_| amounts.next().is_none())?;
        let node = &schema.columns[amount];
        let label = called(&node.column.label).join(" ");
        match sold {
            Some(sold) => {
                let rest = self.said(sold + 1..self.tokens.len());
                Some(format!("total {label} by {} {rest}", self.said(4..sold)))
            }
            None => {
                let total = if at > 0 && self.is(at - 1, &["total"]) { "" } else { "total " };
                let (before, after) = (self.said(0..at), self.said(at + 1..self.tokens.len()));
                Some(format!("{before} {total}{label} {after}"))
            }
        }
    }

    /// "Suppliers from Poland and how many products they deliver".
    fn and_how_many(&self) -> Option<String> {
        let and = self.find(&["and"])?;
        let how = self.is(and + 1, &["how"]) && self.is(and + 2, &["many"]);
        let they = (and + 3..self.tokens.len()).find(|at| self.is(*at, &["they", "each"]))?;
        (how && they + 2 >= self.tokens.len()).then_some(())?;
        let first = self.after_lead(0);
        let entity = self.said(first..=first);
        self.table_called(&entity)?;
        let counted = self.said(and + 3..they);
        Some(format!("number of {counted} by {}", self.said(first..and)))
    }
}
