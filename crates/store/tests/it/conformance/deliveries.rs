use pacioli_model::{
    Addressee, Attachment, ColumnName, Compare, Condition, Decimal, Delivery, DeliveryId,
    DeliveryStatus, Found, QuietHours, ReportFilter, ReportKind, ReportSpec, Rhythm,
    SavedQuestionId, SealedSecret, Sent, Subscription, SubscriptionId, TableName, TimeGrain,
    UserId, Webhook, WebhookId,
};
use pacioli_store::{PageRequest, TenantStore};
use tokio::task::JoinSet;

use super::{subject::Subject, words::*};

fn subscription(tenant: &TenantStore, due: i64) -> Subscription {
    Subscription {
        id: SubscriptionId(next_id()),
        company_id: tenant.company_id(),
        name: "Weekly".into(),
        what: Sent::Question(SavedQuestionId(next_id())),
        attachments: vec![Attachment::Csv],
        recipients: vec!["ada@example.com".into()],
        webhooks: vec![WebhookId(next_id())],
        rhythm: Rhythm::Cron { expression: "0 6 * * 1".into(), time_zone: "UTC".into() },
        condition: Some(Condition::Above { column: None, than: Decimal::new(255, 1) }),
        quiet: Some(QuietHours { from: 1320, to: 420, time_zone: "UTC".into() }),
        language: "en".to_owned(),
        is_paused: false,
        next_at: Some(later(due)),
        found: None,
        checked_at: None,
        created_by: UserId(next_id()),
        created_at: now(),
        updated_at: now(),
    }
}

fn delivery(of: &Subscription, due: i64) -> Delivery {
    Delivery {
        id: DeliveryId(next_id()),
        company_id: of.company_id,
        subscription_id: of.id,
        to: Addressee::Email("ada@example.com".into()),
        notice: None,
        report_id: None,
        status: DeliveryStatus::Pending,
        due_at: Some(later(due)),
        attempts: 0,
        error: None,
        created_at: now(),
        delivered_at: None,
        expires_at: later(1_000_000),
    }
}

pub(crate) async fn of_many_one_takes_a_turn_and_each_delivery_of_it(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    let (first, second) = (subscription(&tenant, 10), subscription(&tenant, 5));
    let spec = ReportSpec {
        kind: ReportKind::Sales,
        grain: Some(TimeGrain::Week),
        compare: Compare::Previous,
        filters: vec![ReportFilter {
            table: TableName::parse("sales").unwrap(),
            column: ColumnName::parse("region").unwrap(),
            values: vec!["North".into()],
        }],
        currency: Some("EUR".into()),
        questions: vec![SavedQuestionId(next_id())],
        language: "de".into(),
    };
    let paused = Subscription {
        next_at: None,
        is_paused: true,
        what: Sent::Report(spec),
        ..subscription(&tenant, 1)
    };
    for it in [&first, &second, &paused] {
        tenant.keep(it, None).await.unwrap();
    }
    assert_eq!(tenant.kept::<Subscription>(&paused.id).await.unwrap(), Some(paused));
    let due = async |at| subject.store.due_subscriptions(later(at), 10).await.unwrap();
    assert_eq!(due(4).await, []);
    assert_eq!(due(10).await, [second.clone(), first.clone()], "the longest overdue first");
    let one = subject.store.due_subscriptions(later(10), 1).await.unwrap();
    assert_eq!(one, std::slice::from_ref(&second));
    let made = [delivery(&first, 10), delivery(&first, 12)];
    assert!(!other.take_turn(first.id, later(10), None, &made).await.unwrap());
    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        let (tenant, id, made) = (tenant.clone(), first.id, made.clone());
        let made = made.map(|it| Delivery { id: DeliveryId(next_id()), ..it });
        tasks.spawn(async move {
            tenant.take_turn(id, later(10), Some(later(100)), &made).await.unwrap()
        });
    }
    let won = tasks.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!((won, due(10).await), (1, vec![second.clone()]));
    assert!(tenant.take_turn(second.id, later(5), None, &[]).await.unwrap());
    assert_eq!(tenant.kept::<Subscription>(&second.id).await.unwrap().unwrap().next_at, None);

    let waiting = subject.store.due_deliveries(later(20), 10).await.unwrap();
    assert_eq!(waiting.len(), 2);
    assert_eq!(subject.store.due_deliveries(later(10), 10).await.unwrap(), waiting[..1]);
    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        let (tenant, waiting) = (tenant.clone(), waiting[0].clone());
        tasks.spawn(async move { tenant.take_delivery(&waiting, later(60)).await.unwrap() });
    }
    let taken: Vec<Delivery> = tasks.join_all().await.into_iter().flatten().collect();
    let [taken] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!((taken.attempts, taken.due_at), (1, Some(later(60))));
    assert_eq!(other.take_delivery(taken, later(90)).await.unwrap(), None);
    let done = Delivery {
        status: DeliveryStatus::Delivered,
        due_at: None,
        delivered_at: Some(later(21)),
        ..taken.clone()
    };
    assert!(tenant.move_delivery(taken, &done).await.unwrap());
    assert!(!tenant.move_delivery(taken, &done).await.unwrap(), "it is not held any more");
    assert_eq!(tenant.kept::<Delivery>(&done.id).await.unwrap(), Some(done));
    assert_eq!(subject.store.due_deliveries(later(100), 10).await.unwrap(), waiting[1..]);
    assert_eq!(other.count_kept::<Delivery>().await.unwrap(), 0);
}

pub(crate) async fn what_an_alert_found_is_noted_once(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let it = subscription(&tenant, 10);
    tenant.keep(&it, None).await.unwrap();
    let found = Found { holds: true, digest: "a".into() };
    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        let (tenant, found, made) = (tenant.clone(), found.clone(), delivery(&it, 10));
        let id = it.id;
        tasks.spawn(async move {
            tenant.note_found(id, None, &found, later(11), &[made]).await.unwrap()
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|noted| *noted).count(), 1);
    assert_eq!(tenant.count_kept::<Delivery>().await.unwrap(), 1);
    let kept = tenant.kept::<Subscription>(&it.id).await.unwrap().unwrap();
    assert_eq!((kept.found.clone(), kept.checked_at), (Some(found.clone()), Some(later(11))));
    let again = tenant.note_found(it.id, kept.checked_at, &found, later(12), &[]).await.unwrap();
    assert!(again);
    assert!(!tenant.note_found(it.id, kept.checked_at, &found, later(13), &[]).await.unwrap());
}

pub(crate) async fn webhooks_of_all_companies_are_there_for_the_keeper_of_secrets(
    subject: &Subject,
) {
    let mut hooks = Vec::new();
    for _ in 0..3 {
        let (tenant, owner) = signed_up(&subject.store).await;
        let hook = Webhook {
            id: WebhookId(next_id()),
            company_id: tenant.company_id(),
            name: "ERP".into(),
            url: "https://erp.example.com/".into(),
            secret: SealedSecret { key_id: "k".into(), sealed: "s".into() },
            created_by: owner.id,
            created_at: now(),
        };
        tenant.keep(&hook, None).await.unwrap();
        hooks.push(hook);
    }
    let mut page = PageRequest { after: None, limit: 2 };
    let mut seen = Vec::new();
    loop {
        let found = subject.store.webhooks(&page).await.unwrap();
        seen.extend(found.items);
        let Some(after) = found.next else { break };
        page.after = Some(after);
    }
    let both = hooks.iter().all(|hook| seen.contains(hook));
    assert!(both && seen.len() == 3, "{seen:?}");
}
