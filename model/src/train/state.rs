//! Where a training is, saved so that it can go on after it was cut off.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::{Optimiser, Options, Pairs, TrainError};

/// The member of the file's metadata.
const MEMBER: &str = "pacioli.training";

/// All that changes while it trains.
#[derive(Debug)]
pub(super) struct State {
    pub(super) pairs: Pairs,
    pub(super) optimiser: Optimiser,
    /// Rounds over all examples that are done.
    pub(super) round: u64,
    /// Batches of this round that are done.
    pub(super) place: usize,
    /// Seconds that the steps took.
    pub(super) seconds: f64,
    of: Of,
}

/// Which training it is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Of {
    base: String,
    rank: usize,
    alpha: f64,
    seed: u64,
    examples: usize,
    batch_tokens: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct About {
    of: Of,
    steps: u32,
    round: u64,
    place: usize,
    seconds: f64,
}

impl State {
    pub(super) fn new(pairs: Pairs, options: &Options, base: &str, examples: usize) -> Self {
        let of = Of {
            base: base.to_owned(),
            rank: options.rank,
            alpha: options.alpha,
            seed: options.seed,
            examples,
            batch_tokens: options.batch_tokens,
        };
        let optimiser = Optimiser::default();
        Self { pairs, optimiser, round: 0, place: 0, seconds: 0.0, of }
    }

    /// Writes it. What was saved before stays until this is whole.
    pub(super) fn save(&self, path: &Path) -> Result<(), TrainError> {
        let about = About {
            of: self.of.clone(),
            steps: self.optimiser.steps,
            round: self.round,
            place: self.place,
            seconds: self.seconds,
        };
        let about = serde_json::to_string(&about).map_err(candle_core::Error::wrap)?;
        let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
        let here = |tensor: &Tensor| tensor.detach().to_device(&Device::Cpu)?.contiguous();
        for (name, half) in self.pairs.halves() {
            tensors.insert(format!("half.{name}"), here(half)?);
            if let Some((first, second)) = self.optimiser.moments.get(&name) {
                tensors.insert(format!("first.{name}"), here(first)?);
                tensors.insert(format!("second.{name}"), here(second)?);
            }
        }
        let about = HashMap::from([(MEMBER.to_owned(), about)]);
        let bytes =
            safetensors::serialize(&tensors, Some(about)).map_err(candle_core::Error::wrap)?;
        let partial = path.with_extension("partial");
        let failed = |source| TrainError::File { path: path.to_owned(), source };
        fs::write(&partial, bytes).map_err(failed)?;
        fs::rename(&partial, path).map_err(failed)
    }

    /// As it was saved, if it is of this training.
    pub(super) fn resumed(mut self, path: &Path, device: &Device) -> Result<Self, TrainError> {
        let bytes =
            fs::read(path).map_err(|source| TrainError::File { path: path.to_owned(), source })?;
        let other = |reason: String| TrainError::OtherState { path: path.to_owned(), reason };
        let (_, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| other(error.to_string()))?;
        let about = metadata.metadata().as_ref().and_then(|members| members.get(MEMBER));
        let about = about.ok_or_else(|| other(format!("it has no {MEMBER}")))?;
        let about: About = serde_json::from_str(about).map_err(|error| other(error.to_string()))?;
        if about.of != self.of {
            return Err(other(format!("it is of {:?}, not of {:?}", about.of, self.of)));
        }
        let tensors = candle_core::safetensors::load_buffer(&bytes, device)?;
        let halves = tensors.keys().filter(|name| name.starts_with("half.")).count();
        if halves != self.pairs.halves().len() {
            return Err(other("it has pairs for other matrices".to_owned()));
        }
        for (name, tensor) in &tensors {
            if let Some(name) = name.strip_prefix("half.") {
                self.pairs.replace(name, tensor).map_err(|error| other(error.to_string()))?;
            } else if let Some(name) = name.strip_prefix("first.")
                && let Some(second) = tensors.get(&format!("second.{name}"))
            {
                let moments = (tensor.clone(), second.clone());
                self.optimiser.moments.insert(name.to_owned(), moments);
            }
        }
        self.optimiser.steps = about.steps;
        (self.round, self.place, self.seconds) = (about.round, about.place, about.seconds);
        Ok(self)
    }
}
