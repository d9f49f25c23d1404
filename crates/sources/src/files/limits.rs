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
    /// How many times its packed size a file of an archive may have; small ones are let pass.
    pub ratio: u64,
    /// Files in an archive.
    pub members: usize,
    /// The parts of a workbook once they are unpacked, in bytes.
    pub workbook_bytes: u64,
    /// A workbook's shared texts, which lie in memory, in bytes.
    pub shared_text_bytes: u64,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            csv: CsvLimits::default(),
            tables: 200,
            unpacked_bytes: 32 << 30,
            ratio: 500,
            members: 10_000,
            workbook_bytes: 2 << 30,
            shared_text_bytes: 128 << 20,
        }
    }
}
