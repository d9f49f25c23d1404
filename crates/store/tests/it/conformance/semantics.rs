use std::collections::BTreeMap;

use pacioli_model::{
    AuditAction, ColumnMeaning, ColumnName, DateCoverage, Known, MeasuredRelationship,
    Measurements, Relationship, Semantics, TableMeaning, TableName, TableVersion, UserId,
    ValueMatch,
};
use pacioli_store::{AuditQuery, StoreError};
use tokio::task::JoinSet;

use super::{subject::Subject, words::*};

fn in_currency(code: &str) -> Semantics {
    Semantics { currency: Some(code.to_owned()), ..Semantics::default() }
}

pub(crate) async fn declarations_change_one_after_the_other(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    assert_eq!(tenant.semantics().await.unwrap().version, 0);
    let mut euro = in_currency("EUR");
    let mut meaning = TableMeaning::of(TableName::parse("orders").unwrap());
    meaning.columns = vec![ColumnMeaning {
        column: ColumnName::parse("state").unwrap(),
        label: Some("$where.é".to_owned()),
        labels: BTreeMap::from([("de".to_owned(), "Wo".to_owned())]),
        synonyms: vec![],
        unit: None,
        values: BTreeMap::from([("a.b $c \0".to_owned(), vec!["x".to_owned()])]),
        hidden: false,
    }];
    euro.tables = vec![meaning];
    let changed = event(tenant.company_id(), AuditAction::SemanticsChanged);
    let version = tenant.declare_semantics(0, &euro, owner.id, now(), &changed).await.unwrap();
    assert_eq!(version, 1);
    let late = tenant.declare_semantics(0, &euro, owner.id, now(), &some_event()).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    let stored = tenant.semantics().await.unwrap();
    assert_eq!((stored.version, &stored.declared), (1, &euro));
    assert_eq!((stored.changed_at, stored.changed_by), (Some(now()), Some(owner.id)));
    assert_eq!(tenant.catalog().await.unwrap().semantics, Semantics { version: 1, ..euro.clone() });
    // What packs recognise lies below, and leaves no version behind.
    assert!(tenant.recognise_semantics(&in_currency("USD")).await.unwrap());
    assert!(!tenant.recognise_semantics(&in_currency("USD")).await.unwrap());
    let stored = tenant.semantics().await.unwrap();
    assert_eq!((stored.version, &stored.declared), (2, &euro));
    assert_eq!(tenant.catalog().await.unwrap().semantics.currency.as_deref(), Some("EUR"));
    let nothing = Semantics::default();
    tenant.declare_semantics(2, &nothing, owner.id, later(5), &some_event()).await.unwrap();
    assert_eq!(tenant.catalog().await.unwrap().semantics.currency.as_deref(), Some("USD"));
    let versions = tenant.semantics_versions().await.unwrap();
    let numbers: Vec<_> = versions.iter().map(|it| (it.version, it.replaced_by)).collect();
    assert_eq!(numbers, [(2, owner.id), (0, owner.id)]);
    assert_eq!((&versions[0].declared, versions[0].replaced_at), (&euro, later(5)));
    let only = AuditQuery {
        action: Some(AuditAction::SemanticsChanged),
        actor: None,
        target: None,
        outcome: None,
        from: None,
        to: None,
        after: None,
        limit: 10,
    };
    assert_eq!(tenant.audit(&only).await.unwrap().items.len(), 1);
    assert_eq!(other.semantics().await.unwrap().version, 0);
    assert_eq!(other.semantics_versions().await.unwrap(), []);
}

pub(crate) async fn of_declarations_at_once_one_succeeds(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let mut changes = JoinSet::new();
    for number in 0..6 {
        let tenant = tenant.clone();
        let declared = in_currency(&format!("C{number}"));
        changes.spawn(async move {
            tenant.declare_semantics(0, &declared, owner.id, now(), &some_event()).await.is_ok()
        });
    }
    let done = changes.join_all().await;
    assert_eq!(done.iter().filter(|it| **it).count(), 1);
    assert_eq!(tenant.semantics().await.unwrap().version, 1);
}

pub(crate) async fn earlier_declarations_are_kept_up_to_a_bound(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    for number in 0..53 {
        let (declared, at) = (in_currency(&format!("C{number}")), later(number));
        let base = u64::try_from(number).unwrap();
        tenant.declare_semantics(base, &declared, owner.id, at, &some_event()).await.unwrap();
    }
    let versions = tenant.semantics_versions().await.unwrap();
    assert_eq!((versions.len(), versions[0].version, versions[49].version), (50, 52, 3));
}

fn measured(revision: u64) -> Measurements {
    let (table, column) = (TableName::parse("orders").unwrap(), ColumnName::parse("id").unwrap());
    let version = TableVersion(next_id());
    let relationship = Relationship {
        name: Relationship::usual_name(&table, std::slice::from_ref(&column)),
        table: table.clone(),
        columns: vec![column.clone()],
        to: table.clone(),
        references: vec![column.clone()],
        one_to_one: false,
        known: Known::Found,
        label: None,
        match_rate: Some(0.95),
        orphans: Some(3),
    };
    let values = ValueMatch { rows: 60, found: 57, most_on_one_side: 1, most_on_many_side: 9 };
    let months = vec![("2025-01-01".parse().unwrap(), 7), ("2025-03-01".parse().unwrap(), 9)];
    Measurements {
        revision,
        relationships: vec![MeasuredRelationship {
            relationship,
            version,
            to_version: version,
            values,
            holds: true,
        }],
        dates: vec![DateCoverage { table: table.clone(), version, column, months }],
        keyless: vec![(table, version)],
    }
}

pub(crate) async fn measurements_replace_those_before_them_alone(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    assert_eq!(tenant.measurements().await.unwrap(), Measurements::default());
    let (first, second) = (measured(1), measured(2));
    assert!(tenant.put_measurements(&first).await.unwrap());
    assert_eq!(tenant.measurements().await.unwrap(), first);
    assert!(!tenant.put_measurements(&measured(1)).await.unwrap());
    assert!(!tenant.put_measurements(&measured(3)).await.unwrap());
    assert!(tenant.put_measurements(&second).await.unwrap());
    assert_eq!(tenant.measurements().await.unwrap(), second);
    assert_eq!(other.measurements().await.unwrap(), Measurements::default());
}

pub(crate) async fn a_key_is_noted_of_the_load_it_was_seen_in(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    let entry = super::tables::entry("orders");
    tenant.put_table(&entry, &some_event()).await.unwrap();
    let key = [entry.columns[0].name.clone()];
    assert!(tenant.note_primary_key(&entry.name, entry.version, &key).await.unwrap());
    let old = TableVersion(next_id());
    assert!(!tenant.note_primary_key(&entry.name, old, &key).await.unwrap());
    assert!(!other.note_primary_key(&entry.name, entry.version, &key).await.unwrap());
    let noted = tenant.table(&entry.name).await.unwrap().unwrap();
    assert_eq!((noted.primary_key.as_slice(), noted.rows), (&key[..], entry.rows));
    assert_ne!(noted.loaded_by, UserId(owner.id.0));
}
