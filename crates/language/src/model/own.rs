//! What an answer would show although no row has it: numbers and texts that a model wrote among the columns
//! of its SELECT, and numbers in what it calls these.
//!
//! A day is the model's own too, wherever it stands, where the question says nothing of days: it would
//! leave rows out that nobody asked to leave out.
//!
//! A number that the question itself names may be calculated with, and so may 0, 1 and 100, which shares
//! and empty sums need. Whatever else stands among the columns is the model's own.

use std::ops::ControlFlow::{self, Continue};

use chrono::NaiveDate;
use sqlparser::{
    ast::{
        BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
        Query, Select, SelectItem, SetExpr, TableAlias, TableFactor, Value, ValueWithSpan, Visit,
        Visitor,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use super::prompt::speaks_of_days;
use crate::spelling::fold;

/// What anybody may calculate with.
const PLAIN: [f64; 3] = [0.0, 1.0, 100.0];
/// Functions whose first argument is the figure; numbers after it only say how it is written or which
/// row is meant.
const SHAPING: [&str; 9] =
    ["round", "trunc", "left", "right", "substr", "substring", "lag", "lead", "nth_value"];
/// Functions whose first argument names a part of a date.
const DATING: [&str; 2] = ["date_trunc", "date_part"];

/// The numbers, texts and names of a statement's answer that are the model's own.
pub(super) fn own(sql: &str, question: &str) -> Vec<String> {
    let mut shown = Shown {
        question: fold(question),
        numbers: numbers(question),
        days: speaks_of_days(question),
        own: Vec::new(),
    };
    match Parser::parse_sql(&PostgreSqlDialect {}, sql) {
        Ok(statements) => {
            for statement in &statements {
                let _ = statement.visit(&mut shown);
                if let sqlparser::ast::Statement::Query(query) = statement {
                    shown.outermost(&query.body);
                }
            }
        }
        // What cannot be read again cannot be vouched for.
        Err(_) => shown.own.push(sql.to_owned()),
    }
    shown.own
}

/// The numbers that a text has in it, thousands set apart or not.
fn numbers(text: &str) -> Vec<f64> {
    let runs = text.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ',');
    let number = |run: &str| run.trim_matches(['.', ',']).replace(',', "").parse().ok();
    runs.filter_map(number).collect()
}

struct Shown {
    /// Folded.
    question: String,
    numbers: Vec<f64>,
    /// The question speaks of days.
    days: bool,
    own: Vec<String>,
}

impl Visitor for Shown {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.renamed(&cte.alias);
        }
        self.listed(&query.body);
        Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => self.shown(expr),
                SelectItem::ExprWithAlias { expr, alias } => {
                    self.shown(expr);
                    self.called(alias, expr);
                }
                SelectItem::ExprWithAliases { expr, aliases } => {
                    self.shown(expr);
                    for alias in aliases {
                        self.called(alias, expr);
                    }
                }
                SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) => {}
            }
        }
        Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        let text = value.value.clone().into_string().unwrap_or_default();
        let is_day = text.get(..10).is_some_and(|day| day.parse::<NaiveDate>().is_ok());
        if is_day && !self.days && !self.question.contains(&fold(&text)) {
            self.own.push(value.to_string());
        }
        Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Table { alias: Some(alias), .. } = factor
        {
            self.renamed(alias);
        }
        Continue(())
    }
}

