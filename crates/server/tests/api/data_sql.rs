//! `POST /sql`, `DELETE /queries/{id}`, the forms that answers come in, and that nobody sees what is
//! not theirs in any of them.

use std::{collections::BTreeSet, io::Cursor, time::Duration};

use calamine::{Data, DataType as _, Reader as _, Xlsx};
use pacioli_model::{
    AuditAction, AuditEvent, AuditId, Bound, CallerAttribute, ColumnName, ColumnRef, CompanyId,
    Comparison, Outcome, Policy, Predicate, Role, Semantics, TableName, Timestamp, UserId,
    Value as Operand,
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    checks::{columns, first_error, refused, rows},
    server::{Answer, Person, Server},
};

const SALES: &str = "\
region,amount,day,note
North,10.50,2025-01-03,=1+1
South,-20.25,2025-02-01,\"plain, with comma\"
North,5.00,2025-02-28,@x
";

async fn with_sales() -> (Server, Person) {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", SALES).await;
    (server, owner)
}

async fn sql(server: &Server, person: &Person, text: &str) -> Answer {
    server.send(person, Method::POST, "/sql", json!({ "sql": text })).await
}

/// The answer's body, in the form that `accept` names.
async fn bytes(server: &Server, person: &Person, path: &str, accept: &str, body: Value) -> Vec<u8> {
    let request = server.request(Method::POST, path).bearer_auth(&person.token);
    let response = request.header("accept", accept).json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], accept);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-truncated"], "false");
    response.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn a_statement_is_answered_with_its_rows() {
    let (server, owner) = with_sales().await;
    let text =
        "SELECT region, sum(amount) AS total, count(*) FROM sales GROUP BY region ORDER BY 1";
    let answer = sql(&server, &owner, text).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let keys: BTreeSet<&str> =
        answer.body.as_object().unwrap().keys().map(String::as_str).collect();
    let expect = ["columns", "rows", "row_count", "truncated", "sql", "timing_ms", "query_id"];
    assert_eq!(keys, BTreeSet::from(expect), "{}", answer.text);
    let named = [("region", "text"), ("total", "decimal"), ("count", "integer")];
    assert_eq!(columns(&answer), named.map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(rows(&answer), [["North", "15.50", "2"], ["South", "-20.25", "1"]]);
    assert_eq!((&answer.body["row_count"], &answer.body["truncated"]), (&json!(2), &json!(false)));
    assert_eq!(answer.body["sql"], text);
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn the_sql_of_an_answer_gives_the_same_rows() {
    let (server, owner) = with_sales().await;
    for question in ["total amount by region", "amount by month", "how many sales"] {
        let asked = server.ask(&owner, question).await;
        let Some(text) = asked.body["sql"].as_str() else { panic!("{}", asked.text) };
        let answer = sql(&server, &owner, text).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(rows(&answer), rows(&asked), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_select_over_the_companys_tables_is_refused_with_the_reason() {
    let (server, owner) = with_sales().await;
    for (text, reason) in [
        ("DROP TABLE sales", "DROP is not allowed"),
        ("SELECT 1; SELECT 2", "only one"),
        ("SELECT * FROM information_schema.tables", "There is no table information_schema.tables"),
        ("SELECT repeat('x', 2000000000)", "The function repeat is not allowed"),
        ("SELECT nothing FROM sales", "No field named nothing"),
        ("SELECT amount / 0 FROM sales", "Divide by zero"),
    ] {
        let answer = sql(&server, &owner, text).await;
        refused(&answer, 422, "invalid_query");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{detail}");
    }
    for (body, place) in [
        (json!({}), "body.sql"),
        (json!({"sql": "  "}), "body.sql"),
        (json!({"sql": "x".repeat(100_001)}), "body.sql"),
        (json!({"sql": 1}), "body.sql"),
        (json!({"sql": "SELECT 1", "query_id": "x"}), "body.query_id"),
        (json!({"sql": "SELECT 1", "more": 1}), "body.more"),
    ] {
        let answer = server.send(&owner, Method::POST, "/sql", body).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, place, "{}", answer.text);
    }
}

#[tokio::test]
async fn answers_come_as_csv_arrow_parquet_and_workbooks() {
    let (server, owner) = with_sales().await;
    let statement = json!({"sql": "SELECT note, amount, day FROM sales ORDER BY day"});
    let csv = bytes(&server, &owner, "/sql", "text/csv", statement.clone()).await;
    assert_eq!(
        String::from_utf8(csv).unwrap(),
        "note,amount,day\n'=1+1,10.50,2025-01-03\n\"plain, with comma\",-20.25,2025-02-01\n'@x,5.00,2025-02-28\n"
    );
    let arrow = "application/vnd.apache.arrow.stream";
    let stream = bytes(&server, &owner, "/sql", arrow, statement.clone()).await;
    let reader = arrow::ipc::reader::StreamReader::try_new(stream.as_slice(), None).unwrap();
    let batches: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
    assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 3);
    let workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let book = bytes(&server, &owner, "/sql", workbook, statement.clone()).await;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(book)).unwrap();
    let name = book.sheet_names()[0].clone();
    let sheet = book.worksheet_range(&name).unwrap();
    let row = sheet.rows().find(|row| row[0] == Data::String("=1+1".to_owned())).unwrap();
    assert_eq!(row[1], Data::Float(10.5));
    assert_eq!(row[2].as_date().unwrap().to_string(), "2025-01-03");
    let parquet = "application/vnd.apache.parquet";
    let file = bytes(&server, &owner, "/sql", parquet, statement).await;
    assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));

    let question = json!({"question": "total amount by region"});
    let csv = bytes(&server, &owner, "/query", "text/csv", question).await;
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.contains("North,15.50\n") && csv.lines().count() == 3, "{csv}");
    let request = server.request(Method::POST, "/query").bearer_auth(&owner.token);
    let request = request.header("accept", "text/csv").json(&json!({"question": "xyzzy"}));
    let refusal = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(refusal.body["status"], "not_answerable", "a refusal has no rows: it is JSON");
}

