//! What one person may see of their company's tables: the one place where policies, a role and an id
//! become an [`Access`], which the engine then holds every query to.

use std::sync::Arc;

use pacioli_model::{
    Access, Bound, CallerAttribute, Catalog, ColumnName, Company, Distinct, Literal, Policy,
    Predicate, TableAccess, TableName, User, UserId, Value,
};
use pacioli_store::TenantStore;

use crate::error::ApiResult;

/// A person with the rights that they have now, and their company, for work that is done for them later;
/// nothing where one of the two is not active any more.
pub async fn active(data: &TenantStore, id: UserId) -> ApiResult<Option<(User, Company)>> {
    let user = data.user(id).await?.filter(User::is_active);
    let company = data.company().await?.filter(|company| company.disabled_at.is_none());
    Ok(user.zip(company))
}

/// A catalog as one person knows it, and the whole of it for the engine to hold them to.
pub struct Seen {
    /// All of it: for the engine alone.
    pub whole: Arc<Catalog>,
    /// Without what they may not see: for everything that is told to them.
    pub visible: Arc<Catalog>,
    /// What they may see.
    pub access: Access,
}

impl Seen {
    /// As `user` sees it.
    pub fn by(user: &User, whole: Catalog) -> Self {
        let access = settle(&whole.semantics.policies, user);
        let whole = Arc::new(whole);
        let visible = if access.tables.is_empty() {
            Arc::clone(&whole)
        } else {
            Arc::new(visible(&whole, &access))
        };
        Self { whole, visible, access }
    }
}

/// The policies that bind `user`, with what they say of the caller replaced. Where several are about
/// one table, all of them hold.
fn settle(policies: &[Policy], user: &User) -> Access {
    let mut access = Access::default();
    for policy in policies.iter().filter(|policy| binds(&policy.binds, user)) {
        let rows = policy.rows.clone().map(|mut rows| {
            replace(&mut rows, user);
            rows
        });
        let known = access.tables.iter_mut().find(|table| table.table == policy.table);
        if let Some(table) = known {
            table.rows = match (table.rows.take(), rows) {
                (Some(one), Some(other)) => Some(Predicate::All(vec![one, other])),
                (one, other) => one.or(other),
            };
            table.hidden_columns.extend(policy.hidden_columns.iter().cloned());
        } else {
            let (table, hidden_columns) = (policy.table.clone(), policy.hidden_columns.clone());
            access.tables.push(TableAccess { table, rows, hidden_columns });
        }
    }
    access
}

fn binds(bound: &Bound, user: &User) -> bool {
    match bound {
        Bound::Roles(roles) => roles.contains(&user.role),
        Bound::Users(users) => users.contains(&user.id),
        Bound::Everybody => true,
    }
}

fn replace(rows: &mut Predicate, user: &User) {
    match rows {
        Predicate::All(parts) | Predicate::Any(parts) => {
            for part in parts {
                replace(part, user);
            }
        }
        Predicate::Not(part) => replace(part, user),
        Predicate::Compare { left, right, .. } => {
            replace_value(left, user);
            replace_value(right, user);
        }
        Predicate::OneOf { value, .. }
        | Predicate::Matches { value, .. }
        | Predicate::IsNull { value } => replace_value(value, user),
        Predicate::Related { filter, .. } => {
            if let Some(filter) = filter {
                replace(filter, user);
            }
        }
        Predicate::Among { values, .. } => {
            for value in values {
                replace_value(value, user);
            }
        }
    }
}

fn replace_value(value: &mut Value, user: &User) {
    match value {
        Value::Caller(attribute) => {
            let text = match attribute {
                CallerAttribute::Email => user.email.to_string(),
                CallerAttribute::UserId => user.id.to_string(),
            };
            *value = Value::Literal(Literal::Text(text));
        }
        Value::Arithmetic { left, right, .. } | Value::Days { from: left, to: right } => {
            replace_value(left, user);
            replace_value(right, user);
        }
        Value::Part { of, .. } => replace_value(of, user),
        Value::Column(_)
        | Value::Literal(_)
        | Value::Output(_)
        | Value::Metric(_)
        | Value::Figure(_) => {}
    }
}

