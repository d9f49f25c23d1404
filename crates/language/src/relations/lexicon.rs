//! What a question may call the tables, columns, values and metrics of a whole catalog.

use std::collections::HashMap;

use pacioli_model::ColumnType;

use super::{
    schema::{ColumnId, Schema, TableId},
    thesaurus::{alike, in_full, lemma},
};
use crate::{
    countries,
    role::KEY_TAILS,
    spelling::{fold, is_slip_of},
    token::tokenise,
};

/// Something of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Name {
    Table(TableId),
    Column(ColumnId),
    /// By its place in the catalog's semantics.
    Metric(usize),
}

/// A value of a text column, or of a yes-or-no column under a name of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KnownValue {
    pub(crate) column: ColumnId,
    pub(crate) text: String,
    /// It is one of few: a state, a kind.
    pub(crate) few: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Lexicon {
    names: HashMap<String, Vec<(Name, f64)>>,
    values: HashMap<String, Vec<KnownValue>>,
    /// Words of values by their first word, for names that are only typed in part.
    value_words: HashMap<String, Vec<String>>,
    /// Words of names, by first letter, for mending slips.
    words: HashMap<char, Vec<String>>,
    /// The table of each column.
    owners: Vec<TableId>,
}

/// How many words a phrase may have.
pub(crate) const LONGEST: usize = 8;
/// A word that is in more names than this tells none of them.
const COMMON: usize = 500;
/// A column with at most so many values says what kind of row it is.
const FEW: usize = 40;
/// How well a near-synonym fits.
const ALIKE: f64 = 0.82;

/// Words of table names that say nothing about their rows.
const HOLLOW: &[&str] = &[
    "data",
    "table",
    "list",
    "info",
    "information",
    "tbl",
    "detail",
    "record",
    "ref",
    "reference",
    "master",
    "dim",
    "fact",
    "all",
    "t",
    "history",
    "header",
];
/// Words inside names that people leave out.
const SILENT: &[&str] =
    &["of", "in", "the", "for", "a", "by", "to", "and", "is", "has", "on", "at"];
/// Units at the end of names.
const UNITS: &[&str] = &[
    "billion", "million", "thousand", "usd", "eur", "dollar", "euro", "km", "meter", "m", "ft",
    "foot", "kg", "lb", "percent", "cm", "inch", "k", "mb", "mbp", "hour", "minute", "second",
    "us",
];

/// What a column is called after its table's initial: `dname`, `cphone`.
const INITIALLED: &[&str] = &[
    "name",
    "phone",
    "email",
    "address",
    "city",
    "date",
    "price",
    "title",
    "code",
    "type",
    "year",
    "status",
    "age",
    "salary",
    "street",
    "state",
    "zip",
    "number",
    "description",
];

/// Words that people add to a name: "hand type" for a column called hand.
const TRAILING: &[&str] = &[
    "year",
    "time",
    "type",
    "kind",
    "value",
    "name",
    "code",
    "status",
    "level",
    "category",
    "number",
    "member",
    "record",
    "size",
    "rate",
    "score",
    "item",
    "section",
    "scheme",
    "table",
    "function",
    "percentage",
    "group",
    "title",
    "date",
    "list",
    "data",
];

/// The words of a name: abbreviations spelled out, singular.
pub(crate) fn name_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in super::schema::split_words(text, text) {
        match in_full(&word.stem) {
            Some(full) => words.extend(full.split(' ').map(lemma)),
            None => words.push(lemma(&word.stem)),
        }
    }
    words
}

impl Lexicon {
    pub(crate) fn new(schema: &Schema<'_>) -> Self {
        let owners = schema.columns.iter().map(|column| column.table).collect();
        let mut lexicon = Self { owners, ..Self::default() };
        for table in 0..schema.tables.len() {
            if !schema.tables[table].hidden {
                lexicon.add_table(schema, table);
            }
        }
        for column in 0..schema.columns.len() {
            let node = &schema.columns[column];
            if !node.hidden && !schema.tables[node.table].hidden {
                lexicon.add_column(schema, column);
                lexicon.add_values(schema, column);
            }
        }
        lexicon.add_metrics(schema);
        for entries in lexicon.names.values_mut() {
            entries.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        }
        lexicon
    }