impl Shown {
    /// Rows that are no table's.
    fn listed(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Values(values) => self.own.push(values.to_string()),
            SetExpr::SetOperation { left, right, .. } => {
                self.listed(left);
                self.listed(right);
            }
            _ => {}
        }
    }

    /// Columns of the answer itself that come from no row.
    fn outermost(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => {
                for item in &select.projection {
                    if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } =
                        item
                        && !is_of_rows(expr)
                    {
                        self.own.push(expr.to_string());
                    }
                }
            }
            SetExpr::Query(query) => self.outermost(&query.body),
            SetExpr::SetOperation { left, right, .. } => {
                self.outermost(left);
                self.outermost(right);
            }
            _ => {}
        }
    }

    /// A value that is shown, or calculated with.
    fn shown(&mut self, expr: &Expr) {
        match expr {
            // What rows have; a SELECT of its own, whose columns are looked at by themselves; which rows,
            // or which part of a date, is meant.
            Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::Subquery(_)
            | Expr::Exists { .. }
            | Expr::Extract { .. }
            | Expr::Interval(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. } => {}
            Expr::BinaryOp { op, .. } if compares(op) => {}
            Expr::Nested(expr) | Expr::UnaryOp { expr, .. } | Expr::Cast { expr, .. } => {
                self.shown(expr);
            }
            Expr::BinaryOp { left, right, .. } => {
                self.shown(left);
                self.shown(right);
            }
            Expr::Case { conditions, else_result, .. } => {
                for result in conditions.iter().map(|when| &when.result) {
                    self.shown(result);
                }
                if let Some(result) = else_result {
                    self.shown(result);
                }
            }
            Expr::Function(function) => self.computed(function),
            other => {
                let _ = other.visit(&mut Literals(self));
            }
        }
    }

    fn computed(&mut self, function: &Function) {
        let FunctionArguments::List(list) = &function.args else { return };
        let name = function.name.to_string().to_ascii_lowercase();
        for (place, argument) in list.args.iter().enumerate() {
            let (FunctionArg::Named { arg, .. }
            | FunctionArg::ExprNamed { arg, .. }
            | FunctionArg::Unnamed(arg)) = argument;
            let FunctionArgExpr::Expr(expr) = arg else { continue };
            let is_number = |expr: &Expr| matches!(expr, Expr::Value(it) if matches!(it.value, Value::Number(..)));
            let says_how = (SHAPING.contains(&name.as_str())
                && (place == 1 || place == 2 && name.starts_with("substr"))
                && is_number(expr))
                || (DATING.contains(&name.as_str()) && place == 0);
            if !says_how {
                self.shown(expr);
            }
        }
    }

    fn literal(&mut self, value: &Value) {
        let is_known = match value {
            Value::Number(text, _) => text.parse().is_ok_and(|number: f64| {
                PLAIN.iter().chain(&self.numbers).any(|known| (known - number).abs() < 1e-9)
            }),
            Value::Boolean(_) | Value::Null => true,
            other => {
                let text = other.clone().into_string().unwrap_or_else(|| other.to_string());
                !text.chars().any(char::is_alphanumeric)
                    || self.question.contains(&fold(text.trim()))
            }
        };
        if !is_known {
            self.own.push(value.to_string());
        }
    }

    fn renamed(&mut self, alias: &TableAlias) {
        for column in &alias.columns {
            self.named(&column.name.value);
        }
    }

    /// What a column is called; a name that it has anyway is nobody's own.
    fn called(&mut self, alias: &Ident, expr: &Expr) {
        if !expr.to_string().contains(&alias.value) {
            self.named(&alias.value);
        }
    }

    fn named(&mut self, name: &str) {
        if numbers(name).iter().any(|number| !self.numbers.contains(number)) {
            self.own.push(name.to_owned());
        }
    }
}

/// Every literal of an expression, wherever it stands.
struct Literals<'s>(&'s mut Shown);

impl Visitor for Literals<'_> {
    type Break = ();

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        self.0.literal(&value.value);
        Continue(())
    }
}

fn compares(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Gt
            | BinaryOperator::Lt
            | BinaryOperator::GtEq
            | BinaryOperator::LtEq
            | BinaryOperator::And
            | BinaryOperator::Or
    )
}

