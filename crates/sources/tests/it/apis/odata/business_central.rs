use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use pacioli_sources::{
    SourceError,
    apis::{BusinessCentralSettings, OData},
    source::Source,
};
use secrecy::SecretString;
use serde_json::json;

use super::{Entities, Kind, Server};
use crate::apis::{
    SECRET, described, faults::Fault, is_clean, load, load_some, only, pace::Moved, reach,
    references, table,
};

const METADATA: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Microsoft.NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="salesInvoice"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Guid" Nullable="false"/>
    <Property Name="number" Type="Edm.String" MaxLength="20"/>
    <Property Name="postingDate" Type="Edm.Date"/>
    <Property Name="customerId" Type="Edm.Guid"/>
    <Property Name="pricesIncludeTax" Type="Edm.Boolean"/>
    <Property Name="totalAmountExcludingTax" Type="Edm.Decimal" Scale="Variable"/>
    <Property Name="status" Type="Microsoft.NAV.invoiceStatus"/>
    <Property Name="postalAddress" Type="Microsoft.NAV.postalAddressType"/>
    <Property Name="pdf" Type="Edm.Stream"/>
    <Property Name="lastModifiedDateTime" Type="Edm.DateTimeOffset"/>
    <NavigationProperty Name="customer" Type="Microsoft.NAV.customer" Partner="salesInvoice">
      <ReferentialConstraint Property="customerId" ReferencedProperty="id"/></NavigationProperty>
    <NavigationProperty Name="salesInvoiceLines" Type="Collection(Microsoft.NAV.salesInvoiceLine)" ContainsTarget="true"/>
  </EntityType>
  <EntityType Name="salesInvoiceLine"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Guid" Nullable="false"/>
    <Property Name="documentId" Type="Edm.Guid"/>
    <Property Name="sequence" Type="Edm.Int32"/>
    <Property Name="quantity" Type="Edm.Decimal" Scale="5"/>
  </EntityType>
  <EntityType Name="customer"><Key><PropertyRef Name="id"/></Key>
    <Property Name="id" Type="Edm.Guid" Nullable="false"/>
    <Property Name="displayName" Type="Edm.String"/>
    <Property Name="lastModifiedDateTime" Type="Edm.DateTimeOffset"/>
  </EntityType>
  <EnumType Name="invoiceStatus"><Member Name="Draft" Value="0"/></EnumType>
  <ComplexType Name="postalAddressType"><Property Name="city" Type="Edm.String"/></ComplexType>
  <EntityContainer Name="NAV">
    <EntitySet Name="salesInvoices" EntityType="Microsoft.NAV.salesInvoice"/>
    <EntitySet Name="salesInvoiceLines" EntityType="Microsoft.NAV.salesInvoiceLine"/>
    <EntitySet Name="customers" EntityType="Microsoft.NAV.customer"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

fn guid(number: usize) -> String {
    format!("{number:08x}-0000-0000-0000-000000000000")
}

fn entities() -> Entities {
    let line = |invoice: usize, sequence: usize| json!({ "id": guid(invoice * 100 + sequence), "documentId": guid(invoice), "sequence": sequence * 10_000, "quantity": 1.5 });
    let invoice = |number: usize| {
        json!({
            "id": guid(number), "number": format!("PS-INV{number}"), "customerId": guid(7),
            "postingDate": if number == 3 { "0001-01-01" } else { "2026-01-31" },
            "pricesIncludeTax": false, "totalAmountExcludingTax": 1_234.567_89, "status": "Open",
            "postalAddress": { "city": "Rome" },
            "lastModifiedDateTime": format!("2026-02-01T08:00:{:02}.123Z", number % 4),
            "salesInvoiceLines": (1..=number % 3).map(|sequence| line(number, sequence)).collect::<Vec<_>>(),
        })
    };
    let customer = json!({ "id": guid(7), "displayName": "Trey Research", "lastModifiedDateTime": "2026-02-01T08:00:00Z" });
    BTreeMap::from([
        ("salesInvoices".to_owned(), (1..=10).map(invoice).collect()),
        ("salesInvoiceLines".to_owned(), Vec::new()),
        ("customers".to_owned(), vec![customer]),
    ])
}

