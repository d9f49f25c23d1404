//! What tables and columns are named after: `res_partner`, `partner_id` and `partners` are all about
//! partners.

use std::collections::{BTreeSet, HashMap};

use pacioli_model::{Column, ColumnType, Relationship, TableEntry, TableName};

use super::plausible;

/// Words at the end of a column that say that it names a row.
const KEY_WORDS: [&str; 19] = [
    "id",
    "key",
    "code",
    "no",
    "nr",
    "num",
    "number",
    "nummer",
    "uuid",
    "guid",
    "ref",
    "pk",
    "sk",
    "fk",
    "sku",
    "kennung",
    "kuerzel",
    "schluessel",
    "entry",
];
/// The same, written together with what it names: `customernumber`, `kundennr`.
const GLUED: [&str; 8] = ["number", "nummer", "code", "entry", "key", "uuid", "nr", "id"];
/// Words at the start of a table's name that say where it comes from and not what it is about.
const ORIGINS: [&str; 17] = [
    "tab", "tbl", "table", "dim", "fact", "fct", "stg", "dbo", "public", "src", "raw", "res", "d",
    "f", "t", "v", "vw",
];
/// Columns that many tables have and that mean something else in each.
const COMMONPLACE: [&str; 42] = [
    "id",
    "key",
    "code",
    "no",
    "nr",
    "num",
    "number",
    "nummer",
    "uuid",
    "guid",
    "ref",
    "name",
    "label",
    "title",
    "titel",
    "description",
    "beschreibung",
    "bezeichnung",
    "type",
    "typ",
    "kind",
    "status",
    "state",
    "stage",
    "note",
    "notes",
    "comment",
    "email",
    "phone",
    "street",
    "city",
    "zip",
    "currency",
    "waehrung",
    "unit",
    "uom",
    "line",
    "position",
    "sequence",
    "method",
    "channel",
    "priority",
];
/// Words at the start of a column that say that it counts or limits and names nothing: `max_guests`.
const AMOUNTS: [&str; 10] =
    ["max", "min", "maximum", "minimum", "num", "total", "count", "avg", "average", "sum"];
/// The row above, in the same table.
const ABOVE: [&str; 10] = [
    "parent",
    "superior",
    "manager",
    "supervisor",
    "boss",
    "reports_to",
    "reportsto",
    "root",
    "vorgesetzter",
    "uebergeordnet",
];
/// What people are called by what they do, and the tables that people stand in.
const DOERS: [&str; 16] = [
    "salesperson",
    "sales_person",
    "salesrep",
    "sales_rep",
    "seller",
    "buyer",
    "agent",
    "owner",
    "assignee",
    "manager",
    "clerk",
    "technician",
    "approver",
    "mitarbeiter",
    "verkaeufer",
    "bearbeiter",
];
const PEOPLE: [&str; 6] = ["employee", "user", "person", "staff", "people", "mitarbeiter"];

/// What each table is about, and the columns that may name its rows.
pub(super) struct Entities<'a> {
    tables: &'a [TableEntry],
    /// By stem: which table, and how much of its name the stem is.
    by_stem: HashMap<String, Vec<(usize, f64)>>,
    /// By name without underscores: columns that may be keys.
    by_column: HashMap<String, Vec<(usize, usize)>>,
}

/// One way to read a column's name.
pub(super) struct Reading<'a> {
    pub(super) to: &'a TableName,
    pub(super) references: &'a Column,
    pub(super) score: f64,
    pub(super) role: String,
}

/// A column's name taken apart: what it names, and the word that says so.
struct Parts {
    tokens: Vec<String>,
    key_word: Option<String>,
}

impl<'a> Entities<'a> {
    pub(super) fn of(tables: &'a [TableEntry]) -> Self {
        let mut by_stem: HashMap<String, Vec<(usize, f64)>> = HashMap::new();
        let mut by_column: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (at, table) in tables.iter().enumerate() {
            for (name, weight) in names_of(table) {
                for stem in stems(&name) {
                    let known = by_stem.entry(stem).or_default();
                    match known.iter_mut().find(|(other, _)| *other == at) {
                        Some((_, best)) => *best = best.max(weight),
                        None => known.push((at, weight)),
                    }
                }
            }
            for (place, column) in table.columns.iter().enumerate() {
                if plausible::may_be_unique(table, column) {
                    by_column.entry(folded(column.name.as_str())).or_default().push((at, place));
                }
            }
        }
        Self { tables, by_stem, by_column }
    }

