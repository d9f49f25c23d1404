use chrono::{Datelike, NaiveDate};
use pacioli_model::{Cell, TimeGrain};
use rust_xlsxwriter::{
    ColNum, Color, Format as Style, FormatAlign, FormatBorder, RowNum, Worksheet, XlsxError,
};

use super::held;
use crate::{
    document::GridColumn,
    locale::{Format, Language},
};

/// Digits that a number of a spreadsheet keeps; longer ones are written as texts, to their last digit.
const DIGITS: u32 = 15;

/// How cells look.
pub(super) struct Formats {
    language: Language,
    pub(super) title: Style,
    pub(super) head: Style,
    pub(super) head_right: Style,
    pub(super) soft: Style,
    pub(super) sentence: Style,
    pub(super) code: Style,
}

/// How the cells of one column look, by what they hold.
pub(super) struct ColumnStyles {
    whole: Style,
    broken: Style,
    day: Style,
    moment: Style,
    period: bool,
}

impl Formats {
    pub(super) fn new(language: Language) -> Self {
        let head = Style::new().set_bold().set_border_bottom(FormatBorder::Thin);
        Self {
            language,
            title: Style::new().set_bold().set_font_size(15),
            head_right: head.clone().set_align(FormatAlign::Right),
            head,
            soft: Style::new().set_font_color(Color::RGB(0x57_60_6A)),
            sentence: Style::new().set_text_wrap().set_align(FormatAlign::Top),
            code: Style::new()
                .set_font_name("Courier New")
                .set_font_size(9)
                .set_text_wrap()
                .set_align(FormatAlign::Top),
        }
    }

    /// A number's look; `broken` ones show digits after the point.
    pub(super) fn number(&self, format: &Format, broken: bool) -> Style {
        Style::new().set_num_format(self.code_of(format, broken))
    }

    fn code_of(&self, format: &Format, broken: bool) -> String {
        match format {
            Format::Number if broken => "#,##0.00".to_owned(),
            Format::Number | Format::Count => "#,##0".to_owned(),
            Format::Amount(code) => self.amount(code),
            Format::Percent => "0.0%".to_owned(),
            Format::Points => "+0.0%;-0.0%;0.0%".to_owned(),
            Format::Days => "#,##0.0".to_owned(),
            Format::Unit(unit) => {
                let unit: String = unit.chars().filter(|letter| *letter != '"').collect();
                format!("#,##0.## \"{unit}\"")
            }
        }
    }

    /// A currency as spreadsheets know them, whatever the reader's own.
    fn amount(&self, code: &str) -> String {
        let sign = match code {
            "EUR" => "€",
            "USD" => "$",
            "GBP" => "£",
            other if other.bytes().all(|byte| byte.is_ascii_alphanumeric()) => other,
            _ => "",
        };
        match self.language {
            Language::German => format!("#,##0.00 [${sign}]"),
            Language::English if sign.len() == 3 && sign.is_ascii() => {
                format!("[${sign}] #,##0.00")
            }
            Language::English => format!("[${sign}]#,##0.00"),
        }
    }

    pub(super) fn column(&self, column: &GridColumn) -> ColumnStyles {
        let style = |code: &str| Style::new().set_num_format(code).set_align(FormatAlign::Left);
        let number = |broken: bool| {
            if column.numeric {
                self.number(&column.format, broken)
            } else {
                style("0.###############")
            }
        };
        let day = match column.grain {
            Some(TimeGrain::Year) => "yyyy",
            Some(TimeGrain::Month) => "mmm yyyy",
            _ => "yyyy-mm-dd",
        };
        ColumnStyles {
            whole: number(false),
            broken: number(true),
            day: style(day),
            moment: style("yyyy-mm-dd hh:mm:ss"),
            period: column.grain.is_some(),
        }
    }
}

/// Whether a spreadsheet's calendar has the day.
fn known(day: NaiveDate) -> bool {
    (1900..=9999).contains(&day.year())
}

/// A cell as what it is: a number as a number, a day as a date, everything else as a text.
pub(super) fn write_cell(
    sheet: &mut Worksheet,
    (row, column): (RowNum, ColNum),
    cell: &Cell,
    styles: &ColumnStyles,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Null => {}
        Cell::Boolean(value) => {
            sheet.write_boolean(row, column, *value)?;
        }
        Cell::Integer(value) if value.unsigned_abs() < 10_u64.pow(DIGITS) => {
            #[expect(
                clippy::cast_precision_loss,
                reason = "of at most fifteen digits none is lost"
            )]
            sheet.write_number_with_format(row, column, *value as f64, &styles.whole)?;
        }
        Cell::Decimal(value) if value.mantissa.unsigned_abs() < 10_u128.pow(DIGITS) => {
            let style = if value.scale == 0 { &styles.whole } else { &styles.broken };
            sheet.write_number_with_format(row, column, value.to_f64(), style)?;
        }
        Cell::Float(value) if value.is_finite() => {
            sheet.write_number_with_format(row, column, *value, &styles.broken)?;
        }
        Cell::Date(day) if known(*day) => {
            sheet.write_date_with_format(row, column, day, &styles.day)?;
        }
        Cell::Timestamp(moment) if styles.period && known(moment.date_naive()) => {
            sheet.write_date_with_format(row, column, moment.date_naive(), &styles.day)?;
        }
        Cell::Timestamp(moment) if known(moment.date_naive()) => {
            sheet.write_datetime_with_format(row, column, moment.naive_utc(), &styles.moment)?;
        }
        Cell::Text(text) => {
            sheet.write_string(row, column, held(text))?;
        }
        Cell::Integer(value) => {
            sheet.write_string(row, column, value.to_string())?;
        }
        Cell::Decimal(value) => {
            sheet.write_string(row, column, value.to_string())?;
        }
        Cell::Float(value) => {
            sheet.write_string(row, column, value.to_string())?;
        }
        Cell::Date(day) => {
            sheet.write_string(row, column, day.to_string())?;
        }
        Cell::Timestamp(moment) => {
            sheet.write_string(row, column, moment.to_rfc3339())?;
        }
    }
    Ok(())
}
