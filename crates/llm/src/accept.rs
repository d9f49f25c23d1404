//! Whether a grammar allows a text, byte by byte: for training, whose answers must be such as the server
//! would let a model write.

use llguidance::{
    Matcher, ParserFactory,
    api::TopLevelGrammar,
    toktrie::{ApproximateTokEnv, InferenceCapabilities},
};

/// Reads texts by grammars. The last grammar is kept ready.
pub struct Acceptor {
    grammars: ParserFactory,
    last: Option<(String, Matcher)>,
}

impl Acceptor {
    /// One that knows bytes, and no vocabulary.
    pub fn new() -> Result<Self, String> {
        let bytes = ApproximateTokEnv::single_byte_env();
        let mut grammars = ParserFactory::new(&bytes, InferenceCapabilities::default(), &[])
            .map_err(|error| error.to_string())?;
        grammars.quiet();
        Ok(Self { grammars, last: None })
    }

    /// Nothing where `grammar` (as [`pacioli_language::model::Prompt::grammar`]) allows all of `text`;
    /// else what it allows of its beginning.
    pub fn check(&mut self, grammar: &str, text: &str) -> Result<(), String> {
        if self.last.as_ref().is_none_or(|(known, _)| known != grammar) {
            let parser = TopLevelGrammar::from_lark(grammar.to_owned());
            let matcher = Matcher::new(self.grammars.create_parser(parser));
            if let Some(error) = matcher.get_error() {
                return Err(error);
            }
            self.last = Some((grammar.to_owned(), matcher));
        }
        let Some((_, matcher)) = &self.last else { return Err("no grammar".to_owned()) };
        let mut matcher = matcher.deep_clone();
        let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
        let taken = matcher.try_consume_tokens(&tokens).map_err(|error| error.to_string())?;
        let whole = taken == tokens.len()
            && (matcher.is_stopped()
                || matcher.is_accepting().map_err(|error| error.to_string())?);
        if whole { Ok(()) } else { Err(text.get(..taken).unwrap_or(text).to_owned()) }
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_held_to_its_grammar_to_the_end() {
        let mut acceptor = Acceptor::new().unwrap();
        let grammar = "start: \"SELECT \" COLUMN \";\"\nCOLUMN: /name|age/\n";
        assert_eq!(acceptor.check(grammar, "SELECT age;"), Ok(()));
        assert_eq!(acceptor.check(grammar, "SELECT name;"), Ok(()));
        assert_eq!(acceptor.check(grammar, "SELECT nick;"), Err("SELECT n".to_owned()));
        assert_eq!(acceptor.check(grammar, "SELECT age"), Err("SELECT age".to_owned()));
        assert!(acceptor.check(grammar, "SELECT age;;").is_err());
        assert!(acceptor.check("start: (", "").is_err());
    }
}
