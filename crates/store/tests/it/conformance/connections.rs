use chrono::Duration;
use pacioli_model::{
    ConnectedTable, Connection, ConnectionId, ConnectionKind, Job, JobFailure, JobId, JobKind,
    JobStatus, Rhythm, Run, RunId, Schedule, SealedSecret, TableRun, Timestamp, Trigger, UserId,
};
use pacioli_store::{ConnectionChange, Lease, PageRequest, TenantStore};
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    subject::Subject,
    tables::{entry, name},
    words::*,
};

fn sealed(text: &str) -> SealedSecret {
    SealedSecret { key_id: "k1".into(), sealed: text.into() }
}

fn connection(tenant: &TenantStore) -> Connection {
    Connection {
        id: ConnectionId(next_id()),
        company_id: tenant.company_id(),
        name: "The books".into(),
        kind: ConnectionKind::Postgresql,
        settings: json!({"host": "db.example.com", "port": 5432, "tls": {"$verify": true}}),
        secret: Some(sealed("abc")),
        tables: vec![ConnectedTable {
            source_table: "public.orders".into(),
            name: name("orders"),
            columns: Vec::new(),
            changes_by: None,
        }],
        schedule: Some(Schedule {
            rhythm: Rhythm::Cron { expression: "0 6 * * *".into(), time_zone: "UTC".into() },
            jitter_seconds: 30,
        }),
        is_paused: false,
        next_run_at: Some(now()),
        renewed_at: now(),
        run_id: None,
        lease_until: None,
        lease: None,
        created_by: UserId(next_id()),
        created_at: now(),
        updated_at: now(),
    }
}

async fn added(tenant: &TenantStore) -> Connection {
    let connection = connection(tenant);
    tenant.add_connection(&connection, &some_event()).await.unwrap();
    connection
}

fn lease(connection: &Connection, until: Timestamp) -> Lease {
    let run = RunId(next_id());
    Lease { connection: connection.id, run, holder: next_id().to_string(), until }
}

fn run(tenant: &TenantStore, connection: ConnectionId, started_at: Timestamp) -> Run {
    Run {
        id: RunId(next_id()),
        company_id: tenant.company_id(),
        connection_id: connection,
        trigger: Trigger::Schedule,
        started_by: UserId(next_id()),
        is_full: false,
        status: JobStatus::Running,
        tables: vec![TableRun {
            source_table: "public.orders".into(),
            table: name("orders"),
            status: JobStatus::Running,
            is_incremental: true,
            rows: 3,
            rows_expected: Some(10),
            bytes: 99,
            rows_in_service: None,
            retries: 1,
            failure: None,
            watermark: Some("2024-01-01".into()),
        }],
        failure: None,
        started_at,
        ended_at: None,
        expires_at: later(1000),
    }
}

fn first(limit: u32) -> PageRequest {
    PageRequest { after: None, limit }
}

pub(crate) async fn a_connection_is_kept_changed_and_deleted(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let (one, two) = (added(&tenant).await, added(&tenant).await);
    assert_eq!(tenant.connection(one.id).await.unwrap(), Some(one.clone()));
    let page = tenant.connections(&first(1)).await.unwrap();
    let rest = tenant.connections(&PageRequest { after: page.next, limit: 5 }).await.unwrap();
    let mut listed = [page.items, rest.items].concat();
    listed.sort_by_key(|it| it.id);
    let mut both = vec![one.clone(), two];
    both.sort_by_key(|it| it.id);
    assert_eq!(listed, both);
    let change = ConnectionChange {
        name: Some("Other books".into()),
        secret: Some(None),
        schedule: Some(None),
        next_run_at: Some(None),
        is_paused: Some(true),
        ..ConnectionChange::default()
    };
    let changed = tenant.update_connection(one.id, &change, later(5), &some_event()).await;
    let expect = Connection {
        name: "Other books".into(),
        secret: None,
        schedule: None,
        next_run_at: None,
        is_paused: true,
        updated_at: later(5),
        ..one.clone()
    };
    assert_eq!(changed.unwrap(), Some(expect));
    assert!(tenant.delete_connection(one.id, &some_event()).await.unwrap());
    assert!(!tenant.delete_connection(one.id, &some_event()).await.unwrap());
    let change = tenant.update_connection(one.id, &change, later(6), &some_event()).await;
    assert_eq!(change.unwrap(), None);
}

