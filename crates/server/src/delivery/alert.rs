use chrono::NaiveDate;
use pacioli_insights::{first_day, forecast::forecast, step};
use pacioli_model::{
    Cell, ColumnName, Condition, Decimal, Found, SavedQuestion, Sent, Subscription, Table,
    TimeGrain, Timestamp,
};
use pacioli_report::{Format, Language, say};
use sha2::{Digest as _, Sha256};

use super::{
    Trouble, deliveries,
    message::{Sender, document, language_of},
};
use crate::{
    app::App,
    asking::{Answered, Outcome},
    auth::hex,
    error::{ApiError, ApiResult},
};

/// Runs the question of an alert, and has people told where its condition has come to hold; or says why
/// that cannot be told. An error is a fault of ours, or of what we depend on.
pub async fn check(
    app: &App,
    subscription: &Subscription,
    now: Timestamp,
) -> ApiResult<Result<(), Trouble>> {
    let sender = match Sender::of(app, subscription).await? {
        Ok(sender) => sender,
        Err(why) => return Ok(Err(Trouble::Void(why))),
    };
    let (Some(condition), Sent::Question(id)) = (&subscription.condition, &subscription.what)
    else {
        return Ok(Ok(()));
    };
    let Some(question) = sender.saved(*id).await? else {
        return Ok(Err(Trouble::Void("its saved question is gone".to_owned())));
    };
    let answered = match sender.ask(app, &question).await {
        Ok(Outcome::Answered(answered)) => answered,
        Ok(Outcome::Clarify { question, .. }) => {
            let why = format!("its question can be read in several ways now: {question}");
            return Ok(Err(Trouble::Lasting(why)));
        }
        Ok(Outcome::Refused { reason, .. }) => {
            let why = format!("its question is not answered any more: {reason}");
            return Ok(Err(Trouble::Lasting(why)));
        }
        Err(error) => return Ok(Err(Trouble::of(&error))),
    };
    let before = subscription.found.as_ref();
    let digest = digest(&answered.table)?;
    let today = app.today(&sender.company);
    let language = language_of(subscription);
    let words = Notice::of(app, &question, &answered, language);
    let notice = match condition {
        Condition::Changed => before
            .filter(|before| before.digest != digest)
            .map(|_| say(language, "notice.changed", &[])),
        condition => match holds(condition, &answered, &words, today) {
            Ok(notice) => notice,
            Err(why) => return Ok(Err(Trouble::Lasting(why))),
        },
    };
    let was = before.is_some_and(|before| before.holds) && *condition != Condition::Changed;
    let found = Found { holds: notice.is_some(), digest };
    let told = notice.filter(|_| !was);
    let made = told.map(|notice| deliveries(app, subscription, Some(&notice), now));
    let (id, last) = (subscription.id, subscription.checked_at);
    // Where another look has come to an end meanwhile, that one has told.
    sender.data.note_found(id, last, &found, now, &made.unwrap_or_default()).await?;
    Ok(Ok(()))
}

fn digest(table: &Table) -> ApiResult<String> {
    let rows = serde_json::to_vec(&table.rows).map_err(ApiError::internal)?;
    Ok(hex(&Sha256::digest(rows)[..16]))
}

/// How it is said that a condition holds.
struct Notice<'a> {
    table: &'a Table,
    /// What its columns are called.
    labels: Vec<String>,
    language: Language,
}

impl<'a> Notice<'a> {
    fn of(app: &App, question: &SavedQuestion, answered: &'a Answered, language: Language) -> Self {
        let document = document(app, (question, answered), "", language);
        let columns = document.sections.into_iter().flat_map(|section| section.grid.columns);
        let labels = columns.map(|column| column.label).collect();
        Self { table: &answered.table, labels, language }
    }

    /// Of the figure in a column of a row.
    fn say(&self, key: &str, (at, row): (usize, usize), values: &[(&str, &str)]) -> String {
        let figure = self.labels.get(at).map_or("", String::as_str);
        let value = shown(self.table, at, row, self.language);
        let own = [("figure", figure), ("value", &value)];
        let values: Vec<(&str, &str)> = own.into_iter().chain(values.iter().copied()).collect();
        say(self.language, key, &values)
    }
}

