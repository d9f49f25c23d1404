use pacioli_model::Role;
use reqwest::Method;
use serde_json::json;

use crate::{
    checks::refused,
    people::{join, sent},
    raw,
    server::Server,
};

const PATH: &str = "/auth/protected-route";

#[tokio::test]
async fn the_owner_of_a_good_token_is_named() {
    let server = Server::start().await;
    let owner = server.sign_up("luca").await;
    let user = join(&server, &owner, "user", Role::User).await;
    for (person, role, name) in [(&owner, "superuser", "Some Owner"), (&user, "user", "Some Body")]
    {
        let answer = server.get(person, PATH).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), "no-store");
        let expect = json!({
            "message": format!("Hello, {name}"), "user_id": person.id, "email": person.email,
            "role": role, "company_id": person.company,
        });
        assert_eq!(answer.body, expect);
    }
}

#[tokio::test]
async fn statement_37_a_token_is_taken_from_one_authorization_header_and_nowhere_else() {
    let server = Server::start().await;
    let person = server.sign_up("luca").await;
    let token = &person.token;
    let get = |path: String| server.request(Method::GET, &path);
    for request in [
        get(PATH.to_owned()),
        get(format!("{PATH}?access_token={token}")),
        get(format!("{PATH}?token={token}")),
        get(PATH.to_owned()).form(&[("access_token", token)]),
        get(PATH.to_owned()).header("cookie", format!("access_token={token}")),
        get(PATH.to_owned()).header("x-access-token", token),
        get(PATH.to_owned()).header("authorization", token),
        get(PATH.to_owned()).header("authorization", format!("Basic {token}")),
        get(PATH.to_owned()).header("authorization", format!("Bearer{token}")),
        get(PATH.to_owned()).header("authorization", ""),
        get(PATH.to_owned()).header("proxy-authorization", format!("Bearer {token}")),
    ] {
        let answer = sent(request).await;
        refused(&answer, 401, "not_authenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "no error where no token was");
    }
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let request = get(PATH.to_owned()).header("authorization", format!("{scheme} {token}"));
        assert_eq!(sent(request).await.status, 200, "{scheme}");
    }
    let good = format!("Authorization: Bearer {token}\r\n");
    for twice in [good.repeat(2), format!("{good}authorization: Bearer x\r\n")] {
        let answer = raw::send(&server, &format!("GET {PATH}"), twice.as_bytes(), b"").await;
        refused(&answer, 400, "bad_request");
    }
    let latin =
        raw::send(&server, &format!("GET {PATH}"), b"Authorization: Bearer \xe9\r\n", b"").await;
    refused(&latin, 401, "invalid_token");
}
