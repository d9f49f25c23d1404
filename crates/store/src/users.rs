use pacioli_model::{AuditEvent, Direction, Email, Role, Timestamp, User, UserId};
use serde_json::Value;

use crate::{
    After, Duplicate, Page, Store, StoreError, TenantStore, adoption,
    backend::{Collection, Filter, Query, Scalar, Write},
    document::{self, Document},
    store::{ATTEMPTS, back_off, logged},
};

/// What people are listed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum SortUsers {
    CreatedAt,
    FullName,
    Email,
    LastLogin,
}

impl SortUsers {
    fn field(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::FullName => "full_name",
            Self::Email => "email",
            Self::LastLogin => "last_login",
        }
    }
}

/// Which people, in what order. Every filter given must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserQuery {
    /// A part of the name or of the address, in upper or lower case.
    pub search: Option<String>,
    /// This role.
    pub role: Option<Role>,
    /// May be used (true) or shut out (false).
    pub active: Option<bool>,
    /// Made at this moment or later.
    pub created_from: Option<Timestamp>,
    /// Made before this moment.
    pub created_before: Option<Timestamp>,
    /// The sort key; the id decides among equals.
    pub sort: SortUsers,
    /// Which end comes first.
    pub direction: Direction,
    /// The `next` of the page before.
    pub after: Option<After>,
    /// Most people on the page.
    pub limit: u32,
    /// Whether [`Page::total`] is wanted.
    pub count_total: bool,
}

impl Default for UserQuery {
    /// Everybody, oldest first, fifty a page.
    fn default() -> Self {
        Self {
            search: None,
            role: None,
            active: None,
            created_from: None,
            created_before: None,
            sort: SortUsers::CreatedAt,
            direction: Direction::Ascending,
            after: None,
            limit: 50,
            count_total: false,
        }
    }
}

impl UserQuery {
    fn filter(&self, scope: Filter) -> Filter {
        let shut_out = || Filter::AtLeast("disabled_at", Timestamp::from_millis(0).to_string());
        let active = |wanted| if wanted { Filter::Missing("disabled_at") } else { shut_out() };
        let mentions = |text: &String| {
            let fields = ["full_name", "email"];
            Filter::Any(fields.map(|field| Filter::Mentions(field, text.clone())).into())
        };
        let given = [
            self.role.map(|role| Filter::equals("role", role.as_str())),
            self.active.map(active),
            self.created_from.map(|from| Filter::AtLeast("created_at", from.to_string())),
            self.created_before.map(|end| Filter::Below("created_at", end.to_string())),
            self.search.as_ref().map(mentions),
        ];
        Filter::All([scope].into_iter().chain(given.into_iter().flatten()).collect())
    }
}

/// What changes in an account. Empty stays; an inner empty value is removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// The name shown.
    pub full_name: Option<String>,
    /// The hash of a new password, or a better hash of the same one.
    pub password_hash: Option<String>,
    /// Whether the password must be changed next.
    pub must_change_password: Option<bool>,
    /// The role.
    pub role: Option<Role>,
    /// Shuts the account out, or lets it in again.
    pub disabled_at: Option<Option<Timestamp>>,
    /// A successful login.
    pub last_login: Option<Timestamp>,
    /// When this change was made; left out where only the login is noted.
    pub updated_at: Option<Timestamp>,
    /// The change is made only while this is the password's hash, else it is a
    /// [`StoreError::Conflict`]: a better hash of an old password never replaces a new one.
    pub guard_password_hash: Option<String>,
}

