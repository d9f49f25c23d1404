use chrono::NaiveDate;
use pacioli_model::{Analysis, Ask, ColumnName, TableName, TimeGrain};

/// What a question is read against, besides the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The day that "this month" and "last year" are counted from, in the company's time zone.
    pub today: NaiveDate,
    /// Only this table may answer; empty for the whole catalog.
    pub table: Option<TableName>,
}

/// What became of a question. Ambiguity and ignorance are values, not errors.
#[derive(Debug, Clone, PartialEq)]
pub enum Translation {
    /// One reading explains every word.
    Understood(Box<Understood>),
    /// One reading explains every word, and no rows are asked for but what lies behind them.
    Analyse(Box<Analysed>),
    /// Several readings explain every word equally well, or the best one is not sure enough to be run.
    Clarify {
        /// What to ask back.
        question: String,
        /// The readings, one to five: one where the only reading is not sure enough to be run.
        choices: Vec<Choice>,
        /// How likely the first reading is right, 0 to 1, where nothing but that keeps it from being run:
        /// whoever else can read the question may settle it. None where only the person knows.
        confidence: Option<f64>,
    },
    /// No reading explains every word, or Pacioli cannot compute what was asked.
    Refuse {
        /// The words of the question, as they were typed, that stand in the way; may be empty.
        not_understood: Vec<String>,
        /// Why, as a sentence for the person.
        reason: String,
    },
}

/// A question that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Understood {
    /// What to compute.
    pub ask: Ask,
    /// Which words were taken as what, in the order of the question.
    pub spans: Vec<Span>,
    /// The same for people to check.
    pub interpretation: Interpretation,
    /// Words explained times how well they fit, 0 to 1.
    pub confidence: f64,
}

/// A question that was understood and asks why, what comes next, or what is unusual.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysed {
    /// What to find out.
    pub analysis: Analysis,
    /// Which words were taken as what, in the order of the question.
    pub spans: Vec<Span>,
    /// How the figure was understood, for people to check.
    pub interpretation: Interpretation,
    /// Words explained times how well they fit, 0 to 1.
    pub confidence: f64,
}

/// One reading of an ambiguous question.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What tells this reading from the others: `"Net amount (table invoices)"`.
    pub label: String,
    /// The reading in plain words. Not every reading can be typed as a question again: to choose
    /// one, run its `ask`.
    pub question: String,
    /// What this reading computes.
    pub ask: Ask,
    /// What is to be found out about it, where the question asks why or what comes next.
    pub analysis: Option<Analysis>,
    /// The same for people to check.
    pub interpretation: Interpretation,
}

/// Some words of the question and what they were taken as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The words as they were typed.
    pub text: String,
    /// What they were taken as: `"column region"`, `"region is Nordics"`.
    pub meaning: String,
}

/// How a question was understood, in words. Every filter of the Ask is named here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpretation {
    /// The table that answers.
    pub table: TableName,
    /// All tables that the answer is read from, that one first.
    pub tables: Vec<TableName>,
    /// `sum of revenue_eur (column "Revenue EUR")`.
    pub measures: Vec<String>,
    /// What rows are grouped by: `region`, `sale_date by month`.
    pub groups: Vec<String>,
    /// `country is Germany or France`.
    pub filters: Vec<String>,
    /// The days that count, where the question named any.
    pub date_range: Option<DateRange>,
    /// The calendar period that rows are grouped by.
    pub grain: Option<TimeGrain>,
    /// ISO 4217 code of the measured amounts; empty when it is mixed, unknown or no amount.
    pub currency: Option<String>,
    /// The day that relative dates were counted from; empty when the question had none.
    pub as_of: Option<NaiveDate>,
    /// Choices made on the person's behalf and what the answer leaves out.
    pub notes: Vec<String>,
}

/// A run of days: from its first day up to, not including, its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateRange {
    /// The column that is compared.
    pub column: ColumnName,
    /// First day; open when empty.
    pub from: Option<NaiveDate>,
    /// The day after the last; open when empty.
    pub to: Option<NaiveDate>,
    /// For people: `1 January 2025 to 31 March 2025`.
    pub words: String,
}