/// Whether a condition holds: then what to say of it. Of rows that cannot tell it says why.
fn holds(
    condition: &Condition,
    answered: &Answered,
    notice: &Notice<'_>,
    today: NaiveDate,
) -> Result<Option<String>, String> {
    let table = &answered.table;
    let than = |than: &Decimal| notice.language.written(&than.to_string());
    match condition {
        Condition::Above { column, than: bound } => {
            let at = numbers(table, column.as_ref())?;
            let most = figures(table, at).max_by(|one, other| one.1.total_cmp(&other.1));
            let above = most.filter(|(_, figure)| *figure > bound.to_f64());
            Ok(above
                .map(|(row, _)| notice.say("notice.above", (at, row), &[("than", &than(bound))])))
        }
        Condition::Below { column, than: bound } => {
            let at = numbers(table, column.as_ref())?;
            let least = figures(table, at).min_by(|one, other| one.1.total_cmp(&other.1));
            let below = least.filter(|(_, figure)| *figure < bound.to_f64());
            Ok(below
                .map(|(row, _)| notice.say("notice.below", (at, row), &[("than", &than(bound))])))
        }
        Condition::OutsideForecast { column } => {
            let grain = answered.interpretation.as_ref().and_then(|read| read.grain);
            let grain = grain.ok_or("its question has no periods: ask \"by month\"")?;
            outside(notice, numbers(table, column.as_ref())?, grain, today)
        }
        Condition::Changed => Ok(None),
    }
}

/// The column of that name, else the last one with numbers.
fn numbers(table: &Table, wanted: Option<&ColumnName>) -> Result<usize, String> {
    let fits = |at: &usize| {
        let column = &table.columns[*at];
        column.data_type.is_number() && wanted.is_none_or(|wanted| *wanted == column.name)
    };
    (0..table.columns.len()).rev().find(fits).ok_or_else(|| match wanted {
        Some(name) => format!("its answer has no column `{name}` with numbers"),
        None => "its answer has no column with numbers".to_owned(),
    })
}

/// The figures of a column, with their rows.
fn figures(table: &Table, at: usize) -> impl Iterator<Item = (usize, f64)> {
    let rows = table.rows.iter().enumerate();
    rows.filter_map(move |(row, cells)| Some((row, cells.get(at)?.as_f64()?)))
}

/// A figure, with what its row is called.
fn shown(table: &Table, at: usize, row: usize, language: Language) -> String {
    let cells = &table.rows[row];
    let text = |cell: &Cell| match cell {
        Cell::Integer(value) => language.written(&value.to_string()),
        Cell::Decimal(value) => language.written(&value.to_string()),
        Cell::Float(value) => language.written(&value.to_string()),
        Cell::Text(value) => value.clone(),
        Cell::Date(value) => value.to_string(),
        Cell::Timestamp(value) => value.date_naive().to_string(),
        Cell::Boolean(_) => language.cell(cell, &Format::Number, None),
        Cell::Null => String::new(),
    };
    let names = cells.iter().zip(&table.columns);
    let names = names.filter(|(_, column)| !column.data_type.is_number());
    let names: Vec<String> = names.map(|(cell, _)| text(cell)).collect();
    let of = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    format!("{}{of}", text(&cells[at]))
}

