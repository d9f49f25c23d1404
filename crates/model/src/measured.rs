//! What was seen of relationships when values were compared, and how a catalog is put together of
//! what is declared and what was seen.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    Catalog, ColumnName, Known, Named, Relationship, RelationshipName, Semantics, TableEntry,
    TableName, TableVersion, UnavailableMetric,
};

/// How the values of a relationship's two sides match: all values, never a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ValueMatch {
    /// Rows of the many side that have a value in every column of the relationship.
    pub rows: u64,
    /// Those of them whose values are found on the other side.
    pub found: u64,
    /// The most rows of the one side that share their values; 1 where values name one row.
    pub most_on_one_side: u64,
    /// The most rows of the many side that share their values.
    pub most_on_many_side: u64,
}

impl ValueMatch {
    /// Whether values name at most one row of the one side.
    pub fn is_unique(&self) -> bool {
        self.most_on_one_side <= 1
    }

    /// The part of the rows whose values are found, 0 to 1; 1 where there are none.
    #[expect(clippy::cast_precision_loss, reason = "a share, shown in per cent")]
    pub fn rate(&self) -> f64 {
        if self.rows == 0 { 1.0 } else { self.found as f64 / self.rows as f64 }
    }
}

/// A relationship whose values were compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRelationship {
    /// Which, and how it is known.
    pub relationship: Relationship,
    /// The load of its many side that was seen.
    pub version: TableVersion,
    /// The load of its one side that was seen.
    pub to_version: TableVersion,
    /// What was seen.
    pub values: ValueMatch,
    /// Whether it is one: joining along it multiplies no row, and values match.
    pub holds: bool,
}

/// When the rows of a table happened: how many there are in each month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateCoverage {
    /// Whose.
    pub table: TableName,
    /// The load that was seen.
    pub version: TableVersion,
    /// A date or timestamp.
    pub column: ColumnName,
    /// The first day of each month that has rows, ascending, and how many.
    pub months: Vec<(NaiveDate, u64)>,
}

/// What was measured in a company's tables beyond what each load saw by itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Measurements {
    /// Counts changes; 0 before the first.
    pub revision: u64,
    /// Relationships whose values were compared, those that do not hold too.
    pub relationships: Vec<MeasuredRelationship>,
    /// Columns of days.
    pub dates: Vec<DateCoverage>,
    /// Loads of tables in which no column was seen to name rows.
    pub keyless: Vec<(TableName, TableVersion)>,
}

impl MeasuredRelationship {
    /// Whether it was seen in the loads that are in service.
    pub fn is_current(&self, tables: &[TableEntry]) -> bool {
        let at = |name: &TableName, version| {
            tables.iter().any(|table| &table.name == name && table.version == version)
        };
        at(&self.relationship.table, self.version) && at(&self.relationship.to, self.to_version)
    }
}

impl Relationship {
    /// Whether both lead from the same columns to the same columns.
    pub fn same_columns(&self, other: &Self) -> bool {
        self.table == other.table
            && self.to == other.to
            && self.columns == other.columns
            && self.references == other.references
    }

    /// What a relationship is called that nobody named: its table and its columns. A name that would
    /// be too long is cut, and made its own again by a number drawn from all of it.
    pub fn usual_name(table: &TableName, columns: &[ColumnName]) -> RelationshipName {
        let columns = columns.iter().map(ColumnName::as_str);
        let parts: Vec<&str> = std::iter::once(table.as_str()).chain(columns).collect();
        fitting(&parts.join("_"))
    }

    fn exists_in(&self, tables: &[TableEntry]) -> bool {
        let has = |name: &TableName, columns: &[ColumnName]| {
            tables.iter().any(|table| {
                &table.name == name && columns.iter().all(|column| table.column(column).is_some())
            })
        };
        let pairs = !self.columns.is_empty() && self.columns.len() == self.references.len();
        pairs && has(&self.table, &self.columns) && has(&self.to, &self.references)
    }
}

impl Catalog {
    /// The catalog of these tables: relationships are those declared, those of the sources' foreign
    /// keys, and those found. One that a measurement of the loads in service refutes is left out, for
    /// whoever joined along it would count rows twice; one whose table or column is gone is, too.
    pub fn assemble(
        tables: Vec<TableEntry>,
        measured: &[MeasuredRelationship],
        semantics: Semantics,
    ) -> Self {
        let declared = semantics.relationships.iter().cloned();
        let keys = tables.iter().flat_map(foreign_keys);
        let current: Vec<_> = measured.iter().filter(|it| it.is_current(&tables)).collect();
        let found = current.iter().filter(|it| it.relationship.known == Known::Found);
        let found = found.filter(|it| it.holds).map(|it| it.relationship.clone());
        let mut kept: Vec<Relationship> = Vec::new();
        for mut relationship in declared.chain(keys).chain(found) {
            let seen = current.iter().find(|it| it.relationship.same_columns(&relationship));
            let refuted = seen.is_some_and(|it| !it.holds);
            let known = kept.iter().any(|it| it.same_columns(&relationship));
            if refuted || known || !relationship.exists_in(&tables) {
                continue;
            }
            if let Some(seen) = seen {
                relationship.match_rate = Some(seen.values.rate());
                relationship.orphans = Some(seen.values.rows - seen.values.found);
                relationship.one_to_one = seen.values.most_on_many_side == 1;
            }
            kept.push(relationship);
        }
        tell_apart(&mut kept);
        kept.sort_by(|one, other| one.name.cmp(&other.name));
        let mut catalog = Self { tables, relationships: kept, semantics };
        catalog.set_aside_what_is_missing();
        catalog
    }
}

