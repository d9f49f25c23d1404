//! The model of a service to tables: a set is one, and so is a collection within a set's entities.

use pacioli_model::{ColumnName, ColumnType};

use super::{
    metadata::{Model, Property, Type},
    profile::Profile,
};
use crate::{
    SourceError,
    source::{SourceColumn, SourceForeignKey, SourceTable},
    typing::naming::column_names,
};

/// What leads from a column of an inner table to a property of the entity around it.
pub(super) const OUTER: &str = "../";

/// The column that counts the rows within an entity.
pub(super) const POSITION: &str = "#";

/// Digits after the point where the service names none: Business Central keeps at most 18 digits in all.
const OPEN_SCALE: u8 = 10;

/// Complex properties are spread into columns this deep.
const DEEPEST: usize = 3;

/// How a table is reached.
pub(super) struct Way<'a> {
    /// The set that is asked.
    pub(super) set: &'a str,
    /// The member of its entities that holds the rows.
    pub(super) member: Option<&'a str>,
    /// Whether the member are entities of their own, which come only when asked for.
    pub(super) expands: bool,
}

/// The way to the table of this name.
pub(super) fn way<'a>(name: &'a str, profile: &Profile) -> Way<'a> {
    if let Some((set, member)) = name.split_once('/') {
        return Way { set, member: Some(member), expands: false };
    }
    match profile.through.iter().find(|(set, _)| *set == name) {
        Some((_, through)) => Way { set: through, member: Some(name), expands: true },
        None => Way { set: name, member: None, expands: false },
    }
}

/// A reference before the other table's columns are known.
struct Reference {
    own: Vec<String>,
    table: String,
    other: Vec<String>,
}

/// A column before it is named.
struct Found {
    source_name: String,
    header: String,
    data_type: ColumnType,
}

struct Draft {
    table: SourceTable,
    references: Vec<Reference>,
}

/// Every table of the profile's sets, sorted by name.
pub(super) fn tables(model: &Model, profile: &Profile) -> Result<Vec<SourceTable>, SourceError> {
    let sets: Vec<String> = if profile.sets.is_empty() {
        model.sets().map(str::to_owned).collect()
    } else {
        profile.sets.clone()
    };
    let drawing = Drawing { model, profile };
    let mut drafts = Vec::new();
    for set in &sets {
        match drawing.set(set) {
            Some(found) => drafts.extend(found),
            None if profile.chosen => {
                let detail =
                    format!("The service has no entity set {set} with properties to read.");
                return Err(SourceError::invalid("odata_entity_set", detail));
            }
            None => {}
        }
    }
    Ok(joined(drafts))
}

/// References are kept where the other table is read too.
fn joined(drafts: Vec<Draft>) -> Vec<SourceTable> {
    let (mut tables, references): (Vec<_>, Vec<_>) =
        drafts.into_iter().map(|draft| (draft.table, draft.references)).unzip();
    let named = |table: &SourceTable, sources: &[String]| -> Option<Vec<ColumnName>> {
        sources.iter().map(|source| column(table, source)).collect()
    };
    let mut keys = Vec::new();
    for (table, references) in tables.iter().zip(&references) {
        let mut found: Vec<SourceForeignKey> = Vec::new();
        for reference in references {
            let other = tables.iter().find(|other| other.name == reference.table);
            let pair = other.and_then(|other| {
                Some((named(table, &reference.own)?, named(other, &reference.other)?))
            });
            if let Some((columns, references)) =
                pair.filter(|(columns, _)| found.iter().all(|key| key.columns != *columns))
            {
                found.push(SourceForeignKey {
                    columns,
                    table: reference.table.clone(),
                    references,
                });
            }
        }
        keys.push(found);
    }
    for (table, keys) in tables.iter_mut().zip(keys) {
        table.foreign_keys = keys;
    }
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    tables.dedup_by(|one, other| one.name == other.name);
    tables
}

fn column(table: &SourceTable, source_name: &str) -> Option<ColumnName> {
    table
        .columns
        .iter()
        .find(|column| column.source_name == source_name)
        .map(|column| column.name.clone())
}

