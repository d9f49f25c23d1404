//! What a question may call the tables, columns, values and metrics of a whole catalog.

mod forms;
mod reworded;
mod values;

use std::collections::{BTreeSet, HashMap, HashSet};

use self::forms::SILENT;
use super::{
    business,
    schema::{ColumnId, Schema, TableId},
    thesaurus::{NEAR, alike, in_full, in_full_beside, is_person, lemma},
};
use crate::{countries, spelling::is_slip_of, synonyms};

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
    /// Names of two and three words without what parts them: `laptime` is the lap time.
    joined: HashMap<String, String>,
    /// Every word of a name.
    parts: HashSet<String>,
    values: HashMap<String, Vec<KnownValue>>,
    /// Words of values by their first word, for names that are only typed in part.
    value_words: HashMap<String, Vec<String>>,
    /// Words of names, by first letter, for mending slips.
    words: HashMap<char, Vec<String>>,
    /// The table of each column.
    owners: Vec<TableId>,
    /// Tables of people.
    people: Vec<TableId>,
    /// Columns of two or three values, which may be codes of one letter.
    coded: HashSet<ColumnId>,
    /// Figures are declared, and with them what people call things: only the same in other words counts.
    declared: bool,
}

/// How many words a phrase may have.
pub(crate) const LONGEST: usize = 8;
/// How well a name fits without a word that people add to it.
const ADDED: f64 = 0.82;
/// Names that fit at least so well are what the words say.
const NAMED: f64 = 0.9;
/// How well other words for a whole name fit where nothing else is called so.
const AS_NAMED: f64 = 0.93;
/// How much less they count beside something that is called so itself.
const BESIDE: f64 = 0.7;

/// A name that ends in the words, and how much less other words count beside it.
const PARTLY: f64 = 0.67;
const UNDER: f64 = 0.82;

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
    let header = super::schema::split_words(text, text);
    let stems: Vec<&str> = header.iter().map(|word| word.stem.as_str()).collect();
    for (place, word) in header.iter().enumerate() {
        match in_full_beside(&word.stem, place, &stems) {
            Some(full) => words.extend(full.split(' ').map(lemma)),
            None => words.push(lemma(&word.stem)),
        }
    }
    words
}

