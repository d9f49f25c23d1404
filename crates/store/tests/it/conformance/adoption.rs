use pacioli_model::{CompanyId, Direction, Role, UserId};
use pacioli_store::{CompanyChange, Duplicate, SortUsers, StoreError, UserChange, UserQuery};
use serde_json::{Value, json};

use super::{
    subject::Subject,
    users::{check_order, check_pages},
    words::*,
};

const HASH: &str = "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW";

/// An account as the Python system's sign-up left it.
pub(super) fn python_superuser(email: &str) -> Value {
    json!({
        "_id": next_id().to_string(),
        "full_name": "Grace Hopper",
        "email": email,
        "password_hash": HASH,
        "role": "superuser",
        "created_by": null,
        "created_at": "2024-03-01T10:20:30.123Z",
        "last_login": null,
    })
}

/// The least of an account that it may have left.
fn bare_superuser(email: &str) -> Value {
    json!({
        "_id": next_id().to_string(),
        "full_name": "Bare",
        "email": email,
        "password_hash": HASH,
        "role": "superuser",
    })
}

fn python_user(company: &str, email: &str) -> Value {
    json!({
        "_id": next_id().to_string(),
        "full_name": "Howard Aiken",
        "email": email,
        "password_hash": HASH,
        "role": "user",
        "company_id": company,
        "created_by": company,
        "created_at": "2024-03-02T10:20:30.123456",
        "updated_at": "2024-03-03T10:20:30.000Z",
    })
}

fn id(document: &Value) -> UserId {
    document["_id"].as_str().unwrap().parse().unwrap()
}

