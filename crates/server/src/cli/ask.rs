use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use chrono::NaiveDate;
use clap::Args;
use pacioli_language::{Analysed, Context, Interpretation, Translator, Understood};
use pacioli_model::{Cell, Table};
use pacioli_report::Language;

use super::{CommandResult, Settings, block_on, books::Books};
use crate::{
    analysis::{Found, found},
    answering::{Answered, Asked, Outcome, Translators},
    asking::Source,
    clock::Clock,
    models::Models,
};

/// Rows that a terminal shows.
const ROWS: u64 = 1000;

/// Ask a question about files, without a server or an account
#[derive(Args)]
pub struct AskFiles {
    /// Files that are tables or hold some, and at the end the question in quotes
    #[arg(required = true, num_args = 2.., value_name = "FILE… QUESTION")]
    files_and_question: Vec<String>,
    /// The day that "this month" is counted from [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<NaiveDate>,
    /// Print only the SQL
    #[arg(long)]
    sql: bool,
}

impl AskFiles {
    pub fn run(self, settings: &Settings) -> CommandResult {
        block_on(self.answer(settings))?
    }

    async fn answer(self, settings: &Settings) -> CommandResult {
        let models = Models::configured(&settings.load()?.language)?.all();
        let mut paths = self.files_and_question;
        let Some(question) = paths.pop() else { return Err("no question was given".into()) };
        let paths: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
        let books = Books::open(&paths, ROWS).await?;
        let today = self.today.unwrap_or_else(|| Clock::System.now().utc().date_naive());
        let translator = Translator::new(&books.catalog);
        let context = Context { today, table: None };
        let asked = Asked { words: &question, context: &context, last: None, choice: None };
        let answering = books.answering(&models, Translators::Cascade);
        match answering.answer(&translator, &asked).await?.0 {
            Outcome::Answered(answered) => show(&books, *answered, self.sql),
            Outcome::Analyse(analysed) => find_out(&books, *analysed, today, self.sql).await,
            Outcome::Clarify { question, choices, .. } => {
                let choices: Vec<_> =
                    choices.into_iter().map(|one| format!("\n  - {}", one.label)).collect();
                Err(format!("{question}{}", choices.concat()).into())
            }
            Outcome::Refused { not_understood, reason } => {
                let words = not_understood.join("; ");
                let words =
                    if words.is_empty() { words } else { format!(" Not understood: {words}") };
                Err(format!("{reason}{words}").into())
            }
        }
    }
}

/// Why, what comes next and what is unusual, by the functions that reports are made of.
async fn find_out(
    books: &Books,
    analysed: Analysed,
    today: NaiveDate,
    only_sql: bool,
) -> CommandResult {
    let Analysed { analysis, interpretation, .. } = analysed;
    let seen = books.seen();
    let found = found(&mut books.analyst(&seen), &analysis, &interpretation, today).await?;
    let Found { sentences: [(_, sentence), _], table, query, .. } = found?;
    let mut out = io::stdout().lock();
    if only_sql {
        return Ok(writeln!(out, "{}", query.sql)?);
    }
    writeln!(out, "{sentence}\n")?;
    write_table(&mut out, &table)?;
    writeln!(
        out,
        "\n{}\n\nComputed from the rows of:\n{}",
        understood_as(&interpretation),
        query.sql
    )?;
    Ok(())
}

fn show(books: &Books, answered: Answered, only_sql: bool) -> CommandResult {
    let Answered { ask, understood, answer, source, .. } = answered;
    let Understood { interpretation, confidence, .. } = understood;
    let mut out = io::stdout().lock();
    if only_sql {
        return Ok(writeln!(out, "{}", answer.sql)?);
    }
    let context = pacioli_report::Context {
        currency: interpretation.currency.as_deref(),
        period: interpretation.date_range.as_ref().map(|range| range.words.as_str()),
        filters: &interpretation.filters,
    };
    let sentence = match &ask {
        Some(ask) => {
            pacioli_report::narrate(ask, &books.catalog, &context, &answer.table, Language::English)
        }
        None => pacioli_report::tell_rows(&answer.table, Language::English),
    };
    writeln!(out, "{sentence}\n")?;
    write_table(&mut out, &answer.table)?;
    writeln!(out, "\n{}", understood_as(&interpretation))?;
    if source == Source::Model {
        writeln!(out, "  sure: {:.0} %", confidence * 100.0)?;
    }
    writeln!(out, "\n{}", answer.sql)?;
    Ok(())
}

fn understood_as(interpretation: &Interpretation) -> String {
    let mut lines = vec![format!("Understood as: {}", interpretation.measures.join(", "))];
    let mut add = |label: &str, parts: &[String]| {
        if !parts.is_empty() {
            lines.push(format!("  {label}: {}", parts.join("; ")));
        }
    };
    add("by", &interpretation.groups);
    add("only", &interpretation.filters);
    let days = interpretation.date_range.iter().map(|range| range.words.clone());
    add("days", &days.collect::<Vec<_>>());
    add("note", &interpretation.notes);
    lines.join("\n")
}

fn write_table(out: &mut impl io::Write, table: &Table) -> io::Result<()> {
    let header: Vec<String> = table.columns.iter().map(|column| column.name.to_string()).collect();
    let rows: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.iter().map(text).collect()).collect();
    let width = |index: usize| {
        let cells = std::iter::once(&header).chain(&rows).map(|row| row[index].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    for row in std::iter::once(&header).chain(&rows) {
        let cells = row.iter().zip(&widths).zip(&table.columns).map(|((cell, &width), column)| {
            if column.data_type.is_number() {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Null => "-".to_owned(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Decimal(value) => value.to_string(),
        Cell::Float(value) => value.to_string(),
        Cell::Text(value) => value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        Cell::Date(value) => value.to_string(),
        Cell::Timestamp(value) => value.to_rfc3339(),
    }
}