async fn start() -> Server {
    Server::start(Kind::BusinessCentral, METADATA, entities()).await
}

fn settings(server: &Server) -> BusinessCentralSettings {
    serde_json::from_value(json!({
        "tenant": "contoso.example.com", "environment": "production", "client_id": "the-client",
        "company": super::COMPANY.trim_start_matches("companies(").trim_end_matches(')'),
        "url": format!("{}/BC", server.serving.url()), "token_url": format!("{}/token", server.serving.url()),
        "page_rows": 3, "overlap_seconds": 1,
    }))
    .unwrap()
}

fn source(server: &Server, pace: &Arc<Moved>) -> OData {
    OData::business_central(settings(server), &SecretString::from(SECRET), &reach(pace)).unwrap()
}

#[tokio::test]
async fn entity_sets_become_tables_with_their_references() {
    let server = start().await;
    let tables = source(&server, &Arc::new(Moved::default())).discover().await.unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["customers", "salesInvoiceLines", "salesInvoices"]);
    let invoices = table(&tables, "salesInvoices");
    assert_eq!(
        described(invoices),
        [
            "id: text -> id",
            "number: text -> number",
            "postingDate: date -> posting_date",
            "customerId: text -> customer_id",
            "pricesIncludeTax: boolean -> prices_include_tax",
            "totalAmountExcludingTax: decimal -> total_amount_excluding_tax",
            "status: text -> status",
            "postalAddress/city: text -> postal_address_city",
            "lastModifiedDateTime: timestamp -> last_modified_date_time",
        ]
    );
    assert_eq!(references(invoices), ["customer_id -> customers(id)"]);
    assert_eq!(
        references(table(&tables, "salesInvoiceLines")),
        ["document_id -> salesInvoices(id)"]
    );
    assert_eq!(invoices.changes_by.as_ref().unwrap().as_str(), "last_modified_date_time");
}

