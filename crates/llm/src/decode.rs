//! Writing, token by token, the most probable text that a grammar allows.

use std::fmt::Display;

use candle_core::quantized::gguf_file::Content;
use llguidance::{
    Matcher, ParserFactory,
    api::TopLevelGrammar,
    toktrie::{InferenceCapabilities, SimpleVob},
};
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
        let logits = self.read_all(&tokens, &mut memory, given_up)?;
        let (tokens, probability) = self.write(prompt, logits, &mut memory, given_up)?;
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
    ) -> Result<Vec<f32>, Stopped> {
        if memory.tokens() + tokens.len() > MOST_READ {
            return Err(Stopped::Failed(format!("a prompt of more than {MOST_READ} tokens")));
        }
        let mut logits = None;
        for piece in tokens.chunks(PIECE) {
            check(given_up)?;
            logits = Some(self.network.read_on(piece, memory).map_err(failed)?);
        }
        let logits = logits.ok_or_else(|| Stopped::Failed("an empty prompt".to_owned()))?;
        logits.to_vec1().map_err(failed)
    }

    /// The tokens, and the geometric mean of the probabilities that the network gave them among what the
    /// grammar allowed: a line break that it would have liked says nothing about the statement.
    fn write(
        &self,
        prompt: &Prompt,
        mut logits: Vec<f32>,
        memory: &mut Memory,
        given_up: &dyn Fn() -> bool,
    ) -> Result<(Vec<u32>, f64), Stopped> {
        let grammar = TopLevelGrammar::from_lark(prompt.grammar.clone());
        let mut matcher = Matcher::new(self.grammars.create_parser(grammar));
        let (mut tokens, mut sum) = (Vec::new(), 0.0);
        loop {
            check(given_up)?;
            let allowed = matcher.compute_mask_or_eos().map_err(failed)?;
            let (token, log) = best(&logits, &allowed)
                .ok_or_else(|| Stopped::Failed("the grammar allows nothing".to_owned()))?;
            if token == self.vocabulary.end() {
                break;
            }
            sum += log;
            tokens.push(token);
            matcher.consume_token(token).map_err(failed)?;
            if matcher.is_stopped() {
                break;
            }
            if tokens.len() >= MOST_WRITTEN {
                return Err(Stopped::Endless(format!("no end after {MOST_WRITTEN} tokens")));
            }
            let next = self.network.read_on(&[token], memory).map_err(failed)?;
            logits = next.to_vec1().map_err(failed)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let probability = (sum / tokens.len().max(1) as f64).exp();
        Ok((tokens, probability))
    }
}

fn check(given_up: &dyn Fn() -> bool) -> Result<(), Stopped> {
    if given_up() { Err(Stopped::GivenUp) } else { Ok(()) }
}

fn failed(error: impl Display) -> Stopped {
    Stopped::Failed(format!("{error:#}"))
}

/// The most probable allowed token, and the logarithm of its probability among those allowed.
fn best(logits: &[f32], allowed: &SimpleVob) -> Option<(u32, f64)> {
    let mut best: Option<(u32, f32)> = None;
    for token in allowed.iter() {
        let Some(logit) = logits.get(token as usize) else { continue };
        if best.is_none_or(|(_, other)| *logit > other) {
            best = Some((token, *logit));
        }
    }
    let (token, logit) = best?;
    let known = allowed.iter().filter_map(|token| logits.get(token as usize));
    let whole: f64 = known.map(|one| f64::from(one - logit).exp()).sum();
    Some((token, -whole.ln()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_allowed_token_wins_with_its_probability_among_the_allowed() {
        let mut allowed = SimpleVob::alloc(4);
        allowed.allow_token(1);
        allowed.allow_token(2);
        let (token, log) = best(&[5.0, 1.0, 2.0, 0.0], &allowed).unwrap();
        let whole: f64 = [1.0_f64, 2.0].iter().map(|one| one.exp()).sum();
        assert_eq!(token, 2);
        assert!((log.exp() - 2.0_f64.exp() / whole).abs() < 1e-9);
        assert!(best(&[1.0], &SimpleVob::alloc(1)).is_none());
    }
}
