//! The first gate: the text and its syntax tree.

use std::{
    collections::HashSet,
    convert::Infallible,
    ops::ControlFlow::{self, Break, Continue},
};

use datafusion::{
    execution::SessionState,
    sql::{
        parser::{DFParserBuilder, Statement as Parsed},
        sqlparser::{
            ast::{
                DataType, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator,
                LimitClause, ObjectName, ObjectNamePart, Query, Select, SelectFlavor, SelectItem,
                SetExpr, SetQuantifier, Statement, TableFactor, TypedString, ValueWithSpan, Visit,
                VisitMut, Visitor, VisitorMut,
            },
            dialect::PostgreSqlDialect,
        },
    },
};
use pacioli_model::TableEntry;

use super::{Refusal, characters, expression, refused};
use crate::EngineError;

/// How deep expressions and queries may be nested in each other.
const MOST_DEPTH: usize = 128;
/// SELECTs of one statement.
const MOST_SELECTS: usize = 200;
/// Tables and subqueries that they read, as they are written.
const MOST_RELATIONS: usize = 200;
const MOST_EXPRESSIONS: usize = 50_000;
const MOST_COLUMNS: usize = 1000;
/// ROLLUP, and GROUPING SETS, multiply with each other.
const MOST_GROUPINGS: usize = 2;
const MOST_VALUES_ROWS: usize = 1000;

/// Reads one SELECT over `tables`.
pub(crate) fn read(
    state: &SessionState,
    sql: &str,
    tables: &[TableEntry],
) -> Result<Parsed, EngineError> {
    characters::check(sql).and_then(|()| characters::check_chains(sql)).map_err(refused)?;
    let parsed = DFParserBuilder::new(sql)
        .with_dialect(&PostgreSqlDialect {})
        .with_recursion_limit(MOST_DEPTH)
        .build()
        .and_then(|mut parser| parser.parse_statements());
    let mut parsed = parsed.map_err(|error| refused(unread(&error)))?;
    let (Some(mut statement), None) = (parsed.pop_front(), parsed.pop_front()) else {
        return Err(refused("Send one SELECT statement, and only one.".to_owned()));
    };
    let query = match &statement {
        Parsed::Statement(statement) => match statement.as_ref() {
            Statement::Query(query) => query,
            other => return Err(refused(not_select(&other.to_string()))),
        },
        other => return Err(refused(not_select(&other.to_string()))),
    };
    let mut guard = Guard::new(state, tables);
    match Visit::visit(query, &mut guard) {
        Continue(()) => {}
        Break(refusal) => return Err(refused(refusal)),
    }
    if let Parsed::Statement(statement) = &mut statement {
        let _ = VisitMut::visit(statement.as_mut(), &mut InMicroseconds);
    }
    Ok(statement)
}

/// Gives moments the precision that tables have them in. The planner's own is finer and ends in 2262,
/// which books go beyond.
struct InMicroseconds;

impl VisitorMut for InMicroseconds {
    type Break = Infallible;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        if let Expr::Cast { data_type, .. } | Expr::TypedString(TypedString { data_type, .. }) =
            expr
            && let DataType::Timestamp(precision @ None, _) = data_type
        {
            *precision = Some(6);
        }
        Continue(())
    }
}

fn unread(error: &datafusion::error::DataFusionError) -> Refusal {
    let text = error.strip_backtrace();
    let text = text.strip_prefix("SQL error: ").unwrap_or(&text);
    if text.contains("RecursionLimitExceeded") {
        return format!("The statement is nested more than {MOST_DEPTH} deep.");
    }
    let text = text.strip_prefix("ParserError(").and_then(|text| text.strip_suffix(')'));
    let text = text.map_or("it cannot be read", |text| text.trim_matches('"'));
    format!("The statement is no SQL that is understood here: {text}")
}

fn not_select(statement: &str) -> Refusal {
    let word = statement.split_whitespace().next().unwrap_or("This").to_uppercase();
    format!("{word} is not allowed: only SELECT is.")
}