impl Catalog {
    /// A metric over something that is not there cannot be asked for: it is listed as unavailable, with
    /// what is missing. So is one made of such metrics.
    fn set_aside_what_is_missing(&mut self) {
        loop {
            let metrics = std::mem::take(&mut self.semantics.metrics);
            let names: BTreeSet<_> = metrics.iter().map(|it| it.name.clone()).collect();
            let before = metrics.len();
            for metric in metrics {
                let mut missing = self.missing(metric.definition.names());
                let parts = metric.definition.names().into_iter();
                missing.extend(parts.filter_map(|named| match named {
                    Named::Metric(part) if !names.contains(part) => Some(part.to_string()),
                    _ => None,
                }));
                if missing.is_empty() {
                    self.semantics.metrics.push(metric);
                } else {
                    let pack = metric.pack.unwrap_or_default();
                    self.semantics.unavailable.retain(|it| it.name != metric.name);
                    let unavailable = UnavailableMetric {
                        name: metric.name,
                        label: metric.label,
                        labels: metric.labels,
                        reports: metric.in_reports.kinds,
                        pack,
                        missing,
                    };
                    self.semantics.unavailable.push(unavailable);
                }
            }
            if self.semantics.metrics.len() == before {
                break;
            }
        }
        self.semantics.unavailable.sort_by(|one, other| one.name.cmp(&other.name));
    }
}

/// The references that a table's source declares, as relationships.
pub fn foreign_keys(table: &TableEntry) -> impl Iterator<Item = Relationship> {
    table.foreign_keys.iter().map(|key| Relationship {
        name: Relationship::usual_name(&table.name, &key.columns),
        table: table.name.clone(),
        columns: key.columns.clone(),
        to: key.table.clone(),
        references: key.references.clone(),
        one_to_one: false,
        known: Known::ForeignKey,
        label: None,
        match_rate: None,
        orphans: None,
    })
}

/// Gives equally named relationships names of their own: the first keeps its name, the others add
/// where they lead to, and a number where that is not enough.
fn tell_apart(relationships: &mut [Relationship]) {
    let mut times: BTreeMap<RelationshipName, u32> = BTreeMap::new();
    for relationship in relationships.iter() {
        *times.entry(relationship.name.clone()).or_default() += 1;
    }
    let mut taken = BTreeSet::new();
    for relationship in relationships {
        let base = relationship.name.clone();
        if taken.insert(base.clone()) {
            continue;
        }
        let longer = format!("{base}_{}", relationship.to);
        let numbered = (2..).map(|number| format!("{longer}_{number}"));
        let mut names = std::iter::once(longer.clone()).chain(numbered).map(|name| fitting(&name));
        let free = names.find(|name| !taken.contains(name) && !times.contains_key(name));
        if let Some(name) = free {
            taken.insert(name.clone());
            relationship.name = name;
        }
    }
}

