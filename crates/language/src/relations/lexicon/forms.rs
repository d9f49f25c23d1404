//! The forms that a column's name may take in a question.

use pacioli_model::ColumnType;

use super::{Lexicon, Name, name_words};
use crate::{
    relations::{
        schema::{ColumnId, Schema},
        thesaurus::{alike, in_full, lemma},
    },
    role::KEY_TAILS,
};

/// Words inside names that people leave out.
pub(super) const SILENT: &[&str] = &[
    "of", "in", "the", "for", "a", "by", "to", "and", "is", "has", "on", "at", "if", "whether",
    "yn",
];

/// Units at the end of names.
const UNITS: &[&str] = &[
    "billion", "million", "thousand", "usd", "eur", "dollar", "euro", "km", "meter", "m", "ft",
    "foot", "kg", "lb", "percent", "cm", "inch", "k", "mb", "mbp", "hour", "minute", "second",
    "us", "f", "c", "mph", "sqft",
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
    "no",
    "num",
    "description",
    "position",
];

/// The two words that a name of one word runs together, where both are common in names: `useracct`.
pub(super) fn parted(words: &[String]) -> Option<Vec<String>> {
    let known = |word: &str| in_full(word).is_some() || !alike(&lemma(word)).is_empty();
    let [word] = words else { return None };
    if word.len() < 7 || !word.is_ascii() || known(word) {
        return None;
    }
    let in_words = |word: &str| -> Vec<String> {
        in_full(word).map_or_else(|| vec![lemma(word)], |full| full.split(' ').map(lemma).collect())
    };
    (3..=word.len() - 3)
        .rev()
        .map(|at| word.split_at(at))
        .find(|(head, tail)| known(head) && known(tail))
        .map(|(head, tail)| [in_words(head), in_words(tail)].concat())
}

impl Lexicon {
    /// A key's name without its tail is what its rows are called: `instructor_id` names instructors.
    pub(super) fn add_rows(&mut self, schema: &Schema<'_>, column: ColumnId) {
        let node = &schema.columns[column];
        let rows = schema.table_of(schema.referenced(column));
        let own = schema.tables[node.table].key == Some(column);
        // Managers of employees are not the employees.
        let within = node.foreign && rows == node.table;
        if !(node.foreign || own) || within || schema.tables[rows].hidden {
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
        // Orders are rows of `customer_orders`, whatever a reference called `order_id` names.
        let called = |table: usize| {
            let name = name_words(schema.tables[table].entry.name.as_str());
            name.ends_with(&words)
        };
        let others = (0..schema.tables.len()).any(|table| table != rows && called(table));
        if own || !others || called(rows) {
            self.add(&words, Name::Table(rows), if own { 0.7 } else { 0.78 });
        }
    }

    pub(super) fn add_forms(
        &mut self,
        words: &[String],
        table: &[String],
        column: ColumnId,
        data_type: ColumnType,
    ) {
        let name = Name::Column(column);
        self.add(words, name, 1.0);
        // `dname` of departments: the first letter is that of a word of the table.
        if let [word] = words {
            let begun = table.iter().flat_map(|of| (1..=4).filter_map(|length| of.get(..length)));
            let mut rests = begun.filter_map(|begun| word.strip_prefix(begun));
            if let Some(rest) = rests.find(|rest| INITIALLED.contains(rest)) {
                let rest = in_full(rest).unwrap_or(rest).to_owned();
                self.add(std::slice::from_ref(&rest), name, 0.95);
                self.add(&[table, &[rest]].concat(), name, 0.95);
            }
        }
        let mut core: Vec<String> = words.to_vec();
        // `p_pos`: one letter says no more than what the table is.
        if core.len() > 1 && core[0].len() == 1 && core[0].bytes().all(|b| b.is_ascii_lowercase()) {
            core.remove(0);
            self.add(&core, name, 0.93);
        }
        if let Some(parted) = parted(&core) {
            self.add(&parted, name, 0.94);
        }
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
        // "Other details" of accounts are `other_account_details`.
        let within: Vec<String> = core.iter().filter(|word| !of_table(word)).cloned().collect();
        if within.len() > 1 && within.len() < core.len() && within != bare {
            self.add(&within, name, 0.94);
        }
        self.add_parts(&core, &bare, name);
    }

    /// What is left of a name of several words where some are not said.
    fn add_parts(&mut self, core: &[String], bare: &[String], name: Name) {
        let Some((tail, head)) = core.split_last().filter(|(_, head)| !head.is_empty()) else {
            return;
        };
        if tail == "name" || tail == "title" {
            // "The last transcript" is no last name.
            if !matches!(head, [only] if ["first", "last", "middle"].contains(&only.as_str())) {
                self.add(head, name, 0.9);
            }
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
}
