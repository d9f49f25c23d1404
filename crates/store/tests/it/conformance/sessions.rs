use chrono::Duration;
use pacioli_model::{CompanyId, Role, Session, SessionId, Timestamp, UserId};
use pacioli_store::{StoreError, UserChange};
use tokio::task::JoinSet;

use super::{
    subject::{Kind, Subject},
    words::*,
};

pub(crate) async fn a_session_rotates_and_remembers_its_tokens(subject: &Subject) {
    let store = &subject.store;
    let (tenant, owner) = signed_up(store).await;
    let begun = signed_in(&tenant, &owner).await;
    assert_eq!(tenant.session(begun.id).await.unwrap().as_ref(), Some(&begun));
    let first = begun.refresh_hash.clone();
    let (second, third) = (hash("second"), hash("third"));
    assert!(!tenant.rotate_session(begun.id, &second, &third, now(), now()).await.unwrap());
    for (expected, new, at) in [(&first, &second, 10), (&second, &third, 20)] {
        let rotated =
            tenant.rotate_session(begun.id, expected, new, later(at), later(at + 3600)).await;
        assert!(rotated.unwrap());
    }
    let rotated = Session {
        refresh_hash: third.clone(),
        previous_hash: Some(second.clone()),
        spent_hashes: vec![first.clone()],
        rotated_at: Some(later(20)),
        last_used_at: later(20),
        expires_at: later(3620),
        ..begun
    };
    for token in [&first, &second, &third] {
        assert_eq!(store.session_by_refresh(token).await.unwrap().as_ref(), Some(&rotated));
        if *token != third {
            let stale = tenant.rotate_session(rotated.id, token, &some_hash(), now(), now()).await;
            assert!(!stale.unwrap());
        }
    }
    assert_eq!(store.session_by_refresh(&hash("never")).await.unwrap(), None);
    assert!(tenant.end_session(rotated.id, Some(&some_event())).await.unwrap());
    assert!(!tenant.end_session(rotated.id, Some(&some_event())).await.unwrap());
    for token in [&first, &second, &third] {
        assert_eq!(store.session_by_refresh(token).await.unwrap(), None);
    }
    let ended = tenant.rotate_session(rotated.id, &third, &some_hash(), now(), now()).await;
    assert!(!ended.unwrap());
}

pub(crate) async fn of_many_rotations_with_one_token_one_succeeds(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let begun = signed_in(&tenant, &owner).await;
    let replica = subject.replica().await.tenant(tenant.company_id());
    let mut tries = JoinSet::new();
    for number in 0..30 {
        let tenant = if number % 2 == 0 { tenant.clone() } else { replica.clone() };
        let (id, expected) = (begun.id, begun.refresh_hash.clone());
        tries.spawn(async move {
            let new = some_hash();
            let rotated = tenant.rotate_session(id, &expected, &new, now(), later(9)).await;
            rotated.unwrap().then_some(new)
        });
    }
    let successors: Vec<_> = tries.join_all().await.into_iter().flatten().collect();
    let session = tenant.session(begun.id).await.unwrap().unwrap();
    assert_eq!(successors, [session.refresh_hash]);
    assert_eq!(session.previous_hash, Some(begun.refresh_hash));
    assert_eq!(session.spent_hashes, []);
}

pub(crate) async fn spent_tokens_are_remembered_up_to_a_bound(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let session = signed_in(&tenant, &owner).await;
    let mut tokens = vec![session.refresh_hash.clone()];
    for number in 0..68 {
        let new = hash(&format!("token {number}"));
        let current = tokens.last().unwrap();
        assert!(tenant.rotate_session(session.id, current, &new, now(), later(9)).await.unwrap());
        tokens.push(new);
    }
    let spent = tenant.session(session.id).await.unwrap().unwrap().spent_hashes;
    assert_eq!(spent.len(), 64);
    assert_eq!(spent[0], tokens[66], "the newest first");
    let knows = async |token| subject.store.session_by_refresh(token).await.unwrap().is_some();
    assert!(knows(&tokens[3]).await);
    assert!(!knows(&tokens[2]).await, "forgotten");
}

pub(crate) async fn a_rotation_that_races_the_end_leaves_no_session(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    for round in 0..20 {
        let session = signed_in(&tenant, &owner).await;
        let (one, other) = (tenant.clone(), tenant.clone());
        let (id, current) = (session.id, session.refresh_hash.clone());
        let rotation = tokio::spawn(async move {
            one.rotate_session(id, &current, &some_hash(), now(), later(9)).await.unwrap()
        });
        let user = owner.id;
        let end = tokio::spawn(async move {
            match round % 2 {
                0 => assert!(other.end_session(id, Some(&some_event())).await.unwrap()),
                _ => assert_eq!(other.end_sessions_of(user, None, None).await.unwrap(), 1),
            }
        });
        rotation.await.unwrap();
        end.await.unwrap();
        assert_eq!(tenant.session(session.id).await.unwrap(), None);
        assert_eq!(subject.store.session_by_refresh(&session.refresh_hash).await.unwrap(), None);
    }
}

