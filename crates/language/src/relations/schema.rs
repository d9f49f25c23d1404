//! A catalog as a graph: tables, their columns, and the ways from one to another.

mod ways;

use std::collections::HashMap;

use pacioli_model::{
    Catalog, Cell, Column, ColumnRef, ColumnType, Definition, MetricName, Operation, Relationship,
    TableEntry, Unit, Value,
};

use crate::role::{HeaderWord, Role, header_words, is_rate, is_unique, role_of};

/// Words of columns that say when something happened that happens once.
const ONCE: &[&str] = &[
    "founded",
    "founding",
    "foundation",
    "established",
    "opened",
    "opening",
    "open",
    "date",
    "formed",
    "independence",
    "debut",
    "built",
    "created",
    "creation",
    "launched",
    "released",
    "release",
    "published",
    "publication",
    "started",
    "since",
    "born",
    "birth",
    "completed",
    "introduced",
];

/// Words of columns of text that nobody knows rows by, though no two may be the same.
const PASSING: &[&str] = &[
    "status", "state", "time", "date", "day", "email", "mail", "phone", "fax", "website", "url",
    "comment", "note", "remark", "reason", "message",
];

/// A table by its place in the catalog.
pub(crate) type TableId = usize;
/// A column by its place among all columns of the catalog.
pub(crate) type ColumnId = usize;

/// One step along a relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its place in the catalog.
    pub(crate) relationship: usize,
    pub(crate) to: TableId,
    /// A row here may have several there.
    pub(crate) many: bool,
}

#[derive(Debug)]
pub(crate) struct TableNode<'c> {
    pub(crate) entry: &'c TableEntry,
    pub(crate) columns: std::ops::Range<ColumnId>,
    /// The column that people know its rows by.
    pub(crate) display: Option<ColumnId>,
    /// That column is no name.
    pub(crate) nameless: bool,
    /// The one column that tells its rows apart.
    pub(crate) key: Option<ColumnId>,
    pub(crate) hidden: bool,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug)]
pub(crate) struct ColumnNode<'c> {
    pub(crate) table: TableId,
    pub(crate) column: &'c Column,
    pub(crate) role: Role,
    pub(crate) words: Vec<HeaderWord>,
    /// It names a row of another table.
    pub(crate) foreign: bool,
    pub(crate) hidden: bool,
}

#[derive(Debug)]
pub(crate) struct Schema<'c> {
    pub(crate) catalog: &'c Catalog,
    pub(crate) tables: Vec<TableNode<'c>>,
    pub(crate) columns: Vec<ColumnNode<'c>>,
    pub(crate) relationships: Vec<&'c Relationship>,
}

impl<'c> Schema<'c> {
    pub(crate) fn new(catalog: &'c Catalog) -> Self {
        let relationships = relationships_of(catalog);
        let mut columns = Vec::new();
        let mut tables = Vec::new();
        for (table, entry) in catalog.tables.iter().enumerate() {
            let start = columns.len();
            columns.extend(
                entry
                    .columns
                    .iter()
                    .map(|column| column_node(table, column, entry, catalog, &relationships)),
            );
            let range = start..columns.len();
            let meaning = catalog.semantics.table(&entry.name);
            tables.push(TableNode {
                entry,
                columns: range,
                display: None,
                nameless: false,
                key: None,
                hidden: meaning.is_some_and(|meaning| meaning.hidden),
                steps: Vec::new(),
            });
        }
        let mut schema = Self { catalog, tables, columns, relationships };
        for table in 0..schema.tables.len() {
            schema.tables[table].key = schema.key_of(table);
            let named = schema.display_of(table);
            schema.tables[table].nameless = named.is_none();
            schema.tables[table].display = named.or_else(|| schema.known_by(table));
        }
        schema.connect();
        schema
    }

    fn connect(&mut self) {
        let by_name: HashMap<_, _> =
            self.tables.iter().enumerate().map(|(id, table)| (&table.entry.name, id)).collect();
        let mut steps = Vec::new();
        for (index, relationship) in self.relationships.iter().enumerate() {
            let ends = (by_name.get(&relationship.table), by_name.get(&relationship.to));
            let (Some(from), Some(to)) = ends else { continue };
            steps.push((*from, Step { relationship: index, to: *to, many: false }));
            let back = Step { relationship: index, to: *from, many: !relationship.one_to_one };
            steps.push((*to, back));
        }
        for (from, step) in steps {
            self.tables[from].steps.push(step);
        }
    }

    pub(crate) fn table_of(&self, column: ColumnId) -> TableId {
        self.columns[column].table
    }