impl UserChange {
    fn fields(&self) -> Vec<(&'static str, Value)> {
        let moment = |at: Timestamp| Value::from(at.to_string());
        [
            self.full_name.clone().map(|it| ("full_name", it.into())),
            self.password_hash.clone().map(|it| ("password_hash", it.into())),
            self.must_change_password.map(|it| ("must_change_password", it.into())),
            self.role.map(|it| ("role", it.as_str().into())),
            self.disabled_at.map(|it| ("disabled_at", it.map_or(Value::Null, moment))),
            self.last_login.map(|it| ("last_login", moment(it))),
            self.updated_at.map(|it| ("updated_at", moment(it))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Whether it can take an active superuser away.
    fn touches_ownership(&self) -> bool {
        self.role.is_some() || self.disabled_at.is_some()
    }

    fn keeps_owner(&self, user: &User) -> bool {
        let role = self.role.unwrap_or(user.role);
        let disabled_at = self.disabled_at.unwrap_or(user.disabled_at);
        role == Role::Superuser && disabled_at.is_none()
    }
}

impl Store {
    /// People of all companies.
    pub async fn users(&self, query: &UserQuery) -> Result<Page<User>, StoreError> {
        self.user_page(query, Filter::everything()).await
    }

    async fn user_page(&self, query: &UserQuery, scope: Filter) -> Result<Page<User>, StoreError> {
        let filter = query.filter(scope);
        let mut total = None;
        if query.count_total {
            total = Some(self.count(Collection::Users, filter.clone()).await?);
        }
        let descending = query.direction == Direction::Descending;
        let find = Query::new(Collection::Users, filter)
            .sorted(query.sort.field(), descending)
            .after(query.after.clone());
        let page = self.page(find, query.limit, adoption::read_user).await?;
        Ok(Page { total, ..page })
    }
}

impl TenantStore {
    /// A person of this company.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.user_document(id).await?.map(adoption::read_user).transpose()
    }

    /// People of this company.
    pub async fn users(&self, query: &UserQuery) -> Result<Page<User>, StoreError> {
        self.store.user_page(query, self.members()).await
    }

    /// Adds a person. [`Duplicate::Email`] where any company has one with the address.
    pub async fn add_user(&self, user: &User, event: &AuditEvent) -> Result<(), StoreError> {
        if self.store.email_is_taken(&user.email).await? {
            return Err(StoreError::Duplicate(Duplicate::Email));
        }
        let user = User { company_id: self.company_id(), ..user.clone() };
        let insert = Write::insert(Collection::Users, adoption::new_user(&user)?);
        self.store.batch(vec![insert, logged(self.company_id(), event)?]).await
    }

    /// Changes a person and says how they are now; nothing where there is no such person here.
    /// [`StoreError::LastOwner`] where no active superuser would be left.
    pub async fn update_user(
        &self,
        id: UserId,
        change: &UserChange,
        event: Option<&AuditEvent>,
    ) -> Result<Option<User>, StoreError> {
        for attempt in 0..ATTEMPTS {
            let Some(found) = self.user_document(id).await? else { return Ok(None) };
            let mut writes = self.change_of(&found, change).await?;
            writes.extend(event.map(|event| logged(self.company_id(), event)).transpose()?);
            if self.store.try_batch(writes).await? {
                return self.user(id).await;
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    /// The writes that make the change, to the account as it was read.
    async fn change_of(
        &self,
        found: &Document,
        change: &UserChange,
    ) -> Result<Vec<Write>, StoreError> {
        let user = adoption::read_user(found.clone())?;
        let mut guard = self.members();
        if let Some(hash) = &change.guard_password_hash {
            if *hash != user.password_hash {
                return Err(StoreError::Conflict);
            }
            guard = guard.and(Filter::equals("password_hash", hash.as_str()));
        }
        let mut fields = change.fields();
        fields.extend(self.canonical_email(found, &user.email).await?);
        let mut writes = Vec::new();
        if change.touches_ownership() {
            guard = guard.and(standing(found));
            if is_owner(&user) && !change.keeps_owner(&user) {
                writes.push(self.owner_leaves(user.id).await?);
            }
        }
        if !fields.is_empty() {
            let id = document::id_of(found);
            writes.insert(0, Write::update(Collection::Users, id, guard, fields));
        }
        Ok(writes)
    }

    /// Removes a person and ends their sessions; false where there is no such person here.
    /// [`StoreError::LastOwner`] where no active superuser would be left.
    pub async fn delete_user(&self, id: UserId, event: &AuditEvent) -> Result<bool, StoreError> {
        for attempt in 0..ATTEMPTS {
            let Some(found) = self.user_document(id).await? else { return Ok(false) };
            let user = adoption::read_user(found.clone())?;
            let mut ownership = None;
            if is_owner(&user) {
                ownership = Some(self.owner_leaves(id).await?);
            }
            let guard = self.members().and(standing(&found));
            let mut writes = vec![Write::delete(Collection::Users, document::id_of(&found), guard)];
            writes.extend(self.ends_of_sessions(id, None).await?);
            writes.extend(ownership);
            writes.push(logged(self.company_id(), event)?);
            if self.store.try_batch(writes).await? {
                return Ok(true);
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    pub(crate) fn members(&self) -> Filter {
        Filter::All(vec![adoption::members(self.company_id())])
    }

    async fn user_document(&self, id: UserId) -> Result<Option<Document>, StoreError> {
        self.store.find_one(Collection::Users, self.members().and(Filter::id(&id))).await
    }

    /// The write that lets an active superuser go. Every such change counts up one number on the
    /// company's document, so that of two made at once, each resting on the other person's staying,
    /// one finds the number changed and looks again. The number is read before people are counted and
    /// is written after the person, so that this also holds where batches are not isolated.
    async fn owner_leaves(&self, id: UserId) -> Result<Write, StoreError> {
        let company = self.company_id();
        let found = self.store.find_one(Collection::Companies, Filter::id(&company)).await?;
        let others = self
            .members()
            .and(Filter::equals("role", Role::Superuser.as_str()))
            .and(Filter::Missing("disabled_at"))
            .and(Filter::Differs("_id", Scalar::Text(id.to_string())));
        if self.store.count(Collection::Users, others).await? == 0 {
            return Err(StoreError::LastOwner);
        }
        let Some(found) = found else {
            // Adopted: its profile rested on an owner's account until now.
            let adopted = self.store.adopted_company(company).await?.ok_or(StoreError::Conflict)?;
            let mut document = document::encode(&adopted)?;
            document.insert(REVISION.to_owned(), 1.into());
            return Ok(Write::insert(Collection::Companies, document));
        };
        let revision = found.get(REVISION).and_then(Value::as_i64);
        let guard = match revision {
            Some(seen) => Filter::equals(REVISION, seen),
            None => Filter::Missing(REVISION),
        };
        let next = (REVISION, Value::from(revision.unwrap_or(0) + 1));
        Ok(Write::update(Collection::Companies, &company, guard, [next]))
    }

    /// What makes an adopted account's address count in the unique index, unless another spelling of
    /// it came first.
    async fn canonical_email(
        &self,
        found: &Document,
        email: &Email,
    ) -> Result<Option<(&'static str, Value)>, StoreError> {
        if found.contains_key("email_canonical") {
            return Ok(None);
        }
        let holder = self.store.document_by_email(email).await?;
        let first = holder.is_some_and(|it| document::id_of(&it) == document::id_of(found));
        Ok(first.then(|| ("email_canonical", email.as_str().into())))
    }
}

/// Counts the changes that took an active superuser away.
const REVISION: &str = "owners_revision";

fn is_owner(user: &User) -> bool {
    user.role == Role::Superuser && user.is_active()
}

/// Holds while role and standing are what was read.
fn standing(found: &Document) -> Filter {
    let as_read = |field| match document::text(found, field) {
        Some(value) => Filter::equals(field, value),
        None => Filter::Missing(field),
    };
    Filter::All(vec![as_read("role"), as_read("disabled_at")])
}
