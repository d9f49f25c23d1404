//! A service of no vendor: what the standard allows and the two others do not do.

use std::sync::Arc;

use axum::{
    Router,
    extract::Query,
    http::{HeaderMap, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::StreamExt;
use pacioli_sources::{
    SourceError,
    apis::{OData, ODataSettings},
    source::{Pull, Source},
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::apis::{
    SECRET, described,
    faults::{self, Faults},
    load,
    pace::Moved,
    reach, references,
    serving::Serving,
    table,
};

const METADATA: &str = r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Shop" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <ComplexType Name="Part"><Property Name="Sku" Type="Edm.String"/><Property Name="Weight" Type="Edm.Double"/></ComplexType>
  <EntityType Name="OrderLine"><Key><PropertyRef Name="OrderId"/><PropertyRef Name="Line"/></Key>
    <Property Name="OrderId" Type="Edm.Int64" Nullable="false"/>
    <Property Name="Line" Type="Edm.Int16" Nullable="false"/>
    <Property Name="Amount" Type="Edm.Decimal" Precision="38" Scale="4"/>
    <Property Name="Parts" Type="Collection(Shop.Part)"/>
    <Property Name="Tags" Type="Collection(Edm.String)"/>
  </EntityType>
  <EntityContainer Name="C"><EntitySet Name="OrderLines" EntityType="Shop.OrderLine"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

async fn lines(Query(asked): Query<Vec<(String, String)>>) -> Response {
    let page: usize =
        asked.iter().find(|(name, _)| name == "page").map_or(0, |(_, page)| page.parse().unwrap());
    // Numbers as texts, as `IEEE754Compatible=true` has them.
    let line = |line: usize| {
        json!({
            "OrderId": "9007199254740993", "Line": page * 2 + line, "Amount": "1234567890123456789012.3456",
            "Parts": [{ "Sku": "a", "Weight": 0.5 }, { "Sku": "b", "Weight": "INF" }], "Tags": ["x"],
        })
    };
    let mut answer = json!({ "@odata.count": "4", "value": [line(1), line(2)] });
    if page == 0 {
        answer["@odata.nextLink"] = json!("/shop/OrderLines?page=1");
    }
    ([(header::CONTENT_TYPE, "application/json;IEEE754Compatible=true")], answer.to_string())
        .into_response()
}

async fn start() -> (Serving, Faults) {
    let faults = Faults::default();
    let metadata = || async { ([(header::CONTENT_TYPE, "application/xml")], METADATA) };
    let router = Router::new()
        .route("/shop/$metadata", get(metadata))
        .route("/shop/OrderLines", get(lines))
        .layer(middleware::from_fn(knows))
        .layer(middleware::from_fn_with_state(faults.clone(), faults::meet));
    (Serving::start(router).await, faults)
}

/// Lets in `user` with the secret, by name or by token.
async fn knows(
    headers: HeaderMap,
    request: axum::extract::Request,
    next: middleware::Next,
) -> Response {
    let basic = "Basic dXNlcjpzM2NyM3Qma2V5L29mIHRoZStzb3VyY2U=".to_owned();
    let known = [basic, format!("Bearer {SECRET}")];
    let carried = headers.get("authorization").and_then(|value| value.to_str().ok());
    if carried.is_some_and(|carried| known.iter().any(|known| known == carried)) {
        return next.run(request).await;
    }
    (
        StatusCode::UNAUTHORIZED,
        json!({ "error": { "code": "x", "message": "who are you" } }).to_string(),
    )
        .into_response()
}

fn source(serving: &Serving, access: &Value) -> OData {
    let text = json!({ "url": format!("{}/shop/", serving.url()), "access": access });
    let settings: ODataSettings = serde_json::from_value(text).unwrap();
    OData::new(settings, &SecretString::from(SECRET), &reach(&Arc::new(Moved::default()))).unwrap()
}

#[tokio::test]
async fn keys_of_several_parts_exact_texts_and_collections_are_read() {
    let (serving, _) = start().await;
    let source = source(&serving, &json!({ "kind": "basic", "user": "user" }));
    let tables = source.discover().await.unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["OrderLines", "OrderLines/Parts"]);
    let loaded = load(&source, table(&tables, "OrderLines"), None).await.whole();
    assert_eq!(loaded.expected, Some(4));
    assert_eq!(loaded.rows[3], ["9007199254740993", "4", "1234567890123456789012.3456"]);
    let parts = table(&tables, "OrderLines/Parts");
    assert_eq!(
        described(parts),
        [
            "../OrderId: integer -> order_id",
            "../Line: integer -> line",
            "#: integer -> position",
            "Sku: text -> sku",
            "Weight: float -> weight",
        ]
    );
    assert_eq!(references(parts), ["order_id,line -> OrderLines(order_id,line)"]);
    let loaded = load(&source, parts, None).await.whole();
    assert_eq!(loaded.rows.len(), 8);
    assert_eq!(loaded.rows[7], ["9007199254740993", "4", "2", "b", "∅"]);
}

#[tokio::test]
async fn each_way_in_is_tried_as_it_is_and_a_closed_service_says_so() {
    let (serving, faults) = start().await;
    source(&serving, &json!({ "kind": "bearer" })).discover().await.unwrap();
    for access in [json!({ "kind": "open" }), json!({ "kind": "basic", "user": "other" })] {
        let before = faults.requests();
        let error = source(&serving, &access).discover().await.unwrap_err();
        assert!(
            matches!(&error, SourceError::Denied { detail } if detail.contains("who are you")),
            "{error}"
        );
        assert_eq!(faults.requests() - before, 1);
    }
    let unknown = json!({ "url": "https://x", "access": { "kind": "open", "password": "x" } });
    assert!(serde_json::from_value::<ODataSettings>(unknown).is_err());
}

/// Memory of this process, in bytes, at its most.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

async fn many(Query(asked): Query<Vec<(String, String)>>) -> Response {
    let page: usize =
        asked.iter().find(|(name, _)| name == "page").map_or(0, |(_, page)| page.parse().unwrap());
    let row = |line: usize| json!({ "OrderId": page, "Line": line, "Amount": "12.5" });
    let rows: Vec<Value> = (0..2500).map(row).collect();
    let mut answer = json!({ "value": rows });
    if page < 59 {
        answer["@odata.nextLink"] = json!(format!("/shop/OrderLines?page={}", page + 1));
    }
    ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}

#[tokio::test]
async fn a_long_load_takes_no_more_memory_than_a_short_one() {
    let metadata = || async { ([(header::CONTENT_TYPE, "application/xml")], METADATA) };
    let router =
        Router::new().route("/shop/$metadata", get(metadata)).route("/shop/OrderLines", get(many));
    let serving = Serving::start(router).await;
    let source = source(&serving, &json!({ "kind": "open" }));
    let tables = source.discover().await.unwrap();
    let pull = Pull { table: table(&tables, "OrderLines").clone(), since: None };
    let mut stream = source.pull(pull);
    let (mut rows, mut bytes, mut early) = (0, 0, 0);
    while let Some(pulled) = stream.next().await {
        let pulled = pulled.unwrap();
        rows += pulled.batch.num_rows();
        bytes += pulled.bytes;
        if rows == 12_500 {
            early = peak();
        }
    }
    assert_eq!(rows, 150_000);
    assert!(bytes > 6_000_000, "{bytes}");
    let more = peak() - early;
    assert!(more < 5 << 20, "{more} bytes more at the end than after a twelfth");
}
