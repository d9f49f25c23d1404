//! Made-up companies: tables of different shapes and names, and what people call them.

use chrono::{Days, NaiveDate};
use pacioli_model::{
    Catalog, Column, ColumnName, ColumnProfile, ColumnType, Distinct, Known, Origin, Relationship,
    RelationshipName, Semantics, TableEntry, TableName, TableVersion, Timestamp, UserId,
};
use uuid::Uuid;

use super::names::{CATEGORY_LIMIT, Kind, Noun, Style, kinds_of_company, values};
use crate::random::Random;

/// Relationships of a table with the rest, as the draw needs them.
#[derive(Debug, Clone)]
pub struct Link {
    /// Of the table's own key column.
    pub column: usize,
    /// The place of the table that it leads to.
    pub to: usize,
    /// The place of the key there.
    pub key: usize,
}

/// What people call a column, and what is in it.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Words for it, the most usual first.
    pub words: Vec<String>,
    /// What it holds; empty for keys.
    pub kind: Option<Kind>,
}

/// What people call a table.
#[derive(Debug, Clone)]
pub struct Subject {
    /// One row and many, in one word or several for it.
    pub nouns: Vec<Noun>,
    /// In the order of the table's columns.
    pub attributes: Vec<Attribute>,
    /// The column that rows are told apart by, in questions.
    pub title: usize,
    /// To other tables.
    pub links: Vec<Link>,
}

/// A catalog, and words for it.
#[derive(Debug, Clone)]
pub struct Company {
    /// As a server would have it after a load.
    pub catalog: Catalog,
    /// In the order of the catalog's tables.
    pub subjects: Vec<Subject>,
    /// The day of its questions.
    pub today: NaiveDate,
}

impl Company {
    /// The company of this number: the same for the same seed.
    pub fn make(seed: u64, number: u64) -> Self {
        let mut random = Random::new(seed, number);
        let kinds = kinds_of_company();
        let spec = random.pick(&kinds).clone();
        let style = Style::draw(&mut random);
        let day = NaiveDate::from_ymd_opt(2023, 1, 1).unwrap_or_default();
        let today = day + Days::new(random.below(1400) as u64);
        let mut made: Vec<(TableEntry, Subject)> = Vec::new();
        for thing in &spec {
            // Rows that belong to nothing that is left are left out with it, now and then alone.
            let owners: Option<Vec<usize>> =
                thing.belongs.iter().map(|noun| place_of(&made, noun)).collect();
            let Some(owners) = owners else { continue };
            if made.len() > 1 && random.happens(15) {
                continue;
            }
            let next = table(thing, &owners, &made, style, &mut random);
            made.push(next);
        }
        assemble(&made, today)
    }

    /// The column at these places.
    pub fn column(&self, table: usize, column: usize) -> &Column {
        &self.catalog.tables[table].columns[column]
    }
}

fn place_of(made: &[(TableEntry, Subject)], noun: &str) -> Option<usize> {
    made.iter().position(|(_, subject)| subject.nouns[0].one == noun)
}

