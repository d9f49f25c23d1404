//! The words of one table: what its columns, its rows and its values can be called.

use std::collections::HashMap;

use pacioli_model::{Column, TableEntry};

use crate::{
    role::{
        HeaderWord, KEY_TAILS, Role, currency_of, header_words, is_unique, names_currencies,
        role_of,
    },
    spelling::stem,
    synonyms,
    token::{Token, tokenise},
};

/// One way to call a column or the table's rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Form {
    /// In order.
    pub(crate) words: Vec<HeaderWord>,
    /// How sure it is that this is meant, 0 to 1.
    pub(crate) quality: f64,
}

/// A column with its role and its names.
#[derive(Debug)]
pub(crate) struct ColumnWords<'c> {
    pub(crate) column: &'c Column,
    pub(crate) role: Role,
    /// The currency in its name.
    pub(crate) currency: Option<&'static str>,
    pub(crate) header: Vec<HeaderWord>,
    pub(crate) forms: Vec<Form>,
}

/// A value of a text column.
#[derive(Debug)]
pub(crate) struct Value<'c> {
    pub(crate) column: usize,
    pub(crate) text: &'c str,
    pub(crate) words: Vec<String>,
}

/// Everything that a question can call something in one table.
#[derive(Debug)]
pub(crate) struct TableWords<'c> {
    pub(crate) entry: &'c TableEntry,
    pub(crate) columns: Vec<ColumnWords<'c>>,
    /// What one row is called.
    pub(crate) nouns: Vec<Form>,
    /// The column that says which currency a row is in.
    pub(crate) currency_column: Option<usize>,
    pub(crate) values: Vec<Value<'c>>,
    /// By the stem of each of their words.
    pub(crate) value_index: HashMap<String, Vec<usize>>,
}

/// Legal forms, which people leave out.
const LEGAL_FORMS: &[&str] = &[
    "gmbh",
    "ag",
    "kg",
    "co",
    "ltd",
    "limited",
    "inc",
    "llc",
    "corp",
    "corporation",
    "plc",
    "sa",
    "sarl",
    "sas",
    "srl",
    "spa",
    "bv",
    "nv",
    "se",
    "oy",
    "ab",
    "as",
    "aps",
    "ohg",
    "company",
];

/// Words of table names that say nothing about the rows.
const HOLLOW: &[&str] = &[
    "data", "table", "export", "list", "report", "demo", "all", "file", "fact", "dim", "tbl", "raw",
];

impl<'c> TableWords<'c> {
    /// Collects the words of `entry`.
    pub(crate) fn new(entry: &'c TableEntry) -> Self {
        let mut columns: Vec<ColumnWords<'c>> =
            entry.columns.iter().map(|column| ColumnWords::new(column, entry)).collect();
        lend_revenue(entry, &mut columns);
        let currency_column = entry.columns.iter().position(names_currencies);
        let values = values_of(entry);
        let mut value_index: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, value) in values.iter().enumerate() {
            for word in &value.words {
                let entries = value_index.entry(stem(word)).or_default();
                if entries.last() != Some(&index) {
                    entries.push(index);
                }
            }
        }
        Self { entry, columns, nouns: nouns_of(entry), currency_column, values, value_index }
    }

    /// Whether the table's name or a header has one of these words.
    pub(crate) fn mentions(&self, names: &[&str]) -> bool {
        let in_headers =
            self.columns.iter().flat_map(|column| &column.header).any(|word| word.is(names));
        in_headers || header_words(self.entry.name.as_str()).iter().any(|word| word.is(names))
    }

    /// The columns that hold days or moments.
    pub(crate) fn time_columns(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|index| self.columns[*index].role == Role::Time).collect()
    }

    /// The column whose values tell the table's rows apart by name: `order_id` in `orders`.
    pub(crate) fn own_key(&self) -> Option<usize> {
        let named = |column: &ColumnWords<'_>| {
            column.role == Role::Identifier
                && column
                    .forms
                    .iter()
                    .any(|form| self.nouns.iter().any(|noun| noun.words == form.words))
        };
        self.columns.iter().position(named)
    }

    /// The column that rows are told apart by for people: their name, else their key.
    pub(crate) fn own_name(&self) -> Option<usize> {
        let named = |column: &usize| {
            let forms = &self.columns[*column].forms;
            self.columns[*column].role == Role::Dimension
                && self.is_unique(*column)
                && forms.iter().any(|form| self.nouns.iter().any(|noun| noun.words == form.words))
        };
        (0..self.columns.len()).find(named).or_else(|| self.own_key())
    }

    /// Whether every row has its own value in this column.
    pub(crate) fn is_unique(&self, column: usize) -> bool {
        is_unique(self.columns[column].column, self.entry)
    }
}

