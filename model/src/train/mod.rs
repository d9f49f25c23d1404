//! Training: examples and a GGUF file in, an adapter out.

mod batches;
mod network;
mod optimiser;
mod pairs;
mod state;

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use candle_core::{Device, quantized::gguf_file::Content};
use pacioli_llm::{AdapterError, Target, Vocabulary, base_name};
use serde::Serialize;

use crate::examples::Example;
use batches::round;
use state::State;

pub use batches::{Batch, Sequence};
pub use network::Network;
pub use optimiser::{Optimiser, rate};
pub use pairs::{Gradients, Pairs};

/// Why training did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The device or the weights.
    #[error("the network: {0}")]
    Network(#[from] candle_core::Error),
    /// There is nothing to learn from, or not in this way.
    #[error("{0}")]
    Examples(String),
    /// What was saved before is of another training.
    #[error("{}: {reason}; remove it, or train with the options that it was saved with", path.display())]
    OtherState {
        /// Where.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// The loss is no number any more.
    #[error("the loss became {0} at step {1}: learn more slowly")]
    Diverged(f64, u32),
    /// The adapter cannot be saved.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
}

/// How it is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Numbers that a matrix's inputs are told by in between.
    pub rank: usize,
    /// What is added is scaled by alpha over rank.
    pub alpha: f64,
    /// The matrices of each layer that get a pair.
    pub targets: Vec<Target>,
    /// The highest rate.
    pub rate: f64,
    /// Steps until it is reached.
    pub warm_up: u32,
    /// Decay of the pairs' numbers, as AdamW has it.
    pub decay: f64,
    /// The greatest length of a gradient.
    pub clip: f64,
    /// Steps at most.
    pub steps: u32,
    /// Minutes at most; the rate falls as far in them as in the steps.
    pub minutes: Option<f64>,
    /// Tokens of a batch, padding included.
    pub batch_tokens: usize,
    /// Batches of a step.
    pub accumulate: usize,
    /// Examples with more tokens are left out.
    pub longest: usize,
    /// Examples that are not learnt from: the loss before and after is theirs.
    pub held_out: usize,
    /// The same seed, examples and device give the same adapter.
    pub seed: u64,
    /// Steps between savings of the state.
    pub save_every: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rank: 16,
            alpha: 32.0,
            targets: Target::ALL.to_vec(),
            rate: 2e-4,
            warm_up: 20,
            decay: 0.01,
            clip: 1.0,
            steps: 1000,
            minutes: None,
            batch_tokens: 8192,
            accumulate: 2,
            longest: 1536,
            held_out: 64,
            seed: 1494,
            save_every: 100,
        }
    }
}

/// What training came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Steps, of this run and those before it.
    pub steps: u32,
    /// Examples that were learnt from.
    pub examples: usize,
    /// Examples that were too long.
    pub too_long: usize,
    /// Seconds of all steps, those before this run too.
    pub seconds: f64,
    /// Tokens read by the steps of this run, padding included.
    pub tokens: usize,
    /// Seconds of the steps of this run.
    pub run_seconds: f64,
    /// Mean loss of an answer's token, in nats, of the examples held out: before this run.
    pub loss_before: f64,
    /// And after it.
    pub loss_after: f64,
    /// Bytes of the adapter's file.
    pub adapter_bytes: u64,
    /// Most memory that the process had, in bytes, where the system says.
    pub peak_memory: Option<u64>,
}

/// One line of the log.
#[derive(Debug, Serialize)]
struct Line {
    step: u32,
    /// Mean loss of an answer's token, in nats.
    loss: f64,
    rate: f64,
    /// Length of the gradient before it was clipped.
    norm: f64,
    tokens: usize,
    seconds: f64,
}

/// Trains on `device`; in `out` are then `adapter.safetensors`, `log.jsonl`, and `state.safetensors`, from
/// which a training that was cut off goes on when it is started again.
pub fn train(
    model: &Path,
    examples: &[Example],
    out: &Path,
    options: &Options,
    device: &Device,
) -> Result<Report, TrainError> {
    let mut training = Training::prepare(model, examples, out, options, device)?;
    let loss_before = training.held_out_loss()?;
    let (tokens, run_seconds) = training.run(u32::MAX)?;
    let loss_after = training.held_out_loss()?;
    training.state.save(&training.path)?;
    let adapter = training.state.pairs.adapter(&training.base)?;
    Ok(Report {
        steps: training.state.optimiser.steps,
        examples: training.sequences.len(),
        too_long: training.too_long,
        seconds: training.state.seconds,
        tokens,
        run_seconds,
        loss_before,
        loss_after,
        adapter_bytes: adapter.save(&out.join("adapter.safetensors"))?,
        peak_memory: peak_memory(),
    })
}

fn sequences(
    examples: &[Example],
    vocabulary: &Vocabulary,
    longest: usize,
) -> Result<(Vec<Sequence>, usize), TrainError> {
    let mut sequences = Vec::with_capacity(examples.len());
    for example in examples {
        sequences.push(Sequence::of(example, vocabulary).map_err(TrainError::Examples)?);
    }
    let all = sequences.len();
    sequences.retain(|sequence| sequence.tokens.len() <= longest);
    let too_long = all - sequences.len();
    Ok((sequences, too_long))
}

/// What one run has.
struct Training<'a> {
    network: Network,
    base: String,
    sequences: Vec<Sequence>,
    too_long: usize,
    held_out: Vec<Sequence>,
    state: State,
    options: &'a Options,
    log: File,
    /// Where the state is saved.
    path: PathBuf,
}

