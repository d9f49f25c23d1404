//! "The manager of Ann", "who reports to Ann", "employees who are managers": other rows of the same table,
//! to which theirs refer.

use pacioli_model::{
    Ask, ColumnRef, Comparison, GroupKey, Grouping, Literal, Predicate, Relationship, Value,
};

use super::Idioms;
use crate::{
    judge::NOT_TOGETHER,
    relations::{
        build::{all, free_name},
        lexicon::name_words,
        thesaurus::{lemma, measured_by, same},
    },
    spelling::fold,
    translation::Translation,
};

const SUPERIORS: &[&str] = &["manager", "boss", "supervisor", "superior", "chief"];
const LEAD: &[&str] = &["manage", "lead", "supervise", "direct"];

impl Idioms<'_> {
    /// Who stands above somebody is shown by name, and what is asked of them is theirs.
    pub(super) fn superior(&self) -> Option<Translation> {
        let above = self.below().or_else(|| self.who_lead()).or_else(|| self.more_than_above());
        if let Some(read) = above {
            return Some(read);
        }
        let at = self.find(SUPERIORS)?;
        let of_somebody = self.is(at + 1, &["of"])
            || at.checked_sub(1).is_some_and(|owner| {
                self.question[..self.tokens[at].at.start].trim_end().ends_with("'s")
                    || self.word(owner).ends_with("'s")
            });
        of_somebody.then_some(())?;
        if let Some(read) = self.who_is_above(at) {
            return Some(read);
        }
        if self.is(0, &["who"]) && self.led_rows().is_some() && self.is(at + 1, &["of"]) {
            // "Who is the manager of the north": whoever each there reports to is no answer.
            return Some(Self::refused(self.word(at), NOT_TOGETHER));
        }
        self.changed(self.question, |ask| self.led_above(ask, self.word(at)))
    }

    /// "Who is the boss of Ann", "who is Ann's manager": of the one table whose rows name others of it.
    fn who_is_above(&self, at: usize) -> Option<Translation> {
        (self.is(0, &["who", "whos"])).then_some(())?;
        let lead = ["who", "whos", "is", "s", "the", "was"];
        let first = (0..at).find(|at| !self.is(*at, &lead));
        let name = match first {
            None if self.is(at + 1, &["of"]) => self.said(at + 2..self.tokens.len()),
            Some(first) if at + 1 == self.tokens.len() => self.said(first..at),
            _ => return None,
        };
        let name = name.trim_end_matches("'s").to_owned();
        self.changed(&format!("list {} called {name}", self.led_rows()?), |ask| {
            self.led_above(ask, self.word(at))
        })
    }

    /// "Employees who report to Ann Berg", "how many people does Ann Berg manage": rows whose superior she is.
    fn below(&self) -> Option<Translation> {
        let reports = self.find(&["report", "reports", "reporting", "reported"]);
        let reports = reports.filter(|at| self.is(at + 1, &["to"]));
        let works = self.find(&["work", "works", "working", "managed", "led", "supervised"]);
        let works = works.filter(|at| self.is(at + 1, &["under", "by"]));
        let (before, name) = if let Some(at) = reports.or(works).filter(|at| *at > 0) {
            let end = at - usize::from(self.is(at - 1, &["who", "that", "directly"]));
            // "Who reports to Ann": of the one table whose rows name others of it.
            let rows = if end == 0 { self.led_rows()? } else { self.said(0..end) };
            (rows, at + 2..self.tokens.len())
        } else {
            let last = self.tokens.len().checked_sub(1).filter(|last| self.is(*last, LEAD))?;
            let does = self.find(&["does", "do", "did"]).filter(|does| does + 1 < last)?;
            (self.said(0..does), does + 1..last)
        };
        let words: Vec<String> = name.clone().map(|at| self.word(at).to_owned()).collect();
        let rest = format!("{before} called {}", self.said(name));
        self.changed(&rest, |ask| {
            let relationship = self.above(ask)?;
            let mut told = false;
            let filter = ask.filter.as_mut()?;
            let parts = match filter {
                Predicate::All(parts) => parts.as_mut_slice(),
                one => std::slice::from_mut(one),
            };
            for part in parts {
                if let Predicate::Compare {
                    left: Value::Column(column),
                    comparison: Comparison::Equal,
                    right: Value::Literal(Literal::Text(text)),
                } = part
                    && fold(text).split_whitespace().all(|word| words.iter().any(|it| it == word))
                {
                    (column.table == relationship.table && column.via.is_empty()).then_some(())?;
                    column.via = vec![relationship.name.clone()];
                    told = true;
                }
            }
            told.then_some(())
        })
    }

    /// "Who earns more than their own manager": a figure of theirs beside the same of whoever stands above.
    fn more_than_above(&self) -> Option<Translation> {
        let than = self.find(&["than"]).filter(|than| *than > 1)?;
        let comparison = match self.word(than - 1) {
            "more" | "higher" => Comparison::Greater,
            "less" | "lower" => Comparison::Less,
            _ => return None,
        };
        let own = than + 1 + usize::from(self.is(than + 1, &["their", "his", "her", "the"]));
        let own = own + usize::from(self.is(own, &["own"]));
        (self.is(own, SUPERIORS) && own + 1 == self.tokens.len()).then_some(())?;
        let columns = measured_by(self.word(than - 2))?;
        let rows = self.led_rows()?;
        let schema = &self.relations.schema;
        let table = self.table_called(&rows)?;
        let figure = schema.tables[table].columns.clone().find(|column| {
            let words = name_words(&schema.columns[*column].column.label);
            let number = schema.columns[*column].column.data_type.is_number();
            number && columns.iter().any(|name| words.iter().any(|word| word == name))
        })?;
        self.changed(&format!("list {rows}"), |ask| {
            let relationship = self.leads_above(ask, self.word(own))?;
            let mut theirs = self.column(figure);
            theirs.via = vec![relationship.name.clone()];
            let own = Value::Column(self.column(figure));
            super::narrow(ask, super::compare(own, comparison, Value::Column(theirs)));
            Some(())
        })
    }

    /// What the rows are called that name others of the same table, where one table alone has such.
    fn led_rows(&self) -> Option<String> {
        let all = self.relations.schema.catalog.relationships.iter();
        let mut own = all.filter(|one| one.table == one.to);
        let table = &own.next()?.table;
        own.next().is_none().then(|| name_words(table.as_str()).join(" "))
    }

    /// "Employees who are managers": those whom other rows name.
    fn who_lead(&self) -> Option<Translation> {
        let last = self.tokens.len().checked_sub(1)?;
        let said = lemma(self.word(last));
        (SUPERIORS.contains(&said.as_str()) && self.is(last.checked_sub(1)?, &["are"]))
            .then_some(())?;
        let end = last - 1 - usize::from(last > 1 && self.is(last - 2, &["who", "that"]));
        self.changed(&self.said(0..end), |ask| {
            let relationship = self.leads_above(ask, &said)?;
            let ([column], [key]) =
                (relationship.columns.as_slice(), relationship.references.as_slice())
            else {
                return None;
            };
            let own = |name| ColumnRef::new(ask.table.clone(), name);
            let (superior, key) = (own(column.clone()), own(key.clone()));
            let mut above = Ask::about(ask.table.clone());
            let name = free_name(&above, column.as_str());
            let value = Value::Column(superior);
            above.group_by.push(Grouping::new(name, GroupKey::Value(value.clone())));
            above.filter = Some(Predicate::Not(Box::new(Predicate::IsNull { value })));
            let among = Predicate::Among { values: vec![Value::Column(key)], ask: Box::new(above) };
            ask.filter = all(ask.filter.take().into_iter().chain([among]).collect());
            (ask.limit.is_none()).then_some(())
        })
    }

    /// The one way from rows to others of the same table, where it is called after who stands above.
    fn above(&self, ask: &Ask) -> Option<Relationship> {
        let called = SUPERIORS.iter().chain(&["report"]);
        called.into_iter().find_map(|said| self.leads_above(ask, said))
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
        let first = schema.first_name(table, schema.tables[table].display?);
        let first = first.map(|column| self.column(column));
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
            if let Some(mut first) = first.clone().filter(|_| reference) {
                first.via.clone_from(&theirs.via);
                let name = free_name(ask, first.column.as_str());
                let value = GroupKey::Value(Value::Column(first));
                ask.group_by.push(Grouping::new(name, value));
            }
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
