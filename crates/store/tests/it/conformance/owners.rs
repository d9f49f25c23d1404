use pacioli_model::{Role, UserId};
use pacioli_store::{StoreError, TenantStore, UserChange, UserQuery};
use tokio::task::JoinSet;

use super::{subject::Subject, words::*};

fn demoted() -> UserChange {
    UserChange { role: Some(Role::User), ..UserChange::default() }
}

fn shut_out() -> UserChange {
    UserChange { disabled_at: Some(Some(later(1))), ..UserChange::default() }
}

async fn active_owners(tenant: &TenantStore) -> usize {
    let owners = UserQuery {
        role: Some(Role::Superuser),
        active: Some(true),
        limit: 100,
        ..UserQuery::default()
    };
    tenant.users(&owners).await.unwrap().items.len()
}

pub(crate) async fn the_last_owner_stays(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    added(&tenant, Role::User).await;
    signed_up(&subject.store).await; // owners of other companies do not count
    for change in [demoted(), shut_out()] {
        let refused = tenant.update_user(owner.id, &change, Some(&some_event())).await;
        assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    }
    let refused = tenant.delete_user(owner.id, &some_event()).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    assert_eq!(tenant.user(owner.id).await.unwrap(), Some(owner.clone()));
    // What does not take an owner away is not held up.
    let same = UserChange { role: Some(Role::Superuser), disabled_at: Some(None), ..demoted() };
    assert!(tenant.update_user(owner.id, &same, None).await.unwrap().is_some());
    let heir = added(&tenant, Role::Superuser).await;
    assert!(tenant.delete_user(owner.id, &some_event()).await.unwrap());
    let refused = tenant.delete_user(heir.id, &some_event()).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    assert!(tenant.company().await.unwrap().is_some(), "the company outlives its founder");
}

pub(crate) async fn an_owner_who_is_shut_out_does_not_count(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let second = added(&tenant, Role::Superuser).await;
    tenant.update_user(second.id, &shut_out(), None).await.unwrap();
    let refused = tenant.update_user(owner.id, &demoted(), None).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    // One who is shut out can go, and be demoted: nothing is lost.
    assert!(tenant.update_user(second.id, &demoted(), None).await.unwrap().is_some());
    assert!(tenant.delete_user(second.id, &some_event()).await.unwrap());
}

enum Way {
    Demote,
    ShutOut,
    Delete,
}

async fn leave(tenant: &TenantStore, owner: UserId, way: Way) -> Result<(), StoreError> {
    match way {
        Way::Demote => tenant.update_user(owner, &demoted(), Some(&some_event())).await.map(drop),
        Way::ShutOut => tenant.update_user(owner, &shut_out(), Some(&some_event())).await.map(drop),
        Way::Delete => tenant.delete_user(owner, &some_event()).await.map(drop),
    }
}

pub(crate) async fn of_two_owners_leaving_at_once_one_stays(subject: &Subject) {
    let replica = subject.replica().await;
    for round in 0..12 {
        let (tenant, first) = signed_up(&subject.store).await;
        let second = added(&tenant, Role::Superuser).await;
        let elsewhere = replica.tenant(tenant.company_id());
        let way = if round % 2 == 0 { Way::ShutOut } else { Way::Delete };
        let here = tenant.clone();
        let one = tokio::spawn(async move { leave(&here, first.id, Way::Demote).await });
        let other = tokio::spawn(async move { leave(&elsewhere, second.id, way).await });
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        assert_eq!(active_owners(&tenant).await, 1, "{one:?} {other:?}");
        let refused = [one, other].into_iter().filter_map(Result::err).collect::<Vec<_>>();
        assert!(matches!(refused.as_slice(), [StoreError::LastOwner]), "{refused:?}");
    }
}

pub(crate) async fn of_many_owners_leaving_in_every_way_at_once_one_stays(subject: &Subject) {
    let replica = subject.replica().await;
    let (tenant, founder) = signed_up(&subject.store).await;
    let mut owners = vec![founder.id];
    for _ in 0..5 {
        owners.push(added(&tenant, Role::Superuser).await.id);
    }
    let mut leaving = JoinSet::new();
    for (number, owner) in owners.into_iter().enumerate() {
        let store = if number % 2 == 0 { &subject.store } else { &replica };
        let tenant = store.tenant(tenant.company_id());
        let way = [Way::Demote, Way::ShutOut, Way::Delete].into_iter().nth(number % 3).unwrap();
        leaving.spawn(async move { leave(&tenant, owner, way).await });
    }
    let refused = leaving.join_all().await.into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert_eq!(active_owners(&tenant).await, 1, "{refused:?}");
    assert!(matches!(refused.as_slice(), [StoreError::LastOwner]), "{refused:?}");
}
