//! A company keeps one active superuser.

use futures_util::future::join_all;
use pacioli_model::Role;
use reqwest::Method;
use serde_json::json;

use crate::{
    checks::refused,
    people::{delete, join, post, sent},
    server::{Answer, Person, Server},
};

async fn give_up(server: &Server, who: &Person, by: &Person, how: usize) -> Answer {
    let one = format!("/users/{}", who.id);
    match how {
        0 => server.send(by, Method::PATCH, &one, json!({"role": "user"})).await,
        1 => post(server, by, &format!("{one}/deactivate")).await,
        _ => delete(server, by, &one).await,
    }
}

#[tokio::test]
async fn statement_45_the_last_superuser_stays_until_there_is_another() {
    let server = Server::start().await;
    for how in 0..3 {
        let owner = server.sign_up(&format!("owner{how}")).await;
        let user = join(&server, &owner, &format!("user{how}"), Role::User).await;
        refused(&give_up(&server, &owner, &owner, how).await, 409, "last_owner");
        assert_eq!(server.get(&owner, "/users").await.status, 200);
        let raise = json!({"role": "superuser"});
        let path = format!("/users/{}", user.id);
        assert_eq!(server.send(&owner, Method::PATCH, &path, raise).await.status, 200);
        let gone = give_up(&server, &owner, &owner, how).await;
        assert!(gone.status.is_success(), "{}", gone.text);
        refused(&give_up(&server, &user, &user, how).await, 409, "last_owner");
        let company = server.get(&user, "/company").await;
        assert_eq!(company.body["company_name"], format!("Company of owner{how}"));
        assert_eq!(company.body["id"], owner.company, "a company outlives who founded it");
    }
}

#[tokio::test]
async fn a_superuser_who_is_shut_out_is_none_that_stays() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let second = join(&server, &owner, "second", Role::Superuser).await;
    assert_eq!(
        post(&server, &owner, &format!("/users/{}/deactivate", second.id)).await.status,
        200
    );
    for how in 0..3 {
        refused(&give_up(&server, &owner, &owner, how).await, 409, "last_owner");
    }
}

#[tokio::test]
async fn statement_45_of_superusers_who_shut_each_other_out_at_once_one_stays() {
    let server = Server::start().await;
    for round in 0..6 {
        let owner = server.sign_up(&format!("owner{round}")).await;
        let mut people = vec![owner.clone()];
        for number in 0..3 {
            let name = format!("second{round}.{number}");
            people.push(join(&server, &owner, &name, Role::Superuser).await);
        }
        // Everybody acts on the next one, all at once.
        let acts = (0..people.len()).map(|at| {
            let next = &people[(at + 1) % people.len()];
            give_up(&server, next, &people[at], (round + at) % 3)
        });
        for answer in join_all(acts).await {
            let known = [200, 204, 401, 403, 404, 409].contains(&answer.status.as_u16());
            assert!(known, "{} {}", answer.status, answer.text);
        }
        let mut left = 0;
        for person in &people {
            let request = server.request(Method::GET, "/users").bearer_auth(&person.token);
            left += u32::from(sent(request).await.status == 200);
        }
        assert!(left >= 1, "round {round}: nobody is left");
    }
}
