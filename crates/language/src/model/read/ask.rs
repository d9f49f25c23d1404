//! A SELECT as the Ask that says exactly the same, where there is one.

use pacioli_model::{
    Aggregate, Aggregation, Ask, Catalog, Column, ColumnName, Direction, Figure, GroupKey,
    Grouping, Measure, OrderBy, Predicate, TimeGrain, Value,
};
use sqlparser::ast::{
    Distinct, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    GroupByExpr, LimitClause, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr,
    Value as Written,
};

use super::{
    condition::{self, Place},
    scope::{Scope, written},
};

/// The Ask; nothing where none says it.
pub(super) fn ask(query: &Query, catalog: &Catalog) -> Option<Ask> {
    let Query { with: None, body, order_by, limit_clause, fetch: None, .. } = query else {
        return None;
    };
    let SetExpr::Select(select) = body.as_ref() else { return None };
    if !select.named_window.is_empty() || select.qualify.is_some() {
        return None;
    }
    let scope = Scope::of(&select.from, catalog)?;
    let order: &[OrderByExpr] = match order_by.as_ref().map(|order| &order.kind) {
        None => &[],
        Some(OrderByKind::Expressions(keys)) => keys,
        Some(OrderByKind::All(_)) => return None,
    };
    let mut builder =
        Builder { ask: Ask::about(scope.base().name.clone()), scope: &scope, known: Vec::new() };
    builder.select(select, order)?;
    if let Some(clause) = &limit_clause {
        builder.ask.limit = Some(limit(clause)?);
    }
    // Without an order, which rows a limit keeps is anybody's guess.
    if builder.ask.limit.is_some() && builder.ask.order.is_empty() {
        return None;
    }
    Some(builder.ask)
}

fn limit(clause: &LimitClause) -> Option<u32> {
    let LimitClause::LimitOffset { limit: Some(Expr::Value(value)), offset: None, .. } = clause
    else {
        return None;
    };
    let Written::Number(text, _) = &value.value else { return None };
    text.parse().ok()
}

struct Builder<'s, 'c> {
    scope: &'s Scope<'c>,
    ask: Ask,
    /// What expressions have become outputs, and which.
    known: Vec<(Expr, ColumnName)>,
}

impl Builder<'_, '_> {
    fn select(&mut self, select: &Select, order: &[OrderByExpr]) -> Option<()> {
        let GroupByExpr::Expressions(groups, modifiers) = &select.group_by else { return None };
        if !modifiers.is_empty() {
            return None;
        }
        let mut conditions = self.scope.present();
        if let Some(selection) = &select.selection {
            let mut rows = Rows { scope: self.scope };
            match condition::predicate(selection, &mut rows)? {
                Predicate::All(parts) => conditions.extend(parts),
                other => conditions.push(other),
            }
        }
        self.ask.filter = match conditions.len() {
            0 | 1 => conditions.pop(),
            _ => Some(Predicate::All(conditions)),
        };
        let items = self.items(select)?;
        let figures = items.iter().any(|(expr, _)| has_figure(expr))
            || order.iter().any(|key| has_figure(&key.expr))
            || select.having.as_ref().is_some_and(has_figure);
        let distinct = match select.distinct {
            None => false,
            Some(Distinct::Distinct) => true,
            Some(_) => return None,
        };
        if figures || !groups.is_empty() {
            if distinct {
                return None;
            }
            self.grouped(&items, groups)?;
        } else {
            self.ask.each_row = !distinct;
            for (expr, alias) in &items {
                self.group(expr, alias.as_deref(), false)?;
            }
        }
        if let Some(having) = &select.having {
            self.ask.having = Some(condition::predicate(having, &mut Outputs { builder: self })?);
        }
        for key in order {
            let name = self.output(&key.expr)?;
            let descending = key.options.asc == Some(false);
            let direction = if descending { Direction::Descending } else { Direction::Ascending };
            self.ask.order.push(OrderBy { name, direction });
        }
        Some(())
    }