/// The catalog without hidden columns. Of tables whose rows are not all seen, what was seen in them is
/// not told: it is of all rows.
fn visible(whole: &Catalog, access: &Access) -> Catalog {
    let mut catalog = whole.clone();
    let hides = |table: &TableName, column: &ColumnName| {
        access.table(table).is_some_and(|access| access.hidden_columns.contains(column))
    };
    let sees = |table: &TableName, columns: &[ColumnName]| {
        columns.iter().all(|column| !hides(table, column))
    };
    for table in &mut catalog.tables {
        let Some(access) = access.table(&table.name) else { continue };
        let name = table.name.clone();
        table.columns.retain(|column| !hides(&name, &column.name));
        // A part of a key names no row.
        if !sees(&name, &table.primary_key) {
            table.primary_key.clear();
        }
        table.foreign_keys.retain(|key| sees(&name, &key.columns));
        if access.rows.is_some() {
            for column in &mut table.columns {
                (column.profile.min, column.profile.max) = (None, None);
                column.profile.values = None;
                column.profile.nulls = 0;
                column.profile.distinct = Distinct::MoreThan(0);
            }
        }
    }
    for relationships in [&mut catalog.relationships, &mut catalog.semantics.relationships] {
        relationships
            .retain(|one| sees(&one.table, &one.columns) && sees(&one.to, &one.references));
    }
    let partly =
        |table: &TableName| access.table(table).is_some_and(|access| access.rows.is_some());
    for one in &mut catalog.relationships {
        if partly(&one.table) || partly(&one.to) {
            (one.match_rate, one.orphans) = (None, None);
        }
    }
    for meaning in &mut catalog.semantics.tables {
        let table = meaning.table.clone();
        meaning.columns.retain(|column| !hides(&table, &column.column));
        meaning.date.take_if(|column| hides(&table, column));
        meaning.display.take_if(|column| hides(&table, column));
    }
    // Policies themselves tell of what they hide.
    catalog.semantics.policies.clear();
    catalog
}

#[cfg(test)]
mod tests {
    use pacioli_model::{ColumnRef, Comparison, Role, Timestamp, UserId};
    use uuid::Uuid;

    use super::*;

    fn user(number: u128, role: Role) -> User {
        User {
            id: UserId(Uuid::from_u128(number)),
            company_id: pacioli_model::CompanyId(Uuid::nil()),
            full_name: "Ann".to_owned(),
            email: "ann@example.com".parse().unwrap(),
            password_hash: String::new(),
            role,
            created_by: None,
            created_at: Timestamp::from_millis(0),
            updated_at: None,
            last_login: None,
            disabled_at: None,
            must_change_password: false,
        }
    }

    fn is(column: &str, right: Value) -> Predicate {
        let table = TableName::parse("t").unwrap();
        let left = Value::Column(ColumnRef::new(table, ColumnName::parse(column).unwrap()));
        Predicate::Compare { left, comparison: Comparison::Equal, right }
    }

    fn policy(name: &str, binds: Bound, rows: Option<Predicate>, hidden: &[&str]) -> Policy {
        let hidden = hidden.iter().map(|name| ColumnName::parse(name).unwrap());
        Policy {
            name: name.to_owned(),
            binds,
            table: TableName::parse("t").unwrap(),
            rows,
            hidden_columns: hidden.collect(),
        }
    }

    #[test]
    fn all_policies_that_bind_a_person_hold_and_no_others() {
        let caller = Value::Caller(CallerAttribute::Email);
        let text = |text: &str| Value::Literal(Literal::Text(text.to_owned()));
        let policies = [
            policy("own", Bound::Roles(vec![Role::User]), Some(is("seller", caller)), &["margin"]),
            policy("all", Bound::Everybody, None, &["secret"]),
            policy(
                "one",
                Bound::Users(vec![user(2, Role::User).id]),
                Some(is("a", text("b"))),
                &[],
            ),
        ];
        let hidden = |access: &Access| access.tables[0].hidden_columns.len();
        let owner = settle(&policies, &user(1, Role::Superuser));
        assert_eq!((owner.tables[0].rows.clone(), hidden(&owner)), (None, 1));
        let own = is("seller", text("ann@example.com"));
        let one = settle(&policies, &user(1, Role::User));
        assert_eq!((one.tables[0].rows.clone(), hidden(&one)), (Some(own.clone()), 2));
        let two = settle(&policies, &user(2, Role::User));
        let both = Predicate::All(vec![own, is("a", text("b"))]);
        assert_eq!((two.tables[0].rows.clone(), two.tables.len()), (Some(both), 1));
        assert_eq!(settle(&[], &user(1, Role::User)), Access::default());
    }

    #[test]
    fn the_caller_is_replaced_wherever_a_policy_names_them() {
        let caller = || Value::Caller(CallerAttribute::UserId);
        let mut rows = Predicate::Any(vec![
            Predicate::Not(Box::new(is("a", caller()))),
            Predicate::OneOf { value: caller(), values: Vec::new() },
            Predicate::IsNull { value: caller() },
        ]);
        replace(&mut rows, &user(1, Role::User));
        let text = format!("{rows:?}");
        assert!(!text.contains("Caller") && text.matches("00000000-0000").count() == 3, "{text}");
    }
}