pub(crate) async fn accounts_are_found_whatever_case_was_stored(subject: &Subject) {
    let store = &subject.store;
    for (stored, given) in [
        ("Grace.Hopper@Navy.Example", "grace.hopper@navy.example"),
        ("plain@example.com", "PLAIN@example.com"),
        ("SHOUT@EXAMPLE.COM", "shout@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
    ] {
        let document = python_superuser(stored);
        subject.insert("users", document.clone()).await;
        let found = store.user_by_email(&email(given)).await.unwrap().unwrap();
        assert_eq!(found.id, id(&document));
        assert_eq!(found.company_id, CompanyId(found.id.0), "a superuser's company is its own id");
        assert_eq!(found.email, email(given));
        assert_eq!(found.password_hash, HASH);
        assert_eq!(found.created_at.to_string(), "2024-03-01T10:20:30.123Z");
        assert_eq!((found.last_login, found.must_change_password), (None, false));
    }
    let bare = bare_superuser("Bare@Example.com");
    subject.insert("users", bare.clone()).await;
    let found = store.user_by_email(&email("bare@example.com")).await.unwrap().unwrap();
    assert_eq!((found.id, found.created_at.millis()), (id(&bare), 0));
    // A near miss in the database is no match.
    assert_eq!(store.user_by_email(&email("grace_hopper@navy.example")).await.unwrap(), None);

    let company = bare["_id"].as_str().unwrap();
    let employee = python_user(company, "Howard@Example.com");
    subject.insert("users", employee.clone()).await;
    let found = store.user_by_email(&email("howard@example.com")).await.unwrap().unwrap();
    assert_eq!(found.company_id.to_string(), company);
    assert_eq!(found.created_at.to_string(), "2024-03-02T10:20:30.123Z");
    assert_eq!(found.created_by, Some(id(&bare)));
}

pub(crate) async fn an_adopted_address_is_taken(subject: &Subject) {
    let store = &subject.store;
    subject.insert("users", python_superuser("Grace@Navy.Example")).await;
    let company = company();
    let owner = user(company.id, Role::Superuser, email("grace@NAVY.example"));
    let refused = store.sign_up(&company, &owner, &some_event()).await;
    assert!(matches!(refused, Err(StoreError::Duplicate(Duplicate::Email))), "{refused:?}");
    assert_eq!(store.tenant(company.id).company().await.unwrap(), None);
    let (tenant, _) = signed_up(store).await;
    let refused = tenant.add_user(&owner, &some_event()).await;
    assert!(matches!(refused, Err(StoreError::Duplicate(Duplicate::Email))), "{refused:?}");
}

pub(crate) async fn reading_rewrites_nothing_and_a_change_only_what_it_names(subject: &Subject) {
    let store = &subject.store;
    let mut document = python_superuser("Grace@Navy.Example");
    document["favourite_colour"] = json!("navy");
    subject.insert("users", document.clone()).await;
    let key = document["_id"].as_str().unwrap();
    let before = subject.stored("users", key).await;
    let found = store.user_by_email(&email("grace@navy.example")).await.unwrap().unwrap();
    let tenant = store.tenant(found.company_id);
    assert_eq!(tenant.user(found.id).await.unwrap(), Some(found.clone()));
    let listed = tenant.users(&UserQuery::default()).await.unwrap().items;
    assert_eq!(listed.iter().collect::<Vec<_>>(), [&found]);
    tenant.company().await.unwrap().unwrap();
    assert_eq!(subject.stored("users", key).await, before, "reading rewrites nothing");

    // The upgrade of the hash at login.
    let upgrade = UserChange {
        password_hash: Some("better".into()),
        guard_password_hash: Some(found.password_hash.clone()),
        last_login: Some(later(1)),
        ..UserChange::default()
    };
    let changed = tenant.update_user(found.id, &upgrade, None).await.unwrap().unwrap();
    assert_eq!((changed.password_hash.as_str(), changed.last_login), ("better", Some(later(1))));
    let after = subject.stored("users", key).await.unwrap();
    assert!(after.contains("navy") && after.contains("Grace@Navy.Example"), "{after}");
    assert!(!after.contains("company_id") && !after.contains("_batch"), "{after}");
    // Now the unique index knows it, and it is found as before.
    assert!(after.contains("grace@navy.example"), "{after}");
    let again = store.user_by_email(&email("grace@navy.example")).await.unwrap();
    assert_eq!(again, Some(changed));
    let login = session(&found);
    tenant.create_session(&login, later(2), &some_event()).await.unwrap();
    let account = store.account(login.id).await.unwrap().unwrap();
    assert_eq!((account.user.id, account.company.id), (found.id, found.company_id));
}

pub(crate) async fn a_company_is_read_from_its_founder_until_it_is_changed(subject: &Subject) {
    let store = &subject.store;
    let mut founder = python_superuser("Grace@Navy.Example");
    founder["company_name"] = json!("Eckert-Mauchly");
    founder["industry"] = json!("Computers");
    founder["size"] = json!(120);
    subject.insert("users", founder.clone()).await;
    let tenant = store.tenant(CompanyId(id(&founder).0));
    let company = tenant.company().await.unwrap().unwrap();
    assert_eq!(company.id, tenant.company_id());
    assert_eq!(company.company_name, "Eckert-Mauchly");
    assert_eq!(
        (company.industry.as_deref(), company.size.as_deref()),
        (Some("Computers"), Some("120"))
    );
    assert_eq!((company.address.as_deref(), company.time_zone.as_str()), (None, "UTC"));
    let change = CompanyChange { size: Some(Some("130".into())), ..CompanyChange::default() };
    let changed = tenant.update_company(&change, later(1), &some_event()).await.unwrap();
    let expected =
        pacioli_model::Company { size: Some("130".into()), updated_at: later(1), ..company };
    assert_eq!(changed, expected);
    assert_eq!(tenant.company().await.unwrap(), Some(expected));
    let nameless = bare_superuser("bare@example.com");
    subject.insert("users", nameless.clone()).await;
    let company = store.tenant(CompanyId(id(&nameless).0)).company().await.unwrap().unwrap();
    assert_eq!(company.company_name, "Bare", "better than no name");
}

pub(crate) async fn adopted_owners_are_guarded(subject: &Subject) {
    let store = &subject.store;
    let founder = bare_superuser("Grace@Navy.Example");
    subject.insert("users", founder.clone()).await;
    let employee = python_user(founder["_id"].as_str().unwrap(), "Howard@Navy.Example");
    subject.insert("users", employee.clone()).await;
    let tenant = store.tenant(CompanyId(id(&founder).0));
    let refused = tenant.delete_user(id(&founder), &some_event()).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    let raised = UserChange { role: Some(Role::Superuser), ..UserChange::default() };
    tenant.update_user(id(&employee), &raised, None).await.unwrap().unwrap();
    let name = tenant.company().await.unwrap().unwrap().company_name;
    assert!(tenant.delete_user(id(&founder), &some_event()).await.unwrap());
    assert_eq!(tenant.company().await.unwrap().unwrap().company_name, name, "kept when they go");
    let refused = tenant.delete_user(id(&employee), &some_event()).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
}

pub(crate) async fn adopted_people_are_listed_in_every_order(subject: &Subject) {
    let store = &subject.store;
    let founder = bare_superuser("Grace@Navy.Example");
    let company = founder["_id"].as_str().unwrap();
    subject.insert("users", founder.clone()).await;
    let tenant = store.tenant(CompanyId(id(&founder).0));
    for number in 0..4 {
        let mut employee = python_user(company, &format!("P{number}@Navy.Example"));
        employee["created_at"] = json!(format!("2024-03-0{}T10:20:30.123456", number + 1));
        subject.insert("users", employee).await;
        let mut employee = python_user(company, &format!("Q{number}@Navy.Example"));
        employee["created_at"] = json!(format!("2025-03-0{}T10:20:30.123Z", number + 1));
        subject.insert("users", employee).await;
        added(&tenant, Role::User).await;
    }
    for sort in [SortUsers::CreatedAt, SortUsers::FullName, SortUsers::LastLogin] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let whole = check_pages(&tenant, sort, direction, 13).await;
            check_order(&whole, sort, direction);
        }
    }
    let from = "\"2024-03-03T00:00:00.000Z\"";
    let dated = UserQuery {
        created_from: Some(serde_json::from_str(from).unwrap()),
        created_before: Some(now()),
        count_total: true,
        ..UserQuery::default()
    };
    assert_eq!(tenant.users(&dated).await.unwrap().total, Some(2 + 4));
    let owners = UserQuery { role: Some(Role::Superuser), ..UserQuery::default() };
    assert_eq!(tenant.users(&owners).await.unwrap().items[0].id, id(&founder));
}

