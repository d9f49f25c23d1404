use pacioli_model::{ConversationId, QueryId, QuestionRecord, UserId};

use crate::{
    Page, PageRequest, StoreError, TenantStore,
    backend::{Collection, Filter, Query, Write},
    document::{self, Document},
};

impl TenantStore {
    /// Remembers a question and how it ended.
    pub async fn remember_question(&self, question: &QuestionRecord) -> Result<(), StoreError> {
        self.store.batch(vec![Write::insert(Collection::Questions, self.owned(question)?)]).await
    }

    /// A question that somebody of this company asked.
    pub async fn question(&self, id: QueryId) -> Result<Option<QuestionRecord>, StoreError> {
        self.get(Collection::Questions, &id).await?.map(read).transpose()
    }

    /// A page of what a person asked, the newest first; of one conversation where one is named.
    pub async fn questions_of(
        &self,
        user: UserId,
        conversation: Option<ConversationId>,
        page: &PageRequest,
    ) -> Result<Page<QuestionRecord>, StoreError> {
        let mut filter = self.own().and(Filter::equals("user_id", user.to_string()));
        if let Some(conversation) = conversation {
            filter = filter.and(Filter::equals("conversation_id", conversation.to_string()));
        }
        let query = Query::new(Collection::Questions, filter)
            .sorted("asked_at", true)
            .after(page.after.clone());
        self.store.page(query, page.limit, read).await
    }
}

fn read(found: Document) -> Result<QuestionRecord, StoreError> {
    document::decode(Collection::Questions, found)
}