    fn named(&self, table: TableId, name: &pacioli_model::ColumnName) -> Option<ColumnId> {
        let mut columns = self.tables[table].columns.clone();
        columns.find(|column| self.columns[*column].column.name == *name)
    }

    fn key_of(&self, table: TableId) -> Option<ColumnId> {
        let entry = self.tables[table].entry;
        if let [only] = entry.primary_key.as_slice() {
            return self.named(table, only);
        }
        if !entry.primary_key.is_empty() {
            return None;
        }
        let referenced =
            self.relationships.iter().find(|relationship| relationship.to == entry.name);
        if let Some([only]) = referenced.map(|relationship| relationship.references.as_slice()) {
            return self.named(table, only);
        }
        let mut columns = self.tables[table].columns.clone();
        columns.find(|column| {
            let node = &self.columns[*column];
            node.role == Role::Identifier && !node.foreign && is_unique(node.column, entry)
        })
    }

    /// The declared display column, else the one called name, title or like the table, else the first
    /// text that no other table explains.
    fn display_of(&self, table: TableId) -> Option<ColumnId> {
        let node = &self.tables[table];
        let declared = self
            .catalog
            .semantics
            .table(&node.entry.name)
            .and_then(|meaning| meaning.display.as_ref());
        if let Some(column) = declared.and_then(|name| self.named(table, name)) {
            return Some(column);
        }
        let own = super::lexicon::name_words(node.entry.name.as_str());
        let named =
            |column: &ColumnId| super::lexicon::name_words(&self.columns[*column].column.label);
        let texts: Vec<ColumnId> = node
            .columns
            .clone()
            .filter(|column| {
                let column = &self.columns[*column];
                column.column.data_type == ColumnType::Text && !column.foreign && !column.hidden
            })
            .collect();
        let ends = |column: &ColumnId, tails: &[&str]| {
            self.columns[*column].words.last().is_some_and(|word| tails.contains(&full(&word.stem)))
        };
        let like_table = |column: &ColumnId| {
            let words = named(column);
            !words.is_empty() && words.iter().all(|word| own.contains(word))
        };
        let own_name = |column: &ColumnId| {
            let words = named(column);
            let Some((tail, head)) = words.split_last() else { return false };
            // `gname` of games, `rulename` of rules.
            if let (Some(start), []) = (tail.strip_suffix("name"), head) {
                let whole = |of: &String| of == start || start.len() == 1 && of.starts_with(start);
                return start.is_empty() || own.iter().any(whole);
            }
            ["name", "title"].contains(&tail.as_str())
                && head.iter().all(|word| own.iter().any(|other| other.starts_with(word)))
        };
        let find =
            |test: &dyn Fn(&ColumnId) -> bool| texts.iter().copied().find(|column| test(column));
        find(&own_name)
            .or_else(|| find(&|column| named(column) == own))
            .or_else(|| find(&like_table))
            .or_else(|| find(&|column| self.is_part_of_name(*column, "last")))
            .or_else(|| find(&|column| ends(column, &["name", "title", "fullname"])))
            .or_else(|| find(&|column| ends(column, &["description", "label"])))
            .or_else(|| {
                texts.first().copied().filter(|only| texts.len() == 1 && ends(only, &["detail"]))
            })
    }

    /// Rows that are only numbered are known by the text that each has one of its own of, where that is
    /// no chance.
    fn known_by(&self, table: TableId) -> Option<ColumnId> {
        let TableNode { entry, columns, key, .. } = &self.tables[table];
        let numbered = key.is_some_and(|key| self.columns[key].column.data_type.is_number());
        let own = |column: &ColumnId| {
            let node = &self.columns[*column];
            let text = node.column.data_type == ColumnType::Text && !node.foreign && !node.hidden;
            text && is_unique(node.column, entry)
                && !node.words.iter().any(|it| PASSING.contains(&it.stem.as_str()))
        };
        (numbered && entry.rows > 2).then(|| columns.clone().find(own))?
    }

    /// The number that is written on the thing itself, `room_no` of rooms, where its key is one of the
    /// system's own.
    fn written_on(&self, table: TableId) -> Option<ColumnId> {
        let node = &self.tables[table];
        let own = super::lexicon::name_words(node.entry.name.as_str());
        let ends = |column: ColumnId, tail: &str| {
            self.columns[column].words.last().is_some_and(|word| full(&word.stem) == tail)
        };
        node.key
            .filter(|key| ends(*key, "id") && self.columns[*key].column.data_type.is_number())?;
        node.columns.clone().find(|column| {
            let of = &self.columns[*column];
            let words = super::lexicon::name_words(&of.column.label);
            let like_table = words.split_last().is_some_and(|(_, head)| head == own);
            ends(*column, "number") && !of.foreign && !of.hidden && like_table
        })
    }

