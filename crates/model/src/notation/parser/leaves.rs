//! Values without parts: numbers, texts, names, and what functions make of them.

use super::{
    Bare, Parser, Read, Token,
    aggregates::{ONE_AGGREGATE, aggregate},
};
use crate::{
    CallerAttribute, ColumnRef, DatePart, Decimal, Literal, MetricName, Predicate,
    RelationshipName, TableName, Value,
};

impl Parser {
    pub(super) fn literal(&mut self, negative: bool) -> Read<Option<Literal>> {
        let literal = match (self.peek().clone(), self.after(1).clone()) {
            (Token::Number(digits), _) => {
                let sign = if negative { "-" } else { "" };
                match number(&format!("{sign}{digits}")) {
                    Some(number) => number,
                    None => return self.wrong("a number has at most 38 digits"),
                }
            }
            _ if negative => return Ok(None),
            (Token::Text(text), _) => Literal::Text(text),
            (Token::Word(word), Token::Text(text)) if word == "date" => {
                self.next += 1;
                match text.parse() {
                    Ok(day) => Literal::Date(day),
                    Err(_) => return self.wrong("a day is written '2025-01-31'"),
                }
            }
            (Token::Word(word), Token::Text(text)) if word == "timestamp" => {
                self.next += 1;
                match text.parse() {
                    Ok(moment) => Literal::Timestamp(moment),
                    Err(_) => return self.wrong("a moment is written '2025-01-31T12:00:00Z'"),
                }
            }
            (Token::Word(word), _) if word == "true" => Literal::Boolean(true),
            (Token::Word(word), _) if word == "false" => Literal::Boolean(false),
            _ => return Ok(None),
        };
        self.next += 1;
        Ok(Some(literal))
    }

    pub(super) fn related(&mut self) -> Read<Predicate> {
        self.need("(")?;
        let table: TableName = self.parsed("the name of a table")?;
        let via = self.via()?;
        let mut filter = None;
        if self.take_word("where") {
            let outside = std::mem::replace(&mut self.bare, Bare::ColumnOf(table.clone()));
            filter = Some(Box::new(self.predicate()?));
            self.bare = outside;
        }
        self.need(")")?;
        Ok(Predicate::Related { table, via, filter })
    }

    pub(super) fn caller(&mut self) -> Read<Value> {
        self.need(".")?;
        let attribute = match self.peek() {
            Token::Word(word) if word == "email" => CallerAttribute::Email,
            Token::Word(word) if word == "id" => CallerAttribute::UserId,
            _ => return self.expected("`email` or `id`"),
        };
        self.next += 1;
        Ok(Value::Caller(attribute))
    }

    pub(super) fn function(&mut self, word: &str) -> Read<Value> {
        let part = part(word);
        if part.is_none() && word != "days" {
            return match aggregate(word) {
                Some(_) => self.wrong(ONE_AGGREGATE),
                None => self.wrong(format!("there is no `{word}(…)`")),
            };
        }
        self.next += 2;
        let first = Box::new(self.value()?);
        let value = match part {
            Some(part) => Value::Part { part, of: first },
            None => {
                self.need(",")?;
                Value::Days { from: first, to: Box::new(self.value()?) }
            }
        };
        self.need(")")?;
        Ok(value)
    }

    /// A column, or where no table is said what a bare name is here.
    pub(super) fn named(&mut self) -> Read<Value> {
        let whole = *self.after(1) == Token::Sign(".");
        if whole || !matches!(self.bare, Bare::Metric) {
            return self.column().map(Value::Column);
        }
        self.parsed::<MetricName>("a number or the name of a metric").map(Value::Metric)
    }

    pub(super) fn column(&mut self) -> Read<ColumnRef> {
        if *self.after(1) == Token::Sign(".") {
            let table = self.parsed("the name of a table")?;
            self.need(".")?;
            let column = self.column_name()?;
            return Ok(ColumnRef { table, column, via: self.via()? });
        }
        let Bare::ColumnOf(table) = self.bare.clone() else {
            let name = self.name("a value, such as table.column")?;
            self.next -= 1;
            return self.wrong(format!("which table's `{name}`? Say table.{name}, or `from`"));
        };
        let column = self.parsed("a value, such as table.column")?;
        Ok(ColumnRef { table, column, via: self.via()? })
    }

    pub(super) fn via(&mut self) -> Read<Vec<RelationshipName>> {
        let mut via = Vec::new();
        if self.take_word("via") {
            via.push(self.parsed("the name of a relationship")?);
            while self.take_sign(".") {
                via.push(self.parsed("the name of a relationship")?);
            }
        }
        Ok(via)
    }
}

fn number(text: &str) -> Option<Literal> {
    match text.parse() {
        Ok(whole) => Some(Literal::Integer(whole)),
        Err(_) => text.parse::<Decimal>().ok().map(Literal::Decimal),
    }
}

fn part(word: &str) -> Option<DatePart> {
    Some(match word {
        "year" => DatePart::Year,
        "quarter" => DatePart::Quarter,
        "month" => DatePart::Month,
        "week" => DatePart::Week,
        "day" => DatePart::Day,
        "weekday" => DatePart::Weekday,
        "hour" => DatePart::Hour,
        _ => return None,
    })
}
