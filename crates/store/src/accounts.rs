use pacioli_model::{AuditEvent, Company, Email, Session, SessionId, User};

use crate::{
    Duplicate, Store, StoreError, adoption,
    backend::{Collection, Filter, Write},
    document,
    store::logged,
};

/// Who is behind an access token: everything a request's caller is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The signed-in device.
    pub session: Session,
    /// The person.
    pub user: User,
    /// Their company.
    pub company: Company,
}

impl Store {
    /// Makes a company and its first owner, both or neither. [`Duplicate::Email`] where any company
    /// has a person with the address, in whatever spelling.
    pub async fn sign_up(
        &self,
        company: &Company,
        owner: &User,
        event: &AuditEvent,
    ) -> Result<(), StoreError> {
        if self.email_is_taken(&owner.email).await? {
            return Err(StoreError::Duplicate(Duplicate::Email));
        }
        // The account comes first: where the address is taken after all, nothing else was written.
        self.batch(vec![
            Write::insert(Collection::Users, adoption::new_user(owner)?),
            Write::insert(Collection::Companies, document::encode(company)?),
            logged(company.id, event)?,
        ])
        .await
    }

    /// The account with this address, in any company.
    pub async fn user_by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        self.document_by_email(email).await?.map(adoption::read_user).transpose()
    }

    /// Whether any company has a person with this address.
    pub async fn email_is_taken(&self, email: &Email) -> Result<bool, StoreError> {
        Ok(self.document_by_email(email).await?.is_some())
    }

    /// Session, person and company; nothing where one of them is gone. Expiry and being shut out are
    /// the caller's to judge.
    pub async fn account(&self, id: SessionId) -> Result<Option<Account>, StoreError> {
        let Some(found) = self.find_one(Collection::Sessions, Filter::id(&id)).await? else {
            return Ok(None);
        };
        let session: Session = document::decode(Collection::Sessions, found)?;
        let tenant = self.tenant(session.company_id);
        let (user, company) =
            futures_util::try_join!(tenant.user(session.user_id), tenant.company())?;
        Ok(user.zip(company).map(|(user, company)| Account { session, user, company }))
    }
}
