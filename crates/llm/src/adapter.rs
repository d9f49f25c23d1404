//! What training adds to a model's weights: low-rank matrices beside frozen ones (LoRA, Hu et al.,
//! arXiv:2106.09685). A matrix W becomes W + alpha/rank · B·A, and W itself stays quantised.
//!
//! The file is safetensors. Its metadata has one member, `pacioli.adapter`: JSON that says the format's
//! version, rank, alpha and the weights it was trained against. Its tensors are called as the matrices of the GGUF
//! file that they belong to: `blk.0.attn_q.lora_a` (rank × inputs) and `blk.0.attn_q.lora_b`
//! (outputs × rank), in 16 or 32 bits. Matrices without a pair are left as they are.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::Path,
};

use candle_core::{DType, Device, Result as Computed, Tensor, quantized::gguf_file::Content};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

/// The only format there is so far.
const FORMAT: u32 = 1;
/// The member of the metadata that says what it is.
const MEMBER: &str = "pacioli.adapter";
/// Bytes of an adapter's file: it is meant to be small.
const MOST_BYTES: u64 = 40_000_000;

/// A matrix of a layer that an adapter may add to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each name is its meaning")]
pub enum Target {
    Query,
    Key,
    Value,
    Attended,
    Gate,
    Up,
    Down,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Query, Self::Key, Self::Value, Self::Attended, Self::Gate, Self::Up, Self::Down];

    /// What GGUF files call it: `attn_q`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "attn_q",
            Self::Key => "attn_k",
            Self::Value => "attn_v",
            Self::Attended => "attn_output",
            Self::Gate => "ffn_gate",
            Self::Up => "ffn_up",
            Self::Down => "ffn_down",
        }
    }

    /// The target of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.as_str() == name)
    }
}

/// Why a file is no adapter, or not one for these weights.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// It cannot be read or written.
    #[error("the adapter's file: {0}")]
    File(#[from] io::Error),
    /// It is no file of an adapter.
    #[error("it is no adapter: {0}")]
    Unreadable(String),
    /// A later program wrote it.
    #[error("the adapter is of format {0}, and this program knows format {FORMAT}")]
    Format(u32),
    /// It was trained against other weights.
    #[error("the adapter was trained for {adapter}, and the model is {model}")]
    Base {
        /// For what.
        adapter: String,
        /// What there is.
        model: String,
    },
    /// A pair has not the sides of the matrix that it belongs to.
    #[error(
        "the adapter's {name} is for {found:?} (outputs, inputs), and the model's is {model:?}"
    )]
    Shape {
        /// Which matrix.
        name: String,
        /// Of the pair.
        found: Vec<usize>,
        /// Of the matrix; empty where the model has none of this name.
        model: Vec<usize>,
    },
    /// It is larger than an adapter may be.
    #[error(
        "an adapter of {0} bytes is larger than {MOST_BYTES}; use a lower rank or fewer matrices"
    )]
    TooLarge(u64),
}

/// What the file says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct About {
    format: u32,
    rank: usize,
    alpha: f64,
    base: String,
}

/// All that any format is sure to say.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// Low-rank pairs for some matrices of a model.
#[derive(Debug, Clone)]
pub struct Adapter {
    about: About,
    pairs: BTreeMap<(usize, Target), Pair>,
}

#[derive(Debug, Clone)]
struct Pair {
    /// rank × inputs.
    down: Tensor,
    /// outputs × rank.
    up: Tensor,
}

/// One pair, ready to be applied.
#[derive(Debug)]
pub(crate) struct Delta {
    /// inputs × rank.
    down: Tensor,
    /// rank × outputs, scaled.
    up: Tensor,
}

impl Delta {
    /// What it adds to the product of its matrix and `x` (1, tokens, inputs).
    pub(crate) fn apply(&self, x: &Tensor) -> Computed<Tensor> {
        x.squeeze(0)?.matmul(&self.down)?.matmul(&self.up)?.unsqueeze(0)
    }
}

