//! Cells, numbers and names as people read them.

use pacioli_model::{
    Aggregate, Aggregation, Catalog, Cell, ColumnRef, Decimal, Figure, Grouping, Labels, Measure,
    TableName, TimeGrain,
};

use crate::{
    locale::{Format, Language},
    write::{retold, say, text},
};

/// Digits after the point that are shown; more are rounded to two and said to be.
const EXACT_SCALE: u8 = 4;

/// `1,234,567.80`; `about 3.33` when digits were dropped; empty for what is no number.
pub(crate) fn number(cell: &Cell, language: Language) -> Option<String> {
    let written = |digits: &str| language.written(digits);
    let about = |digits: &str| say(language, "about", &[("value", &written(digits))]);
    match cell {
        Cell::Integer(value) => Some(written(&value.to_string())),
        Cell::Decimal(value) if value.scale <= EXACT_SCALE => Some(written(&value.to_string())),
        Cell::Decimal(value) => Some(about(&rounded(*value).to_string())),
        Cell::Float(value) => {
            let shown = format!("{value:.2}");
            let exact = shown.parse::<f64>().is_ok_and(|parsed| parsed.total_cmp(value).is_eq());
            let whole = shown.strip_suffix(".00").filter(|_| exact);
            Some(if exact { written(whole.unwrap_or(&shown)) } else { about(&shown) })
        }
        _ => None,
    }
}

/// To two digits, halves away from zero.
fn rounded(value: Decimal) -> Decimal {
    let unit = 10_i128.pow(u32::from(value.scale.min(38)) - 2);
    let half = unit / 2 * value.mantissa.signum();
    Decimal::new(value.mantissa.saturating_add(half) / unit, 2)
}

/// Any cell; a date that begins a period is named by the period.
pub(crate) fn cell(cell: &Cell, grain: Option<TimeGrain>, language: Language) -> String {
    match cell {
        Cell::Null => text(language, "answer.empty").to_owned(),
        Cell::Boolean(_) if language == Language::German => {
            language.cell(cell, &Format::Number, None)
        }
        Cell::Boolean(value) => value.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Date(day) => language.period(*day, grain.unwrap_or(TimeGrain::Day)),
        Cell::Timestamp(moment) => match grain {
            Some(grain) => language.period(moment.date_naive(), grain),
            None => moment.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        },
        // A key is no quantity: 2025 has no comma.
        Cell::Integer(value) => value.to_string(),
        Cell::Decimal(value) => value.to_string(),
        Cell::Float(value) => value.to_string(),
    }
}

/// `order_number` as `order number`.
pub(crate) fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// What tables, columns and measures are called in a sentence of one language: in English by their names,
/// in others as is declared, where it is.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) catalog: Option<&'a Catalog>,
    pub(crate) language: Language,
}

