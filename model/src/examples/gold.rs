//! Questions of public sets, whose SQL is written anew as models may write it: no aliases, every table
//! joined along its keys, names as the catalog has them, values as their column holds them. What the
//! grammar cannot say is left out, with the reason.

use std::fmt::Write as _;

use pacioli_language::model::written;
use pacioli_model::{Catalog, Column, ColumnType, Origin, TableEntry};
use serde::Deserialize;
use sqlparser::{
    ast::{
        BinaryOperator, Distinct, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
        FunctionArguments, GroupByExpr, Ident, JoinConstraint, JoinOperator, LimitClause,
        ObjectNamePart, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, SetOperator,
        SetQuantifier, Statement, TableFactor, TableWithJoins, UnaryOperator, Value,
    },
    dialect::SQLiteDialect,
    parser::Parser,
};

use super::NoExample;

/// A question of a public set.
#[derive(Debug, Clone, Deserialize)]
pub struct Gold {
    /// Of which database.
    pub db_id: String,
    /// As it is asked.
    pub question: String,
    /// The same in other words.
    #[serde(default)]
    pub syn_question: Option<String>,
    /// SQL as SQLite has it.
    pub query: String,
    /// The part that it belongs to, where the file does not say.
    #[serde(default)]
    pub split: Option<String>,
}

/// A query of SQLite's as a model may write it.
pub fn converted(query: &str, catalog: &Catalog) -> Result<String, NoExample> {
    let parsed = Parser::parse_sql(&SQLiteDialect {}, query);
    let Ok([Statement::Query(query)]) = parsed.as_deref() else {
        return beyond("what is no single SELECT");
    };
    let mut printer = Printer { catalog, scopes: Vec::new() };
    Ok(format!("{};", printer.query(query)?))
}

type Printed = Result<String, NoExample>;

fn beyond<T>(what: &str) -> Result<T, NoExample> {
    Err(NoExample::Beyond(what.to_owned()))
}

/// A table as a statement calls it.
struct Named<'c> {
    alias: String,
    entry: &'c TableEntry,
}

struct Printer<'c> {
    catalog: &'c Catalog,
    /// The tables of each SELECT that we are in, the innermost last.
    scopes: Vec<Vec<Named<'c>>>,
}

impl<'c> Printer<'c> {
    fn query(&mut self, query: &Query) -> Printed {
        if query.with.is_some() || query.fetch.is_some() {
            return beyond("WITH and FETCH");
        }
        let order: &[OrderByExpr] = match query.order_by.as_ref().map(|order| &order.kind) {
            None => &[],
            Some(OrderByKind::Expressions(keys)) => keys,
            Some(OrderByKind::All(_)) => return beyond("ORDER BY ALL"),
        };
        let mut text = self.body(&query.body, order)?;
        if let Some(clause) = &query.limit_clause {
            let LimitClause::LimitOffset { limit: Some(limit), offset: None, .. } = clause else {
                return beyond("such a LIMIT");
            };
            let limit = literal(limit, None)?;
            let _ = write!(text, " LIMIT {limit}");
        }
        Ok(text)
    }

    fn body(&mut self, body: &SetExpr, order: &[OrderByExpr]) -> Printed {
        match body {
            SetExpr::Select(select) => self.select(select, order),
            SetExpr::SetOperation { op, set_quantifier, left, right } => {
                let word = match (op, set_quantifier) {
                    (SetOperator::Union, SetQuantifier::None | SetQuantifier::Distinct) => "UNION",
                    (SetOperator::Union, SetQuantifier::All) => "UNION ALL",
                    (SetOperator::Intersect, SetQuantifier::None) => "INTERSECT",
                    (SetOperator::Except, SetQuantifier::None) => "EXCEPT",
                    _ => return beyond("such a set operation"),
                };
                if !order.is_empty() {
                    return beyond("an order of sets");
                }
                let SetExpr::Select(right) = right.as_ref() else { return beyond("nested sets") };
                let (left, right) = (self.body(left, &[])?, self.select(right, &[])?);
                Ok(format!("{left} {word} {right}"))
            }
            _ => beyond("such a body"),
        }
    }

