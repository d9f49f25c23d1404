use pacioli_model::{AuditAction, Role, User, UserId};
use pacioli_store::{AuditQuery, Duplicate, PageRequest, StoreError, UserChange, UserQuery};
use serde_json::json;
use tokio::task::JoinSet;

use super::{subject::Subject, words::*};

pub(crate) async fn a_sign_up_makes_company_owner_and_log_entry(subject: &Subject) {
    let store = &subject.store;
    store.health().await.unwrap();
    let company = company();
    let owner = user(company.id, Role::Superuser, email("Ada@Example.com"));
    let logged = event(company.id, AuditAction::CompanySignedUp);
    store.sign_up(&company, &owner, &logged).await.unwrap();

    let tenant = store.tenant(company.id);
    assert_eq!(tenant.company().await.unwrap().as_ref(), Some(&company));
    assert_eq!(tenant.user(owner.id).await.unwrap().as_ref(), Some(&owner));
    let found = store.user_by_email(&email("ada@example.com")).await.unwrap();
    assert_eq!(found.as_ref(), Some(&owner));
    assert!(store.email_is_taken(&owner.email).await.unwrap());
    assert!(!store.email_is_taken(&email("eve@example.com")).await.unwrap());
    assert_eq!(tenant.audit(&AuditQuery::default()).await.unwrap().items, [logged]);
}

pub(crate) async fn of_twenty_sign_ups_with_one_address_one_makes_a_company(subject: &Subject) {
    let mut tries = JoinSet::new();
    for _ in 0..20 {
        let store = subject.store.clone();
        tries.spawn(async move {
            let company = company();
            let owner = user(company.id, Role::Superuser, email("ada@example.com"));
            let logged = event(company.id, AuditAction::CompanySignedUp);
            store.sign_up(&company, &owner, &logged).await
        });
    }
    let mut made = 0;
    for done in tries.join_all().await {
        match done {
            Ok(()) => made += 1,
            Err(StoreError::Duplicate(Duplicate::Email)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(made, 1);
    let all = PageRequest { after: None, limit: 100 };
    let companies = subject.store.companies(&all).await.unwrap().items;
    let people = subject.store.users(&UserQuery::default()).await.unwrap().items;
    assert_eq!((companies.len(), people.len()), (1, 1), "no half company");
    assert_eq!(people[0].company_id, companies[0].id);
}

pub(crate) async fn a_sign_up_that_fails_leaves_nothing(subject: &Subject) {
    let store = &subject.store;
    let (tenant, owner) = signed_up(store).await;
    let before = tenant.company().await.unwrap();
    // The account can be written, the company cannot: its id is taken.
    let second = user(owner.company_id, Role::Superuser, some_email());
    let intruder = pacioli_model::Company { company_name: "Other".into(), ..company() };
    let intruder = pacioli_model::Company { id: owner.company_id, ..intruder };
    let refused = store.sign_up(&intruder, &second, &some_event()).await;
    assert!(matches!(refused, Err(StoreError::Duplicate(Duplicate::Id))), "{refused:?}");
    assert_eq!(store.user_by_email(&second.email).await.unwrap(), None);
    assert_eq!(tenant.company().await.unwrap(), before);
    // And the address is free.
    tenant.add_user(&second, &some_event()).await.unwrap();
}

pub(crate) async fn an_account_is_answered_until_a_part_of_it_is_gone(subject: &Subject) {
    let store = &subject.store;
    let (tenant, owner) = signed_up(store).await;
    let person = added(&tenant, Role::User).await;
    let session = signed_in(&tenant, &person).await;
    let account = store.account(session.id).await.unwrap().unwrap();
    assert_eq!(account.session, session);
    assert_eq!(account.user, User { last_login: Some(now()), ..person.clone() });
    assert_eq!(Some(account.company), tenant.company().await.unwrap());

    let shut_out = UserChange { disabled_at: Some(Some(later(1))), ..UserChange::default() };
    tenant.update_user(person.id, &shut_out, None).await.unwrap();
    let account = store.account(session.id).await.unwrap().unwrap();
    assert!(!account.user.is_active(), "shown, for the caller to judge");

    assert!(tenant.end_session(session.id, None).await.unwrap());
    assert_eq!(store.account(session.id).await.unwrap(), None);
    let session = signed_in(&tenant, &owner).await;
    assert!(store.account(session.id).await.unwrap().is_some());
}

pub(crate) async fn an_address_is_taken_in_every_company(subject: &Subject) {
    let store = &subject.store;
    let (first, owner) = signed_up(store).await;
    let (second, _) = signed_up(store).await;
    for tenant in [&first, &second] {
        let person = user(tenant.company_id(), Role::User, owner.email.clone());
        let refused = tenant.add_user(&person, &some_event()).await;
        assert!(matches!(refused, Err(StoreError::Duplicate(Duplicate::Email))), "{refused:?}");
        assert_eq!(tenant.user(person.id).await.unwrap(), None);
    }
    let mut tries = JoinSet::new();
    for tenant in [first.clone(), second.clone(), first, second] {
        tries.spawn(async move {
            let person = user(tenant.company_id(), Role::User, email("new@example.com"));
            tenant.add_user(&person, &some_event()).await.is_ok()
        });
    }
    assert_eq!(tries.join_all().await.into_iter().filter(|added| *added).count(), 1);
}

pub(crate) async fn a_document_that_cannot_be_read_is_named(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let id = UserId(next_id());
    let company = tenant.company_id().to_string();
    let broken = json!({ "_id": id.to_string(), "company_id": company, "role": "king" });
    subject.insert("users", broken).await;
    match tenant.user(id).await {
        Err(StoreError::Corrupt { collection: "users", id: named, .. }) => {
            assert_eq!(named, id.to_string());
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn what_is_remembered_survives_reopening(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let again = subject.replica().await.tenant(tenant.company_id());
    assert_eq!(again.user(owner.id).await.unwrap(), Some(owner));
    assert_eq!(again.company().await.unwrap(), tenant.company().await.unwrap());
}
