use chrono::Duration;
use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    checks::{first_error, refused},
    people::{count_of, disable_company, knock, post, refresh},
    server::{Answer, PASSWORD, Person, Server},
};

/// The person with the tokens of an answer.
fn with(person: &Person, answer: &Answer) -> Person {
    let text =
        |value: &Value| value.as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
    let (token, refresh) =
        (text(&answer.body["access_token"]), text(&answer.body["refresh_token"]));
    Person { token, refresh, ..person.clone() }
}

#[tokio::test]
async fn a_refresh_gives_a_new_pair_of_the_same_session() {
    let server = Server::start().await;
    let first = server.sign_up("luca").await;
    server.advance(Duration::minutes(16));
    assert_eq!(knock(&server, &first).await, 401, "statement 30: fifteen minutes");
    let answer = refresh(&server, &first.refresh).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    let second = with(&first, &answer);
    assert_ne!(second.refresh, first.refresh);
    assert_eq!(knock(&server, &second).await, 200);
    let sessions = server.get(&second, "/auth/sessions").await;
    assert_eq!(sessions.body["items"].as_array().unwrap().len(), 1, "{}", sessions.text);
    assert_eq!(sessions.body["items"][0]["last_used_at"], server.clock.now().to_string());
}

#[tokio::test]
async fn statement_32_a_lost_answer_is_given_again_for_ten_seconds() {
    let server = Server::start().await;
    let first = server.sign_up("luca").await;
    let second = with(&first, &refresh(&server, &first.refresh).await);
    server.advance(Duration::seconds(10));
    let again = with(&first, &refresh(&server, &first.refresh).await);
    assert_eq!(again.refresh, second.refresh, "the same successor");
    assert_eq!(knock(&server, &again).await, 200);
    let third = with(&first, &refresh(&server, &second.refresh).await);
    assert_eq!(knock(&server, &third).await, 200, "and the family goes on");
}

#[tokio::test]
async fn statement_31_reuse_after_the_window_ends_the_family_and_is_noted() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let thief = server.log_in(&owner.email, PASSWORD).await;
    let honest = with(&thief, &refresh(&server, &thief.refresh).await);
    server.advance(Duration::seconds(11));
    refused(&refresh(&server, &thief.refresh).await, 401, "invalid_refresh_token");
    refused(&refresh(&server, &honest.refresh).await, 401, "invalid_refresh_token");
    for person in [&thief, &honest] {
        assert_eq!(knock(&server, person).await, 401);
    }
    assert_eq!(knock(&server, &owner).await, 200, "another session is another family");
    assert_eq!(count_of(&server, &owner, "refresh_token_reused", "failure").await, 1);
}

#[tokio::test]
async fn statement_31_a_grandparent_is_reuse_even_within_the_window() {
    let server = Server::start().await;
    let first = server.sign_up("luca").await;
    let second = with(&first, &refresh(&server, &first.refresh).await);
    let third = with(&first, &refresh(&server, &second.refresh).await);
    refused(&refresh(&server, &first.refresh).await, 401, "invalid_refresh_token");
    assert_eq!(knock(&server, &third).await, 401);
    refused(&refresh(&server, &third.refresh).await, 401, "invalid_refresh_token");
}

#[tokio::test]
async fn statement_32_fifty_refreshes_at_once_leave_one_family_with_one_successor() {
    let server = Server::start().await;
    let first = server.sign_up("luca").await;
    let answers = join_all((0..50).map(|_| refresh(&server, &first.refresh))).await;
    let people: Vec<Person> = answers.iter().map(|answer| with(&first, answer)).collect();
    for person in &people {
        assert_eq!(person.refresh, people[0].refresh);
        assert_eq!(knock(&server, person).await, 200);
    }
    let sessions = server.get(&people[0], "/auth/sessions").await;
    assert_eq!(sessions.body["items"].as_array().unwrap().len(), 1);
    let next = with(&first, &refresh(&server, &people[0].refresh).await);
    assert_eq!(knock(&server, &next).await, 200);
}