impl Names<'_> {
    fn declared(&self, labels: Option<&Labels>) -> Option<String> {
        labels?.get(self.language.code()).cloned()
    }

    pub(crate) fn table(&self, name: &TableName) -> String {
        let meaning = self.catalog.and_then(|it| it.semantics.table(name));
        self.declared(meaning.map(|it| &it.labels)).unwrap_or_else(|| name.to_string())
    }

    /// A column; one that names the rows of its table is called as the table is.
    pub(crate) fn column(&self, of: &ColumnRef) -> String {
        let meaning = self.catalog.and_then(|it| it.semantics.table(&of.table));
        let is_display = meaning.is_some_and(|it| it.display.as_ref() == Some(&of.column));
        let own = || meaning?.column(&of.column).map(|it| &it.labels);
        let of_table = self.declared(meaning.filter(|_| is_display).map(|it| &it.labels));
        of_table.or_else(|| self.declared(own())).unwrap_or_else(|| spaced(of.column.as_str()))
    }

    /// What a group is called: its column, its period, or its own name where it is neither.
    pub(crate) fn group(&self, group: &Grouping) -> String {
        match (group.column(), group.grain()) {
            (_, Some(grain)) if self.language == Language::German => {
                text(self.language, &format!("period.{}", grain.as_str())).to_owned()
            }
            (Some(of), _) => self.column(of),
            (None, _) => retold(&spaced(group.name.as_str()), self.language),
        }
    }

    /// What a group's output is called: in English by its own name.
    pub(crate) fn output(&self, group: &Grouping) -> String {
        match self.language {
            Language::English => spaced(group.name.as_str()),
            Language::German => self.group(group),
        }
    }

    /// What a measure is called: `total revenue`, the currency apart. `all` are those of its answer.
    pub(crate) fn measure(
        &self,
        measure: &Measure,
        all: &[Measure],
        currency: Option<&str>,
    ) -> String {
        let Some(aggregation) = measure.aggregation() else { return self.figure(measure, all) };
        let column = match (&aggregation.value, aggregation.column()) {
            (None, _) => return text(self.language, "measure.rows").to_owned(),
            (Some(_), None) => return self.figure(measure, all),
            (Some(_), Some(of)) => of,
        };
        let suffix = currency.map(|code| format!(" {}", code.to_ascii_lowercase()));
        let named = self.column(column);
        let bare = suffix.and_then(|suffix| named.strip_suffix(&suffix).map(str::to_owned));
        let key = match aggregation.aggregate {
            Aggregate::Count => "measure.count",
            Aggregate::CountDistinct => "measure.distinct",
            Aggregate::Sum => "measure.sum",
            Aggregate::Average => "measure.average",
            Aggregate::Min => "measure.min",
            Aggregate::Max => "measure.max",
        };
        say(self.language, key, &[("column", &bare.unwrap_or(named))])
    }

    /// A figure by its declared label, or by the name that its reader gave it, in which other figures of the
    /// answer are named: `revenue growth`.
    fn figure(&self, measure: &Measure, all: &[Measure]) -> String {
        let name = measure.name.as_str();
        if self.language == Language::English {
            return spaced(name);
        }
        if let Figure::Metric { metric, shift: None } = &measure.figure {
            let declared = self.catalog.and_then(|it| it.semantics.metric(metric));
            let label = declared.map(|it| it.label.clone());
            let own = self.declared(declared.map(|it| &it.labels)).or(label);
            return own.unwrap_or_else(|| spaced(name));
        }
        let parts = all.iter().filter(|it| it.name != measure.name);
        let longest = parts
            .filter(|it| name.contains(it.name.as_str()))
            .max_by_key(|it| it.name.as_str().len());
        let (spoken, part) = match longest {
            Some(part) => {
                (name.replacen(part.name.as_str(), "#", 1), self.measure(part, all, None))
            }
            None => (name.to_owned(), String::new()),
        };
        retold(&spaced(&spoken), self.language).replacen('#', &part, 1)
    }
}

/// Whether a measure is an amount in the currency of its column; counts are not.
pub(crate) fn has_unit(measure: &Measure) -> bool {
    let counts =
        |one: &Aggregation| matches!(one.aggregate, Aggregate::Count | Aggregate::CountDistinct);
    !measure.aggregation().is_some_and(counts)
}

/// Whether a text looks like an ISO 4217 code.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// The first letter in capitals.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_said_to_be_rounded() {
        for (given, expect) in [
            (Cell::Integer(-1_234_567), "-1,234,567"),
            (Cell::Integer(999), "999"),
            (Cell::Integer(i64::MIN), "-9,223,372,036,854,775,808"),
            (Cell::Decimal("1234567.80".parse().unwrap()), "1,234,567.80"),
            (Cell::Decimal("-0.05".parse().unwrap()), "-0.05"),
            (Cell::Decimal("1000.123456".parse().unwrap()), "about 1,000.12"),
            (Cell::Decimal("-2.345000".parse().unwrap()), "about -2.35"),
            (Cell::Float(2.5), "2.50"),
            (Cell::Float(3.0), "3"),
            (Cell::Float(10.0 / 3.0), "about 3.33"),
            (Cell::Float(f64::NAN), "NaN"),
        ] {
            assert_eq!(number(&given, Language::English).unwrap(), expect, "{given:?}");
        }
        assert_eq!(number(&Cell::Text("5".to_owned()), Language::English), None);
        let german = |cell: &Cell| number(cell, Language::German).unwrap();
        assert_eq!(german(&Cell::Decimal("-1234567.80".parse().unwrap())), "-1.234.567,80");
        assert_eq!(german(&Cell::Float(10.0 / 3.0)), "rund 3,33");
    }

    #[test]
    fn periods_are_named() {
        let first = Cell::Date("2025-04-01".parse().unwrap());
        for (grain, expect) in [
            (None, "1 April 2025"),
            (Some(TimeGrain::Week), "the week of 1 April 2025"),
            (Some(TimeGrain::Month), "April 2025"),
            (Some(TimeGrain::Quarter), "Q2 2025"),
            (Some(TimeGrain::Year), "2025"),
        ] {
            assert_eq!(cell(&first, grain, Language::English), expect);
        }
    }
}