impl<'c> ColumnWords<'c> {
    fn new(column: &'c Column, entry: &TableEntry) -> Self {
        let role = role_of(column, entry);
        let currency = currency_of(column);
        let header = header_words(column.name.as_str());
        let mut forms = Vec::new();
        for words in [header.clone(), header_words(&column.label)] {
            add_forms(&words, role, &mut forms);
        }
        Self { column, role, currency, header, forms }
    }
}

fn add_form(words: &[HeaderWord], quality: f64, forms: &mut Vec<Form>) {
    if !words.is_empty() && !forms.iter().any(|form| form.words == words && form.quality >= quality)
    {
        forms.push(Form { words: words.to_vec(), quality });
    }
}

fn add_forms(words: &[HeaderWord], role: Role, forms: &mut Vec<Form>) {
    add_form(words, 1.0, forms);
    let mut core = words;
    if role == Role::Flag && core.len() > 1 && core[0].is(&["is", "has", "was", "ist", "hat"]) {
        core = &core[1..];
    }
    let is_unit = |word: &HeaderWord| {
        crate::currency::code(&word.stem).is_some() || word.is(&["pct", "percent", "kg"])
    };
    if core.len() > 1 && role.measures() && core.last().is_some_and(is_unit) {
        core = &core[..core.len() - 1];
    }
    if core.len() > 1 && role.measures() && core[0].is(&["total", "sum"]) {
        core = &core[1..];
    }
    add_form(core, 0.98, forms);
    add_phrase(core, 0.97, forms);
    let (head, tail) = core.split_at(core.len().saturating_sub(1));
    let Some(tail) = tail.first().filter(|_| !head.is_empty()) else { return };
    if tail.is(&["name"]) && !role.measures() {
        add_form(head, 0.97, forms);
        add_phrase(head, 0.96, forms);
    } else if tail.is(KEY_TAILS) && !role.measures() {
        add_form(head, 0.9, forms);
        add_phrase(head, 0.89, forms);
    } else if tail.is(&["amount", "total", "sum"]) && head.iter().all(is_money_noun) {
        add_form(head, 0.9, forms);
        if !head.iter().any(|word| word.is(&["cost", "tax", "discount"])) {
            add_form(std::slice::from_ref(tail), 0.75, forms);
        }
    } else if role != Role::Time {
        add_form(std::slice::from_ref(tail), 0.75, forms);
    }
}

fn is_money_noun(word: &HeaderWord) -> bool {
    word.is(&["revenue", "cost", "tax", "discount", "profit", "margin", "net", "gross"])
}

/// Two words that are one thing: `sales_rep`, `product_group`.
fn add_phrase(words: &[HeaderWord], quality: f64, forms: &mut Vec<Form>) {
    if words.len() < 2 {
        return;
    }
    // Stems lose the plural that phrases such as "sales rep" begin with.
    for first in [words[0].stem.clone(), format!("{}s", words[0].stem)] {
        let rest = words[1..].iter().map(|word| word.stem.as_str());
        let phrase = std::iter::once(first.as_str()).chain(rest).collect::<Vec<_>>().join(" ");
        if let Some(meaning) = synonyms::meaning(&phrase) {
            let word = HeaderWord { stem: meaning.to_owned(), meaning: Some(meaning) };
            add_form(&[word], quality, forms);
        }
    }
}

