//! The network of Qwen2 with gradients, over weights de-quantised from a GGUF file.
//!
//! The mathematics are those of the server's own network (`pacioli-llm`'s `qwen2`), written with operations
//! that can be derived. Weights are frozen: no gradient is ever computed for them, only through them
//! ([`Frozen`]). Each layer is computed a second time when its gradients are (checkpointing, Chen et al.,
//! arXiv:1604.06174), so that memory holds what one layer needs, and not all.

use std::io::{Read, Seek};

use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, D, DType, Device, Layout, Result, Shape, Storage, Tensor,
    Var, backend::BackendStorage as _, bail, quantized::gguf_file::Content,
};
use pacioli_llm::Target;

use super::{
    batches::Batch,
    pairs::{Gradients, Pairs},
};

/// A frozen model.
#[derive(Debug)]
pub struct Network {
    embeddings: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    output: Tensor,
    /// Of rotary positions: the speed of each pair of numbers.
    speeds: Vec<f32>,
    dimensions: Dimensions,
    device: Device,
}

#[derive(Debug, Clone, Copy)]
struct Dimensions {
    heads: usize,
    groups: usize,
    width: usize,
    epsilon: f64,
}

#[derive(Debug)]
struct Layer {
    number: usize,
    attention_norm: Tensor,
    forward_norm: Tensor,
    /// In the order of [`Target::ALL`]: outputs × inputs.
    matrices: Vec<Tensor>,
    /// Of query, key and value.
    biases: Vec<Tensor>,
}

/// What positions need in every layer.
struct Places {
    cos: Tensor,
    sin: Tensor,
    mask: Tensor,
}

impl Network {
    /// Reads the weights of a GGUF file, as numbers of 32 bits, on a device.
    pub fn read<R: Read + Seek>(content: &Content, file: &mut R, device: &Device) -> Result<Self> {
        let number = |key: &str| -> Result<usize> {
            let value = content.metadata.get(&format!("qwen2.{key}"));
            let value = value.ok_or_else(|| candle_core::Error::msg(format!("no qwen2.{key}")))?;
            Ok(value.to_u32()? as usize)
        };
        let float = |key: &str| content.metadata.get(key).and_then(|value| value.to_f32().ok());
        let (heads, groups) = (number("attention.head_count")?, number("attention.head_count_kv")?);
        let hidden = number("embedding_length")?;
        if heads == 0 || groups == 0 || heads % groups != 0 || hidden % heads != 0 {
            bail!("{heads} heads in {groups} groups do not share {hidden} numbers");
        }
        let width = hidden / heads;
        let epsilon = float("qwen2.attention.layer_norm_rms_epsilon").unwrap_or(1e-6);
        let base = float("qwen2.rope.freq_base").unwrap_or(10_000.0);
        let mut tensor = |name: &str| content.tensor(file, name, device)?.dequantize(device);
        let mut layers = Vec::new();
        for number in 0..number("block_count")? {
            let mut of_layer = |name: &str| tensor(&format!("blk.{number}.{name}"));
            let matrices =
                Target::ALL.iter().map(|it| of_layer(&format!("{}.weight", it.as_str())));
            let matrices = matrices.collect::<Result<_>>()?;
            let biases = ["attn_q.bias", "attn_k.bias", "attn_v.bias"].map(&mut of_layer);
            layers.push(Layer {
                number,
                attention_norm: of_layer("attn_norm.weight")?,
                forward_norm: of_layer("ffn_norm.weight")?,
                matrices,
                biases: biases.into_iter().collect::<Result<_>>()?,
            });
        }
        let embeddings = tensor("token_embd.weight")?;
        let tied = !content.tensor_infos.contains_key("output.weight");
        let output = if tied { embeddings.clone() } else { tensor("output.weight")? };
        #[expect(clippy::cast_precision_loss, reason = "a width is a small number")]
        let speed = |at: usize| base.powf(-(at as f32) / width as f32);
        Ok(Self {
            embeddings,
            layers,
            norm: tensor("output_norm.weight")?,
            output,
            speeds: (0..width).step_by(2).map(speed).collect(),
            dimensions: Dimensions { heads, groups, width, epsilon: epsilon.into() },
            device: device.clone(),
        })
    }

    /// Where the weights are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How many layers there are.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Outputs and inputs of a matrix.
    pub fn sides(&self, layer: usize, target: Target) -> Result<(usize, usize)> {
        self.layers[layer].matrix(target).dims2()
    }

