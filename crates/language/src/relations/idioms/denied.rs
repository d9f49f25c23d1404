//! What has not happened: "orders we are yet to deliver", "invoices nobody paid", "guests who never booked".

use super::Idioms;
use crate::relations::{lexicon::name_words, schema::TableId};

const DENIES: &[&str] = &["never", "not", "didnt", "havent", "hasnt"];
const HOLLOW: &[&str] = &[
    "who", "that", "which", "we", "have", "has", "had", "were", "was", "are", "did", "been",
    "ever", "yet",
];

impl Idioms<'_> {
    /// "How many orders are we yet to deliver", "tasks still to do": not done, and not given up.
    pub(super) fn yet_to(&self) -> Option<String> {
        let to = (2..self.tokens.len())
            .find(|at| self.is(*at, &["to"]) && self.is(at - 1, &["yet", "still"]))?;
        let be = usize::from(self.is(to + 1, &["be"]));
        let verb = to + 1 + be;
        let done = if be == 1 { self.said([verb]) } else { participle(self.word(verb))? };
        let mut end = to - 1;
        while end > 1
            && self.is(end - 1, &["are", "we", "is", "that", "which", "have", "do", "need"])
        {
            end -= 1;
        }
        let rest = self.said(verb + 1..self.tokens.len());
        let first = self.after_lead(if self.is(0, &["how"]) { 2 } else { 0 });
        let table = self.table_called(&self.said(first..end))?;
        let cancelled =
            self.given_up(table).map_or_else(String::new, |word| format!(" and not {word}"));
        let many = self.is(0, &["how"]);
        let joined = if many { "are not" } else { "not" };
        Some(format!("{} {joined} {done}{cancelled} {rest}", self.said(0..end)))
    }

    /// What a value is called that says that nothing more will come of rows.
    fn given_up(&self, table: TableId) -> Option<&'static str> {
        let known = |word: &&str| {
            let mut values = self.relations.lexicon.values(&[word]).into_iter();
            values.any(|(value, _)| self.relations.schema.table_of(value.column) == table)
        };
        ["cancelled", "canceled", "void"].into_iter().find(known)
    }

    /// "Articles nobody ordered", "how many invoices did nobody pay": that never were.
    pub(super) fn by_nobody(&self) -> Option<String> {
        let nobody = self.find(&["nobody", "noone"]).filter(|at| *at > 0)?;
        let did = nobody.checked_sub(1).filter(|at| self.is(*at, &["did", "has", "have"]));
        let verb = nobody + 1 + usize::from(self.is(nobody + 1, &["has", "have", "ever"]));
        let said = self.word(verb);
        let done = if did.is_some() && !said.ends_with("ed") {
            participle(said)?
        } else {
            said.to_owned()
        };
        let rest = self.said(verb + 1..self.tokens.len());
        Some(format!("{} not {done} {rest}", self.said(0..did.unwrap_or(nobody))))
    }

    /// "Guests who never booked", "suppliers we have never ordered from": without rows that are called so.
    pub(super) fn never_did(&self) -> Option<String> {
        let never = (1..self.tokens.len()).find(|at| self.is(*at, DENIES))?;
        let many = self.is(0, &["how"]) && self.is(1, &["many"]);
        let first = self.after_lead(if many { 2 } else { 0 });
        let mut end = never;
        while end > first + 1 && self.is(end - 1, HOLLOW) {
            end -= 1;
        }
        let entity = self.table_called(&self.said(first..end))?;
        let mut verb = never + 1;
        while self.is(verb, HOLLOW) {
            verb += 1;
        }
        let said = self.word(verb);
        self.is_no_state(entity, said).then_some(())?;
        let schema = &self.relations.schema;
        let deed = nouns(said).into_iter().find_map(|noun| {
            let table = self.table_called(&noun)?;
            let belongs = table != entity && !schema.tables[table].hidden;
            (belongs && schema.reaches_one(table, entity)).then_some(table)
        })?;
        let deed = name_words(schema.tables[deed].entry.name.as_str()).join(" ");
        let after = verb + 1 + usize::from(self.is(verb + 1, &["from", "with", "by"]));
        let after = after + usize::from(self.is(after, &["us", "anything", "yet"]));
        // "Who never borrowed a book": what it was done with is said.
        let company = self.relations.company(self.today);
        let tail = ["in", "during", "since", "before", "after", "by", "per", "at", "on", "for"];
        let ends = after >= self.tokens.len()
            || self.is(after, &tail)
            || crate::calendar::read_for(&self.tokens[after..], company).is_some();
        ends.then_some(())?;
        let rest = self.said(after..self.tokens.len());
        Some(format!("{} without {deed} {rest}", self.said(0..end)))
    }

    /// Whether no column of a table says of its rows whether what a verb says has happened to them.
    fn is_no_state(&self, table: TableId, verb: &str) -> bool {
        let schema = &self.relations.schema;
        let told = |column: usize| {
            let column = schema.columns[column].column;
            let values = column.profile.values.as_deref().unwrap_or_default();
            values.iter().any(|value| value.eq_ignore_ascii_case(verb))
                || name_words(&column.label).iter().any(|word| word == verb)
        };
        !schema.tables[table].columns.clone().any(told)
    }
}

/// What has happened where a verb says what is to happen.
fn participle(verb: &str) -> Option<String> {
    Some(match verb {
        "do" => "done".to_owned(),
        "pay" => "paid".to_owned(),
        "send" => "sent".to_owned(),
        "sell" => "sold".to_owned(),
        "ship" => "shipped".to_owned(),
        "" => return None,
        _ if verb.ends_with('e') => format!("{verb}d"),
        _ => format!("{verb}ed"),
    })
}

/// What rows may be called that tell of a verb: bookings of booked, orders of ordered, payments of paid.
fn nouns(verb: &str) -> Vec<String> {
    let base = match verb {
        "paid" => "pay",
        "bought" | "sold" => "order",
        _ => verb.strip_suffix("ed").unwrap_or(verb),
    };
    ["s", "ings", "es", "ments", "als", ""].iter().map(|tail| format!("{base}{tail}")).collect()
}
