//! A question in plain English and a catalog to an Ask, a clarification or a refusal.
//!
//! The way of a question: `token` cuts it up; `lexicon` knows what one table's columns, rows and
//! values can be called, `keywords` the closed list of words that carry shape, `calendar` dates;
//! `segment` collects everything that words may mean; `grammar` reads one choice of meanings into a
//! `draft`; `variants` splits what can be meant in several ways; `bind` makes the Ask. All tables and
//! all choices are tried, and the reading that explains every word best wins. A word that nothing
//! explains means a refusal that names it: no filter, column or number is ever guessed.
//!
//! To teach it a word that shapes questions, add it to `keywords`; a business word, to `synonyms`.
//! Every behaviour has a line in `tests/it/questions`: adding one needs no Rust.

mod bind;
mod calendar;
mod countries;
mod currency;
mod draft;
mod grammar;
mod judge;
mod keywords;
mod lexicon;
mod relations;
mod role;
mod segment;
mod spelling;
mod synonyms;
mod token;
mod translation;
mod variants;

use pacioli_model::Catalog;

pub use translation::{Choice, Context, DateRange, Interpretation, Span, Translation, Understood};

/// A catalog made ready for questions: building one costs more than asking it, so whoever asks often
/// keeps it for as long as the catalog stays the same.
#[derive(Debug)]
pub struct Translator<'c> {
    tables: Vec<lexicon::TableWords<'c>>,
    relations: relations::Relations<'c>,
}

impl<'c> Translator<'c> {
    /// Collects the words of every table.
    pub fn new(catalog: &'c Catalog) -> Self {
        let tables = catalog.tables.iter().map(lexicon::TableWords::new).collect();
        Self { tables, relations: relations::Relations::new(catalog) }
    }

    /// Reads a question. The same question, context and catalog always give the same translation.
    pub fn translate(&self, question: &str, context: &Context) -> Translation {
        let asked = |table: &&lexicon::TableWords<'c>| {
            context.table.as_ref().is_none_or(|name| *name == table.entry.name)
        };
        if std::env::var_os("PACIOLI_REL").is_some() {
            let tokens = token::tokenise(question);
            return match self.relations.read(question, &tokens, context.today) {
                Ok(read) => Translation::Understood(Box::new(Understood {
                    spans: Vec::new(),
                    interpretation: Interpretation {
                        table: read.ask.table.clone(),
                        measures: Vec::new(),
                        groups: Vec::new(),
                        filters: Vec::new(),
                        date_range: None,
                        grain: None,
                        currency: None,
                        as_of: None,
                        notes: read.notes,
                    },
                    confidence: read.score,
                    ask: read.ask,
                })),
                Err(unread) => Translation::Refuse {
                    not_understood: unread
                        .tokens
                        .iter()
                        .filter_map(|range| {
                            Some(
                                question[tokens.get(range.start)?.at.start
                                    ..tokens.get(range.end.checked_sub(1)?)?.at.end]
                                    .to_owned(),
                            )
                        })
                        .collect(),
                    reason: unread.reason,
                },
            };
        }
        judge::judge(question, context.today, &self.tables.iter().filter(asked).collect::<Vec<_>>())
    }
}

/// Reads one question against a catalog: [`Translator::translate`] for who asks once.
///
/// ```
/// # use pacioli_language::{Context, Translation, translate};
/// let context = Context { today: "2026-06-17".parse().unwrap(), table: None };
/// let answer = translate("revenue by month", &context, &pacioli_model::Catalog::default());
/// assert!(matches!(answer, Translation::Refuse { .. }), "an empty catalog explains nothing");
/// ```
pub fn translate(question: &str, context: &Context, catalog: &Catalog) -> Translation {
    Translator::new(catalog).translate(question, context)
}
