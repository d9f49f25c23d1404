//! The part of SQL that Asks need, as a tree: built by the other modules, printed by `print`.

use pacioli_model::{Direction, Operation, Shift, TableName};

/// Named queries, and one over them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    /// Each may name those before it.
    pub(super) with: Vec<(String, Select)>,
    pub(super) body: Select,
}

impl From<Select> for Query {
    fn from(body: Select) -> Self {
        Self { with: Vec::new(), body }
    }
}

/// One SELECT.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Select {
    pub(super) distinct: bool,
    /// Each with its name; none where only the existence of rows matters.
    pub(super) outputs: Vec<(Expr, String)>,
    pub(super) from: Relation,
    pub(super) joins: Vec<Join>,
    pub(super) filter: Option<Expr>,
    pub(super) groups: Vec<Expr>,
    pub(super) having: Option<Expr>,
    pub(super) order: Vec<(Expr, Direction)>,
    pub(super) limit: Option<u32>,
    /// Whose rows are there besides.
    pub(super) union: Option<Box<Select>>,
}

impl Select {
    /// All of `from`, with no columns yet.
    pub(super) fn of(from: Relation) -> Self {
        Self {
            distinct: false,
            outputs: Vec::new(),
            from,
            joins: Vec::new(),
            filter: None,
            groups: Vec::new(),
            having: None,
            order: Vec::new(),
            limit: None,
            union: None,
        }
    }

    /// All of a named query.
    pub(super) fn of_named(name: &str) -> Self {
        Self::of(Relation { source: Source::Named(name.to_owned()), alias: name.to_owned() })
    }

    /// Adds a condition to those there are.
    pub(super) fn only(&mut self, condition: Option<Expr>) {
        let parts = self.filter.take().into_iter().chain(condition);
        self.filter = Expr::all(parts.collect());
    }
}

/// Rows under a name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Relation {
    pub(super) source: Source,
    pub(super) alias: String,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    Table(TableName),
    /// A table with one column more that numbers its rows.
    Numbered(TableName, String),
    /// A query that stands in `with`.
    Named(String),
    Query(Box<Query>),
    /// One row without columns.
    OneRow,
}

/// One more relation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Join {
    pub(super) kind: JoinKind,
    pub(super) relation: Relation,
    /// Empty for a cross join.
    pub(super) on: Vec<Expr>,
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JoinKind {
    Inner,
    Left,
    Full,
    Cross,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// A column of a relation, by the relation's alias.
    Column(String, String),
    /// As it is written, and never in need of parentheses.
    Literal(String),
    /// `count(*)`.
    CountRows,
    Call(&'static str, Vec<Self>),
    /// `count(DISTINCT ..)`.
    CountDistinct(Box<Self>),
    Cast(Box<Self>, Type),
    Arithmetic(Operation, Box<Self>, Box<Self>),
    /// With the operator between them.
    Compare(&'static str, Box<Self>, Box<Self>),
    Shifted(Box<Self>, Shift),
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    IsNull(Box<Self>),
    OneOf(Box<Self>, Vec<Self>),
    Exists(Box<Select>),
    Among(Box<Self>, Box<Query>),
    Figure(Box<Query>),
    /// An aggregate over the rows that share `partition`, up to this one where there is an order.
    Over {
        call: Box<Self>,
        partition: Vec<Self>,
        order: Vec<(Self, Direction)>,
    },
    /// The place of the first condition that holds; null where the value is.
    Bucket {
        value: Box<Self>,
        edges: Vec<Self>,
    },
}

/// A type as SQL writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Integer,
    Float,
    Date,
    Decimal(u8, u8),
}

impl Expr {
    /// A column.
    pub(super) fn column(relation: &str, name: &str) -> Self {
        Self::Column(relation.to_owned(), name.to_owned())
    }

    pub(super) fn cast(self, to: Type) -> Self {
        Self::Cast(Box::new(self), to)
    }

    pub(super) fn compare(self, operator: &'static str, other: Self) -> Self {
        Self::Compare(operator, Box::new(self), Box::new(other))
    }

    /// Equal, or both null.
    pub(super) fn same(self, other: Self) -> Self {
        self.compare("IS NOT DISTINCT FROM", other)
    }

    pub(super) fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// All of them; nothing where there are none.
    pub(super) fn all(parts: Vec<Self>) -> Option<Self> {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::All(inner) if !inner.is_empty() => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() > 1 { Some(Self::All(flat)) } else { flat.pop() }
    }

    /// Whether it reads rows of its own, and so cannot stand everywhere.
    pub(super) fn reads_rows(&self) -> bool {
        match self {
            Self::Exists(_) | Self::Among(..) | Self::Figure(_) => true,
            Self::Column(..) | Self::Literal(_) | Self::CountRows => false,
            Self::Call(_, parts) | Self::All(parts) | Self::Any(parts) => {
                parts.iter().any(Self::reads_rows)
            }
            Self::CountDistinct(part)
            | Self::Cast(part, _)
            | Self::Shifted(part, _)
            | Self::Not(part)
            | Self::IsNull(part)
            | Self::Over { call: part, .. } => part.reads_rows(),
            Self::Arithmetic(_, left, right) | Self::Compare(_, left, right) => {
                left.reads_rows() || right.reads_rows()
            }
            Self::OneOf(value, others) | Self::Bucket { value, edges: others } => {
                value.reads_rows() || others.iter().any(Self::reads_rows)
            }
        }
    }

    /// Whether any column is part of it, subqueries apart.
    pub(super) fn has_columns(&self) -> bool {
        match self {
            Self::Column(..) => true,
            Self::Literal(_) | Self::CountRows | Self::Exists(_) | Self::Figure(_) => false,
            Self::Call(_, parts) | Self::All(parts) | Self::Any(parts) => {
                parts.iter().any(Self::has_columns)
            }
            Self::CountDistinct(part)
            | Self::Cast(part, _)
            | Self::Shifted(part, _)
            | Self::Not(part)
            | Self::IsNull(part)
            | Self::Among(part, _)
            | Self::Over { call: part, .. } => part.has_columns(),
            Self::Arithmetic(_, left, right) | Self::Compare(_, left, right) => {
                left.has_columns() || right.has_columns()
            }
            Self::OneOf(value, _) | Self::Bucket { value, .. } => value.has_columns(),
        }
    }
}
