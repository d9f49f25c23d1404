//! The network of Qwen2 and Qwen2.5 over quantised weights.
//!
//! Ours, and not candle-transformers', for two things that one cannot do: its cache of keys and values
//! can be kept and gone on from, so that a company's tables are read once and not for every question;
//! and the embeddings stay quantised, which for the 0.5B model saves 540 MB. The mathematics are those of
//! the Qwen2 report (arXiv:2407.10671): RMS norms before attention and feed-forward, rotary positions,
//! grouped queries, SwiGLU.

use std::io::{Read, Seek};

use candle_core::{
    D, DType, Device, Result, Tensor,
    quantized::{GgmlDType, QMatMul, QTensor, gguf_file::Content},
};
use candle_nn::{ops, rotary_emb::rope};

use crate::adapter::{Adapter, Delta, Target};

/// Positions that are prepared for: prompts and what is written are far shorter.
const MOST_POSITIONS: usize = 8192;
/// Up to so many tokens' rows are read one by one.
const FEW_TOKENS: usize = 2048;
/// Inputs that candle's vector code takes at once.
const BLOCK: usize = 256;

/// The weights.
#[derive(Debug)]
pub struct Qwen2 {
    embeddings: Matrix,
    layers: Vec<Layer>,
    norm: Tensor,
    output: Matrix,
    cos: Tensor,
    sin: Tensor,
    shape: Shape,
}

#[derive(Debug, Clone, Copy)]
struct Shape {
    heads: usize,
    groups: usize,
    width: usize,
    epsilon: f32,
}

#[derive(Debug)]
struct Layer {
    attention_norm: Tensor,
    query: Projection,
    key: Projection,
    value: Projection,
    attended: Projection,
    forward_norm: Tensor,
    gate: Projection,
    up: Projection,
    down: Projection,
}

/// A matrix, what is added to its products, and what an adapter adds.
#[derive(Debug)]
struct Projection {
    weight: Matrix,
    bias: Option<Tensor>,
    delta: Option<Delta>,
}

impl Projection {
    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let mut y = self.weight.times(x)?;
        if let Some(bias) = &self.bias {
            y = y.broadcast_add(bias)?;
        }
        match &self.delta {
            Some(delta) => y + delta.apply(x)?,
            None => Ok(y),
        }
    }
}

/// Keys and values of the tokens read so far. Cloning shares them: going on from a clone leaves the
/// original as it was.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    layers: Vec<(Tensor, Tensor)>,
    tokens: usize,
}

impl Memory {
    /// How many tokens it holds.
    pub fn tokens(&self) -> usize {
        self.tokens
    }
}

impl Qwen2 {
    /// Reads the weights of a GGUF file whose `general.architecture` is `qwen2`. That the adapter fits
    /// them was checked ([`Adapter::fits`]).
    pub fn read<R: Read + Seek>(
        content: &Content,
        file: &mut R,
        adapter: Option<&Adapter>,
    ) -> Result<Self> {
        let device = Device::Cpu;
        let number = |key: &str| -> Result<usize> {
            let value = content.metadata.get(&format!("qwen2.{key}"));
            let value = value.ok_or_else(|| candle_core::Error::msg(format!("no qwen2.{key}")))?;
            Ok(value.to_u32()? as usize)
        };
        let heads = number("attention.head_count")?;
        let groups = number("attention.head_count_kv")?;
        let hidden = number("embedding_length")?;
        if heads == 0 || groups == 0 || heads % groups != 0 || hidden % heads != 0 {
            candle_core::bail!("{heads} heads in {groups} groups do not share {hidden} numbers");
        }
        let float = |key: &str| content.metadata.get(key).and_then(|value| value.to_f32().ok());
        let epsilon = float("qwen2.attention.layer_norm_rms_epsilon").unwrap_or(1e-6);
        let base = float("qwen2.rope.freq_base").unwrap_or(10_000.0);
        let shape = Shape { heads, groups, width: hidden / heads, epsilon };
        let mut matrix = |name: &str| Matrix::of(content.tensor(file, name, &device)?);
        let embeddings = matrix("token_embd.weight")?;
        let tied = !content.tensor_infos.contains_key("output.weight");
        let output = if tied { embeddings.clone() } else { matrix("output.weight")? };
        let mut vector = |name: &str| content.tensor(file, name, &device)?.dequantize(&device);
        let norm = vector("output_norm.weight")?;
        let layers = (0..number("block_count")?)
            .map(|number| Layer::read(content, file, number, adapter))
            .collect::<Result<_>>()?;
        let (cos, sin) = rotations(shape.width, base, &device)?;
        Ok(Self { embeddings, layers, norm, output, cos, sin, shape })
    }

