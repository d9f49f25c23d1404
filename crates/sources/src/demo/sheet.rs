use std::{
    fmt::{Display, Write as _},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoFile {
    /// Its name in the folder, such as `orders.csv`.
    pub name: String,
    /// Rows, the header apart.
    pub rows: u64,
    /// Bytes, the header included.
    pub bytes: u64,
}

/// One CSV file being written, row by row; nothing but a buffer is held.
pub(super) struct Sheet {
    path: PathBuf,
    name: String,
    writer: csv::Writer<File>,
    rows: u64,
    cell: String,
}

impl Sheet {
    /// Starts `name`.csv with its header, in place of any older file of that name.
    pub(super) fn create(directory: &Path, name: &str, header: &[&str]) -> io::Result<Self> {
        let name = format!("{name}.csv");
        let path = directory.join(&name);
        let mut writer = csv::WriterBuilder::new().from_path(&path)?;
        writer.write_record(header)?;
        Ok(Self { path, name, writer, rows: 0, cell: String::new() })
    }

    /// Adds a row of as many cells as the header has.
    pub(super) fn row(&mut self, cells: &[&dyn Display]) -> io::Result<()> {
        for cell in cells {
            self.cell.clear();
            write!(self.cell, "{cell}").map_err(io::Error::other)?;
            self.writer.write_field(&self.cell)?;
        }
        self.writer.write_record(None::<&[u8]>)?;
        self.rows += 1;
        Ok(())
    }

    /// Writes what is left in the buffer.
    pub(super) fn finish(mut self) -> io::Result<DemoFile> {
        self.writer.flush()?;
        let bytes = fs::metadata(&self.path)?.len();
        Ok(DemoFile { name: self.name, rows: self.rows, bytes })
    }
}

/// The text of a value that may be missing: nothing for `None`.
pub(super) fn optional<T: Display>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
