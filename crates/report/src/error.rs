/// Why a report could not be written as a file.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The page setter's own words: the template and its data do not fit together.
    #[error("the PDF could not be set: {0}")]
    Pdf(String),
    /// A chart could not be drawn as pixels, and why.
    #[error("a picture could not be drawn: {0}")]
    Picture(String),
    /// The workbook could not be written.
    #[error("the workbook could not be written")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    /// The archive could not be written.
    #[error("the archive could not be written")]
    Archive(#[from] zip::result::ZipError),
    /// Rows could not be written as CSV.
    #[error("the rows could not be written")]
    Rows(#[from] csv::Error),
    /// Nor a file into the archive.
    #[error("a file could not be written into the archive")]
    File(#[from] std::io::Error),
}