pub(crate) async fn connections_and_their_runs_keep_to_their_company(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    let ours = added(&tenant).await;
    let run = run(&tenant, ours.id, now());
    tenant.put_run(&run).await.unwrap();
    assert_eq!(other.connection(ours.id).await.unwrap(), None);
    assert_eq!(other.connections(&first(9)).await.unwrap().items, []);
    assert_eq!(other.run(run.id).await.unwrap(), None);
    assert_eq!(other.runs(ours.id, &first(9)).await.unwrap().items, []);
    let change = ConnectionChange { is_paused: Some(true), ..ConnectionChange::default() };
    let changed = other.update_connection(ours.id, &change, now(), &some_event()).await;
    assert_eq!(changed.unwrap(), None);
    assert!(!other.delete_connection(ours.id, &some_event()).await.unwrap());
    assert!(!other.begin_run(&lease(&ours, later(9)), None, None, None).await.unwrap());
    assert!(other.put_run(&run).await.is_err());
    assert_eq!(tenant.connection(ours.id).await.unwrap(), Some(ours));
}

pub(crate) async fn of_many_that_begin_a_run_one_does(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let connection = added(&tenant).await;
    let mut tries = JoinSet::new();
    for _ in 0..8 {
        let (tenant, lease) = (tenant.clone(), lease(&connection, later(30)));
        tries.spawn(async move {
            let event = some_event();
            tenant.begin_run(&lease, None, None, Some(&event)).await.unwrap().then_some(lease)
        });
    }
    let held: Vec<Lease> = tries.join_all().await.into_iter().flatten().collect();
    assert_eq!(held.len(), 1);
    assert_eq!(tenant.lease_of(connection.id).await.unwrap().as_ref(), held.first());
    assert!(tenant.renew_lease(&Lease { until: later(60), ..held[0].clone() }).await.unwrap());
    assert!(tenant.end_run(&held[0]).await.unwrap());
    assert!(!tenant.end_run(&held[0]).await.unwrap());
    assert!(!tenant.renew_lease(&held[0]).await.unwrap());
    assert!(tenant.begin_run(&lease(&connection, later(9)), None, None, None).await.unwrap());
}

pub(crate) async fn a_due_run_begins_once_and_waits_for_the_one_before(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let connection = added(&tenant).await;
    let (store, id) = (&subject.store, connection.id);
    let due = async |at: Timestamp| -> Vec<ConnectionId> {
        let due = store.due_connections(at, 100).await.unwrap();
        due.into_iter().map(|it| it.id).filter(|it| *it == id).collect()
    };
    assert_eq!(due(now() + chrono::Duration::milliseconds(-1)).await, []);
    assert_eq!(due(now()).await, [id]);
    let held = lease(&connection, later(30));
    let next = Some(later(60));
    assert!(tenant.begin_run(&held, Some(now()), next, None).await.unwrap());
    let again = lease(&connection, later(30));
    assert!(!tenant.begin_run(&again, Some(now()), next, None).await.unwrap());
    assert_eq!(due(later(60)).await, [], "the run before goes on");
    assert!(tenant.end_run(&held).await.unwrap());
    assert_eq!(due(later(59)).await, []);
    assert_eq!(due(later(60)).await, [id]);
    assert!(!tenant.begin_run(&again, Some(now()), next, None).await.unwrap(), "taken before");
    assert!(tenant.begin_run(&again, next, None, None).await.unwrap());
    assert_eq!(tenant.connection(id).await.unwrap().unwrap().next_run_at, None);
}

pub(crate) async fn a_run_whose_server_died_is_taken_over_once(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let connection = added(&tenant).await;
    let held = lease(&connection, later(30));
    assert!(tenant.begin_run(&held, None, None, None).await.unwrap());
    let lapsed = async |at| {
        let lapsed = subject.store.interrupted_connections(at, 100).await.unwrap();
        lapsed.iter().any(|it| it.id == connection.id)
    };
    assert!(!lapsed(later(30)).await);
    assert!(lapsed(later(31)).await);
    let mut tries = JoinSet::new();
    for _ in 0..4 {
        let holder = next_id().to_string();
        let (tenant, over) = (tenant.clone(), Lease { holder, until: later(61), ..held.clone() });
        tries.spawn(async move { tenant.take_over_run(&over, later(31)).await.unwrap() });
    }
    let taken = tries.join_all().await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    assert!(!tenant.renew_lease(&held).await.unwrap(), "the one before lost it");
    assert!(!lapsed(later(31)).await);
}

