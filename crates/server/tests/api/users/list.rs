use chrono::Duration;
use pacioli_model::Role;
use serde_json::Value;

use crate::{
    checks::{first_error, refused},
    people::{add, join, post},
    server::{Person, Server},
};

/// An owner and seven people with names that sort and search differently; one is shut out.
async fn company() -> (Server, Person) {
    let server = Server::start().await;
    let owner = server.sign_up("zz.owner").await;
    for (name, role) in [
        ("anna", Role::User),
        ("bruno.anna", Role::Superuser),
        ("carla_x", Role::User),
        ("carlaxx", Role::User),
        ("d+tag", Role::User),
        ("eva", Role::User),
        ("fabio", Role::User),
    ] {
        server.advance(Duration::seconds(1));
        let user = add(&server, &owner.company, &format!("{name}@example.com"), role).await;
        if name == "fabio" {
            post(&server, &owner, &format!("/users/{}/deactivate", user.id)).await;
        }
    }
    (server, owner)
}

fn names(body: &Value) -> Vec<String> {
    let items = body["items"].as_array().unwrap_or_else(|| panic!("{body}")).iter();
    items.map(|item| item["email"].as_str().unwrap().replace("@example.com", "")).collect()
}

#[tokio::test]
async fn filters_and_search_are_combined_and_no_character_is_special() {
    let (server, owner) = company().await;
    for (query, expect) in [
        (
            "",
            &["fabio", "eva", "d+tag", "carlaxx", "carla_x", "bruno.anna", "anna", "zz.owner"][..],
        ),
        ("sort=created_at&limit=2", &["zz.owner", "anna"]),
        ("sort=email&limit=3", &["anna", "bruno.anna", "carla_x"]),
        ("sort=-email&limit=2", &["zz.owner", "fabio"]),
        ("role=superuser&sort=email", &["bruno.anna", "zz.owner"]),
        ("is_active=false", &["fabio"]),
        ("is_active=true&role=user&sort=email", &["anna", "carla_x", "carlaxx", "d+tag", "eva"]),
        ("search=ANNA&sort=email", &["anna", "bruno.anna"]),
        ("search=anna&role=user", &["anna"]),
        ("search=owner", &["zz.owner"]),
        ("search=some+owner", &["zz.owner"]),
        // Each would match more, or fail, where it is taken for a pattern.
        ("search=a_x", &["carla_x"]),
        ("search=d%2Bt", &["d+tag"]),
        ("search=.a", &["bruno.anna"]),
        ("search=%25", &[]),
        ("search=_", &["carla_x"]),
        ("search=.*", &[]),
        ("search=%5Ea", &[]),
        ("search=(", &[]),
        ("search=%5B", &[]),
        ("search=%5C", &[]),
        ("search=*", &[]),
        ("search=%27+OR+1=1+--", &[]),
        ("search=%00", &[]),
        (
            "search=++",
            &["fabio", "eva", "d+tag", "carlaxx", "carla_x", "bruno.anna", "anna", "zz.owner"],
        ),
    ] {
        let answer = server.get(&owner, &format!("/users?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        assert_eq!(names(&answer.body), expect, "{query}");
        assert!(!answer.text.contains("hash"), "{}", answer.text);
    }
}

#[tokio::test]
async fn every_order_is_paged_through_to_its_end() {
    let (server, owner) = company().await;
    for sort in ["created_at", "full_name", "email", "last_login"] {
        for sort in [sort.to_owned(), format!("-{sort}")] {
            let whole = names(&server.get(&owner, &format!("/users?sort={sort}")).await.body);
            assert_eq!(whole.len(), 8);
            for limit in [1, 3, 4, 8] {
                let mut paged = Vec::new();
                let mut path = format!("/users?sort={sort}&limit={limit}&count=true");
                loop {
                    let page = server.get(&owner, &path).await;
                    assert_eq!(page.body["total"], 8);
                    paged.extend(names(&page.body));
                    let Some(cursor) = page.body["next_cursor"].as_str() else { break };
                    path = format!("/users?sort={sort}&limit={limit}&count=true&cursor={cursor}");
                }
                assert_eq!(paged, whole, "{sort} by {limit}");
            }
        }
    }
    assert!(
        server.get(&owner, "/users").await.body.get("total").is_none(),
        "not asked, not counted"
    );
}

#[tokio::test]
async fn statement_42_a_cursor_is_good_for_its_own_company_and_order_only() {
    let (server, owner) = company().await;
    let other = server.sign_up("other").await;
    join(&server, &other, "one", Role::User).await;
    let page = server.get(&owner, "/users?limit=1").await;
    let cursor = page.body["next_cursor"].as_str().unwrap().to_owned();
    let (payload, signature) = cursor.split_once('.').unwrap();
    for (person, path) in [
        (&other, format!("/users?cursor={cursor}")),
        (&owner, format!("/users?sort=email&cursor={cursor}")),
        (&owner, format!("/audit?cursor={cursor}")),
        (&owner, format!("/users?cursor={payload}")),
        (&owner, format!("/users?cursor={payload}x.{signature}")),
        (&owner, "/users?cursor=".to_owned()),
        (&owner, "/users?cursor=%7B%22$gt%22:1%7D.x".to_owned()),
    ] {
        let answer = server.get(person, &path).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, "query.cursor", "{path}");
    }
    assert_eq!(server.get(&owner, &format!("/users?limit=1&cursor={cursor}")).await.status, 200);
}

#[tokio::test]
async fn statement_47_bounds_unknown_and_repeated_parameters_are_named() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for (query, place) in [
        ("limit=0", "query.limit"),
        ("limit=101", "query.limit"),
        ("limit=-1", "query.limit"),
        ("limit=ten", "query.limit"),
        ("limit=99999999999", "query.limit"),
        ("limit=1&limit=2", "query.limit"),
        ("sort=password_hash", "query.sort"),
        ("sort=--email", "query.sort"),
        ("role=admin", "query.role"),
        ("role=user&role=superuser", "query.role"),
        ("is_active=perhaps", "query.is_active"),
        ("company_id=x", "query.company_id"),
        ("role%5B$ne%5D=user", "query.role[$ne]"),
        ("$where=1", "query.$where"),
    ] {
        let answer = server.get(&owner, &format!("/users?{query}")).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, place, "{query}: {}", answer.text);
    }
    assert_eq!(server.get(&owner, "/users?limit=100").await.status, 200);
}

#[tokio::test]
async fn nobody_of_another_company_is_listed_or_counted() {
    let (server, owner) = company().await;
    let other = server.sign_up("other").await;
    let page = server.get(&other, "/users?count=true&search=a").await;
    assert_eq!(
        (names(&page.body), &page.body["total"]),
        (vec!["other".to_owned()], &Value::from(1))
    );
    let page = server.get(&owner, "/users?search=other&count=true").await;
    assert_eq!((names(&page.body).len(), &page.body["total"]), (0, &Value::from(0)));
}
