use pacioli_model::{Ask, Catalog, Measure, Table};

use crate::{
    locale::Language,
    narrate::{Context, narrate},
    rows::tell_rows,
    scope::Scope,
    words::Names,
    write::{retold, say},
};

/// What is said of an answer in one language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// What its rows say.
    pub sentence: String,
    /// The days that count.
    pub days: Option<String>,
    /// Which rows count.
    pub filters: Vec<String>,
    /// ISO 4217 code of the amounts, where it is known and one.
    pub currency: Option<String>,
    /// Choices made on the reader's behalf, and what the answer leaves out.
    pub notes: Vec<String>,
}

/// What a measure of an Ask is called in a language.
pub fn measure_name(measure: &Measure, ask: &Ask, catalog: &Catalog, language: Language) -> String {
    let names = Names { catalog: Some(catalog), language };
    names.measure(measure, &ask.measures, None)
}

impl Told {
    /// The same in a language, with the rows of an Ask, or of a query that no Ask says. `self` is in English, as
    /// the question was read; in other languages days and filters are those of the Ask.
    #[must_use]
    pub fn of(
        &self,
        ask: Option<&Ask>,
        catalog: &Catalog,
        table: &Table,
        language: Language,
    ) -> Self {
        let mut told = self.in_words(ask, catalog, language);
        told.sentence = match ask {
            Some(ask) => {
                let context = Context {
                    currency: told.currency.as_deref(),
                    period: told.days.as_deref(),
                    filters: &told.filters,
                };
                narrate(ask, catalog, &context, table, language)
            }
            None => tell_rows(table, language),
        };
        told
    }

    /// The same in a language, its sentence apart.
    #[must_use]
    pub fn in_words(&self, ask: Option<&Ask>, catalog: &Catalog, language: Language) -> Self {
        let mut told = self.clone();
        if language != Language::English {
            let names = Names { catalog: Some(catalog), language };
            let Scope { days, filters } = ask.map(|ask| Scope::of(ask, names)).unwrap_or_default();
            (told.days, told.filters) = (days, filters);
            told.notes = self.notes.iter().map(|note| retold(note, language)).collect();
        }
        told
    }

    /// What counts, in lines.
    pub fn details(&self, language: Language) -> Vec<String> {
        let line = |key: &str, value: &String| say(language, key, &[("value", value)]);
        let days = self.days.iter().map(|it| line("mail.days", it));
        let filters = self.filters.iter().map(|it| line("mail.only", it));
        let currency = self.currency.iter().map(|it| line("mail.currency", it));
        let notes = self.notes.iter().map(|it| line("mail.note", it));
        days.chain(filters).chain(currency).chain(notes).collect()
    }
}
