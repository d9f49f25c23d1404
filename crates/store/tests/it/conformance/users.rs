use pacioli_model::{CompanyId, Direction, Role, User, UserId};
use pacioli_store::{SortUsers, StoreError, TenantStore, UserChange, UserQuery};

use super::{subject::Subject, words::*};

pub(crate) async fn people_change_field_by_field(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let person = added(&tenant, Role::User).await;
    let mut expected = person.clone();
    let check = async |change: UserChange, expected: &User| {
        let changed = tenant.update_user(person.id, &change, None).await.unwrap();
        assert_eq!(changed.as_ref(), Some(expected));
        assert_eq!(tenant.user(person.id).await.unwrap().as_ref(), Some(expected));
    };
    let nothing = UserChange::default();
    check(nothing.clone(), &expected).await;
    expected.full_name = "Ada, Countess of Lovelace".into();
    expected.updated_at = Some(later(1));
    let name = UserChange {
        full_name: Some(expected.full_name.clone()),
        updated_at: Some(later(1)),
        ..nothing.clone()
    };
    check(name, &expected).await;
    expected.disabled_at = Some(later(2));
    check(UserChange { disabled_at: Some(Some(later(2))), ..nothing.clone() }, &expected).await;
    expected.disabled_at = None;
    check(UserChange { disabled_at: Some(None), ..nothing.clone() }, &expected).await;
    expected.role = Role::Superuser;
    check(UserChange { role: Some(Role::Superuser), ..nothing.clone() }, &expected).await;
    expected.must_change_password = true;
    expected.password_hash = "new".into();
    expected.last_login = Some(later(3));
    let password = UserChange {
        password_hash: Some("new".into()),
        must_change_password: Some(true),
        last_login: Some(later(3)),
        ..nothing
    };
    check(password, &expected).await;
    let unknown = tenant.update_user(UserId(next_id()), &UserChange::default(), None).await;
    assert_eq!(unknown.unwrap(), None);
}

pub(crate) async fn people_of_another_company_do_not_exist(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let person = added(&tenant, Role::User).await;
    signed_in(&tenant, &person).await;
    let (other, _) = signed_up(&subject.store).await;
    let change = UserChange { full_name: Some("Eve".into()), ..UserChange::default() };
    assert_eq!(other.user(person.id).await.unwrap(), None);
    let event = some_event();
    assert_eq!(other.update_user(person.id, &change, Some(&event)).await.unwrap(), None);
    assert!(!other.delete_user(person.id, &event).await.unwrap());
    assert_eq!(other.sessions_of(person.id, now()).await.unwrap(), []);
    assert_eq!(other.end_sessions_of(person.id, None, None).await.unwrap(), 0);
    let stranger = session(&person);
    assert!(other.create_session(&stranger, now(), &event).await.is_err());
    let listed = other.users(&UserQuery::default()).await.unwrap().items;
    assert!(listed.iter().all(|it| it.company_id == other.company_id()));

    assert_eq!(tenant.user(person.id).await.unwrap().unwrap().full_name, person.full_name);
    assert_eq!(tenant.sessions_of(person.id, now()).await.unwrap().len(), 1);
    let nobody = subject.store.tenant(CompanyId(next_id()));
    assert_eq!(nobody.company().await.unwrap(), None);
    assert_eq!(nobody.users(&UserQuery::default()).await.unwrap().items, []);
    // Who adds a person adds them to their own company, whatever the value says.
    let smuggled = user(tenant.company_id(), Role::Superuser, some_email());
    other.add_user(&smuggled, &event).await.unwrap();
    assert_eq!(tenant.user(smuggled.id).await.unwrap(), None);
    assert!(other.user(smuggled.id).await.unwrap().is_some());
}

async fn person(tenant: &TenantStore, name: &str, address: &str, role: Role, at: i64) -> User {
    let person = User {
        full_name: name.into(),
        created_at: later(at),
        ..user(tenant.company_id(), role, email(address))
    };
    tenant.add_user(&person, &some_event()).await.unwrap();
    person
}

pub(crate) async fn filters_combine(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let ada = person(&tenant, "Ada Byron", "ada@byron.example", Role::User, 10).await;
    let grace = person(&tenant, "Grace Hopper", "grace@navy.example", Role::Superuser, 20).await;
    let elise = person(&tenant, "Élise Ampère", "elise@byron.example", Role::User, 30).await;
    let shut_out = UserChange { disabled_at: Some(Some(later(40))), ..UserChange::default() };
    tenant.update_user(elise.id, &shut_out, None).await.unwrap();

    let everybody = UserQuery { count_total: true, ..UserQuery::default() };
    let check = async |query: UserQuery, expected: &[&User]| {
        let page = tenant.users(&query).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|it| it.id).collect();
        let expected: Vec<_> = expected.iter().map(|it| it.id).collect();
        assert_eq!(found, expected, "{query:?}");
        assert_eq!(page.total, Some(expected.len() as u64), "{query:?}");
    };
    let search = |text: &str| UserQuery { search: Some(text.into()), ..everybody.clone() };
    check(everybody.clone(), &[&owner, &ada, &grace, &elise]).await;
    check(search("BYRON"), &[&ada, &elise]).await;
    check(search("hopper"), &[&grace]).await;
    check(search("élise"), &[&elise]).await;
    check(search("ÉLISE"), &[&elise]).await;
    check(search("nobody"), &[]).await;
    check(UserQuery { active: Some(true), ..search("byron") }, &[&ada]).await;
    check(UserQuery { active: Some(false), ..everybody.clone() }, &[&elise]).await;
    check(UserQuery { role: Some(Role::Superuser), ..everybody.clone() }, &[&owner, &grace]).await;
    let dated = UserQuery {
        created_from: Some(later(10)),
        created_before: Some(later(30)),
        ..everybody.clone()
    };
    check(dated.clone(), &[&ada, &grace]).await;
    check(UserQuery { role: Some(Role::User), ..dated }, &[&ada]).await;
    let everywhere = subject.store.users(&search("ampère")).await.unwrap();
    assert_eq!(everywhere.total, Some(1), "the list over all companies");
}