    /// Reads `tokens` after what `memory` holds, and gives the state after the last of them, which
    /// [`Self::logits`] tells what comes next from: 1 × 1 × the hidden width.
    pub fn read_on(&self, tokens: &[u32], memory: &mut Memory) -> Result<Tensor> {
        let (start, count) = (memory.tokens, tokens.len());
        if start + count > MOST_POSITIONS {
            candle_core::bail!("{} tokens are more than {MOST_POSITIONS}", start + count);
        }
        let ids = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
        let mut x = self.embeddings.rows(&ids)?;
        let turn = (self.cos.narrow(0, start, count)?, self.sin.narrow(0, start, count)?);
        let mask = (count > 1).then(|| self.mask(start, count)).transpose()?;
        let mut grown = Vec::with_capacity(self.layers.len());
        for (number, layer) in self.layers.iter().enumerate() {
            let before = memory.layers.get(number);
            let (next, kept) = layer.forward(&x, before, &turn, mask.as_ref(), self.shape)?;
            x = next;
            grown.push(kept);
        }
        *memory = Memory { layers: grown, tokens: start + count };
        let last = x.narrow(1, count - 1, 1)?.contiguous()?;
        ops::rms_norm(&last, &self.norm, self.shape.epsilon)
    }

    /// The logits of these tokens after a state. The matrix of all tokens is a quarter of a small model's
    /// weights, and a grammar mostly allows a few of them: only their rows are read then.
    pub fn logits(&self, state: &Tensor, tokens: &[u32]) -> Result<Vec<f32>> {
        if tokens.len() > FEW_TOKENS {
            let all = self.output.times(state)?.flatten_all()?.to_dtype(DType::F32)?;
            let all = all.to_vec1::<f32>()?;
            let of = |token: &u32| all.get(*token as usize).copied().unwrap_or(f32::NEG_INFINITY);
            return Ok(tokens.iter().map(of).collect());
        }
        let rows = self.output.rows(&Tensor::new(tokens, &Device::Cpu)?)?;
        rows.matmul(&state.flatten_all()?.unsqueeze(1)?)?.flatten_all()?.to_vec1()
    }

    /// What a token must not see: those after it. The queries that share a group's keys stand below each
    /// other.
    fn mask(&self, start: usize, count: usize) -> Result<Tensor> {
        let sharing = self.shape.heads / self.shape.groups;
        let hidden = |at: usize, other: usize| {
            if other > start + at { f32::NEG_INFINITY } else { 0.0 }
        };
        let rows = (0..sharing * count)
            .flat_map(|row| (0..start + count).map(move |other| hidden(row % count, other)));
        Tensor::from_vec(rows.collect(), (1, 1, sharing * count, start + count), &Device::Cpu)
    }
}