    fn select(&mut self, select: &Select, order: &[OrderByExpr]) -> Printed {
        let [from] = select.from.as_slice() else { return beyond("tables with commas") };
        let scope = self.tables(from)?;
        self.scopes.push(scope);
        let text = self.in_scope(select, from, order);
        self.scopes.pop();
        text
    }

    fn tables(&self, from: &TableWithJoins) -> Result<Vec<Named<'c>>, NoExample> {
        let joined = from.joins.iter().map(|join| &join.relation);
        let mut tables: Vec<Named<'c>> = Vec::new();
        for factor in [&from.relation].into_iter().chain(joined) {
            let TableFactor::Table { name, alias, args: None, .. } = factor else {
                return beyond("a query in FROM");
            };
            let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else {
                return beyond("such a table name");
            };
            let Some(entry) = self.table(&name.value) else {
                return beyond("a table that is not there");
            };
            if tables.iter().any(|one| one.entry.name == entry.name) {
                return beyond("a table twice");
            }
            let alias = alias.as_ref().map_or(&name.value, |alias| &alias.name.value);
            tables.push(Named { alias: alias.to_ascii_lowercase(), entry });
        }
        Ok(tables)
    }

    fn in_scope(
        &mut self,
        select: &Select,
        from: &TableWithJoins,
        order: &[OrderByExpr],
    ) -> Printed {
        let distinct = match &select.distinct {
            None => "",
            Some(Distinct::Distinct) => "DISTINCT ",
            Some(_) => return beyond("DISTINCT ON"),
        };
        let mut items = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    items.push(self.expr(expr)?);
                }
                SelectItem::Wildcard(_) if select.projection.len() == 1 => {
                    items.push("*".to_owned());
                }
                _ => return beyond("a star among columns"),
            }
        }
        let mut text = format!("SELECT {distinct}{}", items.join(", "));
        text.push_str(&self.from(from)?);
        if let Some(selection) = &select.selection {
            let _ = write!(text, " WHERE {}", self.condition(selection)?);
        }
        let GroupByExpr::Expressions(groups, _) = &select.group_by else {
            return beyond("GROUP BY ALL");
        };
        if !groups.is_empty() {
            let groups =
                groups.iter().map(|group| self.column(group)).collect::<Result<Vec<_>, _>>()?;
            let _ = write!(text, " GROUP BY {}", groups.join(", "));
        }
        if let Some(having) = &select.having {
            if groups.is_empty() {
                return beyond("HAVING without groups");
            }
            let _ = write!(text, " HAVING {}", self.condition(having)?);
        }
        let mut keys = Vec::new();
        for key in order {
            let end = if key.options.asc == Some(false) { " DESC" } else { "" };
            keys.push(format!("{}{end}", self.expr(&key.expr)?));
        }
        if !keys.is_empty() {
            let _ = write!(text, " ORDER BY {}", keys.join(", "));
        }
        Ok(text)
    }

    fn from(&mut self, from: &TableWithJoins) -> Printed {
        let Some(scope) = self.scopes.last() else { return beyond("nothing") };
        let names: Vec<String> = scope.iter().map(|one| written(one.entry.name.as_str())).collect();
        let mut text = format!(" FROM {}", names[0]);
        for (join, name) in from.joins.iter().zip(&names[1..]) {
            let (word, on) = match &join.join_operator {
                JoinOperator::Join(JoinConstraint::On(on))
                | JoinOperator::Inner(JoinConstraint::On(on)) => ("JOIN", on),
                JoinOperator::Left(JoinConstraint::On(on))
                | JoinOperator::LeftOuter(JoinConstraint::On(on)) => ("LEFT JOIN", on),
                _ => return beyond("a join without its columns"),
            };
            let _ = write!(text, " {word} {name} ON {}", self.equalities(on)?);
        }
        Ok(text)
    }

    fn equalities(&self, on: &Expr) -> Printed {
        match on {
            Expr::Nested(inner) => self.equalities(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                Ok(format!("{} AND {}", self.equalities(left)?, self.equalities(right)?))
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                Ok(format!("{} = {}", self.column(left)?, self.column(right)?))
            }
            _ => beyond("a join on more than equal columns"),
        }
    }

    fn condition(&mut self, expr: &Expr) -> Printed {
        Ok(match expr {
            Expr::Nested(inner) => format!("({})", self.condition(inner)?),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                format!("NOT {}", self.condition(expr)?)
            }
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                format!("{} AND {}", self.condition(left)?, self.condition(right)?)
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                format!("{} OR {}", self.condition(left)?, self.condition(right)?)
            }
            Expr::BinaryOp { left, op, right } => {
                let sign = match op {
                    BinaryOperator::Eq => "=",
                    BinaryOperator::NotEq => "!=",
                    BinaryOperator::Lt => "<",
                    BinaryOperator::LtEq => "<=",
                    BinaryOperator::Gt => ">",
                    BinaryOperator::GtEq => ">=",
                    _ => return beyond("such a comparison"),
                };
                format!("{} {sign} {}", self.expr(left)?, self.operand(left, right)?)
            }
            Expr::Between { expr, negated, low, high } => {
                let (low, high) = (self.operand(expr, low)?, self.operand(expr, high)?);
                format!("{}{} BETWEEN {low} AND {high}", self.expr(expr)?, not(*negated))
            }
            Expr::InList { expr, list, negated } => {
                let list = list.iter().map(|one| self.operand(expr, one));
                let list = list.collect::<Result<Vec<_>, _>>()?;
                format!("{}{} IN ({})", self.expr(expr)?, not(*negated), list.join(", "))
            }
            Expr::InSubquery { expr, subquery, negated } => {
                format!("{}{} IN ({})", self.expr(expr)?, not(*negated), self.query(subquery)?)
            }
            Expr::Exists { subquery, negated } => {
                let not = if *negated { "NOT " } else { "" };
                format!("{not}EXISTS ({})", self.query(subquery)?)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let pattern = literal(pattern, None)?;
                format!("{}{} LIKE {pattern}", self.expr(expr)?, not(*negated))
            }
            Expr::IsNull(expr) => format!("{} IS NULL", self.expr(expr)?),
            Expr::IsNotNull(expr) => format!("{} IS NOT NULL", self.expr(expr)?),
            _ => return beyond("such a condition"),
        })
    }

    /// What a value is compared with: of the type of the column, where it is one.
    fn operand(&mut self, of: &Expr, expr: &Expr) -> Printed {
        if self.find(expr).is_some() {
            return self.column(expr);
        }
        match expr {
            Expr::Value(_) | Expr::Identifier(_) | Expr::UnaryOp { .. } => {
                literal(expr, self.find(of).map(|(_, column)| column))
            }
            other => self.expr(other),
        }
    }

    fn expr(&mut self, expr: &Expr) -> Printed {
        Ok(match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.column(expr)?,
            Expr::Value(_) | Expr::UnaryOp { .. } => literal(expr, None)?,
            Expr::Nested(inner) => format!("({})", self.expr(inner)?),
            Expr::Subquery(query) => format!("({})", self.query(query)?),
            Expr::BinaryOp { left, op, right } => {
                let sign = match op {
                    BinaryOperator::Plus => "+",
                    BinaryOperator::Minus => "-",
                    BinaryOperator::Multiply => "*",
                    BinaryOperator::Divide => "/",
                    _ => return beyond("such a calculation"),
                };
                format!("{} {sign} {}", self.expr(left)?, self.expr(right)?)
            }
            Expr::Function(function) => self.function(function)?,
            _ => return beyond("such an expression"),
        })
    }

    fn function(&mut self, function: &Function) -> Printed {
        let name = function.name.to_string().to_ascii_uppercase();
        let FunctionArguments::List(list) = &function.args else {
            return beyond("such a function");
        };
        let [FunctionArg::Unnamed(argument)] = list.args.as_slice() else {
            return beyond("a function of several values");
        };
        if function.over.is_some() || function.filter.is_some() {
            return beyond("windows and filters");
        }
        let figure = matches!(name.as_str(), "COUNT" | "SUM" | "AVG" | "MIN" | "MAX");
        if !figure && !matches!(name.as_str(), "ABS" | "LOWER" | "UPPER" | "LENGTH") {
            return beyond("such a function");
        }
        let distinct = match list.duplicate_treatment {
            Some(DuplicateTreatment::Distinct) => "DISTINCT ",
            _ => "",
        };
        match argument {
            FunctionArgExpr::Wildcard if name == "COUNT" => Ok("COUNT(*)".to_owned()),
            FunctionArgExpr::Expr(expr) if name == "COUNT" => {
                Ok(format!("COUNT({distinct}{})", self.column(expr)?))
            }
            FunctionArgExpr::Expr(expr) => Ok(format!("{name}({distinct}{})", self.expr(expr)?)),
            _ => beyond("such a function"),
        }
    }

    fn column(&self, expr: &Expr) -> Printed {
        let Some((named, column)) = self.find(expr) else {
            return beyond("a column that is not there");
        };
        let name = written(column.name.as_str());
        let own = self.scopes.last().filter(|scope| scope.len() == 1);
        if own.is_some_and(|scope| scope[0].entry.name == named.entry.name) {
            return Ok(name);
        }
        Ok(format!("{}.{name}", written(named.entry.name.as_str())))
    }

    /// The column that an expression names: of the innermost SELECT that has it.
    fn find(&self, expr: &Expr) -> Option<(&Named<'c>, &'c Column)> {
        let (alias, name) = match expr {
            Expr::Identifier(name) => (None, name),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [alias, name] => (Some(alias.value.to_ascii_lowercase()), name),
                _ => return None,
            },
            _ => return None,
        };
        self.scopes.iter().rev().find_map(|scope| {
            let mut tables = scope.iter();
            tables.find_map(|table| {
                let meant = alias.as_ref().is_none_or(|alias| *alias == table.alias);
                let column = meant.then(|| column_of(table.entry, name))??;
                Some((table, column))
            })
        })
    }

    fn table(&self, name: &str) -> Option<&'c TableEntry> {
        let normal = normal(name);
        self.catalog.tables.iter().find(|table| {
            let part = match &table.origin {
                Origin::Upload { part: Some(part), .. } => part.eq_ignore_ascii_case(name),
                _ => false,
            };
            part || table.name.as_str() == normal
        })
    }
}

