//! Words to meaning: one way down the precedences, every expression read once.

mod aggregates;
mod leaves;

use super::{
    NotationError, RESERVED,
    tokens::{Token, tokens},
};
use crate::{
    ColumnName, ColumnRef, Comparison, Definition, InvalidName, Literal, Operation, Predicate,
    TableName, TextPlace, Value,
};

/// Brackets inside each other.
const DEEPEST: u32 = 24;
/// Parts inside each other, of the whole. What is read is remembered as nested documents, which may
/// not go deeper than 128.
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

    // Conditions and values follow, the loosest first.

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
