//! Pure statistics on series and tables.