fn column_of<'c>(entry: &'c TableEntry, name: &Ident) -> Option<&'c Column> {
    let normal = normal(&name.value);
    let mut columns = entry.columns.iter();
    columns.find(|column| {
        column.label.eq_ignore_ascii_case(&name.value) || column.name.as_str() == normal
    })
}

fn normal(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    name.chars().map(letter).collect()
}

fn not(negated: bool) -> &'static str {
    if negated { " NOT" } else { "" }
}

/// A number or a text, of the type of the column that it is compared with.
fn literal(expr: &Expr, column: Option<&Column>) -> Printed {
    let text = match expr {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            return literal(expr, column).map(|number| format!("-{number}"));
        }
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => match column.map(|column| column.data_type) {
                Some(ColumnType::Text) => number.clone(),
                Some(ColumnType::Boolean) => return truth(number),
                Some(ColumnType::Date | ColumnType::Timestamp) => {
                    return beyond("a day as a number");
                }
                _ => return Ok(number.clone()),
            },
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            _ => return beyond("such a value"),
        },
        // SQLite takes a name in double quotes that nothing has for a text.
        Expr::Identifier(name) if name.quote_style.is_some() => name.value.clone(),
        _ => return beyond("such a value"),
    };
    let Some(column) = column else { return Ok(quoted(&text)) };
    match column.data_type {
        ColumnType::Text => Ok(quoted(&stored(&text, column))),
        ColumnType::Boolean => truth(&text),
        ColumnType::Date | ColumnType::Timestamp => match text.parse::<chrono::NaiveDate>() {
            Ok(day) => Ok(format!("DATE '{day}'")),
            Err(_) => beyond("a day in other words"),
        },
        _ if text.parse::<f64>().is_ok() => Ok(text),
        _ => beyond("a text that is compared with a number"),
    }
}