impl<'a> Training<'a> {
    fn prepare(
        model: &Path,
        examples: &[Example],
        out: &Path,
        options: &'a Options,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let in_file = |path: &Path| {
            let path = path.to_owned();
            move |source| TrainError::File { path, source }
        };
        fs::create_dir_all(out).map_err(in_file(out))?;
        let mut file = File::open(model).map_err(in_file(model))?;
        let content = Content::read(&mut file)?;
        let vocabulary = Vocabulary::read(&content).map_err(TrainError::Examples)?;
        let (mut sequences, too_long) = sequences(examples, &vocabulary, options.longest)?;
        if sequences.len() <= options.held_out {
            let text = format!(
                "{} examples are too few to hold {} out",
                sequences.len(),
                options.held_out
            );
            return Err(TrainError::Examples(text));
        }
        crate::Random::new(options.seed, 2).shuffle(&mut sequences);
        let held_out = sequences.split_off(sequences.len() - options.held_out);
        let network = Network::read(&content, &mut file, device)?;
        let base = base_name(&content);
        let pairs =
            Pairs::new(&network, options.rank, options.alpha, &options.targets, options.seed)?;
        let state = State::new(pairs, options, &base, sequences.len());
        let path = out.join("state.safetensors");
        let state = if path.is_file() { state.resumed(&path, device)? } else { state };
        let log = out.join("log.jsonl");
        let log = OpenOptions::new().create(true).append(true).open(&log).map_err(in_file(&log))?;
        Ok(Self { network, base, sequences, too_long, held_out, state, options, log, path })
    }

    /// All steps that are left, up to the one of this number; gives the tokens read and the seconds taken.
    fn run(&mut self, last: u32) -> Result<(usize, f64), TrainError> {
        let lengths: Vec<usize> = self.sequences.iter().map(|one| one.tokens.len() - 1).collect();
        let (most, seed) = (self.options.batch_tokens, self.options.seed);
        let mut order = round(&lengths, most, seed, self.state.round);
        let before = self.state.seconds;
        let started = Instant::now();
        let mut tokens = 0;
        while self.progress() < 1.0 && self.state.optimiser.steps < last {
            let mut batches = Vec::with_capacity(self.options.accumulate);
            while batches.len() < self.options.accumulate.max(1) {
                if let Some(places) = order.get(self.state.place) {
                    self.state.place += 1;
                    let rows: Vec<&Sequence> =
                        places.iter().map(|place| &self.sequences[*place]).collect();
                    batches.push(Batch::of(&rows));
                } else {
                    self.state.round += 1;
                    self.state.place = 0;
                    order = round(&lengths, most, seed, self.state.round);
                }
            }
            let line = self.step(&batches)?;
            tokens += line.tokens;
            self.state.seconds = before + started.elapsed().as_secs_f64();
            let line = Line { seconds: self.state.seconds, ..line };
            let text = serde_json::to_string(&line).map_err(candle_core::Error::wrap)?;
            writeln!(self.log, "{text}").map_err(|source| self.failed(source))?;
            if self.state.optimiser.steps.is_multiple_of(self.options.save_every.max(1)) {
                self.state.save(&self.path)?;
            }
        }
        Ok((tokens, self.state.seconds - before))
    }

    /// How far it is: by steps or by time, whichever is farther.
    fn progress(&self) -> f64 {
        let steps = f64::from(self.state.optimiser.steps) / f64::from(self.options.steps.max(1));
        let time =
            self.options.minutes.map_or(0.0, |minutes| self.state.seconds / (minutes * 60.0));
        steps.max(time)
    }

    fn step(&mut self, batches: &[Batch]) -> Result<Line, TrainError> {
        let wanted: usize = batches.iter().map(|batch| batch.wanted.len()).sum();
        #[expect(clippy::cast_precision_loss, reason = "tokens of a step are few enough")]
        let weight = 1.0 / wanted as f64;
        let mut gradients = Gradients::default();
        let mut loss = 0.0;
        for batch in batches {
            loss += self.network.learn(batch, &self.state.pairs, weight, &mut gradients)? * weight;
        }
        let step = self.state.optimiser.steps;
        let norm = gradients.clip(self.options.clip)?;
        if !loss.is_finite() || !norm.is_finite() {
            return Err(TrainError::Diverged(loss, step));
        }
        let rate = rate(self.options.rate, step, self.options.warm_up, self.progress());
        let state = &mut self.state;
        state.optimiser.step(&mut state.pairs, &gradients, rate, self.options.decay)?;
        let tokens = batches.iter().map(|batch| batch.tokens.len()).sum();
        Ok(Line { step: step + 1, loss, rate, norm, tokens, seconds: 0.0 })
    }

    /// Mean loss of an answer's token, of what is not learnt from.
    fn held_out_loss(&self) -> Result<f64, TrainError> {
        let lengths: Vec<usize> = self.held_out.iter().map(|one| one.tokens.len() - 1).collect();
        let (mut sum, mut count) = (0.0, 0);
        for places in round(&lengths, self.options.batch_tokens, 0, 0) {
            let rows: Vec<&Sequence> = places.iter().map(|place| &self.held_out[*place]).collect();
            let batch = Batch::of(&rows);
            sum += self.network.loss(&batch, &self.state.pairs)?;
            count += batch.wanted.len();
        }
        #[expect(clippy::cast_precision_loss, reason = "tokens of some examples")]
        let mean = sum / count.max(1) as f64;
        Ok(mean)
    }

    fn failed(&self, source: std::io::Error) -> TrainError {
        TrainError::File { path: self.path.with_file_name("log.jsonl"), source }
    }
}

/// The most memory that this process had, as Linux counts it.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests;