fn table(
    thing: &super::names::Thing,
    owners: &[usize],
    made: &[(TableEntry, Subject)],
    style: Style,
    random: &mut Random,
) -> (TableEntry, Subject) {
    let rows = random.between(20, 4000) as u64;
    let mut columns = Vec::new();
    let mut attributes = Vec::new();
    let mut links = Vec::new();
    let noun = &thing.nouns[0];
    let (title, _) = style.column(&noun.one, &thing.attributes[0].words[0]);
    // An order's number is one thing, and the key of its row another.
    let key = Some(style.key(&noun.one)).filter(|key| *key != title);
    let key = key.unwrap_or_else(|| "id".to_owned());
    columns.push(column(&key, &key, ColumnType::Integer, rows, None));
    attributes.push(Attribute { words: vec!["id".to_owned()], kind: None });
    for (number, attribute) in thing.attributes.iter().enumerate() {
        if number > 0 && random.happens(20) {
            continue;
        }
        let words = &attribute.words;
        let written =
            if number == 0 || random.happens(70) { &words[0] } else { random.pick(words) };
        let (name, label) = style.column(&noun.one, written);
        if columns.iter().any(|known: &Column| known.name.as_str() == name) {
            continue;
        }
        let held = attribute.kind.column_type();
        let texts = (held == ColumnType::Text).then(|| values(&attribute.kind, random)).flatten();
        columns.push(column(&name, &label, held, rows, texts));
        attributes.push(Attribute { words: words.clone(), kind: Some(attribute.kind.clone()) });
    }
    for owner in owners {
        let (entry, subject) = &made[*owner];
        let name = style.reference(&subject.nouns[0].one);
        if columns.iter().any(|known| known.name.as_str() == name) {
            continue;
        }
        links.push(Link { column: columns.len(), to: *owner, key: 0 });
        columns.push(column(&name, &name, entry.columns[0].data_type, entry.rows, None));
        attributes.push(Attribute { words: Vec::new(), kind: None });
    }
    let entry = TableEntry {
        name: parsed(&style.table(noun)),
        version: TableVersion(Uuid::nil()),
        origin: Origin::Push,
        primary_key: vec![columns[0].name.clone()],
        columns,
        rows,
        bytes: 0,
        loaded_at: Timestamp::from_millis(0),
        loaded_by: UserId(Uuid::nil()),
        notes: Vec::new(),
        foreign_keys: Vec::new(),
    };
    (entry, Subject { nouns: thing.nouns.clone(), attributes, title: 1, links })
}

/// The catalog, its tables sorted by name as everywhere.
fn assemble(made: &[(TableEntry, Subject)], today: NaiveDate) -> Company {
    let mut order: Vec<usize> = (0..made.len()).collect();
    order.sort_by(|one, other| made[*one].0.name.cmp(&made[*other].0.name));
    let mut relationships = Vec::new();
    let (mut tables, mut subjects) = (Vec::new(), Vec::new());
    for old in &order {
        let (entry, mut subject) = made[*old].clone();
        for link in &mut subject.links {
            let from = entry.columns[link.column].name.clone();
            let to = &made[link.to].0;
            relationships.push(Relationship {
                name: named(&format!("{}_{from}", entry.name)),
                table: entry.name.clone(),
                columns: vec![from],
                to: to.name.clone(),
                references: vec![to.columns[link.key].name.clone()],
                one_to_one: false,
                known: Known::ForeignKey,
                label: None,
                match_rate: Some(1.0),
                orphans: Some(0),
            });
            link.to = order.iter().position(|place| *place == link.to).unwrap_or(link.to);
        }
        tables.push(entry);
        subjects.push(subject);
    }
    relationships.sort_by(|one, other| one.name.cmp(&other.name));
    Company {
        catalog: Catalog { tables, relationships, semantics: Semantics::default() },
        subjects,
        today,
    }
}

fn column(
    name: &str,
    label: &str,
    data_type: ColumnType,
    rows: u64,
    values: Option<Vec<String>>,
) -> Column {
    let distinct = values.as_ref().map_or(rows, |values| values.len() as u64);
    let profile = ColumnProfile {
        nulls: 0,
        distinct: Distinct::Exactly(distinct),
        min: None,
        max: None,
        values: values.filter(|values| values.len() <= CATEGORY_LIMIT),
        ascending: false,
    };
    let name = ColumnName::parse(name);
    #[expect(clippy::expect_used, reason = "words of the list are letters and spaces")]
    let name = name.expect("a word of the list is a name");
    Column { name, label: label.to_owned(), data_type, profile }
}

#[expect(clippy::expect_used, reason = "words of the list are letters and spaces")]
fn parsed(name: &str) -> TableName {
    TableName::parse(name).expect("a word of the list is a name")
}

#[expect(clippy::expect_used, reason = "words of the list are letters and spaces")]
fn named(name: &str) -> RelationshipName {
    RelationshipName::parse(name).expect("a word of the list is a name")
}
