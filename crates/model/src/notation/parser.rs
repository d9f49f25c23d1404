//! Words to meaning: one way down the precedences, every expression read once.

use super::{
    NotationError, RESERVED,
    tokens::{Token, tokens},
};
use crate::{
    Aggregate, Aggregation, CallerAttribute, ColumnName, ColumnRef, Comparison, DatePart, Decimal,
    Definition, InvalidName, Literal, MetricName, Named, Operation, OverTime, Predicate,
    RelationshipName, TableName, TextPlace, Value,
};

/// Brackets inside each other.
const DEEPEST: u32 = 24;
/// Parts inside each other, of the whole. What is read is remembered as nested documents, which may not
/// go deeper than 128.
const DEEPEST_TREE: u32 = 48;
/// The longest text that is read.
const LONGEST: usize = 10_000;

type Read<T> = Result<T, NotationError>;

/// What a name without a table is.
#[derive(Debug, Clone)]
enum Bare {
    /// A column of this table.
    ColumnOf(TableName),
    /// Another metric.
    Metric,
    /// A mistake: nothing says whose it is.
    Nothing,
}

/// A value, or a condition.
enum Node {
    Value(Value),
    Predicate(Predicate),
}

/// What follows an aggregate.
#[derive(Default)]
struct Clauses {
    from: Option<TableName>,
    filter: Option<Predicate>,
    date: Option<ColumnRef>,
    over_time: Option<OverTime>,
}

const ONE_AGGREGATE: &str = "a metric is one aggregate, or is made of other metrics: declare each \
                             aggregate as a metric of its own and name them here";

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    bare: Bare,
    depth: u32,
}

pub(super) fn definition(text: &str) -> Read<Definition> {
    let mut parser = Parser::new(text)?;
    if parser.aggregate_ahead().is_none() {
        parser.bare = Bare::Metric;
        let value = parser.value()?;
        parser.end("the end, or + - * /")?;
        return shallow(depth_of_value(&value), Definition::Calculation(value));
    }
    if let Some(table) = parser.table_after_from()? {
        parser.bare = Bare::ColumnOf(table);
    }
    let read = parser.aggregation()?;
    let value = read.value.as_ref().map_or(0, depth_of_value);
    let filter = read.filter.as_ref().map_or(0, depth_of_predicate);
    shallow(value.max(filter), Definition::Aggregate(read))
}

pub(super) fn predicate(text: &str, table: &TableName) -> Read<Predicate> {
    let mut parser = Parser::new(text)?;
    parser.bare = Bare::ColumnOf(table.clone());
    if parser.take_words(&["all", "rows"]) && *parser.peek() == Token::End {
        return Ok(Predicate::All(Vec::new()));
    }
    parser.next = 0;
    let predicate = parser.predicate()?;
    parser.end("the end, `and` or `or`")?;
    shallow(depth_of_predicate(&predicate), predicate)
}

pub(super) fn column(text: &str) -> Read<ColumnRef> {
    let mut parser = Parser::new(text)?;
    let column = parser.column()?;
    parser.end("the end, or `via`")?;
    Ok(column)
}