pub(crate) async fn search_takes_every_character_literally(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let odd = r#"A.*b $ne {"x":1} %_ \ '; -- [z] (q|r)+?^"#;
    let person = person(&tenant, odd, "odd@example.com", Role::User, 1).await;
    for part in [".*b", "$ne", "{\"x\"", "%_", "\\", "'; --", "[z]", "(q|r)+?^", odd] {
        let query = UserQuery { search: Some(part.into()), ..UserQuery::default() };
        let found = tenant.users(&query).await.unwrap().items;
        assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), [person.id], "{part}");
    }
    for part in ["a.b", "_%", "[y]", "\0", "\n"] {
        let query = UserQuery { search: Some(part.into()), ..UserQuery::default() };
        assert_eq!(tenant.users(&query).await.unwrap().items, [], "{part:?}");
    }
}

pub(crate) async fn pages_add_up_to_the_list_in_every_order(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    for number in 0_u8..10 {
        // Equal keys and missing ones are where pages go wrong.
        let name = ["Ada", "Grace", "Élise"][usize::from(number % 3)];
        let address = format!("p{number}@example.com");
        let made = person(&tenant, name, &address, Role::User, i64::from(number % 4)).await;
        if number % 3 == 0 {
            let login = UserChange {
                last_login: Some(later(i64::from(number / 6))),
                ..UserChange::default()
            };
            tenant.update_user(made.id, &login, None).await.unwrap();
        }
    }
    for sort in [SortUsers::CreatedAt, SortUsers::FullName, SortUsers::Email, SortUsers::LastLogin]
    {
        for direction in [Direction::Ascending, Direction::Descending] {
            let whole = check_pages(&tenant, sort, direction, 11).await;
            check_order(&whole, sort, direction);
        }
    }
}

/// Walks the list in pages of several sizes, compares with the list in one page, and returns that.
pub(crate) async fn check_pages(
    tenant: &TenantStore,
    sort: SortUsers,
    direction: Direction,
    people: usize,
) -> Vec<User> {
    let all = UserQuery { sort, direction, limit: 100, ..UserQuery::default() };
    let whole = tenant.users(&all).await.unwrap();
    assert_eq!((whole.items.len(), whole.next), (people, None), "{sort:?} {direction:?}");
    for limit in [1, 3, 100] {
        let mut query = UserQuery { limit, ..all.clone() };
        let mut walked = Vec::new();
        loop {
            let page = tenant.users(&query).await.unwrap();
            assert!(page.items.len() <= limit as usize);
            walked.extend(page.items);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
            assert!(walked.len() < 100, "pages without end");
        }
        assert_eq!(walked, whole.items, "{sort:?} {direction:?} by {limit}");
    }
    whole.items
}

/// The keys ascend or descend, and the ids where keys are equal.
pub(crate) fn check_order(people: &[User], sort: SortUsers, direction: Direction) {
    let key = |user: &User| match sort {
        SortUsers::CreatedAt => user.created_at.to_string(),
        SortUsers::FullName => user.full_name.clone(),
        SortUsers::Email => user.email.to_string(),
        SortUsers::LastLogin => user.last_login.map_or(String::new(), |it| it.to_string()),
    };
    let in_order = people.windows(2).all(|pair| match direction {
        Direction::Ascending => (key(&pair[0]), pair[0].id) < (key(&pair[1]), pair[1].id),
        Direction::Descending => (key(&pair[0]), pair[0].id) > (key(&pair[1]), pair[1].id),
    });
    assert!(in_order, "{sort:?} {direction:?}");
}

pub(crate) async fn a_better_hash_never_replaces_a_newer_password(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let upgrade = UserChange {
        password_hash: Some("old password, better hash".into()),
        guard_password_hash: Some(owner.password_hash.clone()),
        ..UserChange::default()
    };
    let change = UserChange { password_hash: Some("new".into()), ..UserChange::default() };
    tenant.update_user(owner.id, &change, None).await.unwrap();
    let refused = tenant.update_user(owner.id, &upgrade, Some(&some_event())).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(tenant.user(owner.id).await.unwrap().unwrap().password_hash, "new");
    let fitting = UserChange { guard_password_hash: Some("new".into()), ..upgrade };
    let upgraded = tenant.update_user(owner.id, &fitting, None).await.unwrap().unwrap();
    assert_eq!(upgraded.password_hash, "old password, better hash");
}