struct Drawing<'m> {
    model: &'m Model,
    profile: &'m Profile,
}

impl Drawing<'_> {
    /// A set's table and those of its entities' collections.
    fn set(&self, set: &str) -> Option<Vec<Draft>> {
        let way = way(set, self.profile);
        let entity = self.model.entity(way.set)?;
        if way.expands {
            return Some(vec![self.expanded(set, way.set, &entity)?]);
        }
        let mut found = Vec::new();
        self.spread(&entity.properties, "", 0, &mut found);
        if found.is_empty() {
            return None;
        }
        let changed = self.changed(&entity).map(str::to_owned);
        let mut drafts = vec![Draft {
            references: self.references(&entity),
            table: table(set, set, found, &entity.key, changed.as_deref()),
        }];
        for property in entity.properties.iter().filter(|property| property.is_collection) {
            let wanted = self.profile.collections.is_empty()
                || self.profile.collections.contains(&property.name.as_str());
            drafts.extend(wanted.then(|| self.collection(set, &entity, property)).flatten());
        }
        Some(drafts)
    }

    /// Values of a complex type within each entity.
    fn collection(&self, set: &str, entity: &Type, property: &Property) -> Option<Draft> {
        let mut inner = self.model.of_name(&property.kind)?;
        let mut found = self.outer(entity, &entity.key);
        found.push(Found {
            source_name: POSITION.into(),
            header: "position".into(),
            data_type: ColumnType::Integer,
        });
        let own: Vec<Property> = inner
            .properties
            .iter()
            .filter(|own| !entity.key.contains(&own.name))
            .cloned()
            .collect();
        self.spread(&own, "", 0, &mut found);
        let line = ["LineNum", "Line_ID", "WarehouseCode"];
        let line = line.iter().find(|line| own.iter().any(|property| property.name == **line));
        let mut key: Vec<String> = entity.key.iter().map(|key| format!("{OUTER}{key}")).collect();
        let parent =
            Reference { own: key.clone(), table: set.to_owned(), other: entity.key.clone() };
        key.push((*line.unwrap_or(&POSITION)).to_owned());
        let changed = self.changed(entity).map(|changed| format!("{OUTER}{changed}"));
        let name = format!("{set}/{}", property.name);
        let mut references = vec![parent];
        inner.properties = own;
        references.extend(self.references(&inner));
        Some(Draft { references, table: table(&name, &name, found, &key, changed.as_deref()) })
    }

    /// Entities that come only with those that they belong to.
    fn expanded(&self, set: &str, through: &str, entity: &Type) -> Option<Draft> {
        let navigation = entity.navigations.iter().find(|navigation| navigation.name == set)?;
        let lines = self.model.of_name(&navigation.kind)?;
        let mut found = Vec::new();
        self.spread(&lines.properties, "", 0, &mut found);
        let mut references = self.references(&lines);
        let document = lines.properties.iter().any(|property| property.name == "documentId");
        let own = if document {
            vec!["documentId".to_owned()]
        } else {
            entity.key.iter().map(|key| format!("{OUTER}{key}")).collect()
        };
        references.push(Reference { own, table: through.to_owned(), other: entity.key.clone() });
        found.extend(self.outer(entity, if document { &[] } else { &entity.key }));
        let changed = self.changed(entity).map(|changed| format!("{OUTER}{changed}"));
        Some(Draft { references, table: table(set, set, found, &lines.key, changed.as_deref()) })
    }

    /// Columns of the entity around: these of its key, and what tells its changes.
    fn outer(&self, entity: &Type, key: &[String]) -> Vec<Found> {
        let wanted = entity.properties.iter().filter(|property| {
            key.contains(&property.name) || self.changed(entity) == Some(property.name.as_str())
        });
        wanted
            .filter_map(|property| {
                let data_type = self.column_type(property)?;
                let source_name = format!("{OUTER}{}", property.name);
                Some(Found { source_name, header: property.name.clone(), data_type })
            })
            .collect()
    }

    /// The property that tells changes, where it is a moment or a day.
    fn changed<'e>(&self, entity: &'e Type) -> Option<&'e str> {
        let find = |name: &String| entity.properties.iter().find(|property| property.name == *name);
        let found = self.profile.changed.iter().find_map(find)?;
        self.column_type(found).is_some_and(ColumnType::is_time).then_some(found.name.as_str())
    }

    /// Properties that hold one value, complex ones by their members.
    fn spread(&self, properties: &[Property], path: &str, depth: usize, found: &mut Vec<Found>) {
        for property in properties.iter().filter(|property| !property.is_collection) {
            let source_name = format!("{path}{}", property.name);
            if let Some(data_type) = self.column_type(property) {
                let header = source_name.replace('/', "_");
                found.push(Found { source_name, header, data_type });
            } else if let Some(inner) =
                self.model.of_name(&property.kind).filter(|_| depth < DEEPEST)
            {
                self.spread(&inner.properties, &format!("{source_name}/"), depth + 1, found);
            }
        }
    }

    fn references(&self, entity: &Type) -> Vec<Reference> {
        let mut references = Vec::new();
        for navigation in
            entity.navigations.iter().filter(|it| !it.is_collection && !it.constraints.is_empty())
        {
            if let Some(set) = self.model.set_of(&navigation.kind) {
                let (own, other) = navigation.constraints.iter().cloned().unzip();
                references.push(Reference { own, table: set.to_owned(), other });
            }
        }
        for (own, set, other) in self.profile.references {
            let is_own_key = entity.key.iter().any(|key| key == own);
            if !is_own_key && entity.properties.iter().any(|property| property.name == *own) {
                references.push(Reference {
                    own: vec![(*own).into()],
                    table: (*set).into(),
                    other: vec![(*other).into()],
                });
            }
        }
        references
    }

    /// Primitive types and enumerations; nothing for complex types, and none for files and shapes.
    fn column_type(&self, property: &Property) -> Option<ColumnType> {
        Some(match property.kind.as_str() {
            "Edm.String" | "Edm.Guid" | "Edm.TimeOfDay" | "Edm.Time" | "Edm.Duration" => {
                ColumnType::Text
            }
            "Edm.Byte" | "Edm.SByte" | "Edm.Int16" | "Edm.Int32" | "Edm.Int64" => {
                ColumnType::Integer
            }
            "Edm.Boolean" => ColumnType::Boolean,
            "Edm.Date" => ColumnType::Date,
            "Edm.DateTimeOffset" | "Edm.DateTime" => ColumnType::Timestamp,
            "Edm.Double" | "Edm.Single" => self
                .profile
                .double_scale
                .map_or(ColumnType::Float, |scale| ColumnType::Decimal { scale }),
            // The standard reads a missing scale as 0, but services leave it out of fractions too.
            "Edm.Decimal" => match property.scale.as_deref().map(str::parse) {
                Some(Ok(scale)) if scale <= 30 => ColumnType::Decimal { scale },
                _ => ColumnType::Decimal { scale: OPEN_SCALE },
            },
            kind if self.model.is_enum(kind) => ColumnType::Text,
            _ => return None,
        })
    }
}

fn table(
    name: &str,
    label: &str,
    found: Vec<Found>,
    key: &[String],
    changed: Option<&str>,
) -> SourceTable {
    let headers: Vec<String> = found.iter().map(|found| found.header.clone()).collect();
    let names = column_names(&headers);
    let columns = found.into_iter().zip(names).map(|(found, name)| SourceColumn {
        source_name: found.source_name,
        name,
        label: found.header,
        data_type: found.data_type,
    });
    let mut table = SourceTable {
        name: name.to_owned(),
        label: label.to_owned(),
        columns: columns.collect(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
        rows: None,
        changes_by: None,
    };
    // A key of which a part is no column names nothing.
    let key: Option<Vec<ColumnName>> = key.iter().map(|key| column(&table, key)).collect();
    table.primary_key = key.unwrap_or_default();
    table.changes_by = changed.and_then(|changed| column(&table, changed));
    table
}
