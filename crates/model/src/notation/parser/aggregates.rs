//! One aggregate over rows, and what follows it.

use super::{Bare, Parser, Read, Token};
use crate::{
    Aggregate, Aggregation, ColumnRef, Definition, Named, OverTime, Predicate, TableName, Value,
};

/// What follows an aggregate.
#[derive(Default)]
struct Clauses {
    from: Option<TableName>,
    filter: Option<Predicate>,
    date: Option<ColumnRef>,
    over_time: Option<OverTime>,
}

pub(super) const ONE_AGGREGATE: &str = "a metric is one aggregate, or is made of other metrics: declare each \
                             aggregate as a metric of its own and name them here";

impl Parser {
    pub(super) fn aggregate_ahead(&self) -> Option<Aggregate> {
        let Token::Word(word) = self.peek() else { return None };
        if *self.after(1) != Token::Sign("(") {
            return None;
        }
        aggregate(word)
    }

    /// The table that `from` names, wherever it stands: it says whose the bare names before it are.
    pub(super) fn table_after_from(&mut self) -> Read<Option<TableName>> {
        let is_from = |at: &usize| {
            // After a point it is a column of that name.
            let after_point = *at > 0 && self.tokens[at - 1].1 == Token::Sign(".");
            self.tokens[*at].1 == Token::Word("from".to_owned()) && !after_point
        };
        let Some(at) = (0..self.tokens.len()).find(is_from) else { return Ok(None) };
        let start = std::mem::replace(&mut self.next, at + 1);
        let table = self.parsed("the name of a table after `from`")?;
        self.next = start;
        Ok(Some(table))
    }

    pub(super) fn aggregation(&mut self) -> Read<Aggregation> {
        let start = self.next;
        let Some(mut how) = self.aggregate_ahead() else {
            return self.expected("an aggregate: count, sum, average, min or max");
        };
        self.next += 2;
        let mut rows_of = None;
        let value = if how == Aggregate::Count && self.counts_rows() {
            rows_of = self.counted_rows()?;
            None
        } else {
            if how == Aggregate::Count && self.take_word("distinct") {
                how = Aggregate::CountDistinct;
            }
            Some(self.value()?)
        };
        self.need(")")?;
        let inside = value.as_ref().and_then(table_of).or_else(|| rows_of.clone());
        if let (Bare::Nothing, Some(table)) = (&self.bare, &inside) {
            self.bare = Bare::ColumnOf(table.clone());
        }
        let clauses = self.clauses()?;
        let Some(table) = clauses.from.or(inside) else {
            self.next = start;
            return self.wrong("which table's rows count? Say `from` and the table");
        };
        let Clauses { filter, date, over_time, .. } = clauses;
        let over_time = over_time.unwrap_or_default();
        Ok(Aggregation { value, filter, date, over_time, ..Aggregation::new(how, table) })
    }

    /// `count(*)` and `count(orders)` count rows.
    fn counts_rows(&self) -> bool {
        let closed = *self.after(1) == Token::Sign(")");
        let bare = matches!(self.peek(), Token::Word(_) | Token::Name(_));
        self.is_sign("*") || (closed && bare && matches!(self.bare, Bare::Nothing))
    }

    fn counted_rows(&mut self) -> Read<Option<TableName>> {
        if self.take_sign("*") { Ok(None) } else { self.parsed("the name of a table").map(Some) }
    }

    fn clauses(&mut self) -> Read<Clauses> {
        let mut read = Clauses::default();
        while *self.peek() != Token::End {
            if read.from.is_none() && self.take_word("from") {
                read.from = Some(self.parsed("the name of a table")?);
            } else if read.filter.is_none() && self.take_word("where") {
                read.filter = Some(self.predicate()?);
            } else if read.date.is_none() && self.take_word("on") {
                read.date = Some(self.column()?);
            } else if read.over_time.is_none() && self.take_word("as") {
                read.over_time = Some(self.over_time()?);
            } else if matches!(self.peek(), Token::Sign("+" | "-" | "*" | "/")) {
                return self.wrong(ONE_AGGREGATE);
            } else {
                return self.expected("`where`, `on`, `from` or `as`, each once, or the end");
            }
        }
        Ok(read)
    }

    fn over_time(&mut self) -> Read<OverTime> {
        if self.take_word("snapshot") {
            Ok(OverTime::Snapshot)
        } else if self.take_word("balance") {
            Ok(OverTime::ToDate)
        } else {
            self.expected("`snapshot` or `balance`")
        }
    }
}

/// The one table of the value's columns.
fn table_of(value: &Value) -> Option<TableName> {
    let calculation = Definition::Calculation(value.clone());
    let mut tables = calculation.names().into_iter().filter_map(|named| match named {
        Named::Column(column) => Some(column.table.clone()),
        _ => None,
    });
    let first = tables.next()?;
    tables.all(|table| table == first).then_some(first)
}

pub(super) fn aggregate(word: &str) -> Option<Aggregate> {
    Some(match word {
        "count" => Aggregate::Count,
        "sum" => Aggregate::Sum,
        "average" | "avg" => Aggregate::Average,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        _ => return None,
    })
}