    /// The logits of what follows each place of `batch` that is learnt from.
    pub fn logits(&self, batch: &Batch, pairs: &Pairs) -> Result<Tensor> {
        let pairs = pairs.still();
        let places = self.places(batch.length)?;
        let mut x = self.embedded(batch)?;
        for layer in &self.layers {
            x = layer.forward(&x, &places, &pairs, self.dimensions)?;
        }
        self.head(&x, batch)
    }

    /// The sum, over the places that are learnt from, of the negative logarithm of the probability of what
    /// is right there (nats).
    pub fn loss(&self, batch: &Batch, pairs: &Pairs) -> Result<f64> {
        self.summed(&self.logits(batch, pairs)?, batch)?.to_dtype(DType::F64)?.to_scalar()
    }

    /// As [`Self::loss`]; its gradients, times `weight`, are added to `gradients`.
    pub fn learn(
        &self,
        batch: &Batch,
        pairs: &Pairs,
        weight: f64,
        gradients: &mut Gradients,
    ) -> Result<f64> {
        let still = pairs.still();
        let places = self.places(batch.length)?;
        let mut inputs = Vec::with_capacity(self.layers.len());
        let mut x = self.embedded(batch)?;
        for layer in &self.layers {
            let next = layer.forward(&x, &places, &still, self.dimensions)?;
            inputs.push(std::mem::replace(&mut x, next));
        }
        let x = Var::from_tensor(&x)?;
        let loss = self.summed(&self.head(&x, batch)?, batch)?;
        let value = loss.to_dtype(DType::F64)?.to_scalar()?;
        let back = (loss * weight)?.backward()?;
        let Some(mut coming) = back.get(&x).cloned() else { bail!("the loss depends on nothing") };
        for (layer, input) in self.layers.iter().zip(&inputs).rev() {
            let input = Var::from_tensor(input)?;
            let output = layer.forward(&input, &places, pairs, self.dimensions)?;
            let back = (output * coming.detach())?.sum_all()?.backward()?;
            gradients.add(layer.number, pairs, &back)?;
            let Some(next) = back.get(&input) else { bail!("a layer depends on nothing") };
            coming = next.clone();
        }
        Ok(value)
    }

    fn embedded(&self, batch: &Batch) -> Result<Tensor> {
        let ids = Tensor::from_slice(&batch.tokens, batch.tokens.len(), &self.device)?;
        let x = self.embeddings.index_select(&ids, 0)?;
        x.reshape((batch.rows, batch.length, x.dim(1)?))
    }

    fn head(&self, x: &Tensor, batch: &Batch) -> Result<Tensor> {
        let flat = x.flatten(0, 1)?;
        let places = Tensor::from_slice(&batch.places, batch.places.len(), &self.device)?;
        let seen = normed(&flat.index_select(&places, 0)?, &self.norm, self.dimensions.epsilon)?;
        Frozen::product(&seen, &self.output)
    }

    fn summed(&self, logits: &Tensor, batch: &Batch) -> Result<Tensor> {
        let wanted = Tensor::from_slice(&batch.wanted, batch.wanted.len(), &self.device)?;
        let most = logits.max_keepdim(1)?.detach();
        let logits = logits.broadcast_sub(&most)?;
        let whole = logits.exp()?.sum_keepdim(1)?.log()?;
        (whole - logits.gather(&wanted.unsqueeze(1)?, 1)?)?.sum_all()
    }

    fn places(&self, length: usize) -> Result<Places> {
        let Dimensions { heads, groups, .. } = self.dimensions;
        let speeds = Tensor::from_slice(&self.speeds, (1, self.speeds.len()), &self.device)?;
        let length_u32 = u32::try_from(length).map_err(candle_core::Error::wrap)?;
        let places = Tensor::arange(0, length_u32, &self.device)?;
        let angles = places.to_dtype(DType::F32)?.unsqueeze(1)?.matmul(&speeds)?;
        let angles = Tensor::cat(&[&angles, &angles], 1)?;
        let hidden = |row: usize, other: usize| if other > row { f32::NEG_INFINITY } else { 0.0 };
        let rows = (0..heads / groups * length)
            .flat_map(|row| (0..length).map(move |other| hidden(row % length, other)));
        let mask: Vec<f32> = rows.collect();
        let mask = Tensor::from_vec(mask, (heads / groups * length, length), &self.device)?;
        Ok(Places { cos: angles.cos()?, sin: angles.sin()?, mask })
    }
}

impl Layer {
    fn matrix(&self, target: Target) -> &Tensor {
        let place = Target::ALL.iter().position(|one| *one == target);
        &self.matrices[place.unwrap_or_default()]
    }