#[tokio::test]
async fn entities_come_page_by_page_with_exact_amounts_and_blank_dates_as_nothing() {
    let server = start().await;
    let source = source(&server, &Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let wanted = [
        "number",
        "postingDate",
        "totalAmountExcludingTax",
        "postalAddress/city",
        "lastModifiedDateTime",
    ];
    let loaded = load(&source, &only(table(&tables, "salesInvoices"), &wanted), None).await.whole();
    assert_eq!(loaded.batches, [3, 3, 3, 1]);
    assert_eq!(loaded.expected, Some(10));
    assert_eq!(
        loaded.rows[0],
        ["PS-INV1", "2026-01-31", "1234.5678900000", "Rome", "2026-02-01T08:00:01.123"]
    );
    assert_eq!(loaded.rows[2][1], "∅");
    let asked = server.faults.seen();
    let first = asked.iter().find(|seen| seen.target.contains("$orderby=id")).unwrap();
    assert_eq!(first.headers["prefer"], "odata.maxpagesize=3");
}

#[tokio::test]
async fn lines_come_through_their_documents() {
    let server = start().await;
    let source = source(&server, &Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let lines = table(&tables, "salesInvoiceLines");
    let loaded = load(&source, lines, None).await.whole();
    assert_eq!(loaded.rows.len(), 10);
    assert_eq!(
        loaded.rows[0],
        [&guid(101), &guid(1), "10000", "1.50000", "2026-02-01T08:00:01.123"]
    );
    let next = load(&source, lines, loaded.last_mark()).await.whole();
    assert_eq!(next.rows.len(), 4, "lines of the invoices 2, 3, 6, 7 and 10");
}

#[tokio::test]
async fn an_incremental_load_asks_for_what_changed_and_a_load_that_was_cut_off_goes_on() {
    let server = start().await;
    let source = source(&server, &Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let invoices = table(&tables, "salesInvoices");
    let whole = load(&source, invoices, None).await.whole();
    let next = load(&source, invoices, whole.last_mark()).await.whole();
    assert_eq!(next.keys(), [2, 3, 6, 7, 10].map(guid));
    let asked = server.faults.seen();
    assert!(asked.iter().any(|seen| {
        seen.target.contains("lastModifiedDateTime%20ge%202026-02-01T08%3A00%3A02.123Z")
    }));
    for batches in 1..=3 {
        let first = load_some(&source, invoices, None, batches).await.whole();
        let rest = load(&source, invoices, first.last_mark()).await.whole();
        let keys: Vec<&str> = first.keys().into_iter().chain(rest.keys()).collect();
        assert_eq!(keys, whole.keys());
        assert_eq!(rest.last_mark(), whole.last_mark());
    }
}

#[tokio::test]
async fn entities_that_change_between_pages_are_neither_lost_nor_doubled() {
    let server = start().await;
    let source = source(&server, &Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    // Page 0 asks for the newest change.
    server.before_page(3, |entities| {
        let rows = entities.get_mut("salesInvoices").unwrap();
        rows.remove(0);
        rows[1]["lastModifiedDateTime"] = json!("2026-02-02T00:00:00Z");
    });
    let loaded = load(&source, table(&tables, "salesInvoices"), None).await.whole();
    assert_eq!(loaded.keys(), (1..=10).map(guid).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_when_it_is_turned_away() {
    let server = start().await;
    let pace = Arc::new(Moved::default());
    let source = source(&server, &pace);
    let tables = source.discover().await.unwrap();
    let entered = || server.service.entered.load(Ordering::SeqCst);
    assert_eq!(entered(), 1);
    pace.advance(Duration::from_secs(3400));
    load(&source, table(&tables, "customers"), None).await.whole();
    assert_eq!(entered(), 1, "it still lasts 199 s");
    pace.advance(Duration::from_secs(100));
    load(&source, table(&tables, "customers"), None).await.whole();
    assert_eq!(entered(), 2, "99 s are too few");
    server.service.lasts.store(2, Ordering::SeqCst);
    let loaded = load(&source, table(&tables, "salesInvoices"), None).await.whole();
    assert_eq!(loaded.rows.len(), 10);
    assert!(entered() > 2);
}

#[tokio::test]
async fn a_throttled_service_is_waited_for_as_long_as_it_asks() {
    let server = start().await;
    let pace = Arc::new(Moved::default());
    let source = source(&server, &pace);
    let tables = source.discover().await.unwrap();
    server.faults.after(2, Fault::Later(429, Some("300")));
    let loaded = load(&source, table(&tables, "salesInvoices"), None).await.whole();
    assert_eq!((loaded.rows.len(), pace.waits()), (10, vec![300.0]));
}

#[tokio::test]
async fn a_wrong_secret_is_denied_and_not_repeated() {
    let server = start().await;
    let pace = Arc::new(Moved::default());
    let wrong = SecretString::from(format!("{SECRET}-wrong"));
    let source = OData::business_central(settings(&server), &wrong, &reach(&pace)).unwrap();
    let error = source.discover().await.unwrap_err();
    is_clean(&error);
    assert!(matches!(error, SourceError::Denied { .. }), "{error}");
    assert!(error.to_string().contains("AADSTS7000215"), "{error}");
    assert_eq!(server.faults.requests(), 1);
}

#[tokio::test]
async fn a_set_that_is_not_there_is_named() {
    let server = start().await;
    let pace = Arc::new(Moved::default());
    let named =
        BusinessCentralSettings { entity_sets: vec!["salesMagic".into()], ..settings(&server) };
    let source =
        OData::business_central(named, &SecretString::from(SECRET), &reach(&pace)).unwrap();
    let error = source.discover().await.unwrap_err().to_string();
    assert!(error.contains("salesMagic"), "{error}");
}
