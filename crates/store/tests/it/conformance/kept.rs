use pacioli_model::{
    Ask, AuditAction, Computed, Dashboard, DashboardId, Feedback, QueryId, SavedQuestion,
    SavedQuestionId, TableName, Tile, TileView, UserId, Verdict, VerifiedId, VerifiedQuestion,
};
use pacioli_store::{AuditQuery, Kept, PageRequest, StoreError, TenantStore};
use tokio::task::JoinSet;

use super::{subject::Subject, words::*};

fn page(limit: u32) -> PageRequest {
    PageRequest { after: None, limit }
}

fn dashboard(tenant: &TenantStore, made: i64) -> Dashboard {
    Dashboard {
        id: DashboardId(next_id()),
        company_id: tenant.company_id(),
        name: "Board".into(),
        description: None,
        tiles: vec![Tile {
            question_id: SavedQuestionId(next_id()),
            title: Some("$a.b".into()),
            view: TileView::Chart,
            width: 6,
            height: 2,
        }],
        created_by: UserId(next_id()),
        created_at: later(made),
        updated_at: later(made),
    }
}

/// Kept, read back by its company alone, and forgotten.
async fn is_kept<T: Kept + PartialEq + std::fmt::Debug>(
    (tenant, other): (&TenantStore, &TenantStore),
    value: &T,
    id: &impl ToString,
) {
    tenant.keep(value, None).await.unwrap();
    assert!(tenant.keep(value, None).await.is_err(), "an id is taken once");
    assert_eq!(tenant.kept::<T>(id).await.unwrap().as_ref(), Some(value));
    assert_eq!(other.kept::<T>(id).await.unwrap(), None);
    assert_eq!(
        tenant.all_kept::<T>(&page(10)).await.unwrap().items,
        [tenant.kept(id).await.unwrap().unwrap()]
    );
    assert_eq!(other.all_kept::<T>(&page(10)).await.unwrap().items, []);
    assert_eq!(
        (tenant.count_kept::<T>().await.unwrap(), other.count_kept::<T>().await.unwrap()),
        (1, 0)
    );
    assert!(matches!(other.replace_kept(value, value, None).await, Err(StoreError::Conflict)));
    assert!(!other.forget_kept::<T>(id, None).await.unwrap());
    assert!(tenant.forget_kept::<T>(id, None).await.unwrap());
    assert!(!tenant.forget_kept::<T>(id, None).await.unwrap());
    assert_eq!(tenant.kept::<T>(id).await.unwrap(), None);
}

pub(crate) async fn what_is_kept_is_listed_replaced_and_forgotten(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    let both = (&tenant, &other);
    let ask = Ask::about(TableName::parse("orders").unwrap());
    let today = "2026-06-17".parse().unwrap();
    let (company_id, created_by, created_at) = (tenant.company_id(), owner.id, now());
    let mut verified = VerifiedQuestion {
        id: VerifiedId(next_id()),
        company_id,
        question: "revenue?".into(),
        computed: Some(Computed::Ask(ask.clone())),
        today,
        are_days_fixed: true,
        query_id: Some(QueryId(next_id())),
        created_by,
        created_at,
    };
    is_kept(both, &verified, &verified.id).await;
    verified.computed = Some(Computed::Sql("SELECT 1".into()));
    is_kept(both, &verified, &verified.id).await;
    let feedback = Feedback {
        id: QueryId(next_id()),
        company_id,
        created_by,
        created_at,
        verdict: Verdict::Wrong,
        comment: None,
        question: "revenue?".into(),
        status: "answered".into(),
        ask: Some(ask.clone()),
        sql: Some("SELECT 1".into()),
        source: None,
    };
    is_kept(both, &feedback, &feedback.id).await;
    let saved = SavedQuestion {
        id: SavedQuestionId(next_id()),
        company_id,
        name: "Revenue".into(),
        description: Some("All of it".into()),
        question: "revenue?".into(),
        reading: Some(ask),
        today,
        created_by,
        created_at,
        updated_at: now(),
    };
    is_kept(both, &saved, &saved.id).await;
    let first = dashboard(&tenant, 1);
    is_kept(both, &first, &first.id).await;

    let boards = [2, 3, 4].map(|made| dashboard(&tenant, made));
    let logged = event(company_id, AuditAction::CompanyUpdated);
    for board in &boards {
        tenant.keep(board, Some(&logged_anew(&logged))).await.unwrap();
    }
    let newest = tenant.all_kept::<Dashboard>(&page(2)).await.unwrap();
    assert_eq!(newest.items, [boards[2].clone(), boards[1].clone()]);
    let rest = PageRequest { after: newest.next, limit: 2 };
    assert_eq!(tenant.all_kept::<Dashboard>(&rest).await.unwrap().items, [boards[0].clone()]);
    let log = AuditQuery {
        action: Some(AuditAction::CompanyUpdated),
        limit: 10,
        ..AuditQuery::default()
    };
    assert_eq!(tenant.audit(&log).await.unwrap().items.len(), 3);
}

fn logged_anew(event: &pacioli_model::AuditEvent) -> pacioli_model::AuditEvent {
    pacioli_model::AuditEvent { id: pacioli_model::AuditId(next_id()), ..event.clone() }
}

pub(crate) async fn of_many_that_replace_the_same_one_wins(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let before = dashboard(&tenant, 1);
    tenant.keep(&before, None).await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let (tenant, before) = (tenant.clone(), before.clone());
        let after = Dashboard {
            name: format!("Board {number}"),
            description: Some("new".into()),
            tiles: Vec::new(),
            updated_at: later(10 + number),
            ..before.clone()
        };
        tasks.spawn(async move {
            match tenant.replace_kept(&before, &after, None).await {
                Ok(()) => Some(after),
                Err(StoreError::Conflict) => None,
                Err(error) => panic!("{error}"),
            }
        });
    }
    let won: Vec<Dashboard> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert_eq!(tenant.kept::<Dashboard>(&before.id).await.unwrap(), Some(won[0].clone()));
    // What was there and is not any more is gone.
    let after = Dashboard { description: None, updated_at: later(30), ..won[0].clone() };
    tenant.replace_kept(&won[0], &after, None).await.unwrap();
    assert_eq!(tenant.kept::<Dashboard>(&before.id).await.unwrap(), Some(after));
}
