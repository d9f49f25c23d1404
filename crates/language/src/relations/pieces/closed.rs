//! Whether a word of the closed list is one, or a name of the catalog.

use pacioli_model::TimeGrain;

use super::{
    super::vocabulary::{Key, key},
    Cutter, Mention,
};

/// Verbs that name a column by themselves: "born in 1990", "rated above 4".
const TELLING: &[&str] = &[
    "born",
    "rated",
    "ranked",
    "located",
    "described",
    "hired",
    "founded",
    "released",
    "published",
    "opened",
    "built",
    "cost",
    "costs",
    "earning",
    "earn",
    "earns",
    "earned",
];

/// A name that fits at least so well is taken for a noun where one must stand.
const FITTING: f64 = 0.75;
/// Rows are named so well where what they have is said next.
const NAMED: f64 = 0.9;
/// The same where nothing else can stand.
const PARTLY: f64 = 0.5;
/// What is placed is a row, however little of its table's name is said.
const PLACED: f64 = 0.69;
/// The same just after an article, where verbs do not stand.
const NOUN: f64 = 0.7;

impl Cutter<'_> {
    /// Whether a name of the catalog wins over a word of the closed list of the same length.
    pub(super) fn outranks(&self, at: usize, word: Key, mention: &Mention) -> bool {
        // Another word for a name is a weaker one than the word itself.
        let named = mention.table_quality().max(mention.column_quality()) * (1.0 - mention.loss);
        let capital =
            at > 0 && self.question[self.tokens[at].at.clone()].starts_with(char::is_uppercase);
        match word {
            Key::Stop => named >= 0.8 || (capital && !mention.values.is_empty()),
            Key::Verb => {
                let word = self.tokens[at].word.as_str();
                named >= 0.9
                    || named >= NOUN && self.stands_as_noun(at)
                    || !mention.metrics.is_empty()
                    || mention.values.iter().any(|(value, quality)| value.few && *quality >= 0.99)
                        && !self.happens(at)
                    || named >= 0.8 && TELLING.contains(&word)
                    || (capital && !mention.values.is_empty())
            }
            Key::Aggregate(_) if !self.stands_alone(at + 1) || self.is_compared_with(at) => false,
            // "the rank of each company"; "rank them", "ranked by" are no nouns.
            Key::Order if self.is_noun_place(at) && (self.is_said_of(at) || self.is_listed(at)) => {
                named >= FITTING
            }
            // "Who never placed an order"
            Key::Order if self.is_after_article(at) => {
                mention.table_quality() >= PLACED && !self.orders_next(at + 1)
            }
            Key::Order => named >= 0.99 && !self.orders_next(at + 1),
            // "from each state": a noun, though it can ask.
            Key::Ask if self.must_be_noun(at) => named >= PARTLY,
            Key::Ask if self.is_noun_place(at) => named >= FITTING,
            Key::HowMany | Key::Aggregate(_) | Key::Ask | Key::In => {
                named >= 0.99 && self.tokens[at].word.len() > 4
            }
            // What is called so itself is no more than that.
            Key::Everything if self.tokens[at].word == "other" => named >= PARTLY,
            Key::Beyond | Key::Change(_) | Key::Versus | Key::Every(_) => named >= 0.95,
            // "The day and the amount of payments": their date, and no group by days.
            Key::Grain(TimeGrain::Day) if self.is_asked_for(at) => named >= PARTLY,
            // "By year" is by no column that only begins so, or is called a date.
            Key::Grain(_) => {
                let grouped = at.checked_sub(1).is_some_and(|before| {
                    matches!(self.tokens[before].word.as_str(), "by" | "per" | "each" | "every")
                });
                named >= 0.6 && (!grouped || self.lexicon.has_column(&self.tokens[at].word, 0.7))
            }
            _ => false,
        }
    }

    /// Whether a word stands in a list of what is asked for.
    fn is_asked_for(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map_or("", |before| self.tokens[before].word.as_str());
        let next = self.tokens.get(at + 1).map_or("", |next| next.word.as_str());
        self.pause_before(at) || matches!(before, "the" | "and") || matches!(next, "of" | "and")
    }

    /// "Older than average", "above the average": what a value is compared with.
    fn is_compared_with(&self, at: usize) -> bool {
        let word = |back: usize| at.checked_sub(back).map(|at| self.tokens[at].word.as_str());
        let before = if word(1) == Some("the") { word(2) } else { word(1) };
        matches!(before, Some("than" | "above" | "below" | "over" | "under"))
    }

    /// "Reported before 1990", "reported by Kim": when or by whom something happened, and no state of it,
    /// where a column tells that.
    fn happens(&self, at: usize) -> bool {
        let word = |at: usize| self.tokens.get(at).map_or("", |token| token.word.as_str());
        matches!(word(at + 1), "before" | "after" | "since" | "between" | "by" | "on")
            && self.lexicon.knows(word(at))
    }

    /// Whether a word stands where only a noun can.
    fn is_noun_place(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map_or("", |before| self.tokens[before].word.as_str());
        matches!(
            before,
            "each"
                | "every"
                | "the"
                | "all"
                | "of"
                | "per"
                | "from"
                | "by"
                | "in"
                | "which"
                | "this"
                | "whose"
                | "common"
                | "popular"
        )
    }

    /// "For each state": a noun, whatever else the word can be.
    pub(super) fn must_be_noun(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map_or("", |before| self.tokens[before].word.as_str());
        let word = self.tokens[at].word.as_str();
        let asks = matches!(word, "state" | "report" | "list" | "view" | "display" | "return");
        let first = at == 1 && matches!(before, "which" | "what");
        // "How many features": several of something.
        let several = before == "many" && word.ends_with('s') && key(word) == Some(Key::Verb);
        asks && (first || matches!(before, "each" | "every" | "per" | "whose")) || several
    }

    /// "The score", "no scores", "the average score", "score of the film".
    fn stands_as_noun(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map_or("", |before| self.tokens[before].word.as_str());
        let word = self.tokens[at].word.as_str();
        let measured = matches!(
            key(before),
            Some(Key::Aggregate(_) | Key::Most(_) | Key::Distinct | Key::HowMany)
        );
        let article = measured
            || matches!(before, "no" | "any" | "different" | "of" | "more" | "fewer" | "many");
        let owned = self.tokens.get(at + 1).is_some_and(|next| next.word == "of");
        let noun = article || owned || self.is_said_of_rows(at);
        self.is_after_article(at) || noun && !is_part_or_time(word)
    }

    /// "The film score", "the average film score": after the rows that have it.
    pub(super) fn is_said_of_rows(&self, at: usize) -> bool {
        let Some(rows) = at.checked_sub(1) else { return false };
        let before = rows.checked_sub(1).map_or("", |before| self.tokens[before].word.as_str());
        let begun =
            before == "the" || matches!(key(before), Some(Key::Aggregate(_) | Key::Most(_)));
        // "How many hours did the consultant work"
        let helped = self.tokens[..at]
            .iter()
            .any(|token| matches!(token.word.as_str(), "do" | "does" | "did" | "who" | "that"));
        let table = self.mention(rows).and_then(|(length, mention)| {
            mention.best_table().filter(|(_, sure)| length == 1 && *sure >= NAMED)
        });
        let own = self.mention(at).and_then(|(_, mention)| mention.columns.first().copied());
        begun
            && !helped
            && !is_part_or_time(&self.tokens[at].word)
            && table.is_some_and(|(table, _)| {
                own.is_some_and(|(column, _)| self.lexicon.owner(column) == Some(table))
            })
    }

    /// "For each place", "which place", "the score": a noun that could be a verb too.
    fn is_after_article(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map_or("", |before| self.tokens[before].word.as_str());
        let word = self.tokens[at].word.as_str();
        let first = at == 1 && matches!(before, "which" | "what");
        (first || matches!(before, "each" | "every" | "the" | "per" | "a" | "an" | "common"))
            && !is_part_or_time(word)
    }

    /// "Whose rank is": a verb follows that nothing is ordered by.
    fn is_said_of(&self, at: usize) -> bool {
        let next = self.tokens.get(at + 1).map_or("", |token| token.word.as_str());
        matches!(next, "is" | "are" | "was" | "were" | "of" | "with" | "that" | "has")
    }

    /// "The rank, first name and age": one of several things, or the last word.
    fn is_listed(&self, at: usize) -> bool {
        self.tokens.get(at + 1).is_none_or(|next| next.word == "and" || self.pause_before(at + 1))
    }

    fn orders_next(&self, next: usize) -> bool {
        self.tokens.get(next).is_some_and(|token| {
            matches!(
                token.word.as_str(),
                "by" | "them" | "in" | "it" | "the" | "results" | "result" | "from" | "all"
            )
        })
    }

    /// Whether a word that usually needs a noun has none: "the average of all stadiums".
    fn stands_alone(&self, next: usize) -> bool {
        self.tokens.get(next).is_none_or(|token| {
            matches!(token.word.as_str(), "of" | "for" | "in") || self.pause_before(next)
        }) && !self.tokens.get(next).is_some_and(|token| {
            token.word == "of"
                && self.mention(next + 1).is_some_and(|(_, mention)| mention.table_quality() < 0.9)
        }) && !self
            .tokens
            .get(next)
            .is_some_and(|token| matches!(key(&token.word), Some(Key::Aggregate(_))))
    }
}

/// A participle; or a time, as "the end of each month".
fn is_part_or_time(word: &str) -> bool {
    let parts = ["ed", "ing", "en", "wn", "ought", "aught", "pent", "eld", "old", "ung"];
    parts.iter().any(|tail| word.ends_with(tail))
        || matches!(word, "end" | "start" | "begin" | "won" | "led" | "built" | "made" | "left")
}
