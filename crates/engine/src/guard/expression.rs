//! The first gate, expressions.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, CeilFloorKind, DataType, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentClause, FunctionArguments, TimezoneInfo, UnaryOperator, Value,
};

use super::{
    Refusal,
    statement::{Guard, single},
};

/// Values of one IN.
const MOST_LISTED: usize = 10_000;
const MOST_PATTERN: usize = 256;
const MOST_WILDCARDS: usize = 16;
const MOST_NUMBER: usize = 80;
/// Sets of one ROLLUP or GROUPING SETS.
const MOST_SETS: usize = 16;

pub(super) fn check(guard: &mut Guard<'_>, expr: &Expr) -> Result<(), Refusal> {
    match expr {
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::Extract { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Nested(_)
        | Expr::Value(_)
        | Expr::Case { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::Interval(_)
        | Expr::Wildcard(_) => Ok(()),
        Expr::Ceil { field, .. } | Expr::Floor { field, .. } => match field {
            CeilFloorKind::DateTimeField(_) => Ok(()),
            CeilFloorKind::Scale(_) => Err("CEIL and FLOOR take one number.".to_owned()),
        },
        Expr::InList { list, .. } if list.len() <= MOST_LISTED => Ok(()),
        Expr::InList { .. } => Err(format!("IN lists more than {MOST_LISTED} values.")),
        Expr::BinaryOp { op, .. } => check_operator(op),
        Expr::UnaryOp { op, .. } => match op {
            UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not => Ok(()),
            other => Err(format!("The operator {other} is not allowed.")),
        },
        Expr::Like { any, pattern, .. } | Expr::ILike { any, pattern, .. } => {
            check_pattern(*any, pattern)
        }
        Expr::Cast { kind, data_type, array: false, format: None, .. } => match kind {
            CastKind::Cast | CastKind::TryCast | CastKind::DoubleColon => check_type(data_type),
            CastKind::SafeCast => Err("SAFE_CAST is not allowed: write TRY_CAST.".to_owned()),
        },
        Expr::TypedString(typed) => check_type(&typed.data_type),
        Expr::Function(function) => check_function(guard, function),
        Expr::Rollup(sets) | Expr::GroupingSets(sets) => {
            guard.groupings += 1;
            if sets.len() > MOST_SETS {
                return Err(format!("ROLLUP and GROUPING SETS have at most {MOST_SETS} sets."));
            }
            Ok(())
        }
        Expr::Cube(_) => Err("CUBE is not allowed: write GROUPING SETS.".to_owned()),
        Expr::SimilarTo { .. } | Expr::RLike { .. } => {
            Err("Regular expressions are not allowed: write LIKE.".to_owned())
        }
        other => Err(format!("{} is not allowed.", shortened(&other.to_string()))),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

pub(super) fn check_value(value: &Value) -> Result<(), Refusal> {
    match value {
        Value::Number(number, _) if number.len() > MOST_NUMBER => {
            Err(format!("A number has more than {MOST_NUMBER} digits."))
        }
        Value::Number(..) | Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Null => {
            Ok(())
        }
        Value::Placeholder(name) => {
            Err(format!("There are no parameters: write the value in place of {name}."))
        }
        _ => Err("Texts are written in single quotes, without a letter before them.".to_owned()),
    }
}

fn check_operator(operator: &BinaryOperator) -> Result<(), Refusal> {
    use BinaryOperator::{
        And, Divide, Eq, Gt, GtEq, Lt, LtEq, Minus, Modulo, Multiply, NotEq, Or, Plus, StringConcat,
    };
    match operator {
        Plus | Minus | Multiply | Divide | Modulo | StringConcat | Gt | Lt | GtEq | LtEq | Eq
        | NotEq | And | Or => Ok(()),
        other => Err(format!("The operator {other} is not allowed.")),
    }
}

/// A pattern is a text that stands there, so that its length is known.
fn check_pattern(any: bool, pattern: &Expr) -> Result<(), Refusal> {
    let text = match pattern {
        Expr::Value(value) if !any => match &value.value {
            Value::SingleQuotedString(text) => text,
            _ => return Err("The pattern of LIKE is a text in quotes.".to_owned()),
        },
        _ => {
            return Err("The pattern of LIKE is a text in quotes: for more use strpos.".to_owned());
        }
    };
    let wildcards = text.chars().filter(|character| matches!(character, '%' | '_')).count();
    if text.chars().count() > MOST_PATTERN || wildcards > MOST_WILDCARDS {
        return Err(format!(
            "The pattern of LIKE has at most {MOST_PATTERN} characters and {MOST_WILDCARDS} wildcards."
        ));
    }
    Ok(())
}

fn check_type(data_type: &DataType) -> Result<(), Refusal> {
    match data_type {
        DataType::SmallInt(_)
        | DataType::Int(_)
        | DataType::Integer(_)
        | DataType::BigInt(_)
        | DataType::Decimal(_)
        | DataType::Numeric(_)
        | DataType::Real
        | DataType::Float(_)
        | DataType::Double(_)
        | DataType::DoublePrecision
        | DataType::Text
        | DataType::Varchar(_)
        | DataType::CharacterVarying(_)
        | DataType::Date
        | DataType::Boolean
        | DataType::Bool
        | DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Ok(()),
        other => Err(format!(
            "The type {other} is not allowed. Types are BIGINT, DECIMAL, DOUBLE PRECISION, TEXT, DATE, TIMESTAMP and BOOLEAN."
        )),
    }
}

fn check_function(guard: &Guard<'_>, function: &Function) -> Result<(), Refusal> {
    let name = single(&function.name).unwrap_or_default();
    let state = guard.state;
    let known = state.scalar_functions().contains_key(&name)
        || state.aggregate_functions().contains_key(&name)
        || state.window_functions().contains_key(&name);
    if !known {
        return Err(format!("The function {} is not allowed.", function.name));
    }
    let plain =
        matches!(function.parameters, FunctionArguments::None) && !function.uses_odbc_syntax;
    let FunctionArguments::List(list) = &function.args else {
        return match &function.args {
            // CURRENT_DATE stands without parentheses.
            FunctionArguments::None if plain => Ok(()),
            _ => Err(format!("A query as the argument of {name} is not allowed.")),
        };
    };
    let args = list.args.iter().all(|arg| {
        matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(_) | FunctionArgExpr::Wildcard))
    });
    let clauses = list.clauses.iter().all(|clause| {
        matches!(
            clause,
            FunctionArgumentClause::IgnoreOrRespectNulls(_) | FunctionArgumentClause::OrderBy(_)
        )
    });
    if plain && args && clauses {
        Ok(())
    } else {
        Err(format!("{name} is called like this: {name}(value, …)."))
    }
}
