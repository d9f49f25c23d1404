//! A question in plain English and a catalog to an Ask, a clarification or a refusal.
//!
//! Two readers see a question. One is for the figures of one table by itself: `token` cuts the question
//! up; `lexicon` knows what one table's columns, rows and values can be called, `keywords` the closed
//! list of words that carry shape, `calendar` dates; `segment` collects everything that words may mean;
//! `grammar` reads one choice of meanings into a `draft`; `variants` splits what can be meant in several
//! ways; `bind` makes the Ask. The other, `relations`, sees all tables and how they belong together:
//! lists, counts for each, who has the most, who has none, and the company's declared figures. It also
//! reads questions that go on from the last one. A word that nothing explains means a refusal that names
//! it: no filter, column or number is ever guessed.
//!
//! `relations/idioms` knows questions of business that are more than the sum of their words: overdue,
//! ageing, the share of the first few, who bought then and not since.
//! `analysis` hears questions that ask why, what comes next or what is unusual, and has the figure in them
//! read as a series.
//!
//! To teach it a word that shapes questions, add it to `keywords` and to `relations/vocabulary`; a
//! business word, to `synonyms`; an everyday one, to `relations/thesaurus`.
//! Every behaviour has a line in `tests/it/questions`: adding one needs no Rust.

mod amounts;
mod analysis;
mod bind;
mod calendar;
mod countries;
mod currency;
mod draft;
mod grammar;
mod judge;
mod keywords;
mod lexicon;
pub mod model;
mod relations;
mod role;
mod segment;
mod spelling;
mod synonyms;
mod token;
mod translation;
mod variants;
pub mod verified;

use pacioli_model::{Aggregate, Ask, Catalog};

use relations::idioms;

pub use amounts::{Amount, amounts};
pub use translation::{
    Analysed, Choice, Context, DateRange, Interpretation, Span, Translation, Understood,
};

/// Catalogs with more related tables than this are read whole, and never table by table.
const WIDE: usize = 60;

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
    ///
    /// Two readers see it: one for figures of one table, which knows money, dates and ranks of
    /// business; one for rows and how they belong together over all tables. Where tables are related
    /// the second comes first, for only it sees them all; but sums of a ledger (a table of amounts and
    /// days), and how many are told apart in it, are the first one's, which never takes a line of it for
    /// what it is a line of. Else rows may be asked for: "names of the crew with the lowest salary".
    pub fn translate(&self, question: &str, context: &Context) -> Translation {
        let heard = analysis::heard(question, self.relations.company(context.today));
        let Some(heard) = heard else { return self.rows(question, context) };
        // A table may have a column of forecasts.
        let plain = (!heard.certain).then(|| self.rows(question, context)).filter(answers);
        let figures = self.relations.figures();
        plain.unwrap_or_else(|| analysis::read(&heard, &figures, |rest| self.rows(rest, context)))
    }

    /// Reads a question for rows.
    fn rows(&self, question: &str, context: &Context) -> Translation {
        if context.table.is_some() || self.tables.is_empty() {
            return self.of_one_table(question, context);
        }
        let plain = |rest: &str| self.plain_rows(rest, context);
        if self.relations.is_related()
            && let Some(read) = idioms::read(&self.relations, question, context.today, &plain)
        {
            return in_own_words(read, question);
        }
        self.plain_rows(question, context)
    }

    /// Reads a question that is no idiom.
    fn plain_rows(&self, question: &str, context: &Context) -> Translation {
        let related = || self.relations.translate(question, context.today);
        let single = || self.of_one_table(question, context);
        let (first, second) = if self.relations.is_related() {
            // A declared figure is never replaced by a column that one table happens to have.
            // One table at a time is slow over very many, and names of rows are in all of them.
            let wide = self.tables.len() > WIDE;
            let alone = (!wide && !self.relations.has_metrics()).then(single);
            let alone = alone.filter(|alone| !(lists(question) && only_averages(alone)));
            let alone = alone.filter(|alone| self.are_of_ledgers(alone));
            // "Who" asks for people, and for no number of them.
            let sure = |it: &&Translation| adds_up(it) && judge::is_explained(it);
            if let Some(figures) = alone.as_ref().filter(sure)
                && !question.trim_start().to_lowercase().starts_with("who")
            {
                return figures.clone();
            }
            let first = related();
            if answers(&first) {
                return first;
            }
            (first.clone(), alone.unwrap_or(first))
        } else {
            let first = single();
            if judge::is_explained(&first) {
                return first;
            }
            (first, related())
        };
        if answers(&second) { second } else { first }
    }

    /// Reads a question that may go on from the one before: "only Germany", "and by month". What it says
    /// is merged into `last`; a question that stands by itself is read as such.
    pub fn translate_after(&self, question: &str, context: &Context, last: &Ask) -> Translation {
        let (question, exported) = idioms::without_export(question);
        if let Some(read) = idioms::older_than(&self.relations, question, context.today, last) {
            return noted(read, exported);
        }
        let follows = self.relations.follow(question, context.today, last);
        let translation = self.follows_or_not(question, context, follows);
        noted(translation, exported)
    }

    fn follows_or_not(
        &self,
        question: &str,
        context: &Context,
        follows: Option<Translation>,
    ) -> Translation {
        match follows {
            Some(translation) if answers(&translation) => translation,
            Some(refused) => {
                let alone = self.translate(question, context);
                if answers(&alone) { alone } else { refused }
            }
            None => self.translate(question, context),
        }
    }

    /// Whether every reading measures rows of a table that has amounts and days.
    fn are_of_ledgers(&self, translation: &Translation) -> bool {
        let asks: Vec<&Ask> = match translation {
            Translation::Understood(understood) => vec![&understood.ask],
            Translation::Clarify { choices, .. } => choices.iter().map(|one| &one.ask).collect(),
            Translation::Analyse(_) | Translation::Refuse { .. } => return false,
        };
        let is_ledger = |ask: &&Ask| {
            let table = self.tables.iter().find(|table| table.entry.name == ask.table);
            table.is_some_and(|table| {
                let mut columns = table.entry.columns.iter();
                columns.any(|column| column.data_type.is_time())
                    && (0..table.columns.len()).any(|at| {
                        table.columns[at].currency.is_some() || variants::is_money(table, at)
                    })
            })
        };
        // Whose rows they are is told by a name that another table has, and not by its key.
        let catalog = self.relations.catalog();
        let by_reference = |ask: &&Ask| {
            let table = self.tables.iter().find(|table| table.entry.name == ask.table);
            let keys = |name: &pacioli_model::ColumnName| {
                table.is_some_and(|table| {
                    let mut columns = table.columns.iter();
                    columns.any(|it| it.column.name == *name && it.role == role::Role::Identifier)
                })
            };
            ask.group_by.iter().filter_map(|group| group.column()).any(|column| {
                keys(&column.column)
                    && catalog.relationships.iter().any(|relationship| {
                        relationship.table == column.table
                            && relationship.columns.as_slice() == [column.column.clone()]
                    })
            })
        };
        asks.iter().all(|ask| !ask.measures.is_empty() && is_ledger(ask) && !by_reference(ask))
    }

    fn of_one_table(&self, question: &str, context: &Context) -> Translation {
        let asked = |table: &&lexicon::TableWords<'c>| {
            context.table.as_ref().is_none_or(|name| *name == table.entry.name)
        };
        judge::judge(question, context.today, &self.tables.iter().filter(asked).collect::<Vec<_>>())
    }
}

