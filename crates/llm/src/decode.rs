//! Writing, token by token, the most probable text that a grammar allows.

use std::fmt::Display;

use candle_core::{Tensor, quantized::gguf_file::Content};
use llguidance::{Matcher, ParserFactory, api::TopLevelGrammar, toktrie::InferenceCapabilities};
use pacioli_language::model::{Completion, Prompt};

use crate::{
    adapter::Adapter,
    qwen2::{Memory, Qwen2},
    tokens::Vocabulary,
};

/// Tokens that are read at once; in between, whoever gave up is noticed.
const PIECE: usize = 128;
/// Tokens of one completion.
const MOST_WRITTEN: usize = 240;
/// Tokens of one prompt.
const MOST_READ: usize = 6000;
/// Prompts whose beginning is kept, with its keys and values: 12 KB a token for the 0.5B model, 28 KB
/// for the 1.5B one, times two.
const PREFIXES: usize = 8;

/// Weights, vocabulary, and the beginnings of prompts that were read.
pub struct Decoder {
    network: Qwen2,
    vocabulary: Vocabulary,
    grammars: ParserFactory,
    /// The last used one last.
    prefixes: Vec<(String, Memory)>,
}

/// Why a completion was not finished.
pub enum Stopped {
    /// Nobody waits any more.
    GivenUp,
    /// What it wrote had no end in sight.
    Endless(String),
    /// What went wrong.
    Failed(String),
}

impl Decoder {
    /// Reads a GGUF file, with what an adapter adds to it.
    pub fn read(
        content: &Content,
        file: &mut std::fs::File,
        adapter: Option<&Adapter>,
    ) -> Result<Self, String> {
        let vocabulary = Vocabulary::read(content)?;
        let mut grammars = ParserFactory::new(
            &vocabulary.trie()?,
            InferenceCapabilities::default(),
            &["[a-z_]{1,30}".to_owned()],
        )
        .map_err(|error| error.to_string())?;
        grammars.quiet();
        let network = Qwen2::read(content, file, adapter).map_err(|error| error.to_string())?;
        Ok(Self { network, vocabulary, grammars, prefixes: Vec::new() })
    }

    /// Completes one prompt, unless `given_up` says in between that nobody waits for it.
    pub fn complete(
        &mut self,
        prompt: &Prompt,
        given_up: &dyn Fn() -> bool,
    ) -> Result<Completion, Stopped> {
        let mut read = 0;
        let mut memory = self.after_prefix(&prompt.prefix, given_up, &mut read)?;
        let tokens = self.vocabulary.question(prompt).map_err(Stopped::Failed)?;
        read += tokens.len();
        let state = self.read_all(&tokens, &mut memory, given_up)?;
        let (tokens, probability) = self.write(prompt, state, &mut memory, given_up)?;
        let written = tokens.len();
        Ok(Completion {
            text: self.vocabulary.decode(&tokens),
            probability: Some(probability),
            read_tokens: read as u64,
            written_tokens: written as u64,
        })
    }

    /// What the network remembers after the beginning of a prompt: kept from the last time, or read now.
    fn after_prefix(
        &mut self,
        prefix: &str,
        given_up: &dyn Fn() -> bool,
        read: &mut usize,
    ) -> Result<Memory, Stopped> {
        if let Some(place) = self.prefixes.iter().position(|(known, _)| known == prefix) {
            let known = self.prefixes.remove(place);
            self.prefixes.push(known);
        } else {
            let turn = self.vocabulary.prefix(prefix).map_err(Stopped::Failed)?;
            *read += turn.len();
            let mut memory = Memory::default();
            self.read_all(&turn, &mut memory, given_up)?;
            if self.prefixes.len() >= PREFIXES {
                self.prefixes.remove(0);
            }
            self.prefixes.push((prefix.to_owned(), memory));
        }
        let last = self.prefixes.last();
        last.map(|(_, memory)| memory.clone())
            .ok_or_else(|| Stopped::Failed("no prompt was read".to_owned()))
    }

