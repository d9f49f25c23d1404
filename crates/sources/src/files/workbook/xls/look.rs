//! What a cell's number format makes of its number: itself, a moment, or a span of time.
//! <https://learn.microsoft.com/en-us/openspecs/office_file_formats/ms-xls/300280fd-e4fe-4675-a924-4d383af48d3b>

use std::collections::BTreeMap;

/// How a number is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Number,
    /// A date, a time of day, or both.
    Moment,
    /// Hours, minutes or seconds that are counted on beyond a day.
    Span,
}

/// The formats of a workbook, by their numbers.
#[derive(Default)]
pub(super) struct Formats(BTreeMap<u16, Look>);

impl Formats {
    pub(super) fn add(&mut self, number: u16, code: &str) {
        self.0.insert(number, of_code(code));
    }

    /// The workbook's own format of this number, or Excel's.
    pub(super) fn look(&self, number: u16) -> Look {
        self.0.get(&number).copied().unwrap_or(match number {
            46 => Look::Span,
            // From 27 on those of East Asia.
            14..=22 | 27..=36 | 45 | 47 | 50..=58 => Look::Moment,
            _ => Look::Number,
        })
    }
}

/// A format's code, of which the first part, for numbers above zero, decides.
fn of_code(code: &str) -> Look {
    let mut rest = code.chars();
    let mut look = Look::Number;
    while let Some(c) = rest.next() {
        match c {
            ';' => break,
            '"' => while rest.next().is_some_and(|c| c != '"') {},
            // The next character is itself, or as wide as itself, or fills the cell.
            '\\' | '_' | '*' => {
                rest.next();
            }
            '[' => {
                let word: String = rest.by_ref().take_while(|c| *c != ']').collect();
                let word = word.to_ascii_lowercase();
                let is_span = |unit: char| !word.is_empty() && word.chars().all(|c| c == unit);
                if ['h', 'm', 's'].into_iter().any(is_span) {
                    return Look::Span;
                }
            }
            'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' => look = Look::Moment,
            'G' | 'g' => {
                // "General", which has letters of neither.
                let word: String = rest.clone().take(6).collect();
                if word.eq_ignore_ascii_case("eneral") {
                    rest.by_ref().take(6).for_each(drop);
                }
            }
            _ => {}
        }
    }
    look
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formats_code_tells_dates_from_numbers() {
        for (code, expect) in [
            ("General", Look::Number),
            ("0.00E+00", Look::Number),
            ("#,##0.00 \"days\"", Look::Number),
            ("#,##0.00\\ \\m", Look::Number),
            ("_-* #,##0.00 [$€-407]_-", Look::Number),
            ("0;\"yesterday\";d", Look::Number),
            ("dd.mm.yyyy", Look::Moment),
            ("[$-409]d-mmm-yy;@", Look::Moment),
            ("[Red]h:mm AM/PM", Look::Moment),
            ("mm:ss.0", Look::Moment),
            ("[h]:mm:ss", Look::Span),
            ("[mm]:ss", Look::Span),
        ] {
            assert_eq!(of_code(code), expect, "{code}");
        }
        let mut formats = Formats::default();
        formats.add(14, "0");
        for (number, expect) in
            [(0, Look::Number), (14, Look::Number), (22, Look::Moment), (46, Look::Span)]
        {
            assert_eq!(formats.look(number), expect, "{number}");
        }
    }
}