#[tokio::test]
async fn statement_33_a_refresh_that_races_a_logout_leaves_nothing_good() {
    let server = Server::start().await;
    let owner = server.sign_up("luca").await;
    for _ in 0..8 {
        let person = server.log_in(&owner.email, PASSWORD).await;
        let (refreshed, ended) =
            join(refresh(&server, &person.refresh), post(&server, &person, "/auth/logout")).await;
        assert_eq!(ended.status, 204, "{}", ended.text);
        if refreshed.status == 200 {
            let late = with(&person, &refreshed);
            assert_eq!(knock(&server, &late).await, 401);
            refused(&refresh(&server, &late.refresh).await, 401, "invalid_refresh_token");
        } else {
            refused(&refreshed, 401, "invalid_refresh_token");
        }
        assert_eq!(knock(&server, &person).await, 401);
    }
}

#[tokio::test]
async fn statement_30_a_session_ends_idle_after_two_weeks_and_in_any_case_after_sixty_days() {
    let server = Server::start().await;
    let idle = server.sign_up("idle").await;
    let mut busy = server.sign_up("busy").await;
    server.advance(Duration::days(13));
    busy = with(&busy, &refresh(&server, &busy.refresh).await);
    server.advance(Duration::days(2));
    refused(&refresh(&server, &idle.refresh).await, 401, "invalid_refresh_token");
    let mut days = 15;
    while days + 10 < 60 {
        busy = with(&busy, &refresh(&server, &busy.refresh).await);
        server.advance(Duration::days(10));
        days += 10;
    }
    busy = with(&busy, &refresh(&server, &busy.refresh).await);
    assert_eq!(knock(&server, &busy).await, 200, "day {days}");
    server.advance(Duration::days(60 - days));
    refused(&refresh(&server, &busy.refresh).await, 401, "invalid_refresh_token");
}

#[tokio::test]
async fn statement_27_what_is_no_refresh_token_is_refused() {
    let server = Server::start().await;
    let owner = server.sign_up("luca").await;
    for token in
        ["", "pcr_", "x", &owner.token, &owner.refresh[1..], &"pcr_x".repeat(100), "pcr_\0"]
    {
        refused(&refresh(&server, token).await, 401, "invalid_refresh_token");
    }
    let as_access = Person { token: owner.refresh.clone(), ..owner.clone() };
    assert_eq!(knock(&server, &as_access).await, 401, "and it opens nothing itself");
    for (body, place, kind) in [
        (json!({"refresh_token": {"$ne": null}}), "body.refresh_token", "type_error"),
        (json!({"refresh_token": owner.refresh, "sub": "x"}), "body.sub", "extra_forbidden"),
        (json!({}), "body.refresh_token", "missing"),
    ] {
        let answer = server.post("/auth/refresh", body).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer), (place.to_owned(), kind.to_owned()));
    }
    assert_eq!(refresh(&server, &owner.refresh).await.status, 200, "none of them spent it");
}

#[tokio::test]
async fn statement_35_a_closed_account_and_a_closed_company_refresh_nothing() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = server.add_user(&owner, "user").await;
    let path = format!("/users/{}/deactivate", user.id);
    assert_eq!(post(&server, &owner, &path).await.status, 200);
    refused(&refresh(&server, &user.refresh).await, 401, "invalid_refresh_token");
    disable_company(&server, &owner.company, true).await;
    refused(&refresh(&server, &owner.refresh).await, 401, "invalid_refresh_token");
    assert_eq!(knock(&server, &owner).await, 401);
}

#[tokio::test]
async fn statement_38_no_token_and_no_password_lies_in_the_data_folder() {
    let server = Server::start().await;
    let first = server.sign_up("luca").await;
    let second = with(&first, &refresh(&server, &first.refresh).await);
    let folder = server.stop().await;
    let mut read = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let content = std::fs::read(&path).unwrap();
        read += content.len();
        for secret in [&first.refresh, &second.refresh, &first.token, &second.token, PASSWORD] {
            let found = content.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
    assert!(read > 10_000, "the database was looked at");
}

#[tokio::test]
async fn a_refresh_is_no_get() {
    let server = Server::start().await;
    let answer = crate::people::sent(server.request(Method::GET, "/auth/refresh")).await;
    refused(&answer, 405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "POST");
}