/// Runs until it is ended: every row meets every row.
const ENDLESS: &str = "SELECT sum(a.v * b.v) AS s FROM same a JOIN same b ON a.k = b.k";

#[tokio::test]
async fn a_running_query_is_cancelled_by_its_company_alone() {
    let server = Server::start().await;
    let (owner, other) = (server.sign_up("owner").await, server.sign_up("other").await);
    let rows: Vec<String> = (0..100_000).map(|row| format!("{row},1")).collect();
    server.load(&owner, "same.csv", &format!("v,k\n{}\n", rows.join("\n"))).await;
    let id = Uuid::from_u128(77);
    let body = json!({"sql": ENDLESS, "query_id": id});
    let request = server.request(Method::POST, "/sql").bearer_auth(&owner.token).json(&body);
    let asked = tokio::spawn(async move { Answer::of(request.send().await.unwrap()).await });
    for _ in 0..500 {
        if server.app.engine.stats().running == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let path = format!("/queries/{id}");
    let cancel = async |person: &Person| {
        let request = server.request(Method::DELETE, &path).bearer_auth(&person.token);
        Answer::of(request.send().await.unwrap()).await
    };
    refused(&cancel(&other).await, 404, "not_found");
    assert_eq!(cancel(&owner).await.status, StatusCode::NO_CONTENT);
    refused(&asked.await.unwrap(), 409, "query_cancelled");
    refused(&cancel(&owner).await, 404, "not_found");
    let stats = server.app.engine.stats();
    assert_eq!((stats.cancelled, stats.running), (1, 0));
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_query() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let rows: Vec<String> = (0..100_000).map(|row| format!("{row},1")).collect();
    server.load(&owner, "same.csv", &format!("v,k\n{}\n", rows.join("\n"))).await;
    let request = server.request(Method::POST, "/sql").bearer_auth(&owner.token);
    let request = request.json(&json!({ "sql": ENDLESS }));
    let gone = request.timeout(Duration::from_secs(1)).send().await;
    assert!(gone.is_err_and(|error| error.is_timeout()));
    for _ in 0..500 {
        let stats = server.app.engine.stats();
        if (stats.cancelled, stats.running) == (1, 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", server.app.engine.stats());
}

/// Declares what may be seen of `sales`: users their own rows without the amount.
async fn declare_policy(server: &Server, owner: &Person) {
    let company: CompanyId = owner.company.parse().unwrap();
    let user: UserId = owner.id.parse().unwrap();
    let sales: TableName = "sales".parse().unwrap();
    let seller = ColumnRef::new(sales.clone(), "seller".parse().unwrap());
    let policy = Policy {
        name: "own_rows".to_owned(),
        binds: Bound::Roles(vec![Role::User]),
        table: sales,
        rows: Some(Predicate::Compare {
            left: Operand::Column(seller),
            comparison: Comparison::Equal,
            right: Operand::Caller(CallerAttribute::Email),
        }),
        hidden_columns: vec![ColumnName::parse("margin").unwrap()],
    };
    let semantics = Semantics { policies: vec![policy], ..Semantics::default() };
    let at: Timestamp = server.app.clock.now();
    let event = AuditEvent {
        id: AuditId(Uuid::from_u128(1)),
        company_id: company,
        at,
        action: AuditAction::TableDeleted,
        outcome: Outcome::Success,
        actor: Some(user),
        target: None,
        detail: None,
        address: None,
        request_id: None,
    };
    let data = server.app.store.tenant(company);
    data.declare_semantics(0, &semantics, user, at, &event).await.unwrap();
}

#[tokio::test]
async fn a_policy_holds_for_questions_tables_and_exports() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let (ann, bob) = (server.add_user(&owner, "ann").await, server.add_user(&owner, "bob").await);
    let content = format!(
        "seller,amount,margin\n{0},10,111\n{0},20,222\n{1},500,333\nnobody,7000,444\n",
        ann.email, bob.email
    );
    server.load(&owner, "sales.csv", &content).await;
    declare_policy(&server, &owner).await;
    for (person, total) in [(&ann, "30"), (&bob, "500"), (&ann, "30"), (&owner, "7530")] {
        let answer = server.ask(person, "total amount").await;
        assert_eq!(rows(&answer), [[total]], "{}", answer.text);
    }
    let answer = server.ask(&ann, "total margin").await;
    assert_ne!(answer.body["status"], "answered", "{}", answer.text);
    assert_eq!(rows(&server.ask(&owner, "total margin").await), [["1110"]]);
    let table = server.get(&ann, "/tables/sales").await;
    assert_eq!(table.status, StatusCode::OK, "{}", table.text);
    for hidden in ["margin", "333", "7000", "444", "nobody", &bob.email] {
        assert!(!table.text.contains(hidden), "{hidden}: {}", table.text);
    }
    assert_eq!(table.body["sample"]["rows"], json!([[ann.email, 10], [ann.email, 20]]));
    let question = json!({"question": "total amount by seller"});
    let csv = bytes(&server, &bob, "/query", "text/csv", question).await;
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.contains("500") && !csv.contains("nobody") && !csv.contains(&ann.email), "{csv}");
    let all = sql(&server, &owner, "SELECT count(*), sum(margin) FROM sales").await;
    assert_eq!(rows(&all), [["4", "1110"]]);
}

/// One of what two companies may do with their equally named tables.
#[derive(Debug, Clone)]
enum Step {
    /// A new load of so many rows.
    Load {
        rows: u8,
    },
    Ask,
    Sql,
    Export(&'static str),
    /// A question about the other one's table by its own name.
    Peek,
}

fn step() -> impl Strategy<Value = (bool, Step)> {
    let kinds = ["text/csv", "application/vnd.apache.arrow.stream"];
    let step = prop_oneof![
        2 => (1_u8..9).prop_map(|rows| Step::Load { rows }),
        3 => Just(Step::Ask),
        3 => Just(Step::Sql),
        3 => proptest::sample::select(kinds.to_vec()).prop_map(Step::Export),
        1 => Just(Step::Peek),
    ];
    (any::<bool>(), step)
}

struct Side {
    person: Person,
    marker: &'static str,
    rows: u64,
}

impl Side {
    async fn load(&mut self, server: &Server, rows: u8) {
        self.rows = rows.into();
        let lines: Vec<String> = (0..rows)
            .map(|row| format!("{} {row},{}\n", self.marker, u32::from(row) + 1))
            .collect();
        let lines = lines.concat();
        server.load(&self.person, "ledger.csv", &format!("name,amount\n{lines}")).await;
    }

    fn total(&self) -> String {
        (self.rows * (self.rows + 1) / 2).to_string()
    }
}

#[tokio::test]
async fn two_companies_with_equally_named_tables_never_see_each_other() {
    let server = Server::start().await;
    let mut sides = Vec::new();
    for (name, marker) in [("first", "alpha"), ("second", "omega")] {
        let person = server.sign_up(name).await;
        let mut side = Side { person, marker, rows: 0 };
        side.load(&server, if marker == "alpha" { 3 } else { 5 }).await;
        server.load(&side.person, &format!("only_{marker}.csv"), "x\n1\n").await;
        sides.push(side);
    }
    // Fixed, so that a failure comes again.
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let steps = proptest::collection::vec(step(), 80).new_tree(&mut runner).unwrap().current();
    for (first, step) in steps {
        let (mine, other) = if first { (0, 1) } else { (1, 0) };
        let foreign = sides[other].marker;
        let side = &mut sides[mine];
        let list = "SELECT name, amount FROM ledger ORDER BY amount";
        let seen = match step {
            Step::Load { rows } => {
                side.load(&server, rows).await;
                continue;
            }
            Step::Ask => {
                let answer = server.ask(&side.person, "total amount").await;
                assert_eq!(rows(&answer), [[side.total()]], "{step:?} {}", answer.text);
                let answer = server.ask(&side.person, "total amount by name").await;
                assert_eq!(answer.body["row_count"], side.rows, "{}", answer.text);
                answer.text
            }
            Step::Sql => {
                let answer = sql(&server, &side.person, list).await;
                assert_eq!(answer.body["row_count"], side.rows, "{}", answer.text);
                answer.text
            }
            Step::Export(kind) => {
                let body = json!({ "sql": list });
                let file = bytes(&server, &side.person, "/sql", kind, body).await;
                let text = String::from_utf8_lossy(&file).into_owned();
                assert_eq!(text.matches(side.marker).count() as u64, side.rows, "{kind}");
                text
            }
            Step::Peek => {
                let text = format!("SELECT * FROM only_{foreign}");
                let answer = sql(&server, &side.person, &text).await;
                refused(&answer, 422, "invalid_query");
                let path = format!("/tables/only_{foreign}");
                refused(&server.get(&side.person, &path).await, 404, "not_found");
                continue;
            }
        };
        assert!(!seen.contains(foreign), "{step:?}: {seen}");
    }
    assert!(server.app.engine.stats().cache_hits > 0, "the cache was part of it");
}