/// Where a table of sales has no column called revenue, its amounts are what people mean by it.
fn lend_revenue(entry: &TableEntry, columns: &mut [ColumnWords<'_>]) {
    let revenue = HeaderWord { stem: "revenue".to_owned(), meaning: Some("revenue") };
    let has = |column: &ColumnWords<'_>| {
        column.role == Role::Amount && column.header.iter().any(|word| word.is(&["revenue"]))
    };
    let all_words: Vec<HeaderWord> = header_words(entry.name.as_str())
        .into_iter()
        .chain(columns.iter().flat_map(|column| column.header.clone()))
        .collect();
    let buys = ["supplier", "purchase", "expense", "cost", "salary", "payment", "stock", "budget"];
    let sells = ["sale", "order", "invoice", "customer"];
    let mentions = |names: &[&str]| all_words.iter().any(|word| word.is(names));
    if columns.iter().any(has) || mentions(&buys) || !mentions(&sells) {
        return;
    }
    let plain = ["amount", "total", "net", "gross", "sale", "order", "invoice", "line", "value"];
    for column in columns.iter_mut().filter(|column| column.role == Role::Amount) {
        let is_plain =
            |word: &HeaderWord| word.is(&plain) || crate::currency::code(&word.stem).is_some();
        if column.header.iter().all(is_plain) {
            column.forms.push(Form { words: vec![revenue.clone()], quality: 0.7 });
        }
    }
}

fn nouns_of(entry: &TableEntry) -> Vec<Form> {
    let mut words = header_words(entry.name.as_str());
    let counts = |word: &HeaderWord| {
        !HOLLOW.contains(&word.stem.as_str()) && !word.stem.bytes().all(|b| b.is_ascii_digit())
    };
    words.retain(counts);
    for word in &mut words {
        // "Revenue" is no row of a table called sales.
        word.meaning = word.meaning.filter(|name| *name != "revenue");
    }
    let mut forms = Vec::new();
    add_form(&words, 1.0, &mut forms);
    add_phrase(&words, 0.97, &mut forms);
    forms
}

fn values_of(entry: &TableEntry) -> Vec<Value<'_>> {
    let mut values = Vec::new();
    for (column, described) in entry.columns.iter().enumerate() {
        for text in described.profile.values.as_deref().unwrap_or_default() {
            let words: Vec<String> = tokenise(text).into_iter().map(|token| token.word).collect();
            if !words.is_empty() {
                values.push(Value { column, text, words });
            }
        }
    }
    values
}

/// How words of a question match a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Match {
    /// All words of the value.
    Whole(f64),
    /// Some words of it, next to each other.
    Part(f64),
}

/// How many of `tokens` the value begins to match with, and how.
pub(crate) fn match_value(value: &Value<'_>, tokens: &[Token]) -> Option<(usize, Match)> {
    let same =
        |word: &String, token: &Token| *word == token.word || stem(word) == stem(&token.word);
    let run = |start: usize| {
        value.words[start..]
            .iter()
            .zip(tokens)
            .take_while(|(word, token)| same(word, token))
            .count()
    };
    let starts = 0..value.words.len();
    let (start, length) = starts
        .map(|start| (start, run(start)))
        .max_by_key(|(start, length)| (*length, std::cmp::Reverse(*start)))?;
    if length == 0 {
        return None;
    }
    let exact = value.words[start..start + length]
        .iter()
        .zip(tokens)
        .all(|(word, token)| *word == token.word);
    let quality = if exact { 1.0 } else { 0.95 };
    let left_out = value.words[..start].iter().chain(&value.words[start + length..]);
    let only_legal =
        start == 0 && left_out.clone().all(|word| LEGAL_FORMS.contains(&word.as_str()));
    let matched = if length == value.words.len() {
        Match::Whole(quality)
    } else if only_legal {
        Match::Whole(quality * 0.97)
    } else {
        Match::Part(quality * 0.75)
    };
    Some((length, matched))
}