    /// As what a relationship's one side is named from its many side.
    pub(super) fn role(&self, relationship: &Relationship) -> String {
        let [column] = &relationship.columns[..] else { return String::new() };
        let parts = take_apart(column.as_str());
        let to = self.tables.iter().position(|table| table.name == relationship.to);
        (0..parts.tokens.len())
            .find(|&at| {
                let known = self.about(&parts.tokens[at..]);
                known.iter().any(|(table, _)| Some(*table) == to)
            })
            .map_or_else(|| parts.tokens.join("_"), |at| parts.tokens[..at].join("_"))
    }

    /// Every key that the column's name may refer to.
    pub(super) fn readings(&self, table: &TableEntry, column: &Column) -> Vec<Reading<'a>> {
        let parts = take_apart(column.name.as_str());
        let mut found = Vec::new();
        if parts.tokens.first().is_some_and(|word| AMOUNTS.contains(&word.as_str())) {
            return found;
        }
        for at in 0..parts.tokens.len() {
            let role = parts.tokens[..at].join("_");
            for (to, weight) in self.about(&parts.tokens[at..]) {
                let other = &self.tables[to].name;
                // Two columns of one table that count its rows say nothing about each other.
                if other != &table.name || !role.is_empty() {
                    let weight = weight * kinship(weight, &table.name, other);
                    self.keys(to, weight, &parts, &role, &mut found);
                }
            }
        }
        let named = parts.tokens.join("_");
        self.above_by_key(table, &parts, &mut found);
        if ABOVE.contains(&named.as_str()) {
            let own = self.tables.iter().position(|other| other.name == table.name);
            if let Some(own) = own {
                self.keys(own, 0.9, &parts, &named, &mut found);
            }
        }
        if DOERS.contains(&named.as_str()) {
            for (to, weight) in PEOPLE.iter().flat_map(|people| self.about_stem(people)) {
                self.keys(to, weight * 0.85, &parts, &named, &mut found);
            }
        }
        self.equally_named(column, &parts, &mut found);
        found.retain(|it| it.to != &table.name || it.references.name != column.name);
        found
    }

    /// The keys of a table that a column of these parts may hold: `customer_id` is `customers`' own
    /// `customer_id`, or `id`; `customer` may be any of them, or the customer's name.
    fn keys(
        &self,
        to: usize,
        weight: f64,
        parts: &Parts,
        role: &str,
        found: &mut Vec<Reading<'a>>,
    ) {
        let table = &self.tables[to];
        for column in table.columns.iter().filter(|it| plausible::may_be_unique(table, it)) {
            let key = take_apart(column.name.as_str());
            let about =
                key.tokens.is_empty() || self.about(&key.tokens).iter().any(|(it, _)| *it == to);
            let of_name = column.name.as_str() == "name" && column.data_type == ColumnType::Text;
            let score = match (&parts.key_word, &key.key_word) {
                (Some(given), Some(its)) if given == its && about => 1.0,
                (Some(_), Some(its)) if about && is_plain(its) => 0.8,
                (None, Some(_)) if about => 0.85,
                (None, None) if about && column.data_type == ColumnType::Text => 0.8,
                (None, None) if of_name => 0.75,
                // Its key, whatever it is called: `airline` for the `uid` of `airlines`.
                _ if table.primary_key == [column.name.clone()] && !of_name => 0.8,
                _ => continue,
            };
            let score = score * weight * if role.is_empty() { 1.0 } else { 0.9 };
            found.push(Reading {
                to: &table.name,
                references: column,
                score,
                role: role.to_owned(),
            });
        }
    }

    /// `boss_emp_no` beside the key `emp_no` of the same table, which is not called like the table.
    fn above_by_key(&self, table: &TableEntry, parts: &Parts, found: &mut Vec<Reading<'a>>) {
        let Some((role, rest)) = parts.tokens.split_first().filter(|(_, rest)| !rest.is_empty())
        else {
            return;
        };
        let Some(own) = self.tables.iter().find(|other| other.name == table.name) else { return };
        if !ABOVE.contains(&role.as_str()) {
            return;
        }
        for column in own.columns.iter().filter(|it| plausible::may_be_unique(own, it)) {
            let key = take_apart(column.name.as_str());
            if key.key_word.is_some() && key.key_word == parts.key_word && key.tokens == rest {
                let (to, role) = (&own.name, role.clone());
                found.push(Reading { to, references: column, score: 0.9, role });
            }
        }
    }

    /// Columns of the very same name that may be unique in other tables.
    fn equally_named(&self, column: &Column, parts: &Parts, found: &mut Vec<Reading<'a>>) {
        let name = folded(column.name.as_str());
        let says_little = COMMONPLACE.contains(&name.as_str());
        let names_rows = parts.key_word.is_some() && !parts.tokens.is_empty();
        if says_little || !(names_rows || column.data_type == ColumnType::Text) {
            return;
        }
        for (to, place) in self.by_column.get(&name).into_iter().flatten() {
            let (to, references) = (&self.tables[*to].name, &self.tables[*to].columns[*place]);
            let known = found.iter().any(|it| it.to == to && it.references.name == references.name);
            if !known {
                let score = if names_rows { 0.7 } else { 0.5 };
                found.push(Reading { to, references, score, role: String::new() });
            }
        }
    }

    /// The tables that these words name.
    fn about(&self, words: &[String]) -> Vec<(usize, f64)> {
        let words: String = words.concat();
        let mut known: Vec<(usize, f64)> = Vec::new();
        for (table, weight) in stems(&words).iter().flat_map(|stem| self.about_stem(stem)) {
            match known.iter_mut().find(|(other, _)| *other == table) {
                Some((_, best)) => *best = best.max(weight),
                None => known.push((table, weight)),
            }
        }
        known
    }

    fn about_stem(&self, stem: &str) -> impl Iterator<Item = (usize, f64)> {
        self.by_stem.get(stem).into_iter().flatten().copied()
    }
}

