//! Everyday ways to ask for a declared figure, in plainer words: "how much did each rep sell" is the
//! revenue by rep, "what do we owe our suppliers" what is left to pay.

mod spending;

use super::{Idioms, plainer::DEEDS};
use crate::{calendar, relations::lexicon::Name};

/// Verbs of what somebody did to bring a figure about; they say nothing beside the figure's own name.
const DID: &[&str] = &[
    "bring",
    "make",
    "get",
    "place",
    "take",
    "win",
    "sell",
    "generate",
    "have",
    "book",
    "write",
    "do",
    "achieve",
    "log",
    "buy",
    "bought",
    "brought",
    "made",
    "got",
    "placed",
    "took",
    "won",
    "sold",
    "generated",
    "had",
    "booked",
    "wrote",
    "achieved",
    "logged",
    "ordered",
    "order",
];
const SELLS: &[&str] = &[
    "sell",
    "sold",
    "sells",
    "make",
    "made",
    "makes",
    "earn",
    "earned",
    "earns",
    "bring",
    "brought",
    "brings",
    "generate",
    "generated",
    "generates",
];
const BUYS: &[&str] = &["buy", "bought", "buys", "spend", "spent", "spends"];
const REVENUE: &[&str] = &["revenue", "sales", "turnover"];
const GREW: &[&str] = &["grow", "increase", "rise", "change", "improve"];