    /// The product with a matrix, and what the pair adds to it. `x` is (rows × tokens, inputs).
    fn product(&self, x: &Tensor, target: Target, pairs: &Pairs) -> Result<Tensor> {
        let y = Frozen::product(x, self.matrix(target))?;
        match pairs.get(self.number, target) {
            Some((down, up)) => y + (x.matmul(&down.t()?)?.matmul(&up.t()?)? * pairs.scale())?,
            None => Ok(y),
        }
    }

    fn forward(
        &self,
        x: &Tensor,
        places: &Places,
        pairs: &Pairs,
        dimensions: Dimensions,
    ) -> Result<Tensor> {
        let shape = x.shape().clone();
        let (rows, length, hidden) = shape.dims3()?;
        let x = x.reshape((rows * length, hidden))?;
        let seen = normed(&x, &self.attention_norm, dimensions.epsilon)?;
        let attended = self.attend(&seen, (rows, length), places, pairs, dimensions)?;
        let x = (x + self.product(&attended, Target::Attended, pairs)?)?;
        let seen = normed(&x, &self.forward_norm, dimensions.epsilon)?;
        let gate = self.product(&seen, Target::Gate, pairs)?.silu()?;
        let gated = (gate * self.product(&seen, Target::Up, pairs)?)?;
        (x + self.product(&gated, Target::Down, pairs)?)?.reshape(shape)
    }

    fn attend(
        &self,
        x: &Tensor,
        (rows, length): (usize, usize),
        places: &Places,
        pairs: &Pairs,
        dimensions: Dimensions,
    ) -> Result<Tensor> {
        let Dimensions { heads, groups, width, .. } = dimensions;
        let split = |target: Target, bias: usize, parts: usize| {
            let y = self.product(x, target, pairs)?.broadcast_add(&self.biases[bias])?;
            y.reshape((rows, length, parts, width))?.transpose(1, 2)?.contiguous()
        };
        let query = turned(&split(Target::Query, 0, heads)?, places)?;
        let key = turned(&split(Target::Key, 1, groups)?, places)?;
        let value = split(Target::Value, 2, groups)?;
        // The queries of one group lie below each other, so that its keys need not be copied for each.
        let query = query.reshape((rows, groups, heads / groups * length, width))?;
        #[expect(clippy::cast_precision_loss, reason = "a width is a small number")]
        let scale = 1.0 / (width as f64).sqrt();
        let scores = (query.matmul(&key.t()?)? * scale)?;
        let scores = scores.broadcast_add(&places.mask)?;
        let most = scores.max_keepdim(D::Minus1)?.detach();
        let scores = scores.broadcast_sub(&most)?.exp()?;
        let shares = scores.broadcast_div(&scores.sum_keepdim(D::Minus1)?)?;
        let seen = shares.matmul(&value)?;
        let seen = seen.reshape((rows, heads, length, width))?.transpose(1, 2)?;
        seen.reshape((rows * length, heads * width))
    }
}

/// RMS norm.
fn normed(x: &Tensor, weight: &Tensor, epsilon: f64) -> Result<Tensor> {
    let square = (x.sqr()?.mean_keepdim(D::Minus1)? + epsilon)?;
    x.broadcast_div(&square.sqrt()?)?.broadcast_mul(weight)
}

/// Rotary positions: the first half of the numbers turns against the second.
fn turned(x: &Tensor, places: &Places) -> Result<Tensor> {
    let half = x.dim(D::Minus1)? / 2;
    let (first, second) = (x.narrow(D::Minus1, 0, half)?, x.narrow(D::Minus1, half, half)?);
    let across = Tensor::cat(&[&second.neg()?, &first], D::Minus1)?;
    x.broadcast_mul(&places.cos)? + across.broadcast_mul(&places.sin)?
}

/// The product with a frozen matrix. As an ordinary product candle would compute the matrix's own
/// gradient, which nobody wants: half as much work again, and as much memory as all weights.
struct Frozen {
    /// What was computed.
    product: Tensor,
    /// outputs × inputs.
    matrix: Tensor,
}

impl Frozen {
    fn product(x: &Tensor, matrix: &Tensor) -> Result<Tensor> {
        let product = x.detach().matmul(&matrix.t()?)?;
        x.apply_op1(Self { product, matrix: matrix.clone() })
    }
}

impl CustomOp1 for Frozen {
    fn name(&self) -> &'static str {
        "frozen-product"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let (storage, layout) = self.product.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else { bail!("a product elsewhere") };
        Ok((storage.try_clone(layout)?, layout.shape().clone()))
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        let (storage, layout) = self.product.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else { bail!("a product elsewhere") };
        Ok((storage.try_clone(layout)?, layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, coming: &Tensor) -> Result<Option<Tensor>> {
        coming.matmul(&self.matrix).map(Some)
    }
}
