use crate::csv::CsvLimits;

/// How large the parts of a file may be.
#[derive(Debug, Clone)]
pub struct FileLimits {
    /// Of text, and of the columns, cells and rows of every other kind.
    pub csv: CsvLimits,
    /// Tables that one file makes.
    pub tables: usize,
    /// What a file may hold once it is unpacked, in bytes.
    pub unpacked_bytes: u64,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self { csv: CsvLimits::default(), tables: 200, unpacked_bytes: 32 << 30 }
    }
}