/// Whether all that a translation computes is sums of lines, or what their lines tell apart.
fn adds_up(translation: &Translation) -> bool {
    computes(translation, &[Aggregate::Sum, Aggregate::CountDistinct])
}

/// Whether one mean is all that a translation computes.
fn only_averages(translation: &Translation) -> bool {
    computes(translation, &[Aggregate::Average])
        && matches!(translation, Translation::Understood(it) if it.ask.group_by.is_empty())
}

fn computes(translation: &Translation, aggregates: &[Aggregate]) -> bool {
    let Translation::Understood(understood) = translation else { return false };
    let mut figures = understood.ask.measures.iter().map(pacioli_model::Measure::aggregation);
    figures.all(|figure| figure.is_some_and(|one| aggregates.contains(&one.aggregate)))
}

/// "Show the prices of …": whether a question asks for a list of values and for no mean of them.
fn lists(question: &str) -> bool {
    let tokens = token::tokenise(question);
    let mut words = tokens.iter().map(|token| token.word.as_str());
    let leads = ["show", "list", "display", "find", "give", "return"];
    let first = words.next().is_some_and(|word| leads.contains(&word));
    first && !words.any(|word| matches!(word, "average" | "mean" | "avg" | "typical" | "usual"))
}

/// What `ask` says over `catalog`, in words, for people to check.
pub fn interpretation(ask: &Ask, catalog: &Catalog) -> Interpretation {
    relations::interpretation(ask, catalog)
}

/// Says how an answer becomes a file, where one was asked for.
fn noted(mut translation: Translation, exported: bool) -> Translation {
    if let Translation::Understood(understood) = &mut translation
        && exported
    {
        let note = "For a file, ask for the answer as CSV, Arrow or Parquet.";
        understood.interpretation.notes.push(note.to_owned());
    }
    translation
}

fn answers(translation: &Translation) -> bool {
    !matches!(translation, Translation::Refuse { .. })
}

/// A refusal in words of the question alone: an idiom may have been read in others.
fn in_own_words(read: Translation, question: &str) -> Translation {
    let Translation::Refuse { not_understood, reason } = read else { return read };
    let mut own: Vec<String> = Vec::new();
    for phrase in not_understood {
        let words: Vec<&str> = if question.contains(&phrase) {
            vec![&phrase]
        } else {
            phrase.split_whitespace().filter(|word| question.contains(word)).collect()
        };
        for word in words {
            if !own.iter().any(|it| it == word) {
                own.push(word.to_owned());
            }
        }
    }
    Translation::Refuse { not_understood: own, reason }
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