    fn read_all(
        &self,
        tokens: &[u32],
        memory: &mut Memory,
        given_up: &dyn Fn() -> bool,
    ) -> Result<Tensor, Stopped> {
        if memory.tokens() + tokens.len() > MOST_READ {
            return Err(Stopped::Failed(format!("a prompt of more than {MOST_READ} tokens")));
        }
        let mut state = None;
        for piece in tokens.chunks(PIECE) {
            check(given_up)?;
            state = Some(self.network.read_on(piece, memory).map_err(failed)?);
        }
        state.ok_or_else(|| Stopped::Failed("an empty prompt".to_owned()))
    }

    /// The tokens, and the geometric mean of the probabilities that the network gave them among what the
    /// grammar allowed: a line break that it would have liked says nothing about the statement. Where
    /// the grammar leaves no choice the network is not asked, and such tokens are read together.
    fn write(
        &self,
        prompt: &Prompt,
        mut state: Tensor,
        memory: &mut Memory,
        given_up: &dyn Fn() -> bool,
    ) -> Result<(Vec<u32>, f64), Stopped> {
        let grammar = TopLevelGrammar::from_lark(prompt.grammar.clone());
        let mut matcher = Matcher::new(self.grammars.create_parser(grammar));
        let (mut tokens, mut sum, mut read) = (Vec::new(), 0.0, 0);
        while !matcher.is_stopped() {
            check(given_up)?;
            if tokens.len() >= MOST_WRITTEN {
                return Err(Stopped::Endless(format!("no end after {MOST_WRITTEN} tokens")));
            }
            let forced = self.forced(&mut matcher)?;
            if !forced.is_empty() {
                tokens.extend(forced);
                continue;
            }
            if let Some(unread) = tokens.get(read..).filter(|unread| !unread.is_empty()) {
                state = self.network.read_on(unread, memory).map_err(failed)?;
                read = tokens.len();
            }
            let allowed = matcher.compute_mask_or_eos().map_err(failed)?;
            let allowed: Vec<u32> = allowed.iter().collect();
            let logits = self.network.logits(&state, &allowed).map_err(failed)?;
            let (token, log) = best(&allowed, &logits)
                .ok_or_else(|| Stopped::Failed("the grammar allows nothing".to_owned()))?;
            if token == self.vocabulary.end() {
                break;
            }
            sum += log;
            tokens.push(token);
            matcher.consume_token(token).map_err(failed)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let probability = (sum / tokens.len().max(1) as f64).exp();
        Ok((tokens, probability))
    }

    /// Tokens that the grammar leaves no choice about. The last of them is left to the network: it may
    /// prefer one that goes on into what comes next.
    fn forced(&self, matcher: &mut Matcher) -> Result<Vec<u32>, Stopped> {
        let Ok(text) = String::from_utf8(matcher.compute_ff_bytes()) else { return Ok(Vec::new()) };
        let mut tokens = self.vocabulary.encode(&text).map_err(Stopped::Failed)?;
        tokens.pop();
        matcher.consume_tokens(&tokens).map_err(failed)?;
        Ok(tokens)
    }
}

fn check(given_up: &dyn Fn() -> bool) -> Result<(), Stopped> {
    if given_up() { Err(Stopped::GivenUp) } else { Ok(()) }
}

fn failed(error: impl Display) -> Stopped {
    Stopped::Failed(format!("{error:#}"))
}

/// The most probable of the allowed tokens, and the logarithm of its probability among them.
fn best(allowed: &[u32], logits: &[f32]) -> Option<(u32, f64)> {
    let (token, logit) = allowed.iter().zip(logits).max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let whole: f64 = logits.iter().map(|one| f64::from(one - logit).exp()).sum();
    Some((*token, -whole.ln()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_allowed_token_wins_with_its_probability_among_the_allowed() {
        let (token, log) = best(&[4, 9], &[1.0, 2.0]).unwrap();
        let whole: f64 = [1.0_f64, 2.0].iter().map(|one| one.exp()).sum();
        assert_eq!(token, 9);
        assert!((log.exp() - 2.0_f64.exp() / whole).abs() < 1e-9);
        assert!(best(&[], &[]).is_none());
    }
}
