use pacioli_model::{AuditEvent, RefreshHash, Session, SessionId, Timestamp, UserId};
use serde_json::Value;

use crate::{
    Store, StoreError, TenantStore,
    backend::{Collection, Filter, Query, Scalar, Write},
    document,
    store::{ATTEMPTS, back_off, logged},
};

/// How many spent refresh tokens of a family are remembered.
const SPENT: usize = 64;

impl Store {
    /// The session that a refresh token belongs to or once belonged to: its current, its previous or
    /// a spent one.
    pub async fn session_by_refresh(
        &self,
        hash: &RefreshHash,
    ) -> Result<Option<Session>, StoreError> {
        let filter = Filter::Any(vec![
            Filter::equals("refresh_hash", hash.0.as_str()),
            Filter::equals("previous_hash", hash.0.as_str()),
            Filter::Holds("spent_hashes", hash.0.clone()),
        ]);
        let found = self.find_one(Collection::Sessions, filter).await?;
        found.map(|it| document::decode(Collection::Sessions, it)).transpose()
    }
}

impl TenantStore {
    /// Signs a device in and notes the person's login. [`StoreError::Conflict`] where the person is
    /// gone or shut out.
    pub async fn create_session(
        &self,
        session: &Session,
        last_login: Timestamp,
        event: &AuditEvent,
    ) -> Result<(), StoreError> {
        self.sign_in(session, self.members(), last_login, event).await
    }

    /// As [`TenantStore::create_session`], and a [`StoreError::Conflict`] too where the person's
    /// password is no longer the one with this hash: a login with the old password that races a
    /// change of password leaves no session behind.
    pub async fn create_session_with_password(
        &self,
        session: &Session,
        password_hash: &str,
        last_login: Timestamp,
        event: &AuditEvent,
    ) -> Result<(), StoreError> {
        let guard = self.members().and(Filter::equals("password_hash", password_hash));
        self.sign_in(session, guard, last_login, event).await
    }

    async fn sign_in(
        &self,
        session: &Session,
        guard: Filter,
        last_login: Timestamp,
        event: &AuditEvent,
    ) -> Result<(), StoreError> {
        let login = ("last_login", Value::from(last_login.to_string()));
        let guard = guard.and(Filter::Missing("disabled_at"));
        self.store
            .batch(vec![
                Write::insert(Collection::Sessions, self.owned(session)?),
                Write::update(Collection::Users, &session.user_id, guard, [login]),
                logged(self.company_id(), event)?,
            ])
            .await
    }

    /// A session of this company.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let found = self.get(Collection::Sessions, &id).await?;
        found.map(|it| document::decode(Collection::Sessions, it)).transpose()
    }

    /// A person's sessions that have not expired, the last used first.
    pub async fn sessions_of(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let filter = self.sessions(user).and(Filter::AtLeast("expires_at", now.to_string()));
        let query = Query::new(Collection::Sessions, filter).sorted("last_used_at", true);
        let found = self.store.find(query).await?;
        found.into_iter().map(|it| document::decode(Collection::Sessions, it)).collect()
    }

    /// Replaces the session's refresh token, if `expected` is the current one. False where it is not,
    /// or where the session has ended: then nothing was changed.
    pub async fn rotate_session(
        &self,
        id: SessionId,
        expected: &RefreshHash,
        new: &RefreshHash,
        rotated_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(session) = self.session(id).await? else { return Ok(false) };
        let spent: Vec<Value> = (session.previous_hash.into_iter())
            .chain(session.spent_hashes)
            .take(SPENT)
            .map(|hash| Value::String(hash.0))
            .collect();
        let fields = [
            ("refresh_hash", Value::from(new.0.as_str())),
            ("previous_hash", expected.0.as_str().into()),
            ("spent_hashes", spent.into()),
            ("rotated_at", rotated_at.to_string().into()),
            ("last_used_at", rotated_at.to_string().into()),
            ("expires_at", expires_at.to_string().into()),
        ];
        // While the current token is the expected one, what was read above still stands.
        let guard = self.own().and(Filter::equals("refresh_hash", expected.0.as_str()));
        self.store.try_batch(vec![Write::update(Collection::Sessions, &id, guard, fields)]).await
    }

    /// Ends a session; false where there is none here.
    pub async fn end_session(
        &self,
        id: SessionId,
        event: Option<&AuditEvent>,
    ) -> Result<bool, StoreError> {
        let mut writes = vec![Write::delete(Collection::Sessions, &id, self.own())];
        writes.extend(event.map(|event| logged(self.company_id(), event)).transpose()?);
        self.store.try_batch(writes).await
    }

    /// Ends a person's sessions, all but one where one is named; returns how many. The event is
    /// logged also where there was none.
    pub async fn end_sessions_of(
        &self,
        user: UserId,
        except: Option<SessionId>,
        event: Option<&AuditEvent>,
    ) -> Result<u64, StoreError> {
        for attempt in 0..ATTEMPTS {
            let mut writes = self.ends_of_sessions(user, except).await?;
            let ended = writes.len() as u64;
            writes.extend(event.map(|event| logged(self.company_id(), event)).transpose()?);
            if self.store.try_batch(writes).await? {
                return Ok(ended);
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    pub(crate) async fn ends_of_sessions(
        &self,
        user: UserId,
        except: Option<SessionId>,
    ) -> Result<Vec<Write>, StoreError> {
        let mut filter = self.sessions(user);
        if let Some(kept) = except {
            filter = filter.and(Filter::Differs("_id", Scalar::Text(kept.to_string())));
        }
        let mut query = Query::new(Collection::Sessions, filter);
        query.only = &["_id"];
        let found = self.store.find(query).await?;
        let end = |it| Write::delete(Collection::Sessions, document::id_of(it), self.own());
        Ok(found.iter().map(end).collect())
    }

    fn sessions(&self, user: UserId) -> Filter {
        self.own().and(Filter::equals("user_id", user.to_string()))
    }
}