    /// The columns of the answer, and what the statement calls them.
    fn items(&self, select: &Select) -> Option<Vec<(Expr, Option<String>)>> {
        let mut items = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => items.push((expr.clone(), None)),
                SelectItem::ExprWithAlias { expr, alias } => {
                    items.push((expr.clone(), Some(written(alias))));
                }
                SelectItem::Wildcard(_) if self.scope.is_single() => {
                    let names = self.scope.base().columns.iter().map(|column| &column.name);
                    let own = names.map(|name| (Expr::Identifier(name.as_str().into()), None));
                    items.extend(own);
                }
                _ => return None,
            }
        }
        Some(items)
    }

    fn grouped(&mut self, items: &[(Expr, Option<String>)], groups: &[Expr]) -> Option<()> {
        for expr in groups {
            let shown = items.iter().find(|(item, _)| self.same(item, expr));
            let alias = shown.and_then(|(_, alias)| alias.as_deref());
            self.group(expr, alias, shown.is_none())?;
        }
        for (expr, alias) in items {
            if self.find(expr).is_some() {
                continue;
            }
            if has_figure(expr) {
                self.figure(expr, alias.as_deref(), false)?;
            } else {
                // A column that is shown with each group tells groups apart too.
                self.group(expr, alias.as_deref(), false)?;
            }
        }
        Some(())
    }

    fn group(&mut self, expr: &Expr, alias: Option<&str>, hidden: bool) -> Option<()> {
        if self.find(expr).is_some() {
            return None; // the same column twice
        }
        let (key, named) = match period(expr) {
            Some((grain, of)) => {
                let (column, described) = self.scope.column(of)?;
                described.data_type.is_time().then_some(())?;
                (GroupKey::Period { column: Some(column), grain }, grain.as_str().to_owned())
            }
            None => {
                let mut rows = Rows { scope: self.scope };
                let (value, column) = condition::value(expr, &mut rows)?;
                let name = column.map_or_else(|| "value".to_owned(), |one| one.name.to_string());
                (GroupKey::Value(value), name)
            }
        };
        let name = self.name(alias.unwrap_or(&named))?;
        self.known.push((expr.clone(), name.clone()));
        self.ask.group_by.push(Grouping { name, key, hidden });
        Some(())
    }

    /// An output for a figure; the aggregates in a calculation are outputs of their own, hidden.
    fn figure(&mut self, expr: &Expr, alias: Option<&str>, hidden: bool) -> Option<ColumnName> {
        let (figure, named) = match expr {
            Expr::Nested(inner) => return self.figure(inner, alias, hidden),
            Expr::Function(function) => self.aggregation(function)?,
            _ => {
                let (value, _) = condition::value(expr, &mut Outputs { builder: self })?;
                (Figure::Calculation(value), "result".to_owned())
            }
        };
        let name = self.name(alias.unwrap_or(&named))?;
        self.known.push((expr.clone(), name.clone()));
        self.ask.measures.push(Measure { name: name.clone(), figure, hidden });
        Some(name)
    }

    fn aggregation(&self, function: &Function) -> Option<(Figure, String)> {
        if function.filter.is_some() || function.over.is_some() {
            return None;
        }
        let FunctionArguments::List(list) = &function.args else { return None };
        let [FunctionArg::Unnamed(argument)] = list.args.as_slice() else { return None };
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        let aggregate = match (function.name.to_string().to_ascii_lowercase().as_str(), distinct) {
            ("count", false) => Aggregate::Count,
            ("count", true) => Aggregate::CountDistinct,
            ("sum", false) => Aggregate::Sum,
            ("avg", false) => Aggregate::Average,
            ("min", _) => Aggregate::Min,
            ("max", _) => Aggregate::Max,
            _ => return None,
        };
        let mut aggregation = Aggregation::new(aggregate, self.scope.base().name.clone());
        let mut of = String::new();
        match argument {
            FunctionArgExpr::Wildcard if aggregate == Aggregate::Count => {}
            FunctionArgExpr::Expr(expr) => {
                let mut rows = Rows { scope: self.scope };
                let (value, column) = condition::value(expr, &mut rows)?;
                of = column.map_or_else(String::new, |column| format!("_{}", column.name));
                aggregation.value = Some(value);
            }
            _ => return None,
        }
        let name = match aggregate {
            Aggregate::Count | Aggregate::CountDistinct => "number",
            Aggregate::Sum => "total",
            Aggregate::Average => "average",
            Aggregate::Min => "lowest",
            Aggregate::Max => "highest",
        };
        Some((Figure::Aggregate(aggregation), format!("{name}{of}")))
    }

    /// The output that an expression of ORDER BY or HAVING names, made where it is not shown.
    fn output(&mut self, expr: &Expr) -> Option<ColumnName> {
        if let Some(name) = self.find(expr) {
            return Some(name);
        }
        if let Expr::Identifier(alias) = expr {
            let alias = written(alias);
            let outputs = self.known.iter().map(|(_, name)| name);
            if let Some(name) = outputs.clone().find(|name| name.as_str() == alias) {
                return Some(name.clone());
            }
        }
        if has_figure(expr) {
            return self.figure(expr, None, true);
        }
        // Rows may be sorted by a column that is not shown; groups may not.
        self.ask.each_row.then(|| self.group(expr, None, true))??;
        self.find(expr)
    }

    fn find(&self, expr: &Expr) -> Option<ColumnName> {
        self.known.iter().find(|(known, _)| self.same(known, expr)).map(|(_, name)| name.clone())
    }

    /// Whether two expressions are the same, whether or not they name a column's table.
    fn same(&self, one: &Expr, other: &Expr) -> bool {
        one == other
            || match (self.scope.column(one), self.scope.column(other)) {
                (Some((one, _)), Some((other, _))) => one == other,
                _ => one.to_string() == other.to_string(),
            }
    }

    /// A name that no output has yet.
    fn name(&self, wanted: &str) -> Option<ColumnName> {
        let wanted: String = wanted.chars().take(58).collect();
        let taken = |name: &ColumnName| self.known.iter().any(|(_, known)| known == name);
        let candidates = (1..100)
            .map(|number| if number == 1 { wanted.clone() } else { format!("{wanted}_{number}") });
        candidates.filter_map(|text| ColumnName::parse(&text).ok()).find(|name| !taken(name))
    }
}