    fn add(&mut self, words: &[String], name: Name, quality: f64) {
        if words.is_empty() || words.len() > LONGEST {
            return;
        }
        for word in words.iter().filter(|word| word.chars().count() > 3) {
            let letter = word.chars().next().unwrap_or(' ');
            let known = self.words.entry(letter).or_default();
            if !known.contains(word) {
                known.push(word.clone());
            }
        }
        let entries = self.names.entry(words.join(" ")).or_default();
        match entries.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.max(quality),
            None => entries.push((name, quality)),
        }
    }

    fn add_table(&mut self, schema: &Schema<'_>, table: TableId) {
        let entry = schema.tables[table].entry;
        let name = Name::Table(table);
        let words = name_words(entry.name.as_str());
        self.add(&words, name, 1.0);
        let core: Vec<String> = words
            .iter()
            .filter(|word| !HOLLOW.contains(&word.as_str()) && !SILENT.contains(&word.as_str()))
            .cloned()
            .collect();
        self.add(&core, name, 0.95);
        if core.len() > 1 {
            self.add(&core[core.len() - 1..], name, 0.7);
            self.add(&core[..core.len() - 1], name, 0.62);
            self.add(&core[..1], name, 0.6);
        }
        let Some(meaning) = schema.catalog.semantics.table(&entry.name) else { return };
        for text in meaning.label.iter().chain(&meaning.synonyms) {
            self.add(&name_words(text), name, 0.98);
        }
    }

    fn add_column(&mut self, schema: &Schema<'_>, column: ColumnId) {
        let node = &schema.columns[column];
        let table = &schema.tables[node.table];
        let table_words = name_words(table.entry.name.as_str());
        for text in [node.column.label.as_str(), node.column.name.as_str()] {
            self.add_forms(&name_words(text), &table_words, column, node.column.data_type);
        }
        self.add_rows(schema, column);
        let name = Name::Column(column);
        if table.display == Some(column) {
            self.add(&["name".to_owned()], name, 0.8);
        }
        if table.key == Some(column) && !node.foreign {
            self.add(&["id".to_owned()], name, 0.85);
        }
        let meaning = schema
            .catalog
            .semantics
            .table(&table.entry.name)
            .and_then(|meaning| meaning.column(&node.column.name));
        let Some(meaning) = meaning else { return };
        for text in meaning.label.iter().chain(&meaning.synonyms) {
            self.add(&name_words(text), name, 0.98);
        }
        for (value, synonyms) in &meaning.values {
            for synonym in synonyms {
                self.add_value(synonym, KnownValue { column, text: value.clone(), few: true });
            }
        }
    }

    /// A key's name without its tail is what its rows are called: `instructor_id` names instructors.
    fn add_rows(&mut self, schema: &Schema<'_>, column: ColumnId) {
        let node = &schema.columns[column];
        let rows = schema.table_of(schema.referenced(column));
        let own = schema.tables[node.table].key == Some(column);
        if !(node.foreign || own) || schema.tables[rows].hidden {
            return;
        }
        let mut words = name_words(&node.column.label);
        let tailed =
            words.len() > 1 && words.last().is_some_and(|word| KEY_TAILS.contains(&word.as_str()));
        if tailed {
            words.pop();
        } else if own || words.len() == 1 && KEY_TAILS.contains(&words[0].as_str()) {
            return;
        }
        self.add(&words, Name::Table(rows), if own { 0.7 } else { 0.78 });
    }

    fn add_forms(
        &mut self,
        words: &[String],
        table: &[String],
        column: ColumnId,
        data_type: ColumnType,
    ) {
        let name = Name::Column(column);
        self.add(words, name, 1.0);
        // `dname` of departments: the first letter is the table's.
        if let ([word], Some(first)) = (words, table.first())
            && let Some(rest) = first.get(..1).and_then(|letter| word.strip_prefix(letter))
            && INITIALLED.contains(&rest)
        {
            self.add(&[rest.to_owned()], name, 0.95);
        }
        let mut core: Vec<String> = words.to_vec();
        if let Some(of) =
            core.iter().position(|word| word == "of").filter(|of| *of > 0 && of + 1 < core.len())
        {
            let (head, tail) = (core[..of].to_vec(), core[of + 1..].to_vec());
            core = [tail, head].concat();
            self.add(&core, name, 0.97);
        }
        core.retain(|word| !SILENT.contains(&word.as_str()));
        // "stu_hrs" are hours, and no student.
        while core.len() > 1
            && core.last().is_some_and(|word| UNITS.contains(&word.as_str()))
            && data_type.is_number()
            && core[..core.len() - 1] != *table
        {
            core.pop();
        }
        // "ordered" alone is a verb far more often than the column `ordered_on`.
        let bare_verb = data_type.is_time() && core.len() == 1 && words.len() > 1;
        self.add(&core, name, if bare_verb { 0.85 } else { 0.95 });
        if data_type.is_time() {
            self.add_time_forms(words, name);
        }
        let of_table = |word: &String| {
            table
                .iter()
                .any(|other| other == word || word.len() >= 3 && other.starts_with(word.as_str()))
        };
        let bare: Vec<String> = core.iter().skip_while(|word| of_table(word)).cloned().collect();
        if bare.len() < core.len() {
            self.add(&bare, name, 0.96);
        }
        let Some((tail, head)) = core.split_last().filter(|(_, head)| !head.is_empty()) else {
            return;
        };
        if tail == "name" || tail == "title" {
            self.add(head, name, 0.9);
            self.add(std::slice::from_ref(tail), name, 0.7);
        } else if KEY_TAILS.contains(&tail.as_str()) {
            self.add(head, name, 0.75);
            self.add(std::slice::from_ref(tail), name, 0.62);
            if head.len() > 1 {
                self.add(&head[head.len() - 1..], name, 0.6);
            }
        } else {
            self.add(std::slice::from_ref(tail), name, 0.7);
            // "Units" are pieces, and no part of what one costs.
            if core[0] != "unit" {
                self.add(&core[..1], name, 0.6);
                self.add(head, name, 0.68);
            }
            if core.len() > 2 {
                self.add(&core[1..], name, 0.72);
            }
            if bare.len() > 1 {
                self.add(&bare[..1], name, 0.62);
            }
        }
    }

    /// `hired_on` is the hire date.
    fn add_time_forms(&mut self, words: &[String], name: Name) {
        let Some((tail, head)) = words.split_last().filter(|(_, head)| !head.is_empty()) else {
            return;
        };
        if tail != "on" && tail != "at" {
            return;
        }
        let date = "date".to_owned();
        let bare = |cut: usize| {
            let mut head = head.to_vec();
            if let Some(last) =
                head.last_mut().filter(|last| last.len() > cut + 2 && last.ends_with("ed"))
            {
                last.truncate(last.len() - cut);
            }
            head
        };
        for head in [head.to_vec(), bare(2), bare(1)] {
            self.add(&head, name, 0.85);
            self.add(&[head.as_slice(), std::slice::from_ref(&date)].concat(), name, 0.95);
        }
    }

    fn add_values(&mut self, schema: &Schema<'_>, column: ColumnId) {
        let values = schema.columns[column].column.profile.values.as_deref().unwrap_or_default();
        let few = values.len() <= FEW;
        for text in values {
            self.add_value(text, KnownValue { column, text: text.clone(), few });
        }
    }

    fn add_value(&mut self, text: &str, value: KnownValue) {
        let words: Vec<String> = tokenise(text).into_iter().map(|token| token.word).collect();
        if words.is_empty() || words.len() > LONGEST {
            return;
        }
        let key = words.join(" ");
        if words.len() > 1 {
            for word in &words {
                let phrases = self.value_words.entry(word.clone()).or_default();
                if phrases.last() != Some(&key) {
                    phrases.push(key.clone());
                }
            }
        }
        let known = self.values.entry(key).or_default();
        if !known.contains(&value) {
            known.push(value);
        }
    }

    fn add_metrics(&mut self, schema: &Schema<'_>) {
        for (index, metric) in schema.catalog.semantics.metrics.iter().enumerate() {
            let texts = [metric.name.as_str(), metric.label.as_str()];
            for text in texts.into_iter().chain(metric.synonyms.iter().map(String::as_str)) {
                self.add(&name_words(text), Name::Metric(index), 1.0);
            }
        }
    }

    /// What a phrase of folded words may call, best first; several fits of one thing are one.
    pub(crate) fn names(&self, words: &[&str]) -> Vec<(Name, f64)> {
        let stems: Vec<String> = words
            .iter()
            .flat_map(|word| {
                in_full(word)
                    .map_or_else(|| vec![lemma(word)], |full| full.split(' ').map(lemma).collect())
            })
            .collect();
        let mut found = self.names.get(&stems.join(" ")).cloned().unwrap_or_default();
        let merge = |entries: Vec<(Name, f64)>, found: &mut Vec<(Name, f64)>| {
            for (name, quality) in entries {
                match found.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => *known = known.max(quality),
                    None => found.push((name, quality)),
                }
            }
        };
        let look = |phrase: &str, found: &mut Vec<(Name, f64)>| {
            let entries = self.names.get(phrase).into_iter().flatten();
            merge(entries.map(|(name, quality)| (*name, quality * ALIKE)).collect(), found);
        };
        for other in alike(&stems.join(" ")) {
            look(other, &mut found);
        }
        if stems.len() > 1 {
            for place in 0..stems.len() {
                for other in alike(&stems[place]) {
                    let mut changed = stems.clone();
                    (*other).clone_into(&mut changed[place]);
                    look(&changed.join(" "), &mut found);
                }
            }
        }
        if let Some((last, head)) =
            stems.split_last().filter(|(_, head)| found.is_empty() && !head.is_empty())
            && TRAILING.contains(&last.as_str())
        {
            // "founded year" for a column called founded, though another is called year.
            let known = self.names.contains_key(last.as_str());
            let column = |head: &str| {
                let entries = self.names.get(head).into_iter().flatten();
                entries.fold((0.0_f64, 0.0_f64), |(column, table), (name, quality)| match name {
                    Name::Column(_) => (column.max(*quality), table),
                    _ => (column, table.max(*quality)),
                })
            };
            let (as_column, as_table) = column(&head.join(" "));
            if !known || as_column > 0.9 && as_table < 0.6 {
                look(&head.join(" "), &mut found);
            }
        }
        found.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        found
    }

    /// Values that a phrase of folded words is, and how well.
    pub(crate) fn values(&self, words: &[&str]) -> Vec<(KnownValue, f64)> {
        let exact = self.values.get(&words.join(" ")).into_iter().flatten();
        let spaced = |value: &KnownValue| if value.text.trim() == value.text { 1.0 } else { 0.97 };
        let mut found: Vec<(KnownValue, f64)> =
            exact.map(|value| (value.clone(), spaced(value))).collect();
        let mut add = |phrase: &str, quality: f64| {
            for value in self.values.get(phrase).into_iter().flatten() {
                if !found.iter().any(|(known, _)| known == value) {
                    found.push((value.clone(), quality));
                }
            }
        };
        let joined = words.join(" ");
        if let Some((last, head)) = words.split_last() {
            let singular = lemma(last);
            add(&[head, &[singular.as_str()]].concat().join(" "), 0.95);
            add(&[head, &[&format!("{last}s")]].concat().join(" "), 0.9);
            add(&words.concat(), 0.9);
        }
        let singular = lemma(&joined);
        for other in alike(&singular).iter().filter(|_| words.len() == 1) {
            add(other, 0.85);
        }
        for name in countries::other_names(&joined) {
            add(&fold(name), 0.95);
        }
        for name in super::nations::of_adjective(&joined) {
            add(name, 0.93);
            for other in countries::other_names(name) {
                add(&fold(other), 0.9);
            }
        }
        found
    }

    /// Values that a phrase is a part of.
    pub(crate) fn parts(&self, words: &[&str]) -> Vec<KnownValue> {
        let Some(first) = words.first() else { return Vec::new() };
        let phrase = words.join(" ");
        let known = self.value_words.get(*first).filter(|wholes| wholes.len() <= COMMON);
        let holds = |whole: &&String| format!(" {whole} ").contains(&format!(" {phrase} "));
        let wholes = known.into_iter().flatten().filter(holds);
        let mut found: Vec<KnownValue> =
            wholes.filter_map(|whole| self.values.get(whole)).flatten().take(20).cloned().collect();
        found.dedup();
        found
    }

    /// The table of a column.
    pub(crate) fn owner(&self, column: ColumnId) -> Option<TableId> {
        self.owners.get(column).copied()
    }

    /// Whether some name has this word.
    pub(crate) fn knows(&self, word: &str) -> bool {
        let letter = word.chars().next().unwrap_or(' ');
        self.words.get(&letter).is_some_and(|words| words.iter().any(|known| known == word))
    }

    /// The one known word that `typed` goes on from: `prereq` of prerequisites.
    pub(crate) fn begun(&self, typed: &str) -> Option<&str> {
        let known = self.words.get(&typed.chars().next()?)?;
        let mut begun = known.iter().filter(|word| {
            word.len() > 4 && typed.len() > word.len() + 2 && typed.starts_with(word.as_str())
        });
        begun.next().filter(|_| begun.next().is_none()).map(String::as_str)
    }

    /// The one known word that `typed` is a slip of.
    pub(crate) fn mended(&self, typed: &str) -> Option<&str> {
        let length = typed.chars().count();
        if length < 5
            || crate::segment::LOOK_ALIKES.contains(&typed)
            || countries::is_country(typed)
        {
            return None;
        }
        let most = if length >= 8 { 2 } else { 1 };
        let known = self.words.get(&typed.chars().next()?)?;
        let singular = lemma(typed);
        if length <= 6 && typed.ends_with('s') {
            // A short plural: "slaes" is "sales".
            let plural = |word: &&String| {
                word.chars().count() == length - 1 && is_slip_of(typed, &format!("{word}s"), 1)
            };
            let mut fits = known.iter().filter(plural);
            if let Some(word) = fits.next().filter(|_| fits.next().is_none()) {
                return Some(word);
            }
        }
        let fitting = |most: usize| {
            let mut fits =
                known.iter().filter(|word| word.len() > 4 && is_slip_of(&singular, word, most));
            fits.next().filter(|_| fits.next().is_none())
        };
        fitting(1).or_else(|| fitting(most)).map(String::as_str)
    }
}