/// The value as its column has it, whatever its case in the question.
fn stored(text: &str, column: &Column) -> String {
    let Some(values) = &column.profile.values else { return text.to_owned() };
    let exact = values.iter().find(|value| *value == text);
    let alike = || values.iter().find(|value| value.to_lowercase() == text.to_lowercase());
    exact.or_else(alike).cloned().unwrap_or_else(|| text.to_owned())
}

fn truth(text: &str) -> Printed {
    match text.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "y" | "yes" => Ok("TRUE".to_owned()),
        "0" | "f" | "false" | "n" | "no" => Ok("FALSE".to_owned()),
        _ => beyond("such a truth"),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{Checker, Company};

    /// A company that writes its names as the list has them: customers, products, orders.
    fn trade() -> Company {
        let plain = |company: &Company| {
            let columns = |table: &str| {
                let table = table.parse().ok()?;
                company.catalog.table(&table).map(|table| {
                    table.columns.iter().map(|it| it.name.to_string()).collect::<Vec<_>>()
                })
            };
            let has = |table, wanted: &[&str]| {
                columns(table).is_some_and(|columns: Vec<String>| {
                    wanted.iter().all(|it| columns.iter().any(|one| one == it))
                })
            };
            has("customers", &["id", "name", "city"])
                && has("orders", &["customer_id", "total", "order_date"])
        };
        (0..2000).map(|number| Company::make(11, number)).find(plain).unwrap()
    }

    #[test]
    fn aliases_quotes_and_names_are_written_as_models_write_them() {
        let company = trade();
        let city = company.catalog.table(&"customers".parse().unwrap()).unwrap();
        let city = city.column(&"city".parse().unwrap()).unwrap().profile.values.as_ref().unwrap()
            [0]
        .clone();
        let mut checker = Checker::new().unwrap();
        let check = |checker: &mut Checker, sql: &str, wanted: &str| {
            let answer = converted(sql, &company.catalog).unwrap();
            assert_eq!(answer, wanted);
            let made = checker.example(
                "test".to_owned(),
                &format!("1 5 100 2024 {sql}"),
                &answer,
                &company.catalog,
                company.today,
            );
            assert!(made.is_ok(), "{answer}: {made:?}");
        };
        check(
            &mut checker,
            "SELECT T1.Name, count(*) FROM customers AS T1 JOIN Orders AS T2 ON T1.id = T2.customer_id WHERE T2.total > 100 GROUP BY T1.Name ORDER BY count(*) DESC LIMIT 5",
            "SELECT customers.name, COUNT(*) FROM customers JOIN orders ON customers.id = orders.customer_id WHERE orders.total > 100 GROUP BY customers.name ORDER BY COUNT(*) DESC LIMIT 5;",
        );
        check(
            &mut checker,
            &format!(
                "select name from customers where city = \"{}\" and id not in (select customer_id from orders)",
                city.to_lowercase()
            ),
            &format!(
                "SELECT name FROM customers WHERE city = '{city}' AND id NOT IN (SELECT customer_id FROM orders);"
            ),
        );
        check(
            &mut checker,
            "SELECT name FROM customers EXCEPT SELECT customers.name FROM customers JOIN orders ON customers.id = orders.customer_id WHERE order_date >= '2024-01-05'",
            "SELECT name FROM customers EXCEPT SELECT customers.name FROM customers JOIN orders ON customers.id = orders.customer_id WHERE orders.order_date >= DATE '2024-01-05';",
        );
    }

    #[test]
    fn what_the_grammar_cannot_say_is_left_out_with_the_reason() {
        let company = trade();
        for (sql, reason) in [
            ("SELECT a.name FROM customers a JOIN customers b ON a.id = b.id", "a table twice"),
            ("SELECT name FROM customers, orders", "commas"),
            ("SELECT count(*) FROM (SELECT id FROM customers)", "a query in FROM"),
            ("SELECT nick FROM customers", "a column that is not there"),
            ("SELECT name FROM clients", "a table that is not there"),
            ("SELECT strftime('%Y', order_date) FROM orders", "a function"),
            ("DELETE FROM customers", "no single SELECT"),
            ("SELECT", "no single SELECT"),
        ] {
            let told = converted(sql, &company.catalog).unwrap_err().to_string();
            assert!(told.contains(reason), "{sql}: {told}");
        }
    }
}