pub(crate) async fn a_document_is_imported_once(subject: &Subject) {
    let store = &subject.store;
    let fields = |document: &Value| document.as_object().unwrap().clone();
    let founder = python_superuser("Grace@Navy.Example");
    let imported = store.import_user_document(fields(&founder)).await.unwrap();
    assert_eq!(imported.id, id(&founder));
    let found = store.user_by_email(&email("grace@navy.example")).await.unwrap();
    assert_eq!(found, Some(imported));
    for again in [founder.clone(), python_superuser("GRACE@navy.example")] {
        let refused = store.import_user_document(fields(&again)).await;
        assert!(matches!(refused, Err(StoreError::Duplicate(Duplicate::Email))), "{refused:?}");
    }
    let mut moved = founder.clone();
    moved["email"] = json!("other@navy.example");
    let refused = store.import_user_document(fields(&moved)).await;
    assert!(matches!(refused, Err(StoreError::Duplicate(Duplicate::Id))), "{refused:?}");
    for (field, bad) in [("role", json!("king")), ("email", json!("nobody")), ("_id", json!(7))] {
        let mut document = python_superuser("new@example.com");
        document[field] = bad;
        let refused = store.import_user_document(fields(&document)).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{field}: {refused:?}");
    }
    assert_eq!(store.users(&UserQuery::default()).await.unwrap().items.len(), 1);
}