    /// Whether a column says when somebody was born: the younger, the greater.
    pub(crate) fn is_birth(&self, column: ColumnId) -> bool {
        self.columns[column].words.iter().any(|word| {
            matches!(word.stem.as_str(), "birth" | "born" | "birthday" | "birthdate" | "dob")
        })
    }

    /// Whether a column says in which year something was: it is called so, or it is called after what
    /// happens once and all its numbers are years.
    pub(crate) fn is_year(&self, column: ColumnId) -> bool {
        let node = &self.columns[column];
        let data_type = node.column.data_type;
        let called =
            |words: &[&str]| node.words.iter().any(|word| words.contains(&word.stem.as_str()));
        if called(&["year"]) {
            return data_type.is_number() || data_type == ColumnType::Text;
        }
        holds_years(node.column) && called(ONCE)
    }

    /// What a column of yes and no writes for yes.
    pub(crate) fn affirms(&self, column: ColumnId) -> Option<&str> {
        let column = self.columns[column].column;
        if column.data_type == ColumnType::Boolean {
            return Some("true");
        }
        if Self::is_switch(column) {
            return Some("1");
        }
        let values = column.profile.values.as_deref().filter(|values| values.len() <= 3)?;
        let is = |value: &str, words: &[&str]| words.contains(&value.to_lowercase().as_str());
        let (yes, no) = (["yes", "y", "true", "t"], ["no", "n", "false", "f", ""]);
        let all = values.iter().all(|value| is(value, &yes) || is(value, &no));
        let denied = values.iter().any(|value| is(value, &no));
        values.iter().find(|value| is(value, &yes)).filter(|_| all && denied).map(String::as_str)
    }

    /// What a column of yes and no writes for no.
    pub(crate) fn denies(&self, column: ColumnId) -> Option<&str> {
        let yes = self.affirms(column)?;
        let column = self.columns[column].column;
        if column.data_type == ColumnType::Boolean {
            return Some("false");
        }
        if Self::is_switch(column) {
            return Some("0");
        }
        let mut values = column.profile.values.as_deref()?.iter();
        values.find(|value| !value.is_empty() && *value != yes).map(String::as_str)
    }

    /// Whether a column of integers holds ones and zeros that say yes and no, and are no small counts.
    fn is_switch(column: &Column) -> bool {
        let bounds = (&column.profile.min, &column.profile.max);
        let counted = ["number", "count", "quantity", "total", "id"];
        column.data_type == ColumnType::Integer
            && bounds == (&Some(Cell::Integer(0)), &Some(Cell::Integer(1)))
            && !super::lexicon::name_words(&column.label)
                .iter()
                .any(|word| counted.contains(&word.as_str()))
    }

    fn is_part_of_name(&self, column: ColumnId, part: &str) -> bool {
        let words = super::lexicon::name_words(&self.columns[column].column.label);
        words.ends_with(&[part.to_owned(), "name".to_owned()])
    }

    /// The first name of people who are known by their last.
    pub(crate) fn first_name(&self, table: TableId, shown: ColumnId) -> Option<ColumnId> {
        let mut columns = self.tables[table].columns.clone();
        let last = self.is_part_of_name(shown, "last");
        last.then(|| columns.find(|column| self.is_part_of_name(*column, "first"))).flatten()
    }

    /// What to show when rows of a table are listed without saying how.
    pub(crate) fn shown_as(&self, table: TableId) -> Option<ColumnId> {
        let node = &self.tables[table];
        let shown = |column: &ColumnId| !self.columns[*column].hidden;
        let own = super::lexicon::name_words(node.entry.name.as_str());
        // `has_allergy` of students and allergies tells an allergy.
        let like_table = |column: &ColumnId| {
            self.columns[*column].words.iter().all(|word| own.contains(&word.stem))
        };
        node.display
            .or_else(|| self.written_on(table))
            .or(node.key)
            .or_else(|| node.columns.clone().find(|it| shown(it) && !self.columns[*it].foreign))
            .or_else(|| node.columns.clone().find(|it| shown(it) && like_table(it)))
    }

    /// The table that a metric is computed over; of the first one for a calculation.
    pub(crate) fn metric_table(&self, metric: usize) -> Option<TableId> {
        let semantics = &self.catalog.semantics;
        let mut definition = &semantics.metrics.get(metric)?.definition;
        // A calculation may be of calculations; names that go in a circle end here.
        for _ in 0..8 {
            match definition {
                Definition::Aggregate(aggregation) => {
                    return self
                        .tables
                        .iter()
                        .position(|table| table.entry.name == aggregation.table);
                }
                Definition::Calculation(value) => {
                    definition = &semantics.metric(first_metric(value)?)?.definition;
                }
            }
        }
        None
    }

