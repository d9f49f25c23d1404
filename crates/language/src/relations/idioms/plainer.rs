//! The same question in plainer words: "how much did we sell" is the sales.

use super::Idioms;
use crate::relations::lexicon::Name;

/// Verbs of "how much did we …", and what the figure is called.
pub(super) const DEEDS: &[(&[&str], &[&str])] = &[
    (
        &["sell", "sold", "make", "made", "earn", "earned", "take"],
        &["sales", "revenue", "turnover"],
    ),
    (&["spend", "spent", "buy"], &["spend", "purchase volume", "purchases value"]),
    (&["collect", "receive"], &["cash collected", "payments received"]),
    (&["refund", "refunded", "reimburse"], &["value of returns", "returns", "refunds"]),
    (&["invoice", "invoiced", "bill", "billed"], &["invoiced amount", "billed amount"]),
    (&["produce", "produced"], &["produced quantity", "units produced"]),
    (&["scrap", "scrapped"], &["scrapped quantity", "scrap"]),
];
const SLOWEST: &[&str] = &["days to pay", "payment time"];

impl Idioms<'_> {
    /// The question without a phrase that plainer words replace.
    pub(super) fn plainer(&self) -> Option<String> {
        self.everyday()
            .or_else(|| self.money())
            .or_else(|| self.deed())
            .or_else(|| self.payers())
            .or_else(|| self.best_selling())
            .or_else(|| self.sells_best())
            .or_else(|| self.numbered_best())
            .or_else(|| self.figures_against_each_other())
            .or_else(|| self.compared_values())
            .or_else(|| self.and_how_many())
            .or_else(|| self.money_of_table())
            .or_else(|| self.undeclared_units())
            .or_else(|| self.undeclared_sales())
            .or_else(|| self.years_beside())
            .or_else(|| self.rows_by_number())
            .or_else(|| self.summed_deed())
            .or_else(|| self.and_who())
            .or_else(|| self.who_the_most())
            .or_else(|| self.who_works_as())
            .or_else(|| self.earned_on_average())
            .or_else(|| self.yet_to())
            .or_else(|| self.by_nobody())
            .or_else(|| self.never_did())
            .or_else(|| self.implied())
    }

    /// "Bookings by hotel, 2025 vs 2024": a year beside the one before it.
    fn years_beside(&self) -> Option<String> {
        const VERSUS: &[&[&str]] =
            &[&["vs"], &["versus"], &["against"], &["compared", "to"], &["compared", "with"]];
        let (at, length) = VERSUS.iter().find_map(|one| Some((self.phrase(one)?, one.len())))?;
        let year = |at: usize| self.number(at).filter(|year| (1990..2100).contains(year));
        let (now, before) = (year(at.checked_sub(1)?)?, year(at + length)?);
        (before + 1 == now).then_some(())?;
        let within = at >= 2 && self.is(at - 2, &["in", "for", "of"]);
        let head = self.said(0..at - 1 - usize::from(within));
        let tail = self.said(at + length + 1..self.tokens.len());
        Some(format!("{head} {tail} in {now} vs the year before"))
    }

    /// "How much VAT did we charge in May": the sum of what is named before the verb.
    fn summed_deed(&self) -> Option<String> {
        (self.is(0, &["how"]) && self.is(1, &["much"])).then_some(())?;
        let did = (3..6).find(|at| self.is(*at, &["did", "do", "have"]))?;
        self.is(did + 1, &["we"]).then_some(())?;
        let words: Vec<&str> = (2..did).map(|at| self.word(at)).collect();
        let schema = &self.relations.schema;
        let (name, fit) = self.relations.lexicon.names(&words).into_iter().next()?;
        let Name::Column(column) = name else { return None };
        (fit > 0.59 && schema.columns[column].role.adds_up()).then_some(())?;
        let rest = self.said(did + 3..self.tokens.len());
        Some(format!("total {} {rest}", self.said(2..did)))
    }

    /// "Which projects are on hold and who is the client": with one thing more.
    fn and_who(&self) -> Option<String> {
        let and = (2..self.tokens.len()).find(|at| {
            self.is(*at, &["and"])
                && self.is(at + 1, &["who"])
                && self.is(at + 2, &["is", "are"])
                && self.is(at + 3, &["the", "its", "their"])
        })?;
        let more = self.said(and + 4..self.tokens.len());
        // After "has" it would be one thing more that they must have.
        let has = (0..and).any(|at| self.is(at, &["has", "have", "with"]));
        let lists = self.is(0, &["which", "list", "show"]) && !more.contains(' ') && !has;
        lists.then(|| format!("{} with their {more}", self.said(0..and)))
    }

    /// "Guests by number of bookings": how many each of them has.
    fn rows_by_number(&self) -> Option<String> {
        let by = self.find(&["by"])?;
        let the = by + 1 + usize::from(self.is(by + 1, &["the", "their"]));
        (self.is(the, &["number"]) && self.is(the + 1, &["of"])).then_some(())?;
        let rows = self.said(self.after_lead(0)..by);
        let last = self.tokens.len().checked_sub(the + 2)?;
        let counted = (1..=last.min(3))
            .rev()
            .find(|length| self.table_called(&self.said(the + 2..the + 2 + length)).is_some())?
            + the
            + 2;
        self.table_called(&rows)?;
        let rest = self.said(counted..self.tokens.len());
        Some(format!("number of {} for each of the {rows} {rest}", self.said(the + 2..counted)))
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
        // Where nothing is declared, one column alone may be what was sold for.
        let undeclared = !self.relations.has_metrics();
        let figure = if undeclared && self.is(verb, DEEDS[0].0) {
            "sales".to_owned()
        } else if undeclared {
            self.undeclared_deed(verb)?
        } else {
            self.deed_called(verb)?.to_owned()
        };
        let between = self.said(2..did);
        (did <= 2 || between.is_empty() || between == "money").then_some(())?;
        let takes = self.is(verb, &["take"]) && self.is(verb + 1, &["in"]);
        let rest = self.said(verb + 1 + usize::from(takes)..self.tokens.len());
        let rest = match rest.split_once(' ') {
            Some(("each" | "every", each)) => format!("by {each}"),
            Some(("with" | "at" | "in" | "from" | "to", each)) if each.starts_with("each ") => {
                each.replacen("each ", "by ", 1)
            }
            _ => rest,
        };
        // "In Germany and in France": each by itself.
        Some(format!("{figure} {rest}").replace(" and in ", " vs "))
    }

    /// "Who are our slowest payers?"
    fn payers(&self) -> Option<String> {
        if let Some(slowest) = self.slowest_to_deliver() {
            return Some(slowest);
        }
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

    /// "Which supplier is the slowest to deliver?", "how long does delivery take on average?"
    fn slowest_to_deliver(&self) -> Option<String> {
        if let Some(take) = self.phrase(&["does", "delivery", "take"]) {
            let asks = self.is(0, &["how"]) && self.is(take - 1, &["long", "days"]);
            let figure = self.metric_called(&["days to deliver", "delivery time"]);
            let mean = self.phrase(&["on", "average"]).map_or([0, 0], |at| [at, at + 1]);
            let rest = (take + 3..self.tokens.len()).filter(|at| !mean.contains(at));
            return Some(format!("{} {}", figure.filter(|_| asks)?, self.said(rest)));
        }
        let rank = self.find(&["slowest", "fastest", "quickest"])?;
        (self.is(rank + 1, &["to"]) && self.is(rank + 2, &["deliver"])).then_some(())?;
        let figure = self.metric_called(&["lead time", "delivery time"])?;
        let first = self.after_lead(0);
        let entity = self.said((first..rank).filter(|at| !self.is(*at, &["is", "are", "the"])));
        self.table_called(&entity)?;
        let most = if self.is(rank, &["slowest"]) { "highest" } else { "lowest" };
        let rest = self.said(rank + 3..self.tokens.len());
        Some(format!("which {entity} has the {most} {figure} {rest}"))
    }

    /// "Best selling product in each region".
    fn best_selling(&self) -> Option<String> {
        let selling = self.find(&["selling", "bestselling"])?;
        let figure = if self.relations.has_metrics() {
            self.metric_called(&["revenue", "sales", "turnover"])?.to_owned()
        } else {
            self.sold_words()?
        };
        let best = self.is(selling, &["bestselling"])
            || self.is(selling.checked_sub(1)?, &["best", "top"]);
        best.then_some(())?;
        let entity = self.word(selling + 1);
        let number = if entity.ends_with('s') { "10" } else { "1" };
        let entity = self.said(selling + 1..selling + 2);
        let rest = self.said(selling + 2..self.tokens.len());
        Some(format!("top {number} {entity} by {figure} {rest}"))
    }

    /// "Which product groups sell best", "which product made us the most money".
    fn sells_best(&self) -> Option<String> {
        let figure = self.metric_called(&["revenue", "sales", "turnover"])?.to_owned();
        self.is(0, &["which", "what"]).then_some(())?;
        let best = self.phrase(&["best"]).filter(|at| self.is(at - 1, &["sell", "sells", "sold"]));
        let most = self.phrase(&["the", "most", "money"]);
        let (end, after) = match (best, most) {
            (Some(best), _) => (best - 1, best + 1),
            (None, Some(most)) => {
                let verbs = ["made", "makes", "make", "brought", "brings", "earned", "earns"];
                let verb = (1..most).find(|at| self.is(*at, &verbs))?;
                let hollow = ["us", "in"];
                (verb + 1..most).all(|at| self.is(at, &hollow)).then_some((verb, most + 3))?
            }
            (None, None) => return None,
        };
        let entity = self.said(1..end);
        let rest = self.said(after..self.tokens.len());
        let several = entity.ends_with('s');
        Some(if several {
            format!("{figure} by {entity} {rest}")
        } else {
            format!("which {entity} has the highest {figure} {rest}")
        })
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
        let schema = &self.relations.schema;
        let table = self.table_called(&self.said([at]))?;
        // "Travel expenses": a value of theirs.
        let own = |before: usize| {
            let values = self.relations.lexicon.values(&[self.word(before)]);
            values.iter().any(|(value, _)| schema.table_of(value.column) == table)
        };
        (0..at).all(|before| self.is(before, &lead) || own(before)).then_some(())?;
        let first = (0..at).find(|before| own(*before)).unwrap_or(at);
        let label = self.only_amount(table)?;
        let grouped = self.is(at + 1, &["by", "per", "for", "in"]) && self.tokens.len() > at + 2;
        let summed = at > 0 && self.is(0, &["total", "sum"]) && self.tokens.len() == at + 1;
        ((grouped || summed) && schema.catalog.semantics.metrics.is_empty()).then_some(())?;
        let table = self.said(first..=at);
        let rest = self.said(at + 1..self.tokens.len());
        (!rest.to_lowercase().contains(&label.to_lowercase()))
            .then(|| format!("total {table} {label} {rest}"))
    }

    /// What was invoiced or spent, where nothing is declared: the one amount of such rows.
    fn undeclared_deed(&self, verb: usize) -> Option<String> {
        let rows = match self.word(verb) {
            "invoice" | "invoiced" | "bill" | "billed" => "invoices",
            "spend" | "spent" => "expenses",
            _ => return None,
        };
        let label = self.only_amount(self.table_called(rows)?)?;
        Some(format!("total {rows} {label}"))
    }

    /// The label of the one column of a table that holds amounts.
    pub(super) fn only_amount(&self, table: usize) -> Option<&str> {
        let schema = &self.relations.schema;
        let mut amounts = schema.tables[table]
            .columns
            .clone()
            .filter(|column| schema.columns[*column].role == crate::role::Role::Amount);
        let amount = amounts.next().filter(|_| amounts.next().is_none())?;
        Some(&schema.columns[amount].column.label)
    }

    /// "Units sold per category", where nothing is declared and one column alone holds quantities.
    fn undeclared_units(&self) -> Option<String> {
        let schema = &self.relations.schema;
        schema.catalog.semantics.metrics.is_empty().then_some(())?;
        let at = self.find(&["units", "pieces"])?;
        let were = usize::from(self.is(at + 1, &["were", "was", "are"]));
        self.is(at + 1 + were, &["sold"]).then_some(())?;
        let called = |column: usize| {
            crate::relations::lexicon::name_words(&schema.columns[column].column.label)
        };
        let mut columns = (0..schema.columns.len()).filter(|column| {
            !schema.tables[schema.columns[*column].table].hidden && called(*column) == ["quantity"]
        });
        let column = columns.next().filter(|_| columns.next().is_none())?;
        let many = at >= 2 && self.is(at - 2, &["how"]) && self.is(at - 1, &["many"]);
        let before = self.said(0..if many { at - 2 } else { at });
        let rest = self.said(at + were + 2..self.tokens.len());
        let rest = match rest.split_once(' ') {
            Some(("in", each)) if each.starts_with("each ") => each.replacen("each ", "by ", 1),
            _ => rest,
        };
        let total = if before.to_lowercase().ends_with("total") { "" } else { "total " };
        Some(format!("{before} {total}{} {rest}", schema.columns[column].column.label))
    }

    /// The one column that can be what was sold for, where nothing is declared.
    pub(super) fn sales_column(&self) -> Option<usize> {
        let schema = &self.relations.schema;
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
        amounts.next().filter(|_| amounts.next().is_none())
    }

    /// What it is called; with its table where another column is called the same.
    pub(super) fn sold_words(&self) -> Option<String> {
        let schema = &self.relations.schema;
        let sold = self.sales_column()?;
        let called = |column: usize| {
            crate::relations::lexicon::name_words(&schema.columns[column].column.label)
        };
        let label = called(sold).join(" ");
        let shared =
            (0..schema.columns.len()).any(|other| other != sold && called(other) == called(sold));
        let table = &schema.tables[schema.table_of(sold)].entry.name;
        let table = crate::relations::lexicon::name_words(table.as_str()).join(" ");
        Some(if shared { format!("{table} {label}") } else { label })
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
            None => self.find(&["sales", "revenue", "turnover", "takings"])?,
        };
        self.relations.lexicon.names(&[self.word(at)]).is_empty().then_some(())?;
        let label = self.sold_words()?;
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