/// Walks the tree and stops at the first thing that is on no list.
pub(super) struct Guard<'a> {
    pub(super) state: &'a SessionState,
    tables: HashSet<&'a str>,
    /// Names that WITH gives. Which is meant where, the plan tells.
    named: HashSet<String>,
    selects: usize,
    relations: usize,
    expressions: usize,
    pub(super) groupings: usize,
}

impl<'a> Guard<'a> {
    fn new(state: &'a SessionState, tables: &'a [TableEntry]) -> Self {
        Self {
            state,
            tables: tables.iter().map(|entry| entry.name.as_str()).collect(),
            named: HashSet::new(),
            selects: 0,
            relations: 0,
            expressions: 0,
            groupings: 0,
        }
    }
}

impl Visitor for Guard<'_> {
    type Break = Refusal;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Refusal> {
        Break(not_select(&statement.to_string()))
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        flow(check_query(query))?;
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            if cte.from.is_some() {
                return Break("WITH … FROM is not allowed.".to_owned());
            }
            self.named.insert(written(&cte.alias.name));
        }
        Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refusal> {
        self.selects += 1;
        if self.selects > MOST_SELECTS {
            return Break(format!("The statement has more than {MOST_SELECTS} SELECTs."));
        }
        for join in select.from.iter().flat_map(|from| &from.joins) {
            flow(check_join(join))?;
        }
        flow(check_select(select))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        self.relations += 1;
        if self.relations > MOST_RELATIONS {
            return Break(format!("The statement reads more than {MOST_RELATIONS} tables."));
        }
        flow(self.check_factor(factor))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Refusal> {
        self.expressions += 1;
        if self.expressions > MOST_EXPRESSIONS {
            return Break("The statement is too long. Shorten its lists.".to_owned());
        }
        flow(expression::check(self, expr))?;
        if self.groupings > MOST_GROUPINGS {
            return Break(format!(
                "The statement has more than {MOST_GROUPINGS} ROLLUPs and GROUPING SETS."
            ));
        }
        Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<Refusal> {
        flow(expression::check_value(&value.value))
    }
}

fn flow(checked: Result<(), Refusal>) -> ControlFlow<Refusal> {
    match checked {
        Ok(()) => Continue(()),
        Err(refusal) => Break(refusal),
    }
}

/// A name as the planner takes it.
pub(super) fn written(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_ascii_lowercase(),
    }
}

/// A name of one part.
pub(super) fn single(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        // A parser may take a text for a name: FROM 'file'.
        [ObjectNamePart::Identifier(name)] if matches!(name.quote_style, None | Some('"')) => {
            Some(written(name))
        }
        _ => None,
    }
}

fn check_query(query: &Query) -> Result<(), Refusal> {
    let Query {
        with,
        body,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    if with.as_ref().is_some_and(|with| with.recursive) {
        return Err("WITH RECURSIVE is not allowed.".to_owned());
    }
    if !locks.is_empty() || for_clause.is_some() {
        return Err("FOR UPDATE and its like are not allowed.".to_owned());
    }
    if settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty() {
        return Err("SETTINGS, FORMAT and pipes are not allowed.".to_owned());
    }
    if fetch.is_some() {
        return Err("FETCH is not allowed: write LIMIT.".to_owned());
    }
    if order_by.as_ref().is_some_and(|order| order.interpolate.is_some()) {
        return Err("INTERPOLATE is not allowed.".to_owned());
    }
    if let Some(LimitClause::LimitOffset { limit_by, .. }) = limit_clause
        && !limit_by.is_empty()
    {
        return Err("LIMIT BY is not allowed.".to_owned());
    }
    check_body(body)
}

fn check_body(body: &SetExpr) -> Result<(), Refusal> {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) => Ok(()),
        SetExpr::SetOperation { left, set_quantifier, right, .. } => {
            if !matches!(
                set_quantifier,
                SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None
            ) {
                return Err("UNION BY NAME is not allowed.".to_owned());
            }
            check_body(left)?;
            check_body(right)
        }
        SetExpr::Values(values) if values.rows.len() <= MOST_VALUES_ROWS => Ok(()),
        SetExpr::Values(_) => Err(format!("VALUES has more than {MOST_VALUES_ROWS} rows.")),
        SetExpr::Table(_) => Err("TABLE is not allowed: write SELECT * FROM.".to_owned()),
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
            Err(not_select(&body.to_string()))
        }
    }
}

