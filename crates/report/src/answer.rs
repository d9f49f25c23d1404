use pacioli_model::{
    AnswerColumn, Ask, Finding, Labels, QueryUsed, ReportContent, ReportKind, SavedAnswer, Table,
    TimeGrain, Timestamp, Window,
};

use crate::{
    document::{Document, Query, Section},
    locale::Language,
    told::Told,
    write::{answer_section, text},
};

/// An answer and what is known about it.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The person's words.
    pub question: &'a str,
    /// What is said of it.
    pub told: &'a Told,
    /// How the question was understood; empty for SQL.
    pub ask: Option<&'a Ask>,
    /// Its rows.
    pub table: &'a Table,
    /// What its columns are, in their order; empty where nothing is known of them.
    pub columns: &'a [AnswerColumn],
    /// What was found, where it is an answer to why, what comes next or what is unusual.
    pub finding: Option<&'a Finding>,
    /// What ran.
    pub sql: &'a str,
    /// What must be known to read it.
    pub notes: &'a [String],
    /// Whose figures.
    pub company: &'a str,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// The language of what is said.
    pub language: Language,
}

impl Answer<'_> {
    /// The answer as the part of a report that it would be.
    pub(crate) fn section(&self) -> Section {
        let day = self.asked_at.utc().date_naive();
        let period = Window { from: day, to: day, grain: TimeGrain::Day, complete: true };
        let query = QueryUsed {
            ask: self.ask.cloned(),
            sql: self.sql.to_owned(),
            rows: self.table.rows.len(),
        };
        let answer = SavedAnswer {
            question: self.question.to_owned(),
            answer: self.told.sentence.clone(),
            answers: Labels::new(),
            table: self.table.clone(),
            query: 0,
            columns: self.columns.to_vec(),
            finding: self.finding.cloned(),
        };
        let content = ReportContent {
            currency: self.told.currency.clone(),
            answers: vec![answer],
            queries: vec![query],
            ..ReportContent::about(ReportKind::Custom, period, day)
        };
        let section = answer_section(&content, self.language);
        Section {
            // As it was asked.
            heading: self.question.to_owned(),
            caveats: self.notes.to_vec(),
            ..section
        }
    }
}

/// An answer as a document of one section, to be written as a workbook, a page or on paper.
pub fn answer_document(answer: &Answer<'_>) -> Document {
    let language = answer.language;
    let label = |key: &str| text(language, key).to_owned();
    let made = language.moment(answer.asked_at.utc());
    Document {
        language,
        title: label("answer"),
        subtitle: answer.company.to_owned(),
        author: answer.company.to_owned(),
        path: String::new(),
        created_at: answer.asked_at,
        summary: Vec::new(),
        basis: vec![(label("company"), answer.company.to_owned()), (label("created"), made)],
        figures: Vec::new(),
        sections: vec![answer.section()],
        definitions: Vec::new(),
        glossary: Vec::new(),
        tables: None,
        queries: vec![Query { sql: answer.sql.to_owned(), rows: answer.table.rows.len() }],
        missing: Vec::new(),
    }
}
