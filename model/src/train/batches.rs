//! Examples as tokens, in batches of about the same length.

use pacioli_language::model::Prompt;
use pacioli_llm::Vocabulary;

use crate::{examples::Example, random::Random};

/// Batches whose examples are sorted by length together, so that little is padded.
const POOL: usize = 64;

/// An example as the model reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Prompt and answer.
    pub tokens: Vec<u32>,
    /// Where the answer begins.
    pub answer: usize,
}

impl Sequence {
    /// The tokens of an example, by the functions that the server reads a prompt with.
    pub fn of(example: &Example, vocabulary: &Vocabulary) -> Result<Self, String> {
        let prompt = Prompt {
            prefix: example.prefix.clone(),
            question: example.question.clone(),
            grammar: String::new(),
            refused: None,
        };
        let mut tokens = vocabulary.prefix(&prompt.prefix)?;
        tokens.extend(vocabulary.question(&prompt)?);
        let answer = tokens.len();
        tokens.extend(vocabulary.encode(&example.answer)?);
        if answer == 0 || answer == tokens.len() {
            return Err("an example without a question or an answer".to_owned());
        }
        Ok(Self { tokens, answer })
    }
}

/// Sequences that are computed at once. Shorter ones are padded at their end: what comes after a place
/// is not seen from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Row by row.
    pub tokens: Vec<u32>,
    /// Sequences.
    pub rows: usize,
    /// Tokens of a row.
    pub length: usize,
    /// Places, over all rows, that a token of an answer follows.
    pub places: Vec<u32>,
    /// That token.
    pub wanted: Vec<u32>,
}

impl Batch {
    /// Of these sequences.
    pub fn of(sequences: &[&Sequence]) -> Self {
        // The last token is only ever wanted, and never read.
        let length = sequences.iter().map(|one| one.tokens.len() - 1).max().unwrap_or_default();
        let mut batch = Self {
            tokens: Vec::with_capacity(length * sequences.len()),
            rows: sequences.len(),
            length,
            places: Vec::new(),
            wanted: Vec::new(),
        };
        for sequence in sequences {
            let start = batch.tokens.len();
            let (read, wanted) = (sequence.tokens.len() - 1, &sequence.tokens[sequence.answer..]);
            batch.tokens.extend(&sequence.tokens[..read]);
            batch.tokens.resize(start + length, 0);
            let places = start + sequence.answer - 1..start + read;
            batch.places.extend(places.filter_map(|place| u32::try_from(place).ok()));
            batch.wanted.extend(wanted);
        }
        batch
    }
}

/// The order of one round over all sequences: which of them come together. The same for the same seed
/// and round. A batch has at most `most` tokens with its padding, or one sequence.
pub fn round(lengths: &[usize], most: usize, seed: u64, round: u64) -> Vec<Vec<usize>> {
    let mut random = Random::new(seed, round.wrapping_add(1000));
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    random.shuffle(&mut order);
    let longest = lengths.iter().max().copied().unwrap_or(1).max(1);
    let pool = POOL * (most / longest).max(1);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for pool in order.chunks_mut(pool) {
        pool.sort_by_key(|place| (lengths[*place], *place));
        let mut batch: Vec<usize> = Vec::new();
        for place in pool {
            if !batch.is_empty() && (batch.len() + 1) * lengths[*place] > most {
                batches.push(std::mem::take(&mut batch));
            }
            batch.push(*place);
        }
        batches.push(batch);
    }
    batches.retain(|batch| !batch.is_empty());
    random.shuffle(&mut batches);
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_learns_from_answers_alone() {
        let one = Sequence { tokens: vec![5, 6, 7, 8, 9], answer: 3 };
        let other = Sequence { tokens: vec![1, 2, 3], answer: 1 };
        let batch = Batch::of(&[&one, &other]);
        assert_eq!((batch.rows, batch.length), (2, 4));
        assert_eq!(batch.tokens, [5, 6, 7, 8, 1, 2, 0, 0]);
        assert_eq!(batch.places, [2, 3, 4, 5]);
        assert_eq!(batch.wanted, [8, 9, 2, 3]);
    }

    #[test]
    fn a_round_has_each_sequence_once_with_others_of_its_length() {
        let lengths: Vec<usize> = (0..500).map(|at| 10 + (at * 37) % 90).collect();
        let batches = round(&lengths, 400, 3, 0);
        let mut all: Vec<usize> = batches.iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..500).collect::<Vec<_>>());
        let (mut padded, mut tokens) = (0, 0);
        for batch in &batches {
            let longest = batch.iter().map(|at| lengths[*at]).max().unwrap();
            assert!(batch.len() == 1 || batch.len() * longest <= 400, "{batch:?}");
            padded += batch.len() * longest;
            tokens += batch.iter().map(|at| lengths[*at]).sum::<usize>();
        }
        assert!(padded * 100 < tokens * 115, "{padded} {tokens}");
        assert_eq!(batches, round(&lengths, 400, 3, 0));
        assert_ne!(batches, round(&lengths, 400, 3, 1));
        assert_eq!(round(&[1000], 400, 3, 0), [[0]]);
    }
}
