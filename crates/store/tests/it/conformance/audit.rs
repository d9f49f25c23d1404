use pacioli_model::{
    AuditAction::{LoggedIn, TableDeleted},
    AuditEvent,
    Outcome::{Failure, Success},
    UserId,
};
use pacioli_store::AuditQuery;

use super::{subject::Subject, words::*};

pub(crate) async fn entries_are_listed_newest_first_in_pages(subject: &Subject) {
    let tenant = subject.store.tenant(company().id);
    let mut expected = Vec::new();
    for number in 0..9 {
        let entry = event(tenant.company_id(), LoggedIn);
        let entry = AuditEvent { at: later(number / 2), ..entry };
        tenant.append_audit(&entry).await.unwrap();
        expected.push(entry);
    }
    expected.sort_by_key(|it| (it.at, it.id));
    expected.reverse();
    for limit in [1, 2, 4, 50] {
        let mut query = AuditQuery { limit, ..AuditQuery::default() };
        let mut walked = Vec::new();
        for _ in 0..20 {
            let page = tenant.audit(&query).await.unwrap();
            walked.extend(page.items);
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        assert_eq!(walked, expected, "by {limit}");
    }
}

pub(crate) async fn filters_combine_and_keep_to_the_company(subject: &Subject) {
    let tenant = subject.store.tenant(company().id);
    let other = subject.store.tenant(company().id);
    let actor = UserId(next_id());
    let entry = |at, action, outcome, actor, target: Option<&str>| AuditEvent {
        at: later(at),
        outcome,
        actor,
        target: target.map(str::to_owned),
        ..event(tenant.company_id(), action)
    };
    let entries = [
        entry(0, LoggedIn, Failure, None, None),
        entry(1, LoggedIn, Success, Some(actor), None),
        entry(2, TableDeleted, Success, Some(actor), Some("orders")),
    ];
    for entry in &entries {
        tenant.append_audit(entry).await.unwrap();
    }
    // An entry belongs to the log it is added to, whatever it says.
    other.append_audit(&entry(1, LoggedIn, Success, Some(actor), None)).await.unwrap();

    let all = AuditQuery::default();
    let check = async |query: AuditQuery, expected: &[usize]| {
        let found = tenant.audit(&query).await.unwrap().items;
        let expected: Vec<_> = expected.iter().map(|it| entries[*it].clone()).collect();
        assert_eq!(found, expected, "{query:?}");
    };
    check(all.clone(), &[2, 1, 0]).await;
    check(AuditQuery { action: Some(LoggedIn), ..all.clone() }, &[1, 0]).await;
    check(AuditQuery { outcome: Some(Failure), ..all.clone() }, &[0]).await;
    check(AuditQuery { actor: Some(actor), ..all.clone() }, &[2, 1]).await;
    check(AuditQuery { target: Some("orders".into()), ..all.clone() }, &[2]).await;
    check(AuditQuery { target: Some("$ne".into()), ..all.clone() }, &[]).await;
    check(AuditQuery { from: Some(later(1)), ..all.clone() }, &[2, 1]).await;
    check(AuditQuery { to: Some(later(1)), ..all.clone() }, &[0]).await;
    let both = AuditQuery { actor: Some(actor), action: Some(LoggedIn), ..all.clone() };
    check(both, &[1]).await;
    assert_eq!(other.audit(&all).await.unwrap().items.len(), 1);
}
