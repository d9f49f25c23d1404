//! A model's vocabulary, from its own file, so that one file is all a person needs.

use std::{collections::HashMap, sync::Arc};

use candle_core::quantized::{
    gguf_file::{Content, Value},
    tokenizer::TokenizerFromGguf as _,
};
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use pacioli_language::model::Prompt;
use tokenizers::Tokenizer;

/// What the model's turn begins with: small models write SQL in such a block anyway.
const OPENING: &str = "```sql\n";
/// What models of this family are told first.
const SYSTEM: &str = "You are a helpful assistant.";

/// Turns text into tokens and back.
pub struct Vocabulary {
    tokenizer: Tokenizer,
    bytes: Vec<Vec<u8>>,
    end: u32,
    turn_start: u32,
}

/// Types of a token in GGUF: everything but normal text.
const SPECIAL: std::ops::RangeInclusive<u32> = 2..=5;

impl Vocabulary {
    /// Reads it from a GGUF file.
    pub fn read(content: &Content) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_gguf(content).map_err(|error| error.to_string())?;
        // "<|im_end|>" in a question or a cell is text, and ends nothing.
        tokenizer.set_encode_special_tokens(true);
        let list = |key: &str| match content.metadata.get(key) {
            Some(Value::Array(values)) => Ok(values),
            _ => Err(format!("the file has no {key}")),
        };
        let letters = letters();
        let types = list("tokenizer.ggml.token_type")?;
        let bytes = list("tokenizer.ggml.tokens")?.iter().enumerate().map(|(at, token)| {
            let token = token.to_string().map_err(|error| error.to_string())?;
            let kind = types.get(at).map_or(1, |kind| match kind {
                Value::I32(kind) => u32::try_from(*kind).unwrap_or(1),
                Value::U32(kind) => *kind,
                _ => 1,
            });
            if SPECIAL.contains(&kind) {
                let mark = [TokTrie::SPECIAL_TOKEN_MARKER];
                return Ok(mark.into_iter().chain(token.bytes()).collect());
            }
            Ok(token.chars().filter_map(|letter| letters.get(&letter)).copied().collect())
        });
        let bytes = bytes.collect::<Result<Vec<Vec<u8>>, String>>()?;
        let special = |name: &str| {
            tokenizer.token_to_id(name).ok_or_else(|| format!("the vocabulary has no {name}"))
        };
        let (turn_start, end) = (special("<|im_start|>")?, special("<|im_end|>")?);
        Ok(Self { tokenizer, bytes, end, turn_start })
    }

    /// What ends a turn.
    pub(crate) fn end(&self) -> u32 {
        self.end
    }

    /// The tokens of a text that nobody's marks can escape from.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.tokenizer.encode(text, false).map_err(|error| error.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The beginning of a prompt: small models write better when tables and question are one turn.
    pub fn prefix(&self, prefix: &str) -> Result<Vec<u32>, String> {
        let mut tokens = self.turn("system", SYSTEM)?;
        tokens.push(self.turn_start);
        tokens.extend(self.encode(&format!("user\n{prefix}\n\n"))?);
        Ok(tokens)
    }

    /// What comes after the beginning of a prompt, up to where the model goes on.
    pub fn question(&self, prompt: &Prompt) -> Result<Vec<u32>, String> {
        let mut tokens = self.encode(&prompt.question)?;
        tokens.extend(self.turn_end()?);
        if let Some((written, reason)) = &prompt.refused {
            tokens.extend(self.turn("assistant", &format!("{OPENING}{written}\n```"))?);
            let text = format!("That cannot be run: {reason}\nWrite it again, mended.");
            tokens.extend(self.turn("user", &text)?);
        }
        tokens.push(self.turn_start);
        tokens.extend(self.encode(&format!("assistant\n{OPENING}"))?);
        Ok(tokens)
    }

    /// One turn of a conversation (ChatML): who speaks, and what.
    fn turn(&self, speaker: &str, text: &str) -> Result<Vec<u32>, String> {
        let mut tokens = vec![self.turn_start];
        tokens.extend(self.encode(&format!("{speaker}\n{text}"))?);
        tokens.extend(self.turn_end()?);
        Ok(tokens)
    }

    fn turn_end(&self) -> Result<Vec<u32>, String> {
        let mut tokens = vec![self.end];
        tokens.extend(self.encode("\n")?);
        Ok(tokens)
    }

    /// The bytes of tokens that were written.
    pub fn decode(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens
            .iter()
            .filter_map(|token| self.bytes.get(*token as usize))
            .filter(|bytes| bytes.first() != Some(&TokTrie::SPECIAL_TOKEN_MARKER))
            .flatten()
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The same for a grammar.
    pub(crate) fn trie(&self) -> Result<TokEnv, String> {
        let count = u32::try_from(self.bytes.len()).map_err(|error| error.to_string())?;
        let trie = TokTrie::from(&TokRxInfo::new(count, self.end), &self.bytes);
        Ok(Arc::new(ApproximateTokEnv::new(trie)))
    }
}

/// The letters that stand for bytes in vocabularies of GPT-2's kind: printable ones for themselves, the
/// others in order from U+0100.
fn letters() -> HashMap<char, u8> {
    let mut others = 0x100_u32;
    (0..=u8::MAX)
        .filter_map(|byte| {
            let letter = match byte {
                b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
                _ => {
                    others += 1;
                    char::from_u32(others - 1)?
                }
            };
            Some((letter, byte))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_letter() {
        let letters = letters();
        assert_eq!(letters.len(), 256);
        assert_eq!((letters[&'A'], letters[&'Ġ'], letters[&'Ċ']), (b'A', b' ', b'\n'));
    }
}