fn check_select(select: &Select) -> Result<(), Refusal> {
    let refuse = |what: &str| Err(format!("{what} is not allowed here."));
    if select.into.is_some() {
        return refuse("SELECT INTO");
    }
    if select.top.is_some() {
        return Err("TOP is not allowed: write LIMIT.".to_owned());
    }
    if select.flavor != SelectFlavor::Standard {
        return Err("A statement begins with SELECT or WITH.".to_owned());
    }
    if !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || select.value_table_mode.is_some()
        || select.exclude.is_some()
        || select.select_modifiers.is_some()
        || !select.optimizer_hints.is_empty()
    {
        return refuse("A clause of another dialect than PostgreSQL's");
    }
    if select.projection.len() > MOST_COLUMNS {
        return Err(format!("The answer has more than {MOST_COLUMNS} columns."));
    }
    if select.projection.iter().any(|item| matches!(item, SelectItem::ExprWithAliases { .. })) {
        return refuse("An expression with several names");
    }
    match &select.group_by {
        GroupByExpr::Expressions(_, modifiers) if modifiers.is_empty() => Ok(()),
        GroupByExpr::Expressions(..) => refuse("GROUP BY … WITH"),
        GroupByExpr::All(_) => Err("GROUP BY ALL is not allowed: name the groups.".to_owned()),
    }
}

fn check_join(join: &Join) -> Result<(), Refusal> {
    let (JoinOperator::Join(constraint)
    | JoinOperator::Inner(constraint)
    | JoinOperator::Left(constraint)
    | JoinOperator::LeftOuter(constraint)
    | JoinOperator::Right(constraint)
    | JoinOperator::RightOuter(constraint)
    | JoinOperator::FullOuter(constraint)
    | JoinOperator::CrossJoin(constraint)
    | JoinOperator::LeftSemi(constraint)
    | JoinOperator::RightSemi(constraint)
    | JoinOperator::LeftAnti(constraint)
    | JoinOperator::RightAnti(constraint)) = &join.join_operator
    else {
        return Err("Only inner, outer and cross joins are allowed.".to_owned());
    };
    match constraint {
        JoinConstraint::Natural => Err("NATURAL JOIN is not allowed: write ON.".to_owned()),
        JoinConstraint::On(_) | JoinConstraint::Using(_) | JoinConstraint::None => Ok(()),
    }
}

impl Guard<'_> {
    fn check_factor(&self, factor: &TableFactor) -> Result<(), Refusal> {
        match factor {
            TableFactor::Table {
                name,
                alias: _,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                let single = single(name).filter(|name| {
                    self.tables.contains(name.as_str()) || self.named.contains(name)
                });
                single.map(drop).ok_or_else(|| {
                    format!("There is no table {name}. Tables are named alone: FROM orders.")
                })
            }
            TableFactor::Table { args: Some(_), name, .. } => {
                Err(format!("{name}(…) as a table is not allowed."))
            }
            TableFactor::Derived { lateral: false, sample: None, .. } => Ok(()),
            TableFactor::NestedJoin { table_with_joins, .. } => {
                table_with_joins.joins.iter().try_for_each(check_join)
            }
            TableFactor::Derived { lateral: true, .. } => Err("LATERAL is not allowed.".to_owned()),
            other => Err(format!("FROM {other} is not allowed.")),
        }
    }
}