impl Layer {
    fn read<R: Read + Seek>(
        content: &Content,
        file: &mut R,
        number: usize,
        adapter: Option<&Adapter>,
    ) -> Result<Self> {
        let device = Device::Cpu;
        let mut tensor =
            |name: &str| content.tensor(file, &format!("blk.{number}.{name}"), &device);
        let attention_norm = tensor("attn_norm.weight")?.dequantize(&device)?;
        let forward_norm = tensor("ffn_norm.weight")?.dequantize(&device)?;
        let mut projection = |target: Target, has_bias: bool| {
            let name = target.as_str();
            let bias = has_bias.then(|| tensor(&format!("{name}.bias"))?.dequantize(&device));
            let delta = adapter.map(|adapter| adapter.delta(number, target)).transpose()?;
            Ok::<_, candle_core::Error>(Projection {
                weight: Matrix::of(tensor(&format!("{name}.weight"))?)?,
                bias: bias.transpose()?,
                delta: delta.flatten(),
            })
        };
        Ok(Self {
            attention_norm,
            query: projection(Target::Query, true)?,
            key: projection(Target::Key, true)?,
            value: projection(Target::Value, true)?,
            attended: projection(Target::Attended, false)?,
            forward_norm,
            gate: projection(Target::Gate, false)?,
            up: projection(Target::Up, false)?,
            down: projection(Target::Down, false)?,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        before: Option<&(Tensor, Tensor)>,
        turn: &(Tensor, Tensor),
        mask: Option<&Tensor>,
        shape: Shape,
    ) -> Result<(Tensor, (Tensor, Tensor))> {
        let normed = ops::rms_norm(x, &self.attention_norm, shape.epsilon)?;
        let (attended, kept) = self.attend(&normed, before, turn, mask, shape)?;
        let x = (x + attended)?;
        let normed = ops::rms_norm(&x, &self.forward_norm, shape.epsilon)?;
        let gated = (ops::silu(&self.gate.apply(&normed)?)? * self.up.apply(&normed)?)?;
        Ok(((x + self.down.apply(&gated)?)?, kept))
    }

    fn attend(
        &self,
        x: &Tensor,
        before: Option<&(Tensor, Tensor)>,
        (cos, sin): &(Tensor, Tensor),
        mask: Option<&Tensor>,
        shape: Shape,
    ) -> Result<(Tensor, (Tensor, Tensor))> {
        let Shape { heads, groups, width, .. } = shape;
        let count = x.dim(1)?;
        let split = |x: Tensor, parts: usize| {
            x.reshape((1, count, parts, width))?.transpose(1, 2)?.contiguous()
        };
        let query = rope(&split(self.query.apply(x)?, heads)?, cos, sin)?;
        let mut key = rope(&split(self.key.apply(x)?, groups)?, cos, sin)?;
        let mut value = split(self.value.apply(x)?, groups)?;
        if let Some((keys, values)) = before {
            key = Tensor::cat(&[keys, &key], 2)?;
            value = Tensor::cat(&[values, &value], 2)?;
        }
        // The queries of one group lie below each other, so that its keys need not be copied for each.
        let query = query.reshape((1, groups, heads / groups * count, width))?;
        #[expect(clippy::cast_precision_loss, reason = "a width is a small number")]
        let scale = 1.0 / (width as f64).sqrt();
        let scores = (query.matmul(&key.t()?)? * scale)?;
        let scores = match mask {
            Some(mask) => scores.broadcast_add(mask)?,
            None => scores,
        };
        let seen = ops::softmax_last_dim(&scores)?.matmul(&value)?;
        let seen = seen.reshape((1, heads, count, width))?.transpose(1, 2)?;
        let seen = seen.reshape((1, count, heads * width))?;
        Ok((self.attended.apply(&seen)?, (key, value)))
    }
}

/// A matrix as candle is quick with: its vector code takes eight bits whose inputs are a multiple of
/// [`BLOCK`], and small models' files are mostly of other types or sizes. Eight bits hold what four and
/// five do, and what is filled up is zero.
#[derive(Debug, Clone)]
struct Matrix {
    weight: QMatMul,
    inputs: usize,
    filled_up: usize,
}

impl Matrix {
    fn of(tensor: QTensor) -> Result<Self> {
        let (_, inputs) = tensor.shape().dims2()?;
        let is_slow = matches!(
            tensor.dtype(),
            GgmlDType::Q4_1 | GgmlDType::Q5_0 | GgmlDType::Q5_1 | GgmlDType::Q8_0
        );
        if !is_slow {
            return Ok(Self { weight: QMatMul::from_qtensor(tensor)?, inputs, filled_up: 0 });
        }
        let filled_up = inputs.next_multiple_of(BLOCK) - inputs;
        let whole = tensor.dequantize(&Device::Cpu)?.pad_with_zeros(D::Minus1, 0, filled_up)?;
        let weight = QMatMul::from_qtensor(QTensor::quantize(&whole, GgmlDType::Q8_0)?)?;
        Ok(Self { weight, inputs, filled_up })
    }

    /// `x` (… × inputs) times the matrix: … × outputs.
    fn times(&self, x: &Tensor) -> Result<Tensor> {
        match self.filled_up {
            0 => x.apply(&self.weight),
            count => x.pad_with_zeros(D::Minus1, 0, count)?.apply(&self.weight),
        }
    }

    /// The rows of these outputs: … × inputs.
    fn rows(&self, ids: &Tensor) -> Result<Tensor> {
        self.weight.embedding(ids)?.narrow(D::Minus1, 0, self.inputs)?.contiguous()
    }
}

/// Cosines and sines of rotary positions.
fn rotations(width: usize, base: f32, device: &Device) -> Result<(Tensor, Tensor)> {
    #[expect(clippy::cast_precision_loss, reason = "a width is a small number")]
    let speeds: Vec<f32> =
        (0..width).step_by(2).map(|at| base.powf(-(at as f32) / width as f32)).collect();
    let speeds = Tensor::new(speeds.as_slice(), device)?.unsqueeze(0)?;
    #[expect(clippy::cast_possible_truncation, reason = "8192 fits")]
    let places = Tensor::arange(0, MOST_POSITIONS as u32, device)?.to_dtype(DType::F32)?;
    let angles = places.unsqueeze(1)?.matmul(&speeds)?;
    Ok((angles.cos()?, angles.sin()?))
}
