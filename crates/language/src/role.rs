//! What a column is for, from its name, its type and its profile.

use pacioli_model::{Cell, Column, ColumnType, Distinct, TableEntry};

use crate::{
    currency,
    spelling::{fold, stem},
    synonyms,
    token::tokenise,
};

/// What a column is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Money that adds up.
    Amount,
    /// Other numbers that add up.
    Quantity,
    /// Numbers that do not add up: prices, rates, percentages.
    Rate,
    /// Names one thing: never added, best counted.
    Identifier,
    /// Rows are grouped and filtered by it.
    Dimension,
    /// True or false.
    Flag,
    /// A day or a moment.
    Time,
}

impl Role {
    /// Whether totals make sense.
    pub(crate) fn adds_up(self) -> bool {
        matches!(self, Self::Amount | Self::Quantity)
    }

    /// Whether averages make sense.
    pub(crate) fn measures(self) -> bool {
        self.adds_up() || self == Self::Rate
    }
}

/// One word of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderWord {
    /// Singular, folded.
    pub(crate) stem: String,
    /// The one name of what it stands for, where known.
    pub(crate) meaning: Option<&'static str>,
}

impl HeaderWord {
    fn new(word: &str) -> Self {
        let meaning = synonyms::meaning_in_header(word)
            .or_else(|| synonyms::meaning_in_header(&stem(word)).filter(|name| *name != "revenue"));
        Self { stem: stem(word), meaning }
    }

    /// Whether it is, or stands for, one of these.
    pub(crate) fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.stem.as_str())
            || self.meaning.is_some_and(|name| names.contains(&name))
    }
}

/// The words of a header: `SalesRep`, `sales_rep` and `Sales rep` alike.
pub(crate) fn header_words(header: &str) -> Vec<HeaderWord> {
    let mut spaced = String::with_capacity(header.len() + 8);
    let mut lower_before = false;
    for letter in header.chars() {
        if letter.is_uppercase() && lower_before {
            spaced.push(' ');
        }
        spaced.push(letter);
        lower_before = letter.is_lowercase();
    }
    let words = tokenise(&spaced).into_iter().map(|token| fold(&token.word));
    words.flat_map(|word| synonyms::parts(&word)).map(|word| HeaderWord::new(&word)).collect()
}

/// Last words that say that a column names its thing by a key.
pub(crate) const KEY_TAILS: &[&str] =
    &["id", "number", "code", "key", "ref", "reference", "uuid", "guid", "identifier"];
const KEYS: &[&str] = &[
    "id",
    "zip",
    "postcode",
    "plz",
    "postal",
    "phone",
    "telephone",
    "fax",
    "iban",
    "bic",
    "ean",
    "barcode",
    "isbn",
    "year",
    "month",
    "week",
    "quarter",
    "day",
    "line",
    "row",
    "index",
    "version",
    "account",
    "konto",
];
const ENTITIES: &[&str] = &[
    "order",
    "invoice",
    "customer",
    "product",
    "supplier",
    "employee",
    "payment",
    "project",
    "store",
    "warehouse",
];
const RATES: &[&str] = &[
    "price",
    "rate",
    "pct",
    "percent",
    "percentage",
    "ratio",
    "age",
    "score",
    "rating",
    "temperature",
    "probability",
    "latitude",
    "longitude",
    "factor",
    "average",
    "avg",
    "mean",
    "kurs",
    "satz",
    "prozent",
    "quote",
    "share",
    "mpg",
    "efficiency",
    "density",
    "humidity",
    "speed",
    "gpa",
];
const MONEY: &[&str] = &[
    "revenue", "amount", "cost", "profit", "margin", "tax", "total", "salary", "balance", "fee",
    "credit", "debit", "budget", "income", "net", "gross", "discount", "freight", "paid", "due",
    "open", "payment", "sale", "spend", "brutto", "netto", "soll", "haben",
];

