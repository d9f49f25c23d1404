//! Rows of files whose cells may be of any type.

use std::fmt::{self, Write as _};

/// What a cell is to its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Nothing,
    /// Text, a date or a word such as `true`, as it would stand in a text file.
    Text(&'a str),
    /// A number, written with a decimal point.
    Number(&'a str),
}

/// One row: its cells' text in one buffer, which is kept from row to row.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    text: String,
    cells: Vec<(Kind, usize, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Text,
    Number,
}

impl Row {
    /// Makes it a row of no cells.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Bytes of all its cells.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn push_nothing(&mut self) {
        self.cells.push((Kind::Nothing, 0, 0));
    }

    pub(super) fn push_text(&mut self, text: &str) {
        self.push(Kind::Text, |buffer| buffer.push_str(text));
    }

    pub(super) fn push_number(&mut self, number: impl fmt::Display) {
        // Writing to a string does not fail.
        self.push(Kind::Number, |buffer| _ = write!(buffer, "{number}"));
    }

    /// Puts a text in its place; false where something stands there.
    pub(super) fn set_text(&mut self, position: usize, text: &str) -> bool {
        self.set(position, Kind::Text, text)
    }

    /// Puts a number in its place; false where something stands there.
    pub(super) fn set_number(&mut self, position: usize, number: &str) -> bool {
        self.set(position, Kind::Number, number)
    }

    fn set(&mut self, position: usize, kind: Kind, text: &str) -> bool {
        if self.cells.len() <= position {
            self.cells.resize(position + 1, (Kind::Nothing, 0, 0));
        }
        let is_free = self.cells[position].0 == Kind::Nothing;
        let start = self.text.len();
        self.text.push_str(text);
        self.cells[position] = (kind, start, self.text.len());
        is_free
    }

    pub(super) fn push_cell(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Nothing => self.push_nothing(),
            Cell::Text(text) => self.push_text(text),
            Cell::Number(number) => self.push_number(number),
        }
    }

    pub(super) fn cell(&self, position: usize) -> Cell<'_> {
        match self.cells.get(position) {
            None | Some((Kind::Nothing, ..)) => Cell::Nothing,
            Some((Kind::Text, start, end)) => Cell::Text(&self.text[*start..*end]),
            Some((Kind::Number, start, end)) => Cell::Number(&self.text[*start..*end]),
        }
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        (0..self.cells.len()).map(|position| self.cell(position))
    }

    fn push(&mut self, kind: Kind, write: impl FnOnce(&mut String)) {
        let start = self.text.len();
        write(&mut self.text);
        self.cells.push((kind, start, self.text.len()));
    }
}

/// A binary fraction as the shortest decimal one that it is nearest to, with digits after the point
/// even where it is whole. What is very large or very small keeps its exponent.
pub(super) struct Real(pub(super) f64);

impl fmt::Display for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size != 0.0 && !(1e-12..1e15).contains(&size) {
            return write!(f, "{:e}", self.0);
        }
        let fraction = if self.0.fract() == 0.0 { ".0" } else { "" };
        write!(f, "{}{fraction}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_fractions_are_written_as_people_do() {
        for (value, text) in [
            (0.0, "0.0"),
            (12.5, "12.5"),
            (0.1, "0.1"),
            (-3.0, "-3.0"),
            (1e-5, "0.00001"),
            (1e14, "100000000000000.0"),
            (1e300, "1e300"),
            (1.5e-13, "1.5e-13"),
        ] {
            assert_eq!(Real(value).to_string(), text);
        }
    }

    #[test]
    fn cells_are_kept_apart() {
        let mut row = Row::default();
        row.push_text("a");
        row.push_nothing();
        row.push_number(12);
        assert_eq!(
            row.cells().collect::<Vec<_>>(),
            [Cell::Text("a"), Cell::Nothing, Cell::Number("12")]
        );
        assert_eq!((row.len(), row.bytes(), row.cell(7)), (3, 3, Cell::Nothing));
        row.clear();
        assert_eq!((row.len(), row.cell(0)), (0, Cell::Nothing));
    }
}
