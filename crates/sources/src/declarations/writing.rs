//! Meaning to words.

use std::collections::BTreeMap;

use pacioli_model::{
    Better, Bound, ColumnMeaning, ColumnName, Metric, Policy, Relationship, Role, Semantics,
    TableMeaning, Unit, WeekStart,
    notation::{self, NotWritable},
};

use super::{
    ColumnText, Declarations, MetricText, PolicyText, RelationshipText, TableText,
    reading::in_words, text::write_side,
};

impl Declarations {
    /// The words for these declarations. What was read from words can always be written again.
    pub fn write(given: &Semantics) -> Result<Self, NotWritable> {
        let metrics = given.metrics.iter().map(|it| Ok((it.name.to_string(), metric(it)?)));
        let tables = given.tables.iter().map(|it| Ok((it.table.to_string(), table(it)?)));
        let relationships =
            given.relationships.iter().map(|it| (it.name.to_string(), relationship(it)));
        let policies = given.policies.iter().map(|it| Ok((it.name.clone(), policy(it)?)));
        Ok(Self {
            currency: given.currency.clone(),
            fiscal_year_start: Some(given.fiscal_year_start).filter(|month| *month != 1),
            week_start: match given.week_start {
                WeekStart::Monday => None,
                WeekStart::Saturday => Some("saturday".to_owned()),
                WeekStart::Sunday => Some("sunday".to_owned()),
            },
            metrics: metrics.collect::<Result<_, _>>()?,
            tables: tables.collect::<Result<_, _>>()?,
            relationships: relationships.collect(),
            policies: policies.collect::<Result<_, _>>()?,
        })
    }
}

fn metric(given: &Metric) -> Result<MetricText, NotWritable> {
    Ok(MetricText {
        label: Some(given.label.clone()).filter(|label| *label != in_words(given.name.as_str())),
        labels: given.labels.clone(),
        description: given.description.clone(),
        synonyms: given.synonyms.clone(),
        expression: notation::write_definition(&given.definition)?,
        unit: Some(&given.unit).filter(|it| **it != Unit::Number).map(notation::write_unit),
        better: given.in_reports.better.map(|better| {
            let word = match better {
                Better::Higher => "higher",
                Better::Lower => "lower",
                Better::Neither => "neither",
            };
            word.to_owned()
        }),
        reports: given.in_reports.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        place: given.in_reports.place,
    })
}

fn table(given: &TableMeaning) -> Result<TableText, NotWritable> {
    let filter = given.default_filter.as_ref();
    let filter = filter.map(|it| notation::write_predicate(it, &given.table)).transpose()?;
    let columns = given.columns.iter().map(|it| (it.column.to_string(), column(it)));
    Ok(TableText {
        label: given.label.clone(),
        labels: given.labels.clone(),
        synonyms: given.synonyms.clone(),
        default_filter: filter,
        date: given.date.as_ref().map(ColumnName::to_string),
        display: given.display.as_ref().map(ColumnName::to_string),
        hidden: given.hidden,
        columns: columns.collect::<BTreeMap<_, _>>(),
    })
}

fn column(given: &ColumnMeaning) -> ColumnText {
    ColumnText {
        label: given.label.clone(),
        labels: given.labels.clone(),
        synonyms: given.synonyms.clone(),
        unit: given.unit.as_ref().map(notation::write_unit),
        hidden: given.hidden,
        values: given.values.clone(),
    }
}

fn relationship(given: &Relationship) -> RelationshipText {
    RelationshipText {
        from: write_side(&given.table, &given.columns),
        to: write_side(&given.to, &given.references),
        one_to_one: given.one_to_one,
        label: given.label.clone(),
    }
}

fn policy(given: &Policy) -> Result<PolicyText, NotWritable> {
    let rows = given.rows.as_ref();
    let rows = rows.map(|it| notation::write_predicate(it, &given.table)).transpose()?;
    let mut text = PolicyText {
        table: given.table.to_string(),
        rows,
        hidden_columns: given.hidden_columns.iter().map(ColumnName::to_string).collect(),
        ..PolicyText::default()
    };
    match &given.binds {
        Bound::Everybody => text.everybody = true,
        Bound::Roles(roles) => {
            text.roles = roles.iter().map(|role: &Role| role.as_str().to_owned()).collect();
        }
        Bound::Users(users) => text.users = users.iter().map(ToString::to_string).collect(),
    }
    Ok(text)
}