impl Adapter {
    /// One for the weights that [`base_name`] calls `base`; it has no pairs yet.
    pub fn new(base: String, rank: usize, alpha: f64) -> Self {
        let about = About { format: FORMAT, rank, alpha, base };
        Self { about, pairs: BTreeMap::new() }
    }

    /// Adds the pair of a layer's matrix: `down` is rank × inputs, `up` is outputs × rank.
    pub fn add(&mut self, layer: usize, target: Target, down: Tensor, up: Tensor) {
        self.pairs.insert((layer, target), Pair { down, up });
    }

    /// How many numbers tell a matrix's inputs in between.
    pub fn rank(&self) -> usize {
        self.about.rank
    }

    /// Reads a file. Whether it fits a model is another question: [`Adapter::fits`].
    pub fn read(path: &Path) -> Result<Self, AdapterError> {
        let size = fs::metadata(path)?.len();
        if size > MOST_BYTES {
            return Err(AdapterError::TooLarge(size));
        }
        let bytes = fs::read(path)?;
        let about = about(&bytes)?;
        let unreadable = |error: candle_core::Error| AdapterError::Unreadable(error.to_string());
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu);
        let mut halves: HashMap<(usize, Target, bool), Tensor> = HashMap::new();
        for (name, tensor) in tensors.map_err(unreadable)? {
            let place = place(&name);
            let place =
                place.ok_or_else(|| AdapterError::Unreadable(format!("what is {name}?")))?;
            let tensor = tensor.to_dtype(DType::F32).map_err(unreadable)?;
            if !is_finite(&tensor).map_err(unreadable)? {
                return Err(AdapterError::Unreadable(format!("{name} is not all numbers")));
            }
            halves.insert(place, tensor);
        }
        let mut adapter = Self { about, pairs: BTreeMap::new() };
        let mut places: Vec<(usize, Target)> =
            halves.keys().map(|(layer, target, _)| (*layer, *target)).collect();
        places.sort_unstable();
        places.dedup();
        for (layer, target) in places {
            let mut half = |is_up| halves.remove(&(layer, target, is_up));
            let (Some(down), Some(up)) = (half(false), half(true)) else {
                let name = matrix(layer, target);
                return Err(AdapterError::Unreadable(format!("{name} has one half of a pair")));
            };
            adapter.add(layer, target, down, up);
        }
        adapter.is_whole()?;
        Ok(adapter)
    }

    /// Writes a file, in 16 bits. The same adapter is written as the same bytes. Nothing is written where
    /// it would be too large.
    pub fn save(&self, path: &Path) -> Result<u64, AdapterError> {
        self.is_whole()?;
        let unreadable = |error: String| AdapterError::Unreadable(error);
        let half = |tensor: &Tensor| {
            let tensor = tensor.to_device(&Device::Cpu).and_then(|it| it.to_dtype(DType::F16));
            tensor.and_then(|it| it.contiguous()).map_err(|error| unreadable(error.to_string()))
        };
        let mut tensors = BTreeMap::new();
        for ((layer, target), pair) in &self.pairs {
            let name = matrix(*layer, *target);
            tensors.insert(format!("{name}.lora_a"), half(&pair.down)?);
            tensors.insert(format!("{name}.lora_b"), half(&pair.up)?);
        }
        let about = serde_json::to_string(&self.about).map_err(|it| unreadable(it.to_string()))?;
        let about = HashMap::from([(MEMBER.to_owned(), about)]);
        let bytes = safetensors::serialize(&tensors, Some(about))
            .map_err(|error| unreadable(error.to_string()))?;
        let size = bytes.len() as u64;
        if size > MOST_BYTES {
            return Err(AdapterError::TooLarge(size));
        }
        fs::write(path, bytes)?;
        Ok(size)
    }

    /// Whether it was trained for the weights of a GGUF file, and each pair has the sides of its matrix.
    pub fn fits(&self, content: &Content) -> Result<(), AdapterError> {
        let model = base_name(content);
        if model != self.about.base {
            return Err(AdapterError::Base { adapter: self.about.base.clone(), model });
        }
        for ((layer, target), pair) in &self.pairs {
            let name = format!("{}.weight", matrix(*layer, *target));
            let found = vec![pair.up.dims()[0], pair.down.dims()[1]];
            let model = content.tensor_infos.get(&name);
            let model = model.map(|info| info.shape.dims().to_vec()).unwrap_or_default();
            if found != model {
                return Err(AdapterError::Shape { name, found, model });
            }
        }
        Ok(())
    }

    /// What is added to a matrix, if anything.
    pub(crate) fn delta(&self, layer: usize, target: Target) -> Computed<Option<Delta>> {
        let pair = self.pairs.get(&(layer, target));
        let delta = pair.map(|pair| {
            #[expect(clippy::cast_precision_loss, reason = "a rank is a small number")]
            let scale = self.about.alpha / self.about.rank as f64;
            let up = (pair.up.t()?.contiguous()? * scale)?;
            Ok(Delta { down: pair.down.t()?.contiguous()?, up })
        });
        delta.transpose()
    }

    /// Whether every half has the rank that the file says.
    fn is_whole(&self) -> Result<(), AdapterError> {
        let rank = self.about.rank;
        if rank == 0 || !self.about.alpha.is_finite() {
            return Err(AdapterError::Unreadable("it has no rank or no alpha".to_owned()));
        }
        for ((layer, target), pair) in &self.pairs {
            let fits = matches!(pair.down.dims(), [one, _] if *one == rank)
                && matches!(pair.up.dims(), [_, one] if *one == rank);
            if !fits {
                let (name, down, up) = (matrix(*layer, *target), pair.down.dims(), pair.up.dims());
                let text = format!("{name} has the sides {down:?} and {up:?} at rank {rank}");
                return Err(AdapterError::Unreadable(text));
            }
        }
        Ok(())
    }
}