/// Whether a column, or rows that are counted, have a part in it.
fn is_of_rows(expr: &Expr) -> bool {
    let found = sqlparser::ast::visit_expressions(expr, |part: &Expr| {
        let is_of_rows = match part {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Subquery(_) => true,
            Expr::Function(function) => {
                let name = function.name.to_string().to_ascii_lowercase();
                name == "count" || function.over.is_some()
            }
            _ => false,
        };
        if is_of_rows { ControlFlow::Break(()) } else { Continue(()) }
    });
    found.is_break()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_row_has_is_the_models_own() {
        let check = |sql: &str, question: &str, expected: &[&str]| {
            assert_eq!(own(sql, question), expected, "{sql}");
        };
        let asked = "revenue by region in 2025";
        for fine in [
            "SELECT region, SUM(revenue) AS total FROM sales WHERE sold_on >= DATE '2025-01-01' GROUP BY region",
            "SELECT COUNT(*) FROM sales WHERE revenue > 5000000",
            "SELECT * FROM sales LIMIT 7",
            "SELECT ROUND(100.0 * SUM(a) / NULLIF(SUM(b), 0), 2) FROM sales",
            "SELECT DATE_TRUNC('month', sold_on), EXTRACT(YEAR FROM sold_on) FROM sales",
            "SELECT SUM(CASE WHEN region = 'North' THEN revenue ELSE 0 END) AS in_2025 FROM sales",
            "SELECT name FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)",
            "SELECT first_name || ' ' || last_name FROM people",
            "SELECT amount / 2025 FROM sales",
            "SELECT SUM(revenue) / (SELECT COUNT(*) FROM sales) FROM sales",
            "SELECT line_1 AS line_1, t.line_1 AS line_1 FROM t",
        ] {
            check(fine, asked, &[]);
        }
        check("SELECT 4200000 AS revenue FROM sales LIMIT 1", asked, &["4200000", "4200000"]);
        check("SELECT 1 FROM sales", asked, &["1"]);
        check("SELECT SUM(revenue) + 5000 FROM sales", asked, &["5000"]);
        check("SELECT SUM(revenue) * 1.5 FROM sales", asked, &["1.5"]);
        check("SELECT ROUND(4200, 2) FROM sales", asked, &["4200", "ROUND(4200, 2)"]);
        check("SELECT region, 'about 5 million' FROM sales", asked, &["'about 5 million'"; 2]);
        check("SELECT COALESCE(SUM(revenue), 7000000) FROM sales", asked, &["7000000"]);
        check("SELECT CASE WHEN TRUE THEN revenue ELSE 9 END FROM sales", asked, &["9"]);
        check("SELECT SUM(x) FROM (SELECT 17 AS x FROM sales) AS t", asked, &["17"]);
        check("SELECT SUM(revenue) AS total_5000000 FROM sales", asked, &["total_5000000"]);
        check("SELECT x FROM (SELECT revenue FROM sales) AS t(\"x 77\")", asked, &["x 77"]);
        check(
            "SELECT region FROM sales UNION SELECT 'Atlantis' FROM sales",
            asked,
            &["'Atlantis'"; 2],
        );
        check("SELECT a FROM sales UNION VALUES (3)", asked, &["VALUES (3)"]);
        check("WITH t AS (SELECT 300 AS a FROM sales) SELECT a FROM t", asked, &["300"]);
        check("SELECT DATE '2031-01-01' FROM sales", asked, &["'2031-01-01'", "DATE '2031-01-01'"]);
        check("not a statement", asked, &["not a statement"]);
        // Days that nobody asked for.
        let today = "SELECT COUNT(*) FROM sales WHERE sold_on = DATE '2026-11-26'";
        check(today, "how many sales are there", &["'2026-11-26'"]);
        check(today, "how many sales are there today", &[]);
        check(today, "how many sales on 26 Nov", &[]);
        // What the question names may be calculated with.
        check("SELECT amount * 1200.5 FROM sales", "amount times 1,200.5", &[]);
        check("SELECT region, 'so far' FROM sales", "region, and so far", &["'so far'"]);
    }
}
