use pacioli_model::Timestamp;
use pacioli_store::{Claim, IdempotencyRecord, Store, StoreError, StoredResponse};
use tokio::task::JoinSet;

use super::{subject::Subject, words::*};

fn record(id: &str, fingerprint: &str, lock_until: Timestamp) -> IdempotencyRecord {
    IdempotencyRecord {
        id: id.into(),
        fingerprint: fingerprint.into(),
        lock_until,
        expires_at: later(3600),
        response: None,
    }
}

async fn claim_often(store: &Store, record: &IdempotencyRecord, at: Timestamp) -> Vec<Claim> {
    let mut claims = JoinSet::new();
    for _ in 0..20 {
        let (store, record) = (store.clone(), record.clone());
        claims.spawn(async move { store.claim(&record, at).await.unwrap() });
    }
    claims.join_all().await
}

fn one_is_new(claims: &[Claim]) {
    assert_eq!(claims.iter().filter(|it| **it == Claim::New).count(), 1, "{claims:?}");
    assert_eq!(claims.iter().filter(|it| **it == Claim::InFlight).count(), 19, "{claims:?}");
}

pub(crate) async fn of_many_claims_at_once_one_is_new(subject: &Subject) {
    let claimed = record("company/user/key", "a", later(30));
    one_is_new(&claim_often(&subject.store, &claimed, now()).await);
    let elsewhere = record("other company/user/key", "b", later(30));
    assert_eq!(subject.store.claim(&elsewhere, now()).await.unwrap(), Claim::New);
}

pub(crate) async fn a_claim_is_answered_by_what_became_of_it(subject: &Subject) {
    let store = &subject.store;
    let claimed = record("key", "a", later(30));
    let other = record("key", "b", later(30));
    let claim = async |record: &IdempotencyRecord, at| store.claim(record, at).await.unwrap();
    assert_eq!(claim(&claimed, now()).await, Claim::New);
    assert_eq!(claim(&claimed, now()).await, Claim::InFlight);
    assert_eq!(claim(&other, now()).await, Claim::OtherRequest);
    let response = StoredResponse {
        status: 201,
        content_type: "application/json".into(),
        body: "{\"id\":\"é\"}".into(),
    };
    store.complete("key", &response).await.unwrap();
    store.release("key").await.unwrap(); // an answer is not given up
    assert_eq!(claim(&claimed, later(60)).await, Claim::Done(response.clone()));
    assert_eq!(claim(&other, later(60)).await, Claim::OtherRequest);
    let twice = store.complete("key", &response).await;
    assert!(matches!(twice, Err(StoreError::Conflict)), "{twice:?}");
    assert_eq!(claim(&other, later(3600)).await, Claim::New, "expired");

    let released = record("released", "a", later(30));
    assert_eq!(claim(&released, now()).await, Claim::New);
    store.release("released").await.unwrap();
    store.release("released").await.unwrap();
    let gone = store.complete("released", &response).await;
    assert!(matches!(gone, Err(StoreError::Conflict)), "{gone:?}");
    assert_eq!(claim(&released, now()).await, Claim::New);
}

pub(crate) async fn a_claim_whose_server_died_is_taken_over_once(subject: &Subject) {
    let abandoned = record("key", "a", later(30));
    assert_eq!(subject.store.claim(&abandoned, now()).await.unwrap(), Claim::New);
    subject.store.hold("key", later(60)).await.unwrap();
    assert_eq!(subject.store.claim(&abandoned, later(31)).await.unwrap(), Claim::InFlight);
    let takeover = record("key", "a", later(90));
    one_is_new(&claim_often(&subject.store, &takeover, later(61)).await);
}
