//! Statements as text. Every word of it is what the worker parses and what people read.

use pacioli_model::{Direction, Operation, Shift};

use super::{
    identifier::identifier,
    statement::{Expr, Join, JoinKind, Query, Relation, Select, Source, Type},
};

/// The text, one clause a line; subqueries inside expressions stay on one line.
pub(super) fn print(query: &Query) -> String {
    let mut printer = Printer { text: String::new(), bare: None };
    printer.query(query, "\n");
    printer.text
}

struct Printer {
    text: String,
    /// The relation whose columns need no prefix: there is no other.
    bare: Option<String>,
}

impl Printer {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn name(&mut self, name: &str) {
        self.push(&identifier(name));
    }

    /// `line` is what stands between clauses.
    fn query(&mut self, query: &Query, line: &str) {
        let deeper = if line == " " { " ".to_owned() } else { format!("{line}  ") };
        for (position, (name, select)) in query.with.iter().enumerate() {
            self.push(if position == 0 { "WITH " } else { "," });
            if position > 0 {
                self.push(line);
            }
            self.name(name);
            self.push(" AS (");
            if line != " " {
                self.push(&deeper);
            }
            self.select(select, &deeper);
            if line != " " {
                self.push(line);
            }
            self.push(")");
        }
        if !query.with.is_empty() {
            self.push(line);
        }
        self.select(&query.body, line);
    }

    /// A SELECT that sees no relations but its own.
    fn select(&mut self, select: &Select, line: &str) {
        let alone = select.joins.is_empty();
        let outer = std::mem::replace(&mut self.bare, alone.then(|| select.from.alias.clone()));
        self.clauses(select, line);
        self.bare = outer;
        if let Some(union) = &select.union {
            self.push(line);
            self.push("UNION");
            self.push(line);
            self.select(union, line);
        }
    }

    fn clauses(&mut self, select: &Select, line: &str) {
        self.push(if select.distinct { "SELECT DISTINCT " } else { "SELECT " });
        if select.outputs.is_empty() {
            self.push("1");
        }
        self.list(&select.outputs, |printer, (value, name)| printer.output(value, name));
        if select.from.source != Source::OneRow {
            self.push(line);
            self.push("FROM ");
            self.relation(&select.from);
        }
        for join in &select.joins {
            self.push(line);
            self.join(join);
        }
        if let Some(filter) = &select.filter {
            self.push(line);
            self.push("WHERE ");
            self.condition(filter, false);
        }
        if !select.groups.is_empty() {
            self.push(line);
            self.push("GROUP BY ");
            self.list(&select.groups, Self::expr);
        }
        if let Some(having) = &select.having {
            self.push(line);
            self.push("HAVING ");
            self.condition(having, false);
        }
        if !select.order.is_empty() {
            self.push(line);
            self.order(&select.order);
        }
        if let Some(limit) = select.limit {
            self.push(&format!("{line}LIMIT {limit}"));
        }
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        for (position, item) in items.iter().enumerate() {
            if position > 0 {
                self.push(", ");
            }
            each(self, item);
        }
    }

    fn output(&mut self, value: &Expr, name: &str) {
        let from = self.text.len();
        self.expr(value);
        if self.text[from..] != identifier(name) {
            self.push(" AS ");
            self.name(name);
        }
    }

    fn relation(&mut self, relation: &Relation) {
        match &relation.source {
            Source::OneRow => {}
            Source::Table(table) => {
                self.name(table.as_str());
                if table.as_str() != relation.alias {
                    self.alias(&relation.alias);
                }
            }
            Source::Named(name) => {
                self.name(name);
                if *name != relation.alias {
                    self.alias(&relation.alias);
                }
            }
            Source::Numbered(table, number) => {
                self.push("(SELECT *, row_number() OVER () AS ");
                self.name(number);
                self.push(" FROM ");
                self.name(table.as_str());
                self.push(")");
                self.alias(&relation.alias);
            }
            Source::Query(query) => {
                self.push("(");
                self.query(query, " ");
                self.push(")");
                self.alias(&relation.alias);
            }
        }
    }

    fn alias(&mut self, alias: &str) {
        self.push(" AS ");
        self.name(alias);
    }

    fn join(&mut self, join: &Join) {
        self.push(match join.kind {
            JoinKind::Inner => "JOIN ",
            JoinKind::Left => "LEFT JOIN ",
            JoinKind::Full => "FULL JOIN ",
            JoinKind::Cross => "CROSS JOIN ",
        });
        self.relation(&join.relation);
        for (position, condition) in join.on.iter().enumerate() {
            self.push(if position == 0 { " ON " } else { " AND " });
            self.condition(condition, join.on.len() > 1);
        }
    }

    fn order(&mut self, order: &[(Expr, Direction)]) {
        self.push("ORDER BY ");
        self.list(order, |printer, (value, direction)| {
            printer.expr(value);
            if *direction == Direction::Descending {
                printer.push(" DESC NULLS LAST");
            }
        });
    }