/// What a GGUF file calls its weights, however they are quantised: `Qwen2.5-Coder 0.5B`.
pub fn base_name(content: &Content) -> String {
    let text = |key: &str| content.metadata.get(key).and_then(|value| value.to_string().ok());
    match (text("general.basename"), text("general.size_label"), text("general.name")) {
        (Some(name), Some(size), _) => format!("{name} {size}"),
        (_, _, Some(name)) => name.clone(),
        _ => "a model without a name".to_owned(),
    }
}

fn about(bytes: &[u8]) -> Result<About, AdapterError> {
    let unreadable = |error: &dyn std::fmt::Display| AdapterError::Unreadable(error.to_string());
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| unreadable(&error))?;
    let about = metadata.metadata().as_ref().and_then(|members| members.get(MEMBER));
    let about = about.ok_or_else(|| unreadable(&format!("its metadata has no {MEMBER}")))?;
    let version: Version = serde_json::from_str(about).map_err(|error| unreadable(&error))?;
    if version.format != FORMAT {
        return Err(AdapterError::Format(version.format));
    }
    serde_json::from_str(about).map_err(|error| unreadable(&error))
}

fn matrix(layer: usize, target: Target) -> String {
    format!("blk.{layer}.{}", target.as_str())
}

/// `blk.0.attn_q.lora_b`: layer, target, and whether it is the second half.
fn place(name: &str) -> Option<(usize, Target, bool)> {
    let mut parts = name.strip_prefix("blk.")?.split('.');
    let (layer, target, half) = (parts.next()?, parts.next()?, parts.next()?);
    let is_up = match half {
        "lora_a" => false,
        "lora_b" => true,
        _ => return None,
    };
    parts.next().is_none().then_some(())?;
    Some((layer.parse().ok()?, Target::parse(target)?, is_up))
}

fn is_finite(tensor: &Tensor) -> Computed<bool> {
    // Nothing else makes a sum of parts of one that is no number: zero times infinity is none.
    let sum = (tensor * 0.0)?.sum_all()?.to_scalar::<f32>()?;
    Ok(sum == 0.0)
}

#[cfg(test)]
mod tests;