pub(crate) async fn sessions_are_listed_by_last_use_while_they_live(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let person = added(&tenant, Role::User).await;
    signed_in(&tenant, &person).await;
    let mut expected = Vec::new();
    for (used, lives) in [(1, 100), (3, 100), (2, 5), (2, 100)] {
        let begun =
            Session { last_used_at: later(used), expires_at: later(lives), ..session(&owner) };
        tenant.create_session(&begun, now(), &some_event()).await.unwrap();
        expected.push(begun);
    }
    let ids = async |at: Timestamp| {
        let found = tenant.sessions_of(owner.id, at).await.unwrap();
        found.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    let at_last = [expected[1].id, expected[3].id, expected[0].id];
    assert_eq!(ids(later(50)).await, at_last);
    assert_eq!(ids(later(4)).await.len(), 4);
    assert_eq!(ids(later(101)).await, []);
}

pub(crate) async fn all_sessions_end_but_the_one_that_is_kept(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let person = added(&tenant, Role::User).await;
    let others = signed_in(&tenant, &person).await;
    let kept = signed_in(&tenant, &owner).await;
    for _ in 0..3 {
        signed_in(&tenant, &owner).await;
    }
    let event = some_event();
    let ended = tenant.end_sessions_of(owner.id, Some(kept.id), Some(&event)).await.unwrap();
    assert_eq!(ended, 3);
    let left = tenant.sessions_of(owner.id, now()).await.unwrap();
    assert_eq!(left.iter().map(|it| it.id).collect::<Vec<_>>(), [kept.id]);
    assert_eq!(tenant.end_sessions_of(owner.id, None, None).await.unwrap(), 1);
    assert_eq!(tenant.end_sessions_of(owner.id, None, None).await.unwrap(), 0);
    assert!(tenant.session(others.id).await.unwrap().is_some());
    assert!(tenant.delete_user(person.id, &some_event()).await.unwrap());
    assert_eq!(tenant.session(others.id).await.unwrap(), None, "gone with the person");
}

pub(crate) async fn nobody_signs_in_who_is_gone_shut_out_or_has_a_new_password(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let person = added(&tenant, Role::User).await;
    let refused = async |session: &Session, password: Option<&str>| {
        let event = some_event();
        let done = match password {
            Some(hash) => tenant.create_session_with_password(session, hash, now(), &event).await,
            None => tenant.create_session(session, now(), &event).await,
        };
        assert!(matches!(done, Err(StoreError::Conflict)), "{done:?}");
        assert_eq!(tenant.session(session.id).await.unwrap(), None);
    };
    let begun = session(&person);
    tenant
        .create_session_with_password(&begun, &person.password_hash, later(7), &some_event())
        .await
        .unwrap();
    assert_eq!(tenant.user(person.id).await.unwrap().unwrap().last_login, Some(later(7)));
    refused(&session(&person), Some("the hash of another password")).await;
    let shut_out = UserChange { disabled_at: Some(Some(later(1))), ..UserChange::default() };
    tenant.update_user(person.id, &shut_out, None).await.unwrap();
    refused(&session(&person), None).await;
    refused(&session(&person), Some(&person.password_hash)).await;
    tenant.delete_user(person.id, &some_event()).await.unwrap();
    refused(&session(&person), None).await;
    signed_in(&tenant, &owner).await;
}

pub(crate) async fn sessions_of_another_company_do_not_exist(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let begun = signed_in(&tenant, &owner).await;
    let (other, _) = signed_up(&subject.store).await;
    assert_eq!(other.session(begun.id).await.unwrap(), None);
    assert!(!other.end_session(begun.id, None).await.unwrap());
    let current = &begun.refresh_hash;
    let rotated = other.rotate_session(begun.id, current, &some_hash(), now(), later(9)).await;
    assert!(!rotated.unwrap());
    assert_eq!(tenant.session(begun.id).await.unwrap(), Some(begun));
    let nowhere = subject.store.tenant(CompanyId(next_id()));
    assert_eq!(nowhere.session(SessionId(next_id())).await.unwrap(), None);
    assert_eq!(nowhere.sessions_of(UserId(next_id()), now()).await.unwrap(), []);
}

pub(crate) async fn what_has_expired_is_purged(subject: &Subject) {
    let (tenant, owner) = signed_up(&subject.store).await;
    let begun = signed_in(&tenant, &owner).await;
    let short = Session { expires_at: now() + Duration::seconds(1), ..session(&owner) };
    tenant.create_session(&short, now(), &some_event()).await.unwrap();
    assert_eq!(subject.store.purge_expired(now()).await.unwrap(), 0);
    let purged = subject.store.purge_expired(later(2)).await.unwrap();
    if subject.kind == Kind::Sqlite {
        assert_eq!(purged, 1);
        assert_eq!(tenant.session(short.id).await.unwrap(), None);
        assert_eq!(subject.store.session_by_refresh(&short.refresh_hash).await.unwrap(), None);
    } else {
        assert_eq!(purged, 0, "MongoDB's TTL index does it");
        let sessions = subject.database().await.collection::<mongodb::bson::Document>("sessions");
        let mut indexes = sessions.list_indexes().await.unwrap();
        let mut expiring = false;
        while indexes.advance().await.unwrap() {
            let options = indexes.deserialize_current().unwrap().options.unwrap_or_default();
            expiring |= options.expire_after == Some(std::time::Duration::ZERO);
        }
        assert!(expiring);
    }
    assert!(tenant.session(begun.id).await.unwrap().is_some());
}