impl Parser {
    fn new(text: &str) -> Read<Self> {
        if text.len() > LONGEST {
            let detail = format!("a text has at most {LONGEST} bytes");
            return Err(NotationError { at: 1, detail });
        }
        Ok(Self { tokens: tokens(text)?, next: 0, bare: Bare::Nothing, depth: 0 })
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(_, token)| token)
    }

    fn after(&self, ahead: usize) -> &Token {
        self.tokens.get(self.next + ahead).map_or(&Token::End, |(_, token)| token)
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(next) if *next == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(next) if next == word)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let there = self.is_sign(sign);
        self.next += usize::from(there);
        there
    }

    fn take_word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        self.next += usize::from(there);
        there
    }

    fn take_words(&mut self, words: &[&str]) -> bool {
        let at = self.next;
        let all = words.iter().all(|word| self.take_word(word));
        if !all {
            self.next = at;
        }
        all
    }

    fn wrong<T>(&self, detail: impl Into<String>) -> Read<T> {
        let last = self.tokens.last().map_or(1, |(at, _)| *at);
        let at = self.tokens.get(self.next).map_or(last, |(at, _)| *at);
        Err(NotationError { at, detail: detail.into() })
    }

    fn expected<T>(&self, what: &str) -> Read<T> {
        self.wrong(format!("expected {what}, found {}", self.peek().shown()))
    }

    fn need(&mut self, sign: &'static str) -> Read<()> {
        if self.take_sign(sign) { Ok(()) } else { self.expected(&format!("`{sign}`")) }
    }

    fn end(&self, what: &str) -> Read<()> {
        if *self.peek() == Token::End { Ok(()) } else { self.expected(what) }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth == DEEPEST {
            return self.wrong("this is nested too deeply");
        }
        self.depth += 1;
        let done = read(self);
        self.depth -= 1;
        done
    }

    fn name(&mut self, what: &str) -> Read<String> {
        match self.peek().clone() {
            Token::Word(word) if !RESERVED.contains(&word.as_str()) => {
                self.next += 1;
                Ok(word)
            }
            Token::Name(name) => {
                self.next += 1;
                Ok(name)
            }
            _ => self.expected(what),
        }
    }

    fn parsed<T: std::str::FromStr<Err = InvalidName>>(&mut self, what: &str) -> Read<T> {
        let name = self.name(what)?;
        name.parse().or_else(|invalid: InvalidName| {
            self.next -= 1;
            self.wrong(format!("`{name}` is no name: {invalid}"))
        })
    }

    /// After a point, every word is a name.
    fn column_name(&mut self) -> Read<ColumnName> {
        if let Token::Word(word) = self.peek().clone() {
            self.next += 1;
            return ColumnName::parse(&word).or_else(|invalid| {
                self.next -= 1;
                self.wrong(format!("`{word}` is no name: {invalid}"))
            });
        }
        self.parsed("the name of a column")
    }

    // Aggregates.

    fn aggregate_ahead(&self) -> Option<Aggregate> {
        let Token::Word(word) = self.peek() else { return None };
        if *self.after(1) != Token::Sign("(") {
            return None;
        }
        aggregate(word)
    }

    /// The table that `from` names, wherever it stands: it says whose the bare names before it are.
    fn table_after_from(&mut self) -> Read<Option<TableName>> {
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

    fn aggregation(&mut self) -> Read<Aggregation> {
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

    // Conditions and values, the loosest first.

    fn predicate(&mut self) -> Read<Predicate> {
        let node = self.either()?;
        self.condition(node)
    }

    fn value(&mut self) -> Read<Value> {
        let start = self.next;
        match self.either()? {
            Node::Value(value) => Ok(value),
            Node::Predicate(_) => {
                self.next = start;
                self.wrong("expected a value, found a condition")
            }
        }
    }

    fn either(&mut self) -> Read<Node> {
        self.deeper(|parser| {
            parser.joined("or", Predicate::Any, |parser| {
                parser.joined("and", Predicate::All, Self::negated)
            })
        })
    }

    fn joined(
        &mut self,
        word: &str,
        join: fn(Vec<Predicate>) -> Predicate,
        part: impl Fn(&mut Self) -> Read<Node>,
    ) -> Read<Node> {
        let first = part(self)?;
        if !self.is_word(word) {
            return Ok(first);
        }
        let mut parts = vec![self.condition(first)?];
        while self.take_word(word) {
            let next = part(self)?;
            parts.push(self.condition(next)?);
        }
        Ok(Node::Predicate(join(parts)))
    }

    fn condition(&self, node: Node) -> Read<Predicate> {
        match node {
            Node::Predicate(predicate) => Ok(predicate),
            Node::Value(value @ Value::Column(_)) => Ok(is_true(value)),
            Node::Value(_) => self.expected("a comparison"),
        }
    }

    fn negated(&mut self) -> Read<Node> {
        if !self.take_word("not") {
            return self.compared();
        }
        let inner = self.deeper(Self::negated)?;
        Ok(Node::Predicate(Predicate::Not(Box::new(self.condition(inner)?))))
    }

    fn compared(&mut self) -> Read<Node> {
        let first = self.sum()?;
        let Node::Value(left) = first else { return Ok(first) };
        if let Some(comparison) = self.comparison() {
            let right = self.operand()?;
            return Ok(Node::Predicate(Predicate::Compare { left, comparison, right }));
        }
        let after_not = |token: &Token| matches!(token, Token::Word(word) if AFTER_NOT.contains(&word.as_str()));
        let negated = self.is_word("not") && after_not(self.after(1));
        self.next += usize::from(negated);
        let found = if self.take_word("in") {
            Predicate::OneOf { value: left, values: self.literals()? }
        } else if self.take_word("between") {
            self.between(left)?
        } else if let Some(place) = self.place() {
            Predicate::Matches { value: left, place, text: self.text()? }
        } else if self.take_word("is") {
            let is_not = self.take_word("not");
            if !self.take_word("null") {
                return self.expected("`null`");
            }
            let is_null = Predicate::IsNull { value: left };
            return Ok(Node::Predicate(if is_not { not(is_null) } else { is_null }));
        } else {
            return Ok(Node::Value(left));
        };
        Ok(Node::Predicate(if negated { not(found) } else { found }))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let Token::Sign(sign) = self.peek() else { return None };
        let comparison = match *sign {
            "=" => Comparison::Equal,
            "!=" | "<>" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        };
        self.next += 1;
        Some(comparison)
    }

    fn between(&mut self, value: Value) -> Read<Predicate> {
        let from = self.operand()?;
        if !self.take_word("and") {
            return self.expected("`and` and the other end");
        }
        let to = self.operand()?;
        let at_least = Comparison::GreaterOrEqual;
        let left = value.clone();
        Ok(Predicate::All(vec![
            Predicate::Compare { left, comparison: at_least, right: from },
            Predicate::Compare { left: value, comparison: Comparison::LessOrEqual, right: to },
        ]))
    }

    fn place(&mut self) -> Option<TextPlace> {
        if self.take_word("contains") {
            Some(TextPlace::Anywhere)
        } else if self.take_words(&["starts", "with"]) {
            Some(TextPlace::Start)
        } else if self.take_words(&["ends", "with"]) {
            Some(TextPlace::End)
        } else {
            None
        }
    }

    fn text(&mut self) -> Read<String> {
        match self.take() {
            Token::Text(text) => Ok(text),
            _ => {
                self.next -= 1;
                self.expected("a text in single quotes")
            }
        }
    }

    fn literals(&mut self) -> Read<Vec<Literal>> {
        self.need("(")?;
        let mut values = Vec::new();
        loop {
            let negative = self.take_sign("-");
            match self.literal(negative)? {
                Some(value) => values.push(value),
                None => return self.expected("a value"),
            }
            if !self.take_sign(",") {
                self.need(")")?;
                return Ok(values);
            }
        }
    }

    fn operand(&mut self) -> Read<Value> {
        let start = self.next;
        match self.sum()? {
            Node::Value(value) => Ok(value),
            Node::Predicate(_) => {
                self.next = start;
                self.wrong("expected a value, found a condition")
            }
        }
    }

    fn sum(&mut self) -> Read<Node> {
        let signs = [("+", Operation::Add), ("-", Operation::Subtract)];
        self.chain(&signs, |parser| {
            let signs = [("*", Operation::Multiply), ("/", Operation::Divide)];
            parser.chain(&signs, Self::signed)
        })
    }

    fn chain(
        &mut self,
        signs: &[(&str, Operation)],
        part: impl Fn(&mut Self) -> Read<Node>,
    ) -> Read<Node> {
        let mut node = part(self)?;
        while let Some((_, operation)) = signs.iter().find(|(sign, _)| self.is_sign(sign)) {
            let Node::Value(left) = node else {
                return self.wrong("a condition is no number");
            };
            self.next += 1;
            let Node::Value(right) = part(self)? else {
                return self.wrong("a condition is no number");
            };
            let (left, right) = (Box::new(left), Box::new(right));
            node = Node::Value(Value::Arithmetic { operation: *operation, left, right });
        }
        Ok(node)
    }

    fn signed(&mut self) -> Read<Node> {
        if !self.take_sign("-") {
            return self.single();
        }
        if let Some(literal) = self.literal(true)? {
            return Ok(Node::Value(Value::Literal(literal)));
        }
        let Node::Value(right) = self.deeper(Self::signed)? else {
            return self.wrong("a condition is no number");
        };
        let left = Box::new(Value::Literal(Literal::Integer(0)));
        let operation = Operation::Subtract;
        Ok(Node::Value(Value::Arithmetic { operation, left, right: Box::new(right) }))
    }

    fn single(&mut self) -> Read<Node> {
        if self.take_sign("(") {
            let inner = self.either()?;
            self.need(")")?;
            return Ok(inner);
        }
        if let Some(literal) = self.literal(false)? {
            return Ok(Node::Value(Value::Literal(literal)));
        }
        if self.is_word("exists") {
            self.next += 1;
            return self.related().map(Node::Predicate);
        }
        if self.is_word("caller") {
            self.next += 1;
            return self.caller().map(Node::Value);
        }
        if let (Token::Word(word), Token::Sign("(")) = (self.peek().clone(), self.after(1)) {
            return self.function(&word).map(Node::Value);
        }
        self.named().map(Node::Value)
    }

    fn literal(&mut self, negative: bool) -> Read<Option<Literal>> {
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

    fn related(&mut self) -> Read<Predicate> {
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

    fn caller(&mut self) -> Read<Value> {
        self.need(".")?;
        let attribute = match self.peek() {
            Token::Word(word) if word == "email" => CallerAttribute::Email,
            Token::Word(word) if word == "name" => CallerAttribute::FullName,
            Token::Word(word) if word == "id" => CallerAttribute::UserId,
            _ => return self.expected("`email`, `name` or `id`"),
        };
        self.next += 1;
        Ok(Value::Caller(attribute))
    }

    fn function(&mut self, word: &str) -> Read<Value> {
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
    fn named(&mut self) -> Read<Value> {
        let whole = *self.after(1) == Token::Sign(".");
        if whole || !matches!(self.bare, Bare::Metric) {
            return self.column().map(Value::Column);
        }
        self.parsed::<MetricName>("a number or the name of a metric").map(Value::Metric)
    }

    fn column(&mut self) -> Read<ColumnRef> {
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

    fn via(&mut self) -> Read<Vec<RelationshipName>> {
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

/// What may follow `not` after a value.
const AFTER_NOT: [&str; 5] = ["in", "between", "contains", "starts", "ends"];

fn shallow<T>(depth: u32, read: T) -> Read<T> {
    if depth <= DEEPEST_TREE {
        return Ok(read);
    }
    Err(NotationError { at: 1, detail: "this has too many parts inside each other".to_owned() })
}

fn depth_of_value(value: &Value) -> u32 {
    1 + match value {
        Value::Arithmetic { left: one, right: other, .. }
        | Value::Days { from: one, to: other } => depth_of_value(one).max(depth_of_value(other)),
        Value::Part { of, .. } => depth_of_value(of),
        _ => 0,
    }
}

fn depth_of_predicate(predicate: &Predicate) -> u32 {
    1 + match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            parts.iter().map(depth_of_predicate).max().unwrap_or(0)
        }
        Predicate::Not(inner) => depth_of_predicate(inner),
        Predicate::Compare { left, right, .. } => depth_of_value(left).max(depth_of_value(right)),
        Predicate::OneOf { value, .. }
        | Predicate::Matches { value, .. }
        | Predicate::IsNull { value } => depth_of_value(value),
        Predicate::Related { filter, .. } => filter.as_deref().map_or(0, depth_of_predicate),
        Predicate::Among { .. } => 0,
    }
}

fn not(predicate: Predicate) -> Predicate {
    Predicate::Not(Box::new(predicate))
}

fn is_true(value: Value) -> Predicate {
    let right = Value::Literal(Literal::Boolean(true));
    Predicate::Compare { left: value, comparison: Comparison::Equal, right }
}

fn number(text: &str) -> Option<Literal> {
    match text.parse() {
        Ok(whole) => Some(Literal::Integer(whole)),
        Err(_) => text.parse::<Decimal>().ok().map(Literal::Decimal),
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

fn aggregate(word: &str) -> Option<Aggregate> {
    Some(match word {
        "count" => Aggregate::Count,
        "sum" => Aggregate::Sum,
        "average" | "avg" => Aggregate::Average,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        _ => return None,
    })
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