    /// The key that a reference of one column names; a column that is none, itself.
    pub(crate) fn referenced(&self, column: ColumnId) -> ColumnId {
        let node = &self.columns[column];
        let entry = self.tables[node.table].entry;
        let relationship = self.relationships.iter().find(|relationship| {
            relationship.table == entry.name
                && relationship.columns.as_slice() == [node.column.name.clone()]
        });
        let target = relationship.and_then(|relationship| {
            let table = self.tables.iter().position(|table| table.entry.name == relationship.to)?;
            self.named(table, relationship.references.first()?)
        });
        target.unwrap_or(column)
    }

    pub(crate) fn reference(&self, column: ColumnId) -> ColumnRef {
        let node = &self.columns[column];
        ColumnRef::new(self.tables[node.table].entry.name.clone(), node.column.name.clone())
    }
}

/// Whether the numbers of a column, or the digits of its texts, can all be years.
pub(crate) fn holds_years(column: &Column) -> bool {
    let years = 1000.0..2200.0;
    if column.data_type == ColumnType::Text {
        let year = |text: &String| {
            text.len() == 4 && text.parse().is_ok_and(|year: f64| years.contains(&year))
        };
        let values = column.profile.values.as_deref().unwrap_or_default();
        return !values.is_empty() && values.iter().all(year);
    }
    let bound = |cell: &Option<Cell>| cell.as_ref().and_then(Cell::as_f64);
    let within = |cell| bound(cell).is_some_and(|year| years.contains(&year));
    column.data_type.is_number() && within(&column.profile.min) && within(&column.profile.max)
}

/// What a declared rate is a part of, where that is declared too: the gross profit of the gross margin.
pub(crate) fn numerator<'c>(
    catalog: &'c Catalog,
    rate: &MetricName,
) -> Option<&'c pacioli_model::Metric> {
    let metrics = &catalog.semantics.metrics;
    let rate = metrics.iter().find(|metric| metric.name == *rate)?;
    let Definition::Calculation(Value::Arithmetic { operation: Operation::Divide, left, .. }) =
        &rate.definition
    else {
        return None;
    };
    let is_left = |metric: &&pacioli_model::Metric| match (&metric.definition, left.as_ref()) {
        (_, Value::Metric(name)) => metric.name == *name,
        (Definition::Calculation(value), left) => value == left,
        _ => false,
    };
    metrics.iter().find(is_left).filter(|_| rate.unit == Unit::Percent)
}

fn first_metric(value: &Value) -> Option<&MetricName> {
    match value {
        Value::Metric(name) => Some(name),
        Value::Arithmetic { left, right, .. } => first_metric(left).or_else(|| first_metric(right)),
        _ => None,
    }
}

fn relationships_of(catalog: &Catalog) -> Vec<&Relationship> {
    catalog.relationships.iter().collect()
}

fn column_node<'c>(
    table: TableId,
    column: &'c Column,
    entry: &'c TableEntry,
    catalog: &Catalog,
    relationships: &[&Relationship],
) -> ColumnNode<'c> {
    let foreign = relationships.iter().any(|relationship| {
        relationship.table == entry.name && relationship.columns.contains(&column.name)
    }) && entry.primary_key.as_slice() != [column.name.clone()];
    let meaning =
        catalog.semantics.table(&entry.name).and_then(|meaning| meaning.column(&column.name));
    let own = role_of(column, entry);
    let declared = meaning.into_iter().flat_map(|it| it.label.iter().chain(&it.synonyms));
    // A price is one in whatever language its column is called.
    let rated = own.adds_up() && declared.into_iter().any(|text| is_rate(text));
    ColumnNode {
        table,
        column,
        role: if rated { Role::Rate } else { own },
        words: split_words(&column.label, column.name.as_str()),
        foreign,
        hidden: meaning.is_some_and(|meaning| meaning.hidden),
    }
}

/// A word that may be an abbreviation, in full.
fn full(stem: &str) -> &str {
    super::thesaurus::in_full(stem).unwrap_or(stem)
}

/// The words of a header; of its SQL name where the header has none.
pub(crate) fn split_words(label: &str, name: &str) -> Vec<HeaderWord> {
    let words: Vec<HeaderWord> = header_words(label)
        .into_iter()
        .filter(|word| word.stem.chars().any(char::is_alphanumeric))
        .collect();
    if words.is_empty() { header_words(name) } else { words }
}
