//! People who are only told by what they do: "who teaches chemistry" asks for teachers.

use super::{Cutter, Mention};
use crate::relations::{
    lexicon::Name,
    vocabulary::{Key, key},
};

/// Words for anybody.
const ANYBODY: &[&str] =
    &["people", "person", "persons", "those", "anyone", "someone", "everyone", "individuals"];
const HELPERS: &[&str] =
    &["have", "has", "had", "can", "could", "do", "does", "did", "also", "ever"];

/// Verbs whose forms are not told by their endings.
const IRREGULAR: &[(&str, &str)] = &[
    ("taught", "teach"),
    ("wrote", "write"),
    ("written", "write"),
    ("sang", "sing"),
    ("sung", "sing"),
    ("drove", "drive"),
    ("driven", "drive"),
    ("bought", "buy"),
    ("sold", "sell"),
    ("flew", "fly"),
    ("won", "win"),
    ("swam", "swim"),
    ("ran", "run"),
    ("led", "lead"),
    ("built", "build"),
    ("made", "make"),
    ("gave", "give"),
];

impl Cutter<'_> {
    /// "People who teach", "who wrote": the rows of a table that is called after what they do.
    pub(super) fn doer(&self, at: usize) -> Option<Mention> {
        let word = |at: usize| self.tokens.get(at).map_or("", |token| token.word.as_str());
        let mut verb = match word(at) {
            "who" if at == 0 => 1,
            anybody if ANYBODY.contains(&anybody) && matches!(word(at + 1), "who" | "that") => {
                at + 2
            }
            _ => return None,
        };
        while HELPERS.contains(&word(verb)) {
            verb += 1;
        }
        // The verb must be one, and people must not be rows themselves.
        if key(word(verb)) != Some(Key::Verb) || at > 0 && self.mention(at).is_some() {
            return None;
        }
        let mut called = self.called_after(word(verb));
        // "Who directed the film": its director, where no director has rows.
        if at > 0 || !called.tables.is_empty() {
            called.columns.clear();
        }
        (called != Mention::default()).then_some(called)
    }

    /// Tables and columns called after who does something: teachers of "teaches", directors of "directed".
    fn called_after(&self, verb: &str) -> Mention {
        let irregular = IRREGULAR.iter().find(|(form, _)| *form == verb).map(|(_, base)| *base);
        let tails = ["ing", "ed", "es", "s", "d", ""];
        let regular = tails.iter().filter_map(|tail| verb.strip_suffix(tail));
        let bases = irregular.into_iter().chain(regular).filter(|base| base.len() > 2);
        let nouns = bases.flat_map(|base| {
            let last = &base[base.char_indices().last().map_or(0, |(place, _)| place)..];
            ["er".to_owned(), "or".to_owned(), "r".to_owned(), format!("{last}er")]
                .map(|tail| format!("{base}{tail}"))
        });
        let (mut tables, mut columns) = (Vec::new(), Vec::new());
        for noun in nouns {
            let names = self.lexicon.names(&[noun.as_str()]).into_iter();
            for (name, quality) in names.filter(|(_, quality)| *quality >= 0.94) {
                match name {
                    Name::Table(table) if !tables.iter().any(|(known, _)| *known == table) => {
                        tables.push((table, quality));
                    }
                    Name::Column(column) if !columns.iter().any(|(known, _)| *known == column) => {
                        columns.push((column, quality));
                    }
                    _ => {}
                }
            }
        }
        Mention { tables, columns, ..Mention::default() }
    }
}