    /// `inner` where it is part of another condition, and so stands in parentheses when it is several.
    fn condition(&mut self, condition: &Expr, inner: bool) {
        match condition {
            Expr::All(parts) => self.joined(parts, " AND ", "TRUE", inner),
            Expr::Any(parts) => self.joined(parts, " OR ", "FALSE", inner),
            Expr::Not(part) => self.not(part),
            Expr::IsNull(value) => {
                self.operand(value);
                self.push(" IS NULL");
            }
            Expr::OneOf(value, values) => {
                self.operand(value);
                self.push(" IN (");
                self.list(values, Self::expr);
                self.push(")");
            }
            Expr::Compare(operator, left, right) => {
                // DataFusion's parser takes `a IS NOT DISTINCT FROM b AND c` for one of `b AND c`.
                let apart = inner && operator.starts_with("IS");
                self.push(if apart { "(" } else { "" });
                self.operand(left);
                self.push(&format!(" {operator} "));
                self.operand(right);
                self.push(if apart { ")" } else { "" });
            }
            Expr::Exists(select) => {
                self.push("EXISTS (");
                let outer = self.bare.take();
                self.clauses(select, " ");
                self.bare = outer;
                self.push(")");
            }
            Expr::Among(value, query) => {
                self.operand(value);
                self.push(" IN (");
                self.query(query, " ");
                self.push(")");
            }
            value => self.expr(value),
        }
    }

    fn not(&mut self, part: &Expr) {
        match part {
            Expr::IsNull(value) => {
                self.operand(value);
                self.push(" IS NOT NULL");
            }
            Expr::Exists(_) => {
                self.push("NOT ");
                self.condition(part, true);
            }
            part => {
                self.push("NOT (");
                self.condition(part, false);
                self.push(")");
            }
        }
    }

    fn joined(&mut self, parts: &[Expr], word: &str, empty: &str, inner: bool) {
        match parts {
            [] => self.push(empty),
            [only] => self.condition(only, inner),
            _ => {
                if inner {
                    self.push("(");
                }
                for (position, part) in parts.iter().enumerate() {
                    if position > 0 {
                        self.push(word);
                    }
                    self.condition(part, true);
                }
                if inner {
                    self.push(")");
                }
            }
        }
    }

    /// A value beside an operator.
    fn operand(&mut self, value: &Expr) {
        if matches!(value, Expr::Arithmetic(..) | Expr::Shifted(..)) {
            self.push("(");
            self.expr(value);
            self.push(")");
        } else {
            self.expr(value);
        }
    }

    fn expr(&mut self, value: &Expr) {
        match value {
            Expr::Column(relation, name) => self.column(relation, name),
            Expr::Literal(text) => self.push(text),
            Expr::CountRows => self.push("count(*)"),
            Expr::Call(function, arguments) => {
                self.push(&format!("{function}("));
                self.list(arguments, Self::expr);
                self.push(")");
            }
            Expr::CountDistinct(value) => {
                self.push("count(DISTINCT ");
                self.expr(value);
                self.push(")");
            }
            Expr::Cast(value, to) => {
                self.push("CAST(");
                self.expr(value);
                self.push(&format!(" AS {})", type_name(*to)));
            }
            Expr::Arithmetic(operation, left, right) => self.arithmetic(*operation, left, right),
            Expr::Shifted(value, shift) => {
                self.operand(value);
                self.push(&format!(" + INTERVAL '{}'", interval(*shift)));
            }
            Expr::Figure(query) => {
                self.push("(");
                self.query(query, " ");
                self.push(")");
            }
            Expr::Over { call, partition, order } => self.over(call, partition, order),
            Expr::Bucket { value, edges } => self.bucket(value, edges),
            condition => self.condition(condition, true),
        }
    }

    fn column(&mut self, relation: &str, name: &str) {
        if self.bare.as_deref() != Some(relation) {
            self.name(relation);
            self.push(".");
        }
        self.name(name);
    }

    fn arithmetic(&mut self, operation: Operation, left: &Expr, right: &Expr) {
        self.operand(left);
        self.push(match operation {
            Operation::Add => " + ",
            Operation::Subtract => " - ",
            Operation::Multiply => " * ",
            Operation::Divide => " / ",
        });
        self.operand(right);
    }

    fn over(&mut self, call: &Expr, partition: &[Expr], order: &[(Expr, Direction)]) {
        self.expr(call);
        self.push(" OVER (");
        if !partition.is_empty() {
            self.push("PARTITION BY ");
            self.list(partition, Self::expr);
        }
        if !order.is_empty() {
            if !partition.is_empty() {
                self.push(" ");
            }
            self.order(order);
        }
        self.push(")");
    }

    fn bucket(&mut self, value: &Expr, edges: &[Expr]) {
        self.push("CASE WHEN ");
        self.operand(value);
        self.push(" IS NULL THEN NULL");
        for (place, edge) in edges.iter().enumerate() {
            self.push(" WHEN ");
            self.operand(value);
            self.push(" < ");
            self.operand(edge);
            self.push(&format!(" THEN {place}"));
        }
        self.push(&format!(" ELSE {} END", edges.len()));
    }
}

fn type_name(to: Type) -> String {
    match to {
        Type::Integer => "BIGINT".to_owned(),
        Type::Float => "DOUBLE PRECISION".to_owned(),
        Type::Date => "DATE".to_owned(),
        Type::Decimal(precision, scale) => format!("DECIMAL({precision}, {scale})"),
    }
}

fn interval(shift: Shift) -> String {
    let part = |count: u32, unit: &str| {
        (count > 0).then(|| format!("{count} {unit}{}", if count == 1 { "" } else { "s" }))
    };
    let parts = [part(shift.months, "month"), part(shift.days, "day")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