pub(crate) async fn a_table_is_replaced_only_as_it_was_read_and_under_the_lease(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let connection = added(&tenant).await;
    let held = lease(&connection, later(30));
    assert!(tenant.begin_run(&held, None, None, None).await.unwrap());
    let (one, two, three) = (entry("orders"), entry("orders"), entry("orders"));
    let event = some_event;
    let put = tenant.replace_table(&one, None, Some(&held), &event()).await;
    assert!(put.unwrap());
    let put = tenant.replace_table(&two, None, Some(&held), &event()).await;
    assert!(!put.unwrap(), "there is one meanwhile");
    let put = tenant.replace_table(&two, Some(one.version), None, &event()).await;
    assert!(put.unwrap());
    let put = tenant.replace_table(&three, Some(one.version), Some(&held), &event()).await;
    assert!(!put.unwrap(), "it is another meanwhile");
    assert!(tenant.end_run(&held).await.unwrap());
    let put = tenant.replace_table(&three, Some(two.version), Some(&held), &event()).await;
    assert!(!put.unwrap(), "the lease is gone");
    assert_eq!(tenant.table(&name("orders")).await.unwrap(), Some(two));
}

pub(crate) async fn runs_are_listed_newest_first_and_forgotten(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let connection = added(&tenant).await;
    let mut runs = Vec::new();
    for at in 0..4 {
        let run = run(&tenant, connection.id, later(at));
        tenant.put_run(&run).await.unwrap();
        runs.push(run);
    }
    runs.reverse();
    let failure = JobFailure { code: "source_denied".into(), detail: "No.".into() };
    runs[0].status = JobStatus::Failed;
    runs[0].failure = Some(failure);
    runs[0].ended_at = Some(later(9));
    tenant.put_run(&runs[0]).await.unwrap();
    assert_eq!(tenant.run(runs[0].id).await.unwrap(), Some(runs[0].clone()));
    runs[0].failure = None;
    runs[0].ended_at = None;
    tenant.put_run(&runs[0]).await.unwrap();
    let page = tenant.runs(connection.id, &first(3)).await.unwrap();
    assert_eq!(page.items, runs[..3]);
    let rest = PageRequest { after: page.next, limit: 3 };
    assert_eq!(tenant.runs(connection.id, &rest).await.unwrap().items, runs[3..]);
    if subject.store.kind() == "sqlite" {
        subject.store.purge_expired(later(2000)).await.unwrap();
        assert_eq!(tenant.runs(connection.id, &first(9)).await.unwrap().items, []);
    }
}

pub(crate) async fn jobs_are_listed_and_cancelled_while_they_are_open(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    let mut jobs = Vec::new();
    for at in 0..3 {
        let (id, whose) = (JobId(next_id()), (tenant.company_id(), owner.id));
        let times = (Duration::seconds(30), Duration::seconds(1000));
        let job = Job::begun(JobKind::Run, id, whose, later(at), times);
        tenant.put_job(&job).await.unwrap();
        jobs.push(job);
    }
    jobs.reverse();
    let page = tenant.jobs(&first(2)).await.unwrap();
    assert_eq!(page.items, jobs[..2]);
    let rest = PageRequest { after: page.next, limit: 2 };
    assert_eq!(tenant.jobs(&rest).await.unwrap().items, jobs[2..]);
    assert_eq!(other.jobs(&first(2)).await.unwrap().items, []);
    let id = jobs[0].id;
    assert!(!other.cancel_job(id, now(), &some_event()).await.unwrap());
    assert!(!tenant.is_job_cancelled(id).await.unwrap());
    assert!(tenant.cancel_job(id, now(), &some_event()).await.unwrap());
    tenant.put_job(&jobs[0]).await.unwrap();
    assert!(tenant.is_job_cancelled(id).await.unwrap(), "its own record does not undo that");
    assert!(!other.is_job_cancelled(id).await.unwrap());
    jobs[0].status = JobStatus::Cancelled;
    tenant.put_job(&jobs[0]).await.unwrap();
    assert!(!tenant.cancel_job(id, now(), &some_event()).await.unwrap());
}

pub(crate) async fn a_secret_is_sealed_anew_unless_it_changed(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let connection = added(&tenant).await;
    let (before, after) = (sealed("abc"), sealed("def"));
    assert!(tenant.reseal_connection(connection.id, &before, &after).await.unwrap());
    assert!(!tenant.reseal_connection(connection.id, &before, &after).await.unwrap());
    assert_eq!(tenant.connection(connection.id).await.unwrap().unwrap().secret, Some(after));
    let mut everybodys = Vec::new();
    let mut page = first(1);
    loop {
        let found = subject.store.connections(&page).await.unwrap();
        everybodys.extend(found.items.into_iter().map(|it| it.id));
        match found.next {
            Some(after) => page.after = Some(after),
            None => break,
        }
    }
    assert_eq!(everybodys, [connection.id]);
}
