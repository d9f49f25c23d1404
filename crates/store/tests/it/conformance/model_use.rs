use futures_util::future::join_all;

use super::{subject::Subject, words::*};

pub(crate) async fn tokens_add_up_by_company_and_month(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    assert_eq!(tenant.model_tokens("2026-06").await.unwrap(), 0);
    for result in join_all((0..5).map(|_| tenant.spend_model_tokens("2026-06", 10))).await {
        result.unwrap();
    }
    tenant.spend_model_tokens("2026-07", 3).await.unwrap();
    assert_eq!(tenant.model_tokens("2026-06").await.unwrap(), 50);
    assert_eq!(tenant.model_tokens("2026-07").await.unwrap(), 3);
    assert_eq!(other.model_tokens("2026-06").await.unwrap(), 0);
}
