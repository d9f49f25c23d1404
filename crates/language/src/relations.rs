//! Questions about rows and how they belong together, over the whole catalog: what a list shows,
//! counts for each, who has the most, who has none.
//!
//! `schema` sees the catalog as a graph; `lexicon` knows what everything in it may be called;
//! `pieces` cuts a question into what its words may mean, `parse` reads the pieces into a `sketch`,
//! `resolve` fits its nouns to columns by how close they are to what the question is about, and
//! `build` makes the Ask.

mod build;
mod lexicon;
mod nations;
mod parse;
mod pieces;
mod resolve;
mod schema;
mod sketch;
mod thesaurus;
mod vocabulary;

use std::ops::Range;

use chrono::NaiveDate;
use pacioli_model::{Ask, Catalog};

use crate::token::Token;

/// A catalog made ready for such questions.
#[derive(Debug)]
pub(crate) struct Relations<'c> {
    schema: schema::Schema<'c>,
    lexicon: lexicon::Lexicon,
}

/// A question that was read this way.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) ask: Ask,
    pub(crate) notes: Vec<String>,
    /// How well the words fit, 0 to 1.
    pub(crate) score: f64,
}

/// Words that found no place, and why.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) tokens: Vec<Range<usize>>,
    pub(crate) reason: String,
}

impl<'c> Relations<'c> {
    pub(crate) fn new(catalog: &'c Catalog) -> Self {
        let schema = schema::Schema::new(catalog);
        let lexicon = lexicon::Lexicon::new(&schema);
        Self { schema, lexicon }
    }

    pub(crate) fn read(
        &self,
        question: &str,
        tokens: &[Token],
        today: NaiveDate,
    ) -> Result<Read, Unread> {
        let (pieces, notes) = pieces::cut(question, tokens, today, &self.lexicon);
        let sketch = parse::parse(
            &pieces,
            tokens.iter().map(|token| &question[token.at.clone()]).collect(),
            &self.schema,
        );
        if std::env::var_os("PACIOLI_SKETCH").is_some_and(|value| !value.is_empty()) {
            eprintln!("{question}\n{pieces:#?}\n{sketch:#?}");
        }
        if !sketch.unplaced.is_empty() {
            let reason = "These words are not understood here.".to_owned();
            return Err(Unread { tokens: sketch.unplaced, reason });
        }
        let named: Vec<f64> = pieces
            .iter()
            .filter(|piece| matches!(piece.item, pieces::Item::Mention(_)))
            .map(|piece| piece.quality)
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "a question has few pieces")]
        let score =
            if named.is_empty() { 1.0 } else { named.iter().sum::<f64>() / named.len() as f64 };
        let ask = build::build(&sketch, &self.schema, tokens)
            .map_err(|misfit| Unread { tokens: vec![misfit.tokens], reason: misfit.reason })?;
        Ok(Read { ask, notes, score })
    }
}