impl Lexicon {
    pub(crate) fn new(schema: &Schema<'_>) -> Self {
        let owners = schema.columns.iter().map(|column| column.table).collect();
        let declared = !schema.catalog.semantics.metrics.is_empty();
        let mut lexicon = Self { owners, declared, ..Self::default() };
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
        self.parts.extend(words.iter().cloned());
        if (2..=3).contains(&words.len()) {
            self.joined.entry(words.concat()).or_insert_with(|| words.join(" "));
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
        let words = forms::parted(&words).map_or(words, |parted| {
            self.add(&parted, name, 0.95);
            parted
        });
        let core: Vec<String> = words
            .iter()
            .filter(|word| !HOLLOW.contains(&word.as_str()) && !SILENT.contains(&word.as_str()))
            .cloned()
            .collect();
        // Rows that only link others are called after those less than those themselves.
        let mut columns = schema.tables[table].columns.clone();
        let links = columns.all(|it| schema.columns[it].foreign);
        let called = |other: TableId| name_words(schema.tables[other].entry.name.as_str());
        let namesake =
            |other| other != table && called(other).last().is_some_and(|it| core.contains(it));
        let after = links && core.len() < words.len() && (0..schema.tables.len()).any(namesake);
        self.add(&core, name, if after { 0.68 } else { 0.95 });
        if core.last().is_some_and(|last| is_person(last)) {
            self.people.push(table);
        }
        if core.len() > 1 {
            let less = if links { 0.02 } else { 0.0 };
            self.add(&core[core.len() - 1..], name, 0.7 - less);
            if core.len() > 2 {
                self.add(&core[1..], name, 0.8 - less);
            }
            self.add(&core[..core.len() - 1], name, 0.62 - less);
            self.add(&core[..1], name, 0.6 - less);
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
        // What rows are only known by for want of a name is no name.
        if table.display == Some(column) && !table.nameless {
            self.add(&["name".to_owned()], name, 0.8);
        }
        if table.key == Some(column) && !node.foreign && table.display != Some(column) {
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

    fn add_metrics(&mut self, schema: &Schema<'_>) {
        let named = |metric: &pacioli_model::Metric| {
            let texts = [metric.name.as_str(), metric.label.as_str()];
            let all = texts.into_iter().chain(metric.synonyms.iter().map(String::as_str));
            all.map(name_words).collect::<BTreeSet<_>>()
        };
        let names: Vec<_> = schema.catalog.semantics.metrics.iter().map(named).collect();
        for (index, names) in names.iter().enumerate() {
            for words in names {
                self.add(words, Name::Metric(index), 1.0);
            }
        }
        for (index, others) in business::other_names(&names).iter().enumerate() {
            // What the company itself calls so is meant first.
            let own = |words: &[String]| {
                let known = self.names.get(&words.join(" ")).into_iter().flatten();
                known.into_iter().any(|(_, quality)| *quality > 0.94)
            };
            let free: Vec<_> = others.iter().filter(|words| !own(words)).cloned().collect();
            for words in free {
                self.add(&words, Name::Metric(index), 0.93);
            }
        }
    }

    /// What a phrase of folded words may call, best first; several fits of one thing are one.
    pub(crate) fn names(&self, words: &[&str]) -> Vec<(Name, f64)> {
        self.named(words).0
    }

    /// The same, and how much is lost where all of it is said in other words. Where nothing else is
    /// called so, other words are read as if they were the name itself.
    pub(crate) fn named(&self, words: &[&str]) -> (Vec<(Name, f64)>, f64) {
        let stems: Vec<String> = words
            .iter()
            .flat_map(|word| {
                in_full(word).map_or_else(
                    || synonyms::parts(word).iter().map(|part| lemma(part)).collect::<Vec<_>>(),
                    |full| full.split(' ').map(lemma).collect(),
                )
            })
            .collect();
        let mut found = self.names.get(&stems.join(" ")).cloned().unwrap_or_default();
        if found.is_empty() {
            found = self.run_together(&stems);
        }
        let exact = found.iter().map(|(_, quality)| *quality).fold(0.0, f64::max);
        let other = self.in_other_words(&stems);
        let fit = other.iter().map(|(.., fit)| *fit).fold(0.0, f64::max);
        let alone = exact <= 0.0 && fit > 0.0 && !self.declared;
        let lift = if alone {
            AS_NAMED / fit
        } else if exact >= NAMED {
            BESIDE
        } else if exact >= PARTLY && !self.declared {
            // "Programs" are degree programs sooner than courses.
            UNDER
        } else {
            1.0
        };
        // "Family name" is a last name, and no name of anything, where last names are known.
        let named = |column: bool| {
            other.iter().any(|(name, quality, fit)| {
                *quality >= NAMED && *fit >= NEAR && matches!(name, Name::Column(_)) == column
            })
        };
        let same = [named(false), named(true)];
        for (name, quality, fit) in other {
            if exact < NAMED || fit >= NEAR {
                let same = same[usize::from(matches!(name, Name::Column(_)))];
                let beside = if same && fit < NEAR { BESIDE } else { 1.0 };
                merge(&mut found, name, quality * fit * lift * beside);
            }
        }
        if let Some((last, head)) =
            stems.split_last().filter(|(_, head)| found.is_empty() && !head.is_empty())
            && TRAILING.contains(&last.as_str())
        {
            // "founded year" for a column called founded, though another is called year.
            let known = self.names.contains_key(last.as_str());
            let mut entries = self.names.get(&head.join(" ")).cloned().unwrap_or_default();
            if entries.is_empty() && !self.declared {
                // "Occupation title" for a column called job.
                let other = self.in_other_words(head).into_iter();
                let same = other.filter(|(.., fit)| *fit >= NEAR);
                entries.extend(same.map(|(name, quality, _)| (name, quality * AS_NAMED)));
            }
            let best = |column: bool| {
                let fits =
                    entries.iter().filter(|(name, _)| matches!(name, Name::Column(_)) == column);
                fits.map(|(_, quality)| *quality).fold(0.0, f64::max)
            };
            if !known || best(true) > 0.9 && best(false) < 0.6 {
                for (name, quality) in entries {
                    merge(&mut found, name, quality * ADDED);
                }
            }
        }
        found.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        (found, if alone { 1.0 - fit } else { 0.0 })
    }

    /// Whether a phrase of folded words as a whole stands for another.
    pub(crate) fn is_phrase(words: &[&str]) -> bool {
        let stems: Vec<String> = words.iter().map(|word| lemma(word)).collect();
        words.len() > 1 && !alike(&stems.join(" ")).is_empty()
    }

    /// Whether a column is called so itself, and in no other words, at least so well.
    pub(crate) fn has_column(&self, word: &str, least: f64) -> bool {
        let named = self.names.get(&lemma(word)).into_iter().flatten();
        named.into_iter().any(|(name, fit)| matches!(name, Name::Column(_)) && *fit >= least)
    }

    /// Tables whose rows are people.
    pub(crate) fn people(&self) -> &[TableId] {
        &self.people
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
        let known = self.words.get(&typed.chars().next()?).map_or(&[][..], Vec::as_slice);
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
        // One letter more in front: "wmodel".
        let rest = singular.get(1..).filter(|rest| rest.len() > 4);
        let shorter = || rest.and_then(|rest| self.known(rest));
        fitting(1).or_else(|| fitting(most)).map(String::as_str).or_else(shorter)
    }

    /// A word of a name as it is kept.
    fn known(&self, word: &str) -> Option<&str> {
        let words = self.words.get(&word.chars().next()?)?;
        words.iter().find(|known| known.as_str() == word).map(String::as_str)
    }
}

fn merge(found: &mut Vec<(Name, f64)>, name: Name, quality: f64) {
    match found.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = known.max(quality),
        None => found.push((name, quality)),
    }
}