/// WHERE: columns of the tables.
struct Rows<'s, 'c> {
    scope: &'s Scope<'c>,
}

impl Place for Rows<'_, '_> {
    fn value(&mut self, expr: &Expr) -> Option<(Value, Option<Column>)> {
        let (column, described) = self.scope.column(expr)?;
        Some((Value::Column(column), Some(described.clone())))
    }

    fn subquery(&self, query: &Query) -> Option<Ask> {
        ask(query, self.scope.catalog)
    }
}

/// HAVING, and calculations of figures: outputs.
struct Outputs<'b, 's, 'c> {
    builder: &'b mut Builder<'s, 'c>,
}

impl Place for Outputs<'_, '_, '_> {
    fn value(&mut self, expr: &Expr) -> Option<(Value, Option<Column>)> {
        let figure =
            matches!(expr, Expr::Function(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        let name = figure.then(|| self.builder.output(expr))??;
        Some((Value::Output(name), None))
    }

    fn subquery(&self, query: &Query) -> Option<Ask> {
        ask(query, self.builder.scope.catalog)
    }
}

/// Whether an aggregate is in it, outside of queries of its own.
fn has_figure(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => {
            let name = function.name.to_string().to_ascii_lowercase();
            matches!(name.as_str(), "count" | "sum" | "avg" | "min" | "max")
        }
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. } => has_figure(inner),
        Expr::BinaryOp { left, right, .. } => has_figure(left) || has_figure(right),
        Expr::Between { expr, low, high, .. } => {
            [expr, low, high].into_iter().any(|one| has_figure(one))
        }
        Expr::InList { expr, .. } | Expr::InSubquery { expr, .. } => has_figure(expr),
        _ => false,
    }
}

/// `DATE_TRUNC('month', column)`.
fn period(expr: &Expr) -> Option<(TimeGrain, &Expr)> {
    let Expr::Function(function) = expr else { return None };
    if !function.name.to_string().eq_ignore_ascii_case("date_trunc") {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    let [
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(grain))),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(of)),
    ] = list.args.as_slice()
    else {
        return None;
    };
    let Written::SingleQuotedString(grain) = &grain.value else { return None };
    let grain = match grain.as_str() {
        "day" => TimeGrain::Day,
        "week" => TimeGrain::Week,
        "month" => TimeGrain::Month,
        "quarter" => TimeGrain::Quarter,
        "year" => TimeGrain::Year,
        _ => return None,
    };
    Some((grain, of))
}