/// Whether the last whole period's figure is outside the interval that those before let expect. Fewer than
/// eight of them let nothing be expected.
fn outside(
    notice: &Notice<'_>,
    at: usize,
    grain: TimeGrain,
    today: NaiveDate,
) -> Result<Option<String>, String> {
    let table = notice.table;
    let mut series: Vec<(NaiveDate, f64, usize)> = Vec::new();
    for (row, value) in figures(table, at) {
        let day = table.rows[row].iter().find_map(|cell| match cell {
            Cell::Date(day) => Some(*day),
            Cell::Timestamp(moment) => Some(moment.date_naive()),
            _ => None,
        });
        let day = day.ok_or("a row of its answer has no day")?;
        series.push((first_day(grain, day), value, row));
    }
    series.sort_by_key(|(day, ..)| *day);
    series.retain(|(day, ..)| step(grain, *day, 1) <= today);
    if !series.windows(2).all(|pair| step(grain, pair[0].0, 1) == pair[1].0) {
        return Err("a period is missing in its answer, or there twice".to_owned());
    }
    let Some((last, past)) = series.split_last() else { return Ok(None) };
    let values: Vec<f64> = past.iter().map(|(_, value, _)| *value).collect();
    let expected = forecast(&values, grain, 1).and_then(|it| it.steps.first().copied());
    let Some(expected) = expected else { return Ok(None) };
    let said = || {
        let number = |value| notice.language.number(value, 2);
        let (low, high) = (number(expected.low), number(expected.high));
        notice.say("notice.outside", (at, last.2), &[("low", &low), ("high", &high)])
    };
    Ok((last.1 < expected.low || last.1 > expected.high).then(said))
}

#[cfg(test)]
mod tests {
    use chrono::Months;
    use pacioli_model::{ColumnType, TableColumn};

    use super::*;

    fn monthly(values: &[f64]) -> Table {
        let column = |name: &str, data_type| {
            let name = ColumnName::parse(name).unwrap();
            TableColumn { name, data_type }
        };
        let start: NaiveDate = "2024-01-01".parse().unwrap();
        let row = |(month, value): (u32, &f64)| {
            vec![Cell::Date(start + Months::new(month)), Cell::Float(*value)]
        };
        Table {
            columns: vec![column("month", ColumnType::Date), column("total", ColumnType::Float)],
            rows: (0..).zip(values).map(row).collect(),
            truncated: false,
        }
    }

    fn notice(table: &Table) -> Notice<'_> {
        let labels = vec!["month".to_owned(), "total".to_owned()];
        Notice { table, labels, language: Language::English }
    }

    #[test]
    fn the_last_whole_period_is_compared_with_what_was_to_be_expected() {
        let mut steady: Vec<f64> = (0..18).map(|at| 100.0 + f64::from(at * 7 % 5)).collect();
        steady[17] = 102.0;
        let today = |text: &str| text.parse::<NaiveDate>().unwrap();
        let check = |values: &[f64], day| {
            let table = monthly(values);
            outside(&notice(&table), 1, TimeGrain::Month, today(day)).unwrap()
        };
        assert_eq!(check(&steady, "2025-07-01"), None);
        let mut fallen = steady.clone();
        fallen[17] = 20.0;
        let said = check(&fallen, "2025-07-01").unwrap();
        assert!(said.starts_with("total is 20 (2025-06-01), where "), "{said}");
        // June is not over yet.
        assert_eq!(check(&fallen, "2025-06-30"), None);
        assert_eq!(check(&fallen[12..], "2026-01-01"), None);
        let mut gap = monthly(&fallen);
        gap.rows.remove(7);
        let why = outside(&notice(&gap), 1, TimeGrain::Month, today("2025-07-01")).unwrap_err();
        assert!(why.contains("missing"), "{why}");
    }

    #[test]
    fn a_figure_is_that_of_the_named_column_or_of_the_last_with_numbers() {
        let table = monthly(&[1.0, 5.0]);
        let name = |text: &str| ColumnName::parse(text).unwrap();
        assert_eq!(numbers(&table, None), Ok(1));
        assert_eq!(numbers(&table, Some(&name("total"))), Ok(1));
        assert!(numbers(&table, Some(&name("month"))).unwrap_err().contains("`month`"));
        assert_eq!(shown(&table, 1, 1, Language::English), "5 (2024-02-01)");
        let half = monthly(&[1.0, 1234.5]);
        assert_eq!(shown(&half, 1, 1, Language::German), "1.234,5 (2024-02-01)");
    }
}
