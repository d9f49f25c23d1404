use pacioli_engine::Answer;
use pacioli_language::{Interpretation, Span, Understood};
use pacioli_model::{AnswerColumn, Ask, Catalog, Finding, Table, TableVersion};
use pacioli_report::{Language, Told};

use super::Source;
use crate::{access::Seen, analysis, answering};

/// An answer, and how the question was read.
pub struct Answered {
    /// What was computed; none where a person's SQL was.
    pub ask: Option<Ask>,
    /// The rows.
    pub table: Table,
    /// What was run.
    pub sql: String,
    /// Rows that it gave: those of `table`, unless these were computed from them.
    pub rows_read: usize,
    /// What was found, where the question wants to know what lies behind a figure.
    pub finding: Option<Box<Finding>>,
    /// What is said of it in English.
    pub english: Told,
    /// The same in German.
    pub german: Told,
    /// What its columns are, in their order; empty where nothing is known of them.
    pub columns: Vec<AnswerColumn>,
    /// A Vega-Lite specification, where a picture says more.
    pub chart: Option<serde_json::Value>,
    /// How it was understood; of SQL nothing is known.
    pub interpretation: Option<Interpretation>,
    /// The version of the table that was asked.
    pub version: Option<TableVersion>,
    /// Which words were taken as what.
    pub spans: Vec<Span>,
    /// How sure the reading is, 0 to 1.
    pub confidence: f64,
    /// What read it.
    pub source: Source,
}

impl Answered {
    /// What is said of it in a language.
    pub fn told(&self, language: Language) -> &Told {
        match language {
            Language::English => &self.english,
            Language::German => &self.german,
        }
    }

    /// Says and draws what the rows say; of a person's SQL nothing but the rows is known.
    pub(super) fn tell(
        &mut self,
        ask: Option<Ask>,
        catalog: &Catalog,
        notes: Vec<String>,
        language: Language,
    ) {
        if let Some(interpretation) = &mut self.interpretation {
            interpretation.notes.extend(notes);
        }
        let read = read(self.interpretation.as_ref());
        let told = |language| read.of(ask.as_ref(), catalog, &self.table, language);
        (self.english, self.german) = (told(Language::English), told(Language::German));
        if let Some(ask) = ask {
            self.chart = pacioli_report::chart(&ask, catalog, &self.table, language);
            self.version = catalog.table(&ask.table).map(|entry| entry.version);
            self.columns = analysis::columns(&ask, catalog);
            self.ask = Some(ask);
        }
    }
}

/// What is known of an answer before its rows are told.
pub(super) fn read(interpretation: Option<&Interpretation>) -> Told {
    let Some(read) = interpretation else { return Told::default() };
    Told {
        sentence: String::new(),
        days: read.date_range.as_ref().map(|range| range.words.clone()),
        filters: read.filters.clone(),
        currency: read.currency.clone(),
        notes: read.notes.clone(),
    }
}

/// The answer with its sentence and picture.
pub(super) fn told(answered: answering::Answered, seen: &Seen, language: Language) -> Answered {
    let answering::Answered { ask, understood, answer, source, .. } = answered;
    let Understood { spans, interpretation, confidence, .. } = understood;
    let Answer { table, sql, notes } = answer;
    let version = seen.visible.table(&interpretation.table).map(|entry| entry.version);
    let mut told = Answered {
        ask: None,
        rows_read: table.rows.len(),
        finding: None,
        english: Told::default(),
        german: Told::default(),
        columns: Vec::new(),
        chart: None,
        version,
        table,
        sql,
        interpretation: Some(interpretation),
        spans,
        confidence,
        source,
    };
    told.tell(ask, &seen.visible, notes, language);
    told
}
