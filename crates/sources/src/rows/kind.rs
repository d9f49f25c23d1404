use pacioli_model::ColumnType;

/// The digits that a decimal of 38 holds.
const DIGITS: u8 = 38;

/// What the values of a column have been so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nulls alone.
    Nothing,
    Boolean,
    Integer,
    /// With so many digits before the point and so many after it.
    Decimal {
        whole: u8,
        scale: u8,
    },
    Float,
    Date,
    Timestamp,
    Text,
}

impl Kind {
    pub(super) fn of(data_type: ColumnType) -> Self {
        match data_type {
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Integer => Self::Integer,
            // Of what is there already only the digits after the point are known.
            ColumnType::Decimal { scale } => Self::Decimal { whole: 0, scale },
            ColumnType::Float => Self::Float,
            ColumnType::Date => Self::Date,
            ColumnType::Timestamp => Self::Timestamp,
            ColumnType::Text => Self::Text,
        }
    }

    /// The narrowest kind that holds both without loss.
    pub(super) fn join(self, other: Self) -> Self {
        use Kind::{Date, Decimal, Float, Integer, Nothing, Text, Timestamp};
        match (self, other) {
            (same, again) if same == again => same,
            (Nothing, kind) | (kind, Nothing) => kind,
            (Integer, Decimal { whole, scale }) | (Decimal { whole, scale }, Integer) => {
                Self::decimal(whole.max(19), scale)
            }
            (Decimal { whole: a, scale: b }, Decimal { whole: c, scale: d }) => {
                Self::decimal(a.max(c), b.max(d))
            }
            (Float, Integer | Decimal { .. }) | (Integer | Decimal { .. }, Float) => Float,
            (Date, Timestamp) | (Timestamp, Date) => Timestamp,
            _ => Text,
        }
    }

    fn decimal(whole: u8, scale: u8) -> Self {
        let fits = whole.saturating_add(scale) <= DIGITS;
        if fits { Self::Decimal { whole, scale } } else { Self::Float }
    }

    pub(super) fn data_type(self) -> ColumnType {
        match self {
            Self::Nothing | Self::Text => ColumnType::Text,
            Self::Boolean => ColumnType::Boolean,
            Self::Integer => ColumnType::Integer,
            Self::Decimal { scale, .. } => ColumnType::Decimal { scale },
            Self::Float => ColumnType::Float,
            Self::Date => ColumnType::Date,
            Self::Timestamp => ColumnType::Timestamp,
        }
    }

    /// Of a JSON number as it is written.
    pub(super) fn of_number(text: &str) -> Self {
        if text.contains(['e', 'E']) {
            return Self::Float;
        }
        let digits = text.trim_start_matches('-');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if fraction.is_empty() && text.parse::<i64>().is_ok() {
            return Self::Integer;
        }
        match (u8::try_from(whole.len()), u8::try_from(fraction.len())) {
            (Ok(whole), Ok(scale)) => Self::decimal(whole, scale),
            _ => Self::Float,
        }
    }
}
