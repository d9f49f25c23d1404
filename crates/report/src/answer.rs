use pacioli_model::{Ask, Table, Timestamp};

use crate::{
    chart::answer_chart,
    document::{Document, Grid, Query, Section, Tone},
    locale::Language,
    write::text,
};

/// An answer and what is known about it.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The person's words.
    pub question: &'a str,
    /// The answer in a sentence.
    pub sentence: &'a str,
    /// How the question was understood; empty for SQL.
    pub ask: Option<&'a Ask>,
    /// Its rows.
    pub table: &'a Table,
    /// What ran.
    pub sql: &'a str,
    /// What must be known to read it.
    pub notes: &'a [String],
    /// Whose figures.
    pub company: &'a str,
    /// When it was asked.
    pub asked_at: Timestamp,
}

/// An answer as a document of one section, to be written as a workbook, a page or on paper.
pub fn answer_document(answer: &Answer<'_>) -> Document {
    let language = Language::English; // as its sentence is
    let label = |key: &str| text(language, key).to_owned();
    let section = Section {
        heading: answer.question.to_owned(),
        tone: Tone::Neutral,
        sentences: (!answer.sentence.is_empty())
            .then(|| answer.sentence.to_owned())
            .into_iter()
            .collect(),
        test: None,
        advice: None,
        caveats: answer.notes.to_vec(),
        chart: answer.ask.and_then(|ask| answer_chart(ask, answer.table)),
        grid: Grid::of_answer(answer.ask, answer.table),
        queries: vec![0],
    };
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
        sections: vec![section],
        definitions: Vec::new(),
        glossary: Vec::new(),
        tables: None,
        queries: vec![Query { sql: answer.sql.to_owned(), rows: answer.table.rows.len() }],
        missing: Vec::new(),
    }
}
