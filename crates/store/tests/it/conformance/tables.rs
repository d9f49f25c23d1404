use std::collections::HashSet;

use chrono::Duration;
use pacioli_model::{
    Aggregate, Aggregation, Ask, Cell, Column, ColumnName, ColumnProfile, ColumnRef, ColumnType,
    Compare, Comparison, ConversationId, Decimal, Distinct, Figure, Job, JobFailure, JobId,
    JobKind, JobStatus, Literal, Measure, Origin, Predicate, QueryId, QuestionRecord, ReportDays,
    ReportKind, ReportOrder, ReportSpec, TableEntry, TableName, TableVersion, TimeGrain, UserId,
    Value,
};
use pacioli_store::PageRequest;
use tokio::task::JoinSet;

use super::{subject::Subject, words::*};

pub(super) fn name(text: &str) -> TableName {
    TableName::parse(text).unwrap()
}

pub(super) fn entry(table: &str) -> TableEntry {
    let column = |name: &str, data_type, min, max, values| Column {
        name: ColumnName::parse(name).unwrap(),
        label: "Order $ref.é".into(),
        data_type,
        profile: ColumnProfile {
            nulls: 3,
            distinct: Distinct::Exactly(2),
            min,
            max,
            values,
            ascending: true,
        },
    };
    let amounts = [Decimal::new(-1205, 2), Decimal::new(99, 2)].map(Cell::Decimal).map(Some);
    let [least, greatest] = amounts;
    let names = vec!["Ada".to_owned(), "é $x.y \0".to_owned()];
    TableEntry {
        name: name(table),
        version: TableVersion(next_id()),
        origin: Origin::Upload { file_name: "orders.csv".into(), part: None },
        columns: vec![
            column("amount", ColumnType::Decimal { scale: 2 }, least, greatest, None),
            column("customer", ColumnType::Text, None, None, Some(names)),
            column(
                "weight",
                ColumnType::Float,
                Some(Cell::Float(0.1)),
                Some(Cell::Float(3.0)),
                None,
            ),
            column("at", ColumnType::Timestamp, Some(Cell::Timestamp(now().utc())), None, None),
        ],
        rows: 1_000_000_000_000,
        bytes: 42,
        loaded_at: now(),
        loaded_by: UserId(next_id()),
        notes: vec!["day first".into()],
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
    }
}

pub(crate) async fn a_table_is_put_replaced_and_deleted(subject: &Subject) {
    let store = &subject.store;
    let (tenant, _) = signed_up(store).await;
    let (orders, customers) = (entry("orders"), entry("customers"));
    assert_eq!(tenant.put_table(&orders, &some_event()).await.unwrap(), None);
    assert_eq!(tenant.put_table(&customers, &some_event()).await.unwrap(), None);
    let listed = tenant.catalog().await.unwrap().tables;
    assert_eq!(listed, [customers.clone(), orders.clone()], "by name");
    let again = TableEntry { loaded_at: later(60), rows: 7, columns: vec![], ..entry("orders") };
    assert_eq!(tenant.put_table(&again, &some_event()).await.unwrap(), Some(orders));
    assert_eq!(tenant.table(&name("orders")).await.unwrap(), Some(again.clone()));
    let mut versions = store.table_versions().await.unwrap();
    versions.sort_by_key(|it| it.1.clone());
    let id = tenant.company_id();
    assert_eq!(
        versions,
        [(id, customers.name, customers.version), (id, again.name.clone(), again.version),]
    );
    let stored = subject.stored("tables", &format!("{id}/orders")).await.unwrap();
    assert!(stored.contains("created_at") && stored.contains("replaced_at"));
    assert_eq!(tenant.delete_table(&again.name, &some_event()).await.unwrap(), Some(again.clone()));
    assert_eq!(tenant.delete_table(&again.name, &some_event()).await.unwrap(), None);
    assert_eq!(tenant.table(&again.name).await.unwrap(), None);
    assert_eq!(store.table_versions().await.unwrap().len(), 1);
}

