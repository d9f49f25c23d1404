use pacioli_model::{AuditAction, Company, CompanyId};
use pacioli_store::{AuditQuery, CompanyChange, PageRequest, StoreError};

use super::{subject::Subject, words::*};

pub(crate) async fn a_profile_changes_field_by_field(subject: &Subject) {
    let (tenant, _) = signed_up(&subject.store).await;
    let (other, _) = signed_up(&subject.store).await;
    let before = tenant.company().await.unwrap().unwrap();
    let change = CompanyChange {
        company_name: Some("Difference Engines".into()),
        industry: Some(None),
        address: Some(Some("Marylebone".into())),
        ..CompanyChange::default()
    };
    let logged = event(tenant.company_id(), AuditAction::CompanyUpdated);
    let changed = tenant.update_company(&change, later(5), &logged).await.unwrap();
    let expected = Company {
        company_name: "Difference Engines".into(),
        industry: None,
        address: Some("Marylebone".into()),
        updated_at: later(5),
        ..before
    };
    assert_eq!(changed, expected);
    assert_eq!(tenant.company().await.unwrap(), Some(expected));
    assert_eq!(other.company().await.unwrap().unwrap().company_name, "Analytical Engines");
    let updates = AuditQuery { action: Some(AuditAction::CompanyUpdated), ..AuditQuery::default() };
    assert_eq!(tenant.audit(&updates).await.unwrap().items, [logged]);
    let shut = CompanyChange { disabled_at: Some(Some(later(6))), ..CompanyChange::default() };
    let changed = tenant.update_company(&shut, later(6), &some_event()).await.unwrap();
    assert_eq!(changed.disabled_at, Some(later(6)));

    let nobody = subject.store.tenant(CompanyId(next_id()));
    let refused = nobody.update_company(&change, later(5), &some_event()).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
}

pub(crate) async fn companies_are_listed_in_pages(subject: &Subject) {
    let mut expected = Vec::new();
    for number in 0..7 {
        if number % 3 == 2 {
            // Adopted: described by the founder's account alone.
            let founder =
                super::adoption::python_superuser(&format!("Founder{number}@example.com"));
            expected.push(founder["_id"].as_str().unwrap().to_owned());
            subject.insert("users", founder).await;
        } else {
            let (tenant, _) = signed_up(&subject.store).await;
            added(&tenant, pacioli_model::Role::Superuser).await;
            expected.push(tenant.company_id().to_string());
        }
    }
    expected.sort();
    for limit in [1, 2, 3, 7, 50] {
        let mut page = PageRequest { after: None, limit };
        let mut walked = Vec::new();
        for _ in 0..100 {
            let found = subject.store.companies(&page).await.unwrap();
            assert!(found.items.len() <= limit as usize);
            walked.extend(found.items.into_iter().map(|it| it.id.to_string()));
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
        assert_eq!(walked, expected, "by {limit}");
    }
}