/// A key word that needs no company: `id` answers for `customer_number` where there is nothing closer.
fn is_plain(key_word: &str) -> bool {
    matches!(key_word, "id" | "key" | "pk" | "uuid" | "guid" | "sk")
}

/// Whether the name says that it names rows.
pub(crate) fn names_rows(column: &str) -> bool {
    take_apart(column).key_word.is_some()
}

/// Whether a column of this name is a key of the table by its name: `id`, `order_no` of `orders`.
pub(crate) fn names_rows_of(table: &TableEntry, column: &str) -> bool {
    let parts = take_apart(column);
    let named = stems(&parts.tokens.concat());
    parts.key_word.is_some()
        && (parts.tokens.is_empty()
            || names_of(table).iter().any(|(name, _)| !stems(name).is_disjoint(&named)))
}

fn take_apart(column: &str) -> Parts {
    let mut tokens: Vec<String> = column.split('_').map(str::to_owned).collect();
    if let Some(last) = tokens.pop_if(|last| KEY_WORDS.contains(&last.as_str())) {
        return Parts { tokens, key_word: Some(last) };
    }
    let glued = tokens.last().cloned().and_then(|last| {
        let word =
            GLUED.iter().find(|word| last.len() > word.len() + 2 && last.ends_with(**word))?;
        Some((last[..last.len() - word.len()].to_owned(), (*word).to_owned()))
    });
    match glued {
        Some((named, word)) => {
            tokens.pop();
            tokens.push(named);
            Parts { tokens, key_word: Some(word) }
        }
        None => Parts { tokens, key_word: None },
    }
}

/// What a table's rows are called: its whole name, and less surely the ends of it.
fn names_of(table: &TableEntry) -> Vec<(String, f64)> {
    let tokens: Vec<&str> = table.name.as_str().split('_').collect();
    let mut weight = 1.0;
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        names.push((tokens[at..].concat(), weight));
        weight *= if ORIGINS.contains(&tokens[at]) { 0.98 } else { 0.85 };
    }
    names
}

/// Of `sale_order` and `purchase_order`, the `order_id` of `sale_order_line` rather means the first.
fn kinship(weight: f64, table: &TableName, other: &TableName) -> f64 {
    let family = other.as_str().split('_').next().unwrap_or_default();
    if weight >= 1.0 || table.as_str().starts_with(family) { 1.0 } else { 0.9 }
}

fn folded(name: &str) -> String {
    name.replace('_', "")
}

/// The word and what it may be the plural of, in English and German.
fn stems(word: &str) -> BTreeSet<String> {
    let mut stems = BTreeSet::from([word.to_owned()]);
    let irregular = match word {
        "people" | "persons" => Some("person"),
        "laender" => Some("land"),
        "auftraege" => Some("auftrag"),
        "vertraege" => Some("vertrag"),
        "staedte" => Some("stadt"),
        "staff" => Some("employee"),
        _ => None,
    };
    stems.extend(irregular.map(str::to_owned));
    for (end, singular) in [
        ("ies", "y"),
        ("ses", "s"),
        ("xes", "x"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("s", ""),
        ("innen", "in"),
        ("en", ""),
        ("n", ""),
        ("e", ""),
    ] {
        if let Some(kept) = word.strip_suffix(end).filter(|kept| kept.len() >= 3) {
            stems.insert(format!("{kept}{singular}"));
        }
    }
    stems
}