pub(crate) async fn of_loads_at_once_each_replaces_another(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let mut loads = JoinSet::new();
    for _ in 0..6 {
        let tenant = tenant.clone();
        loads.spawn(async move {
            let load = entry("orders");
            let replaced = tenant.put_table(&load, &some_event()).await.unwrap();
            (load.version, replaced.map(|it| it.version))
        });
    }
    let done = loads.join_all().await;
    let put: HashSet<_> = done.iter().map(|it| it.0).collect();
    let mut gone: HashSet<_> = done.iter().filter_map(|it| it.1).collect();
    assert_eq!(gone.len(), 5, "each but the first replaced exactly one");
    let current = tenant.table(&name("orders")).await.unwrap().unwrap().version;
    assert!(gone.insert(current));
    assert_eq!(gone, put, "no load is lost to the sweeper");
}

pub(crate) async fn several_tables_are_put_together_or_not_at_all(subject: &Subject) {
    let store = &subject.store;
    let (tenant, _) = signed_up(store).await;
    let old = entry("orders");
    tenant.put_table(&old, &some_event()).await.unwrap();
    let loads = ["customers", "lines", "orders"].map(|name| (entry(name), some_event()));
    assert_eq!(tenant.put_tables(&loads).await.unwrap(), [old], "what was replaced");
    let entries = loads.clone().map(|(entry, _)| entry);
    assert_eq!(tenant.catalog().await.unwrap().tables, entries);
    assert_eq!(tenant.put_tables(&[]).await.unwrap(), []);
    // An entry of the log that is there already fails the batch, and with it every table.
    let again = ["orders", "suppliers"].map(entry);
    let [orders, suppliers] = again;
    let torn = [(orders, some_event()), (suppliers, loads[0].1.clone())];
    assert!(tenant.put_tables(&torn).await.is_err());
    assert_eq!(tenant.catalog().await.unwrap().tables, entries, "nothing of it was put");
}

pub(crate) async fn of_loads_of_several_tables_at_once_none_is_torn(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let mut loads = JoinSet::new();
    for round in 0..4 {
        let tenant = tenant.clone();
        loads.spawn(async move {
            let mark = |name| TableEntry { notes: vec![round.to_string()], ..entry(name) };
            let load = ["customers", "orders"].map(|name| (mark(name), some_event()));
            tenant.put_tables(&load).await.unwrap().len()
        });
    }
    let replaced = loads.join_all().await;
    assert_eq!(replaced.iter().sum::<usize>(), 6, "each but the first replaced two");
    let tables = tenant.catalog().await.unwrap().tables;
    assert_eq!(tables.len(), 2);
    assert_eq!(tables[0].notes, tables[1].notes, "both are of one load");
}

pub(crate) async fn tables_keep_to_their_company(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    let orders = entry("orders");
    tenant.put_table(&orders, &some_event()).await.unwrap();
    assert_eq!(other.table(&orders.name).await.unwrap(), None);
    assert_eq!(other.delete_table(&orders.name, &some_event()).await.unwrap(), None);
    assert_eq!(other.catalog().await.unwrap().tables, []);
    let theirs = entry("orders");
    assert_eq!(other.put_table(&theirs, &some_event()).await.unwrap(), None);
    assert_eq!(tenant.table(&orders.name).await.unwrap(), Some(orders));
    assert_eq!(other.table(&theirs.name).await.unwrap(), Some(theirs));
}

pub(crate) async fn jobs_are_remembered_as_they_stand(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    let whose = (tenant.company_id(), owner.id);
    let times = (Duration::seconds(10), Duration::seconds(1000));
    let mut job = Job::begun(JobKind::Load, JobId(next_id()), whose, now(), times);
    let failed = JobFailure { code: "file_unreadable".into(), detail: "Save it as CSV.".into() };
    for (status, failure, rows) in [
        (JobStatus::Running, None, 5),
        (JobStatus::Failed, Some(failed), 6),
        (JobStatus::Succeeded, None, 7),
    ] {
        tenant.put_job(&job).await.unwrap();
        job = Job { status, failure, rows, updated_at: later(1), ..job };
        tenant.put_job(&job).await.unwrap();
        assert_eq!(tenant.job(job.id).await.unwrap(), Some(job.clone()));
    }
    assert_eq!(other.job(job.id).await.unwrap(), None);
    assert!(other.put_job(&job).await.is_err(), "another company's job is not to be written");
    assert_eq!(tenant.job(job.id).await.unwrap(), Some(job));
}

