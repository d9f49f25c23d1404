//! Values whose type is settled.

use pacioli_model::{ColumnType, Literal};

use super::{
    statement::{Expr, Type},
    width::{self, Width},
};

/// A value, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) expr: Expr,
    pub(super) data_type: ColumnType,
    /// No value of it is greater, in units of its last digit.
    pub(super) largest: u128,
    /// It counts something, even where it is computed as a decimal.
    pub(super) whole: bool,
    /// Decimals of 76 digits.
    pub(super) wide: bool,
    /// What messages call it.
    pub(super) name: String,
}

impl Typed {
    /// Something that needs no room.
    pub(super) fn new(expr: Expr, data_type: ColumnType, name: impl Into<String>) -> Self {
        let whole = data_type == ColumnType::Integer;
        Self { expr, data_type, largest: 0, whole, wide: false, name: name.into() }
    }

    /// The same value by another name.
    pub(super) fn as_expr(&self, expr: Expr) -> Self {
        Self { expr, ..self.clone() }
    }

    /// As a binary fraction.
    pub(super) fn into_float(self) -> Self {
        if self.data_type == ColumnType::Float {
            return self;
        }
        let expr = self.expr.cast(Type::Float);
        Self { expr, data_type: ColumnType::Float, largest: 0, whole: false, ..self }
    }

    /// With room for as many digits.
    pub(super) fn widened(self, precision: u8, scale: u8) -> Self {
        let finer = scale.saturating_sub(self.scale());
        Self {
            expr: self.expr.cast(Type::Decimal(precision, scale)),
            data_type: ColumnType::Decimal { scale },
            largest: self.largest.saturating_mul(width::power(finer)),
            wide: precision > 38,
            ..self
        }
    }

    /// Cast as `width` says.
    pub(super) fn with(self, width: Width) -> Self {
        match width {
            Width::Decimal(precision, scale) if precision <= 38 || !self.wide => {
                self.widened(precision, scale)
            }
            _ => self,
        }
    }

    /// The day, where it is a moment.
    pub(super) fn into_day(self) -> Self {
        if self.data_type == ColumnType::Date {
            return self;
        }
        Self { expr: self.expr.cast(Type::Date), data_type: ColumnType::Date, ..self }
    }

    /// Digits after the point.
    pub(super) fn scale(&self) -> u8 {
        match self.data_type {
            ColumnType::Decimal { scale } => scale,
            _ => 0,
        }
    }
}

/// What a type is called in messages.
pub(super) fn kind(data_type: ColumnType) -> &'static str {
    match data_type {
        ColumnType::Integer | ColumnType::Decimal { .. } | ColumnType::Float => "a number",
        ColumnType::Text => "text",
        ColumnType::Date => "a date",
        ColumnType::Timestamp => "a time",
        ColumnType::Boolean => "true or false",
    }
}

/// What a literal's type is called in messages.
pub(super) fn kind_of(literal: &Literal) -> &'static str {
    match literal {
        Literal::Boolean(_) => "true or false",
        Literal::Integer(_) | Literal::Decimal(_) => "a number",
        Literal::Text(_) => "text",
        Literal::Date(_) => "a date",
        Literal::Timestamp(_) => "a time",
    }
}