/// What `column` is for.
pub(crate) fn role_of(column: &Column, table: &TableEntry) -> Role {
    let words = header_words(column.name.as_str());
    let has = |names: &[&str]| words.iter().any(|word| word.is(names));
    let key_tail = words.last().is_some_and(|word| word.is(KEY_TAILS));
    // `line_total`, `account_balance`: what the line or the account comes to.
    let is_sum =
        words.len() > 1 && words.last().is_some_and(|word| word.is(MONEY) || word.is(&["tot"]));
    match column.data_type {
        ColumnType::Boolean => Role::Flag,
        data_type if data_type.is_time() => Role::Time,
        ColumnType::Text if key_tail && !has(&["country", "currency", "region"]) => {
            Role::Identifier
        }
        ColumnType::Text => Role::Dimension,
        // Days of one thing each: payment terms, delivery times.
        _ if words.len() > 1 && column.name.as_str().to_ascii_lowercase().ends_with("_days") => {
            Role::Rate
        }
        // So many days; "day" alone is one of a month.
        _ if column.name.as_str().eq_ignore_ascii_case("days") => Role::Quantity,
        _ if key_tail || has(KEYS) && !is_sum || (words.len() == 1 && has(ENTITIES)) => {
            Role::Identifier
        }
        _ if has(RATES) || is_per_unit(&words) || is_small_share(column, &words) => Role::Rate,
        // A budget of hours is no money.
        _ if has(MONEY)
            && words.last().is_some_and(|word| matches!(word.stem.as_str(), "hour" | "day")) =>
        {
            Role::Quantity
        }
        _ if has(MONEY) || is_sum || currency_of(column).is_some() => Role::Amount,
        ColumnType::Integer if is_running_number(column, table) => Role::Identifier,
        _ => Role::Quantity,
    }
}

/// Whether a name says that it is a price, a rate or an average.
pub(crate) fn is_rate(text: &str) -> bool {
    header_words(text).iter().any(|word| word.is(RATES))
}

/// `unit_cost`: so much for each.
fn is_per_unit(words: &[HeaderWord]) -> bool {
    words.len() > 1 && words.iter().any(|word| word.is(&["unit"])) && words[0].stem != "units"
}

/// A discount, margin or tax without a currency is a percentage when it never passes 100.
fn is_small_share(column: &Column, words: &[HeaderWord]) -> bool {
    let share_like = words.iter().any(|word| word.is(&["discount", "margin", "tax"]));
    let named_money = words.iter().any(|word| word.is(&["amount", "total"]));
    let small = column.profile.max.as_ref().and_then(Cell::as_f64);
    share_like
        && !named_money
        && currency_of(column).is_none()
        && small.is_some_and(|max| max <= 100.0)
}

/// Whether every row has its own value.
pub(crate) fn is_unique(column: &Column, table: &TableEntry) -> bool {
    column.profile.nulls == 0 && column.profile.distinct == Distinct::Exactly(table.rows)
}

/// Whether the rows are numbered by it: every row has its own number, and hardly one is left out.
/// Figures that merely never repeat are spread wider than that.
fn is_running_number(column: &Column, table: &TableEntry) -> bool {
    let (Some(Cell::Integer(min)), Some(Cell::Integer(max))) =
        (&column.profile.min, &column.profile.max)
    else {
        return false;
    };
    let span = max.saturating_sub(*min).unsigned_abs();
    table.rows > 50 && is_unique(column, table) && span < table.rows.saturating_mul(2)
}

/// The currency that a column's name ends with.
pub(crate) fn currency_of(column: &Column) -> Option<&'static str> {
    let (head, tail) = column.name.as_str().rsplit_once('_')?;
    (column.data_type.is_number() && !head.is_empty()).then(|| currency::code(tail)).flatten()
}

/// Whether a column says which currency its row is in: all its values are ISO 4217 codes.
pub(crate) fn names_currencies(column: &Column) -> bool {
    let values = column.profile.values.as_deref().unwrap_or_default();
    column.data_type == ColumnType::Text
        && !values.is_empty()
        && values.iter().all(|value| currency::code(value).is_some())
}