pub(crate) async fn a_report_whose_server_died_is_taken_up_once(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    let whose = (tenant.company_id(), owner.id);
    let times = (Duration::seconds(30), Duration::seconds(1000));
    let job = Job::begun(JobKind::Report, JobId(next_id()), whose, now(), times);
    let spec = ReportSpec {
        kind: ReportKind::Sales,
        grain: None,
        compare: Compare::Usual,
        filters: vec![],
        currency: None,
        questions: vec![],
        language: "de".to_owned(),
    };
    let today = now().utc().date_naive();
    let days = Some(ReportDays { from: today, to: today, grain: TimeGrain::Month });
    let report = Some(ReportOrder { spec, days, formats: vec!["pdf".to_owned()], today });
    let job = Job { report, resume_at: Some(job.lease_until), ..job };
    tenant.put_job(&job).await.unwrap();
    let left = async |at| {
        let left = subject.store.interrupted_jobs(at, 1000).await.unwrap();
        left.into_iter().find(|it| it.id == job.id)
    };
    assert_eq!(left(later(30)).await, None, "it lives until then");
    assert_eq!(left(later(31)).await, Some(job.clone()));
    let event = some_event();
    assert!(tenant.cancel_job(job.id, later(31), &event).await.unwrap());
    let again = Job { tries: 2, resume_at: Some(later(61)), ..job.clone() };
    assert!(!other.take_up_job(&job, &again).await.unwrap_or(false), "another company's job");
    let mut tries = JoinSet::new();
    for _ in 0..4 {
        let (tenant, job, again) = (tenant.clone(), job.clone(), again.clone());
        tries.spawn(async move { tenant.take_up_job(&job, &again).await.unwrap() });
    }
    let taken = tries.join_all().await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    assert_eq!(left(later(31)).await, None);
    assert_eq!(left(later(62)).await, Some(again.clone()));
    assert!(tenant.is_job_cancelled(job.id).await.unwrap(), "that is still known");
    let made = Job { status: JobStatus::Succeeded, report: None, resume_at: None, ..again };
    tenant.put_job(&made).await.unwrap();
    assert_eq!(left(later(1000)).await, None);
    assert_eq!(tenant.job(job.id).await.unwrap(), Some(made));
}

pub(crate) async fn questions_are_listed_newest_first(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    let talk = ConversationId(next_id());
    let amount = ColumnName::parse("amount").unwrap();
    let of = ColumnRef::new(name("orders"), amount.clone());
    let value = Some(Value::Column(of.clone()));
    let sum = Aggregation { value, ..Aggregation::new(Aggregate::Sum, name("orders")) };
    let ask = Ask {
        measures: vec![Measure::new(amount, Figure::Aggregate(sum))],
        filter: Some(Predicate::compare(
            of,
            Comparison::Greater,
            Literal::Decimal(Decimal::new(5, 1)),
        )),
        limit: Some(3),
        ..Ask::about(name("orders"))
    };
    let mut asked = Vec::new();
    for number in 0..4 {
        let question = QuestionRecord {
            id: QueryId(next_id()),
            company_id: tenant.company_id(),
            user_id: owner.id,
            conversation_id: if number < 3 { talk } else { ConversationId(next_id()) },
            asked_at: later(number),
            today: Some("2026-06-17".parse().unwrap()),
            question: "total revenue?".into(),
            status: "answered".into(),
            ask: (number % 2 == 0).then(|| ask.clone()),
            sql: Some("SELECT 1".into()),
            source: None,
            row_count: Some(1),
        };
        tenant.remember_question(&question).await.unwrap();
        asked.push(question);
    }
    asked.reverse();
    assert_eq!(tenant.question(asked[0].id).await.unwrap(), Some(asked[0].clone()));
    assert_eq!(other.question(asked[0].id).await.unwrap(), None);
    let page = |limit| PageRequest { after: None, limit };
    let all = tenant.questions_of(owner.id, None, &page(50)).await.unwrap();
    assert_eq!((all.items, all.next), (asked.clone(), None));
    let first = tenant.questions_of(owner.id, Some(talk), &page(2)).await.unwrap();
    assert_eq!(first.items, asked[1..3]);
    let rest = PageRequest { after: first.next, limit: 2 };
    let rest = tenant.questions_of(owner.id, Some(talk), &rest).await.unwrap();
    assert_eq!((rest.items, rest.next), (asked[3..].to_vec(), None));
    assert_eq!(other.questions_of(owner.id, None, &page(50)).await.unwrap().items, []);
    let nobody = UserId(next_id());
    assert_eq!(tenant.questions_of(nobody, None, &page(50)).await.unwrap().items, []);
}