/// `text` as a name of at most 63 characters. What is cut off lives on in a number (FNV-1a), so that
/// two long names stay apart.
fn fitting(text: &str) -> RelationshipName {
    if let Ok(name) = RelationshipName::parse(text) {
        return name;
    }
    let mut hash: u32 = 0x811c_9dc5;
    for byte in text.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    RelationshipName::cut(text, &format!("_{hash:08x}"))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        Column, ColumnProfile, ColumnType, Distinct, ForeignKey, Origin, Timestamp, UserId,
    };

    fn table(name: &str, columns: &[&str]) -> TableEntry {
        let column = |name: &&str| Column {
            name: ColumnName::parse(name).unwrap(),
            label: (*name).to_owned(),
            data_type: ColumnType::Integer,
            profile: ColumnProfile {
                nulls: 0,
                distinct: Distinct::Exactly(0),
                min: None,
                max: None,
                values: None,
                ascending: false,
            },
        };
        TableEntry {
            name: TableName::parse(name).unwrap(),
            version: TableVersion(Uuid::from_u128(1)),
            origin: Origin::Push,
            columns: columns.iter().map(column).collect(),
            rows: 0,
            bytes: 0,
            loaded_at: Timestamp::from_millis(0),
            loaded_by: UserId(Uuid::nil()),
            notes: Vec::new(),
            primary_key: Vec::new(),
            foreign_keys: Vec::new(),
        }
    }

    fn relationship(from: (&str, &str), to: (&str, &str), known: Known) -> Relationship {
        let column = |name| vec![ColumnName::parse(name).unwrap()];
        let (table, to_table) =
            (TableName::parse(from.0).unwrap(), TableName::parse(to.0).unwrap());
        Relationship {
            name: Relationship::usual_name(&table, &column(from.1)),
            table,
            columns: column(from.1),
            to: to_table,
            references: column(to.1),
            one_to_one: false,
            known,
            label: None,
            match_rate: None,
            orphans: None,
        }
    }

    fn measured(relationship: Relationship, load: u128, holds: bool) -> MeasuredRelationship {
        let version = TableVersion(Uuid::from_u128(load));
        let values =
            ValueMatch { rows: 200, found: 190, most_on_one_side: 1, most_on_many_side: 4 };
        MeasuredRelationship { relationship, version, to_version: version, values, holds }
    }

    fn tables() -> Vec<TableEntry> {
        vec![
            table("customers", &["id"]),
            table("orders", &["id", "customer_id", "seller_id"]),
            table("people", &["id"]),
        ]
    }

    fn names(catalog: &Catalog) -> Vec<(String, Known)> {
        let each = catalog.relationships.iter();
        each.map(|it| (it.name.to_string(), it.known)).collect()
    }

    #[test]
    fn what_is_declared_outranks_what_was_found_and_takes_over_what_was_seen() {
        let mut tables = tables();
        tables[1].foreign_keys.push(ForeignKey {
            columns: vec![ColumnName::parse("customer_id").unwrap()],
            table: TableName::parse("customers").unwrap(),
            references: vec![ColumnName::parse("id").unwrap()],
        });
        let found = relationship(("orders", "customer_id"), ("customers", "id"), Known::Found);
        let other = relationship(("orders", "seller_id"), ("people", "id"), Known::Found);
        let seen = [measured(found, 1, true), measured(other, 1, true)];
        let catalog = Catalog::assemble(tables, &seen, Semantics::default());
        let expect =
            [("orders_customer_id", Known::ForeignKey), ("orders_seller_id", Known::Found)];
        assert_eq!(names(&catalog), expect.map(|(name, known)| (name.to_owned(), known)));
        assert_eq!(catalog.relationships[0].match_rate, Some(0.95));
        assert_eq!(catalog.relationships[0].orphans, Some(10));
        assert!(!catalog.relationships[0].one_to_one);
    }

    #[test]
    fn what_was_found_in_other_loads_is_not_shown_and_what_is_refuted_is_not_either() {
        let customers = ("customers", "id");
        let found = relationship(("orders", "customer_id"), customers, Known::Found);
        let old = [measured(found.clone(), 7, true)];
        assert_eq!(names(&Catalog::assemble(tables(), &old, Semantics::default())), []);
        let declared = Relationship { known: Known::Declared, ..found.clone() };
        let said = || Semantics { relationships: vec![declared.clone()], ..Semantics::default() };
        let old = [measured(found.clone(), 7, false)];
        assert_eq!(names(&Catalog::assemble(tables(), &old, said())).len(), 1);
        let now = [measured(found, 1, false)];
        assert_eq!(names(&Catalog::assemble(tables(), &now, said())), []);
    }

    #[test]
    fn a_relationship_whose_column_is_gone_is_gone() {
        let mut semantics = Semantics::default();
        for (from, to) in [
            (("orders", "customer_id"), ("customers", "key")),
            (("orders", "buyer"), ("customers", "id")),
            (("sales", "customer_id"), ("customers", "id")),
        ] {
            semantics.relationships.push(relationship(from, to, Known::Declared));
        }
        assert_eq!(names(&Catalog::assemble(tables(), &[], semantics)), []);
    }

    #[test]
    fn equal_names_are_told_apart_and_long_ones_stay_apart() {
        let mut semantics = Semantics::default();
        for to in ["customers", "people"] {
            let from = ("orders", "customer_id");
            semantics.relationships.push(relationship(from, (to, "id"), Known::Declared));
        }
        let catalog = Catalog::assemble(tables(), &[], semantics);
        let names: Vec<_> = names(&catalog).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["orders_customer_id", "orders_customer_id_people"]);

        let table = TableName::parse(&"t".repeat(60)).unwrap();
        let name =
            |column: &str| Relationship::usual_name(&table, &[ColumnName::parse(column).unwrap()]);
        assert_eq!(name("one").as_str().len(), 63);
        assert_ne!(name("one_way"), name("one_way_back"));
        assert_eq!(name("one_way"), name("one_way"));
    }
}
