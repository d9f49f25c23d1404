//! "The manager of Ann": another row of the same table, to which hers refers.

use pacioli_model::{Ask, Comparison, GroupKey, Predicate, Relationship, Value};

use super::Idioms;
use crate::{
    relations::{
        build::free_name,
        lexicon::name_words,
        thesaurus::{lemma, same},
    },
    translation::Translation,
};

const SUPERIORS: &[&str] = &["manager", "boss", "supervisor", "superior", "chief"];

impl Idioms<'_> {
    /// Who stands above somebody is shown by name, and what is asked of them is theirs.
    pub(super) fn superior(&self) -> Option<Translation> {
        let at = self.find(SUPERIORS)?;
        let of_somebody = self.is(at + 1, &["of"])
            || at.checked_sub(1).is_some_and(|owner| {
                self.question[..self.tokens[at].at.start].trim_end().ends_with("'s")
                    || self.word(owner).ends_with("'s")
            });
        of_somebody.then_some(())?;
        self.changed(self.question, |ask| self.led_above(ask, self.word(at)))
    }

    /// Nothing where the rows do not say who stands above them, or the question is not of one by name.
    fn led_above(&self, ask: &mut Ask, said: &str) -> Option<()> {
        let schema = &self.relations.schema;
        let relationship = self.leads_above(ask, said)?;
        let table = self.table_named(&ask.table)?;
        let shown = self.column(schema.tables[table].display?);
        let named = ask.filter.as_ref().is_some_and(|filter| {
            let names = |predicate: &Predicate| {
                matches!(predicate, Predicate::Compare {
                        left: Value::Column(column), comparison: Comparison::Equal, ..
                    } if column.table == ask.table && column.via.is_empty()
                        && (*column == shown || column.column.as_str().ends_with("name")))
            };
            match filter {
                Predicate::All(parts) => parts.iter().any(names),
                one => names(one),
            }
        });
        (ask.each_row && named && ask.limit.is_none()).then_some(())?;
        let asks_id = self.find(&["id", "ids", "number"]).is_some();
        for place in 0..ask.group_by.len() {
            let GroupKey::Value(Value::Column(column)) = ask.group_by[place].key.clone() else {
                return None;
            };
            (column.table == ask.table && column.via.is_empty()).then_some(())?;
            let reference = relationship.columns.contains(&column.column);
            if reference && asks_id {
                continue;
            }
            let mut theirs = if reference { shown.clone() } else { column };
            theirs.via = vec![relationship.name.clone()];
            if reference {
                ask.group_by[place].name = free_name(ask, said);
            }
            ask.group_by[place].key = GroupKey::Value(Value::Column(theirs));
        }
        Some(())
    }

    /// The one way from rows to others of the same table that is called like `said`.
    fn leads_above(&self, ask: &Ask, said: &str) -> Option<Relationship> {
        let stem = lemma(said);
        let called = |relationship: &&Relationship| {
            let words = relationship.columns.iter().flat_map(|name| name_words(name.as_str()));
            words.into_iter().any(|word| word == stem || same(&stem).any(|other| other == word))
        };
        let all = self.relations.schema.catalog.relationships.iter();
        let own = all.filter(|one| one.table == ask.table && one.to == ask.table);
        let mut own = own.filter(called);
        own.next().filter(|_| own.next().is_none()).cloned()
    }
}