impl Idioms<'_> {
    /// The question without what plainer words say.
    pub(super) fn everyday(&self) -> Option<String> {
        let moved = self.days_last().or_else(|| self.amount_of());
        if let Some(moved) = moved.or_else(|| self.most_recent()) {
            return Some(moved);
        }
        if !self.relations.has_metrics() {
            let spent = self.spent_on().or_else(|| self.bare_amount());
            return spent.or_else(|| self.highest_amounts());
        }
        self.did_each()
            .or_else(|| self.going_up())
            .or_else(|| self.spenders())
            .or_else(|| self.ranked_by())
            .or_else(|| self.best_of_days())
            .or_else(|| self.in_stock())
            .or_else(|| self.did_the_most())
            .or_else(|| self.owed_by_us())
            .or_else(|| self.spent_on())
            .or_else(|| self.more_in())
            .or_else(|| self.did_grow())
            .or_else(|| self.by_and_amount())
    }

    /// "How much did each rep sell in 2025", "how many orders does each region bring in".
    fn did_each(&self) -> Option<String> {
        (self.is(0, &["how"]) && self.is(1, &["much", "many"])).then_some(())?;
        let did = (2..6).find(|at| self.is(*at, &["did", "does", "do", "has", "have"]))?;
        self.is(did + 1, &["each", "every"]).then_some(())?;
        let verb = (did + 3..self.tokens.len().min(did + 6))
            .find(|at| self.is(*at, &[DID, SELLS, BUYS].concat()))?;
        let entity = self.said(did + 2..verb);
        let what = self.said(2..did);
        let figure = if what.is_empty() || what == "money" {
            self.figure_of_deed(verb, &entity)?
        } else {
            self.metric_called(&[&what])?
        };
        self.is_known(&entity).then_some(())?;
        Some(format!(
            "{figure} by {entity} {}",
            self.said(self.after_verb(verb)..self.tokens.len())
        ))
    }

    /// "Biggest clients this year by turnover", "2025 turnover by salesperson": days come last.
    fn days_last(&self) -> Option<String> {
        let company = self.relations.company(self.today);
        let spans = (0..self.tokens.len()).filter_map(|at| {
            let (length, _) = calendar::read_for(&self.tokens[at..], company)?;
            Some((at, length))
        });
        let mut spans = spans.collect::<Vec<_>>().into_iter();
        let (at, length) = spans.next()?;
        let end = at + length;
        (spans.all(|(other, _)| other < end) && self.is(end, &["by", "per"]) || at == 0)
            .then_some(())?;
        (at != 0 || self.find(&["by", "per"]).is_some_and(|by| by > end)).then_some(())?;
        let before = at - usize::from(at > 0 && self.is(at - 1, &["in", "for", "during", "of"]));
        let versus =
            ["vs", "versus", "compared", "compare", "growth", "against", "than", "and", "why"];
        (self.find(&versus).is_none() && self.tokens.len() > end + 1).then_some(())?;
        let bare = !self.is(
            at,
            &[
                "this",
                "last",
                "since",
                "until",
                "before",
                "after",
                "between",
                "from",
                "past",
                "year",
                "today",
                "yesterday",
                "previous",
            ],
        );
        let joint = if bare { "in " } else { "" };
        let rest = self.said((0..before).chain(end..self.tokens.len()));
        Some(format!("{rest} {joint}{}", self.said(at..end)))
    }

    /// "Value of open quotes by status": the one amount of such rows, and not how many there are.
    fn amount_of(&self) -> Option<String> {
        let at = (0..self.tokens.len().saturating_sub(2))
            .find(|at| self.is(*at, &["amount", "value", "amounts"]) && self.is(at + 1, &["of"]))?;
        let lead = ["what", "is", "the", "total", "sum", "show", "me", "our", "list", "give"];
        (0..at).all(|before| self.is(before, &lead)).then_some(())?;
        let table = (at + 2..self.tokens.len().min(at + 5))
            .find_map(|noun| self.table_called(&self.said([noun])))?;
        let rest = self.said(at + 2..self.tokens.len());
        if let Some(label) = self.sum_declared_over(table).or_else(|| self.sold_by(table)) {
            return Some(format!("{label} of {rest}"));
        }
        let schema = &self.relations.schema;
        schema.catalog.semantics.metrics.is_empty().then_some(())?;
        Some(format!("total {} for {rest}", self.only_amount(table)?))
    }

    /// The revenue, where its lines are dated by rows of this table: the value of orders.
    fn sold_by(&self, table: usize) -> Option<&str> {
        let label = self.metric_called(REVENUE)?;
        let metrics = &self.relations.schema.catalog.semantics.metrics;
        let metric = metrics.iter().find(|metric| metric.label == label)?;
        let pacioli_model::Definition::Aggregate(one) = &metric.definition else { return None };
        let dated = self.table_named(&one.date.as_ref()?.table)?;
        (dated == table).then_some(label)
    }

    /// "Is revenue going up?": month by month.
    fn going_up(&self) -> Option<String> {
        const WAYS: &[&str] = &[
            "up",
            "down",
            "rising",
            "falling",
            "growing",
            "increasing",
            "decreasing",
            "declining",
            "improving",
            "shrinking",
        ];
        self.is(0, &["is", "are"]).then_some(())?;
        let last = self.tokens.len().checked_sub(1).filter(|last| self.is(*last, WAYS))?;
        let end = last - usize::from(self.is(last - 1, &["going"]));
        let first = 1 + usize::from(self.is(1, &["our", "the"]));
        let figure = self.metric_called(&[&self.said(first..end)])?;
        Some(format!("{figure} by month"))
    }

    /// "Customers who spent more than 50000 this year": of such a revenue.
    fn spenders(&self) -> Option<String> {
        let first = self.after_lead(0);
        let customers = self.table_called("customers")?;
        (self.table_called(&self.said([first])) == Some(customers)).then_some(())?;
        self.is(first + 1, &["who", "that", "which"]).then_some(())?;
        let verb = first + 2 + usize::from(self.is(first + 2, &["have", "has"]));
        (self.is(verb, &["spent", "bought"])).then_some(())?;
        let next = verb + 1 + usize::from(self.is(verb + 1, &["for"]));
        self.is(next, &["more", "less", "over", "under", "above", "below", "at"]).then_some(())?;
        let figure = self.metric_called(REVENUE)?;
        let rest = self.said(next..self.tokens.len());
        Some(format!("{} with {figure} {rest}", self.said([first])))
    }

    /// "Most recent order" is the newest one.
    fn most_recent(&self) -> Option<String> {
        let most = self.phrase(&["most", "recent"])?;
        self.table_called(&self.said([most + 2]))?;
        let (before, after) = (self.said(0..most), self.said(most + 2..self.tokens.len()));
        Some(format!("{before} newest {after}"))
    }

    /// "Invoice amount of Energy clients in 2025": added up, where no rows are asked for.
    fn bare_amount(&self) -> Option<String> {
        let schema = &self.relations.schema;
        let names = self.relations.lexicon.names(&[self.word(0)]);
        let adds_up = names.iter().any(|(name, quality)| match name {
            Name::Column(column) => *quality > 0.95 && schema.columns[*column].role.adds_up(),
            _ => false,
        });
        let alone = (adds_up && self.is(1, &["on", "of", "for", "from"])).then_some(());
        let ungrouped = ["by", "per", "each", "over", "above", "under", "below"];
        if alone.is_some() && self.find(&ungrouped).is_none() {
            return Some(format!("total {}", self.question));
        }
        let table = self.table_called(&self.said([0]))?;
        let amount = schema.tables[table].columns.clone().any(|column| {
            let node = &schema.columns[column];
            node.role == crate::role::Role::Amount
                && node.column.label.eq_ignore_ascii_case(self.word(1))
        });
        (amount && self.is(2, &["of", "for", "in", "from"])).then_some(())?;
        (self.find(&["by", "per", "each", "over", "above", "under", "below"]).is_none())
            .then(|| format!("total {}", self.question))
    }

    /// "Biggest clients by turnover", "smallest suppliers by spend".
    fn ranked_by(&self) -> Option<String> {
        let first = self.after_lead(0);
        let high = ["biggest", "largest", "best", "leading", "strongest", "greatest"];
        let low = ["smallest", "worst", "weakest", "lowest"];
        let top =
            if self.is(first, &high) { "top" } else { self.is(first, &low).then_some("bottom")? };
        let by = (first + 2..first + 4).find(|at| self.is(*at, &["by"]))?;
        let entity = self.said(first + 1..by);
        self.table_called(&entity)?;
        let number = if entity.ends_with('s') { 10 } else { 1 };
        Some(format!("{top} {number} {entity} {}", self.said(by..self.tokens.len())))
    }

    /// "What was the best month of 2024 for sales?"
    fn best_of_days(&self) -> Option<String> {
        let lead = ["what", "which", "was", "is", "the", "our", "has", "been"];
        let best = (0..5).find(|at| !self.is(*at, &lead))?;
        let rank = match self.word(best) {
            "best" | "strongest" | "top" => "highest",
            "worst" | "weakest" | "poorest" => "lowest",
            _ => return None,
        };
        self.is(best + 1, &["day", "week", "month", "quarter", "year"]).then_some(())?;
        let by = self.find(&["for", "by"]).filter(|by| *by > best + 1)?;
        let ends = (by + 1..=self.tokens.len()).rev();
        let (figure, end) = ends
            .take(6)
            .find_map(|end| Some((self.metric_called(&[&self.said(by + 1..end)])?, end)))?;
        let days = self.said((best + 2..by).chain(end..self.tokens.len()));
        let days = days.strip_prefix("of ").map_or(days.clone(), |days| format!("in {days}"));
        Some(format!("which {} had the {rank} {figure} {days}", self.word(best + 1)))
    }

    /// "How many pieces of paint do we have in stock?"
    fn in_stock(&self) -> Option<String> {
        (self.is(0, &["how"]) && self.is(1, &["many", "much"])).then_some(())?;
        let end = self.phrase(&["in", "stock"]).or_else(|| self.phrase(&["on", "stock"]))?;
        let have = self.phrase(&["do", "we", "have"]).filter(|have| *have < end).unwrap_or(end);
        (have == end || have + 3 == end).then_some(())?;
        let unit = self.is(2, &["pieces", "units"]) && self.is(3, &["of"]);
        let what = self.said(if unit { 4 } else { 2 }..have);
        let figure = self.metric_called(super::states::STOCK)?;
        let rest = self.said(end + 2..self.tokens.len());
        (!what.is_empty()).then(|| format!("{figure} of {what} {rest}"))
    }

    /// "Which rep sold the most last year", "who brought in the most in May".
    fn did_the_most(&self) -> Option<String> {
        let asks = self.is(0, &["which", "what", "who"]);
        let verb = (1..5).find(|at| self.is(*at, &[SELLS, BUYS].concat()))?;
        let the = self.after_verb(verb);
        let least = self.is(the + 1, &["least"]);
        (asks && self.is(the, &["the"]) && (least || self.is(the + 1, &["most"]))).then_some(())?;
        let rest = the + 2;
        let ends = self.tokens.len() == rest
            || self.is(rest, &["in", "by", "during", "since", "for"])
            || self.is_days(rest);
        ends.then_some(())?;
        let entity = match (self.said(1..verb), self.is(verb, BUYS)) {
            (said, _) if !said.is_empty() => said,
            (_, true) => "customer".to_owned(),
            _ => "salesperson".to_owned(),
        };
        let rank = if least { "lowest" } else { "highest" };
        let tail = self.said(rest..self.tokens.len());
        if self.is(verb, &["earn", "earns", "earned"])
            && self.is(0, &["who"])
            && self.is_column("salary")
        {
            return Some(format!("who has the {rank} salary {tail}"));
        }
        self.is_known(&entity).then_some(())?;
        let figure = self.figure_of_deed(verb, &entity)?;
        Some(format!("which {entity} has the {rank} {figure} {tail}"))
    }

    /// The figure that a deed brings about: who sells makes revenue, and so does a customer who buys.
    fn figure_of_deed(&self, verb: usize, entity: &str) -> Option<&str> {
        if self.is(verb, SELLS) {
            return self.metric_called(REVENUE);
        }
        let buys = self.is(verb, BUYS);
        let customers = self.table_called("customers");
        (buys && customers.is_some() && self.table_called(entity) == customers)
            .then(|| self.metric_called(REVENUE))?
    }

    /// "Did we sell more in Germany or in Austria this year?"
    fn more_in(&self) -> Option<String> {
        let did = self.is(0, &["did", "do"]) && self.is(1, &["we"]);
        (did && self.is(2, SELLS) && self.is(3, &["more", "less"])).then_some(())?;
        let figure = self.metric_called(REVENUE)?;
        let or = self.find(&["or", "than"])?;
        let joint = |at: usize| usize::from(self.is(at, &["in", "to", "with", "of", "on"]));
        let first = self.said(4 + joint(4)..or);
        let second = self.said(or + 1 + joint(or + 1)..self.tokens.len());
        (!first.is_empty() && !second.is_empty())
            .then(|| format!("{figure} in {first} vs {second}"))
    }

    /// "How much did turnover grow in 2025 compared to 2024": against a year before, whole years alone.
    fn did_grow(&self) -> Option<String> {
        (self.is(0, &["how"]) && self.is(1, &["much", "far", "fast"])).then_some(())?;
        let did = (2..4).find(|at| self.is(*at, &["did", "has", "have", "does"]))?;
        let grew = (did + 2..did + 5)
            .find(|at| self.is(*at, GREW) || self.is(*at, &["grown", "increased", "risen"]))?;
        let figure = self.said(did + 1..grew);
        self.metric_called(&[figure.trim_start_matches("our ").trim_start_matches("the ")])?;
        let in_at = grew + 1 + usize::from(self.is(grew + 1, &["in", "during"]));
        let company = self.relations.company(self.today);
        let (length, now) = calendar::read_for(self.tokens.get(in_at..)?, company)?;
        let (from, to) = (now.from?, now.to?);
        (to.signed_duration_since(from).num_days() > 364).then_some(())?;
        let mut end = in_at + length;
        let against = [
            &["compared", "to"][..],
            &["compared", "with"],
            &["vs"],
            &["versus"],
            &["over"],
            &["against"],
        ];
        if let Some(phrase) = against
            .iter()
            .find(|phrase| (0..phrase.len()).all(|at| self.is(end + at, &[phrase[at]])))
        {
            let start = end + phrase.len();
            let (length, before) = calendar::read_for(self.tokens.get(start..)?, company)?;
            (before.to == Some(from)).then_some(())?;
            end = start + length;
        }
        let days = self.said(in_at..in_at + length);
        let rest = self.said(end..self.tokens.len());
        Some(
            format!("year over year growth of {figure} in {days} {rest}")
                .replace("in this", "this"),
        )
    }

    /// "Quotes that were never confirmed, by month and amount": the amount of these rows, by month.
    fn by_and_amount(&self) -> Option<String> {
        let and = self.tokens.len().checked_sub(2).filter(|at| self.is(*at, &["and"]))?;
        let by = (1..and).rev().find(|at| self.is(*at, &["by", "per"]))?;
        let first = self.after_lead(0);
        let table = self.table_called(&self.said([first]))?;
        let schema = &self.relations.schema;
        let names = self.relations.lexicon.names(&[self.word(and + 1)]);
        let adds_up = names.iter().any(|(name, quality)| match name {
            Name::Column(column) => {
                let node = &schema.columns[*column];
                *quality > 0.6 && node.table == table && node.role.adds_up()
            }
            _ => false,
        });
        let rows = self.said(first..by);
        adds_up.then(|| {
            format!("total {} of {rows} by {}", self.word(and + 1), self.said(by + 1..and))
        })
    }

    /// The place after a verb and what only belongs to it: "bring in".
    fn after_verb(&self, verb: usize) -> usize {
        let brings = self.is(verb, &["bring", "brought", "brings", "take", "took", "takes"]);
        let next = verb + 1 + usize::from(brings && self.is(verb + 1, &["in"]));
        next + usize::from(self.is(next, &["us"]))
    }

    /// Whether words name rows or a column.
    fn is_known(&self, words: &str) -> bool {
        let tokens = crate::token::tokenise(words);
        let words: Vec<&str> = tokens.iter().map(|token| token.word.as_str()).collect();
        let names = self.relations.lexicon.names(&words);
        names.iter().any(|(name, quality)| !matches!(name, Name::Metric(_)) && *quality > 0.75)
    }

    fn is_column(&self, word: &str) -> bool {
        let names = self.relations.lexicon.names(&[word]);
        names.iter().any(|(name, quality)| matches!(name, Name::Column(_)) && *quality > 0.9)
    }

    fn is_days(&self, at: usize) -> bool {
        let company = self.relations.company(self.today);
        self.tokens.get(at..).is_some_and(|rest| calendar::read_for(rest, company).is_some())
    }

    /// The figure of a verb in "how much did we …".
    pub(super) fn deed_called(&self, verb: usize) -> Option<&str> {
        let (_, names) = DEEDS.iter().find(|(verbs, _)| self.is(verb, verbs))?;
        self.metric_called(names)
    }
}
