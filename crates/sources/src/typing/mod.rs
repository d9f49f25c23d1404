//! What the columns of a file hold. Every cell leaves evidence, the evidence of all rows decides the
//! column's type and how its cells are read, and reading them gives typed values with an exact profile.
//! CSV, workbooks, JSON and databases that keep any value in any column are all typed here.

mod choice;
pub(crate) mod evidence;
pub(crate) mod moment;
pub(crate) mod naming;
pub(crate) mod number;
pub(crate) mod profile;
pub(crate) mod reading;
pub(crate) mod values;

use pacioli_model::{ColumnName, ColumnType};

pub use choice::{Choices, ColumnChoice, parse_type, type_words};
pub use moment::Order as DateOrder;
pub use naming::{column_names, table_name_from_source};
pub use number::Mark as DecimalMark;

use evidence::Evidence;
use reading::Reading;

use crate::SourceError;

/// One column as it will be read.
#[derive(Debug, Clone)]
pub struct PlannedColumn {
    /// Its name in SQL.
    pub name: ColumnName,
    /// The header, trimmed.
    pub label: String,
    /// What it holds.
    pub data_type: ColumnType,
    /// A person chose the type; else the values decided it.
    pub chosen: bool,
    pub(crate) reading: Reading,
}

/// Decides every column: its name from its label, its type from the evidence or from what the caller
/// chose. `fallback` is the decimal mark where neither a column nor its neighbours prove one.
pub(crate) fn decide(
    labels: Vec<String>,
    evidence: &[Evidence],
    fallback: DecimalMark,
    choices: &Choices,
    notes: &mut Vec<String>,
) -> Result<Vec<PlannedColumn>, SourceError> {
    let usual = usual_mark(evidence, fallback);
    let names = naming::column_names(&labels);
    let columns = labels.into_iter().zip(names).zip(evidence);
    let planned = columns.map(|((label, name), evidence)| {
        let mut note = |text: String| notes.push(format!("{label}: {text}"));
        let choice = choices.of(&name, &label);
        let (data_type, reading) = match choice {
            Some(choice) => choice.decide(&label, evidence, usual, &mut note)?,
            None => evidence.decide(usual, &mut note),
        };
        Ok(PlannedColumn { name, label, data_type, chosen: choice.is_some(), reading })
    });
    let planned: Vec<PlannedColumn> = planned.collect::<Result<_, SourceError>>()?;
    choices.check(planned.iter().map(|column| (&column.name, column.label.as_str())))?;
    Ok(planned)
}

/// How much of a value is shown.
const SHOWN: usize = 60;

/// The refusal of a value that its column's chosen type has no place for.
pub(crate) fn misfit(place: &str, column: &PlannedColumn, cell: &str) -> SourceError {
    let shown: String = cell.trim().chars().take(SHOWN).collect();
    let (label, words) = (&column.label, type_words(column.data_type));
    let detail = format!(
        "{place}: `{shown}` in the column {label} cannot be read as {words}, which was chosen for it. \
         Mend the value or choose another type."
    );
    SourceError::invalid("type_does_not_fit", detail)
}

/// The mark that the other columns prove, or else the fallback.
fn usual_mark(evidence: &[Evidence], fallback: DecimalMark) -> DecimalMark {
    let proves = |mark| evidence.iter().any(|column| column.proven_mark() == Some(mark));
    match (proves(DecimalMark::Point), proves(DecimalMark::Comma)) {
        (true, false) => DecimalMark::Point,
        (false, true) => DecimalMark::Comma,
        _ => fallback,
    }
}
