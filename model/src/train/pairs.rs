//! The low-rank pairs that are trained, and their gradients.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor, Var, backprop::GradStore, bail};
use pacioli_llm::{Adapter, Target};

use super::network::Network;
use crate::random::Random;

/// A layer's matrix.
pub type Place = (usize, Target);

/// Pairs of some matrices of each layer.
#[derive(Debug, Clone)]
pub struct Pairs {
    rank: usize,
    alpha: f64,
    /// rank × inputs, and outputs × rank.
    by_place: BTreeMap<Place, (Tensor, Tensor)>,
}

impl Pairs {
    /// New ones: the first halves random, the second ones zero, so that nothing is added at first (Hu et
    /// al.). In 32 bits.
    pub fn new(
        network: &Network,
        rank: usize,
        alpha: f64,
        targets: &[Target],
        seed: u64,
    ) -> Result<Self> {
        let mut pairs = BTreeMap::new();
        let mut random = Random::new(seed, 1);
        for layer in 0..network.layers() {
            for target in targets {
                let (outputs, inputs) = network.sides(layer, *target)?;
                #[expect(clippy::cast_precision_loss, reason = "a side is a small number")]
                let bound = 1.0 / (inputs as f64).sqrt();
                #[expect(clippy::cast_possible_truncation, reason = "32 bits are enough")]
                let number = |random: &mut Random| ((2.0 * random.unit() - 1.0) * bound) as f32;
                let numbers = (0..rank * inputs).map(|_| number(&mut random)).collect();
                let down = Tensor::from_vec(numbers, (rank, inputs), network.device())?;
                let up = Tensor::zeros((outputs, rank), DType::F32, network.device())?;
                pairs.insert((layer, *target), (variable(&down)?, variable(&up)?));
            }
        }
        Ok(Self { rank, alpha, by_place: pairs })
    }

    /// Alpha over rank.
    #[expect(clippy::cast_precision_loss, reason = "a rank is a small number")]
    pub fn scale(&self) -> f64 {
        self.alpha / self.rank as f64
    }

    /// The pair of a matrix.
    pub fn get(&self, layer: usize, target: Target) -> Option<&(Tensor, Tensor)> {
        self.by_place.get(&(layer, target))
    }

    /// The same numbers, that nothing is derived by.
    pub fn still(&self) -> Self {
        let still = |(down, up): &(Tensor, Tensor)| (down.detach(), up.detach());
        let pairs = self.by_place.iter().map(|(place, pair)| (*place, still(pair))).collect();
        Self { by_place: pairs, ..*self }
    }

    /// All halves by their names, in a fixed order.
    pub fn halves(&self) -> Vec<(String, &Tensor)> {
        let mut halves = Vec::new();
        for ((layer, target), (down, up)) in &self.by_place {
            let name = format!("{layer}.{}", target.as_str());
            halves.push((format!("{name}.down"), down));
            halves.push((format!("{name}.up"), up));
        }
        halves
    }

    /// Puts other numbers in the place of a half.
    pub fn replace(&mut self, name: &str, numbers: &Tensor) -> Result<()> {
        for ((layer, target), (down, up)) in &mut self.by_place {
            let own = format!("{layer}.{}", target.as_str());
            let half = match name.strip_prefix(&own) {
                Some(".down") => down,
                Some(".up") => up,
                _ => continue,
            };
            if half.shape() != numbers.shape() {
                bail!("{name} has the sides {:?}, not {:?}", half.dims(), numbers.dims());
            }
            *half = variable(numbers)?;
            return Ok(());
        }
        bail!("there is no pair for {name}")
    }

    /// As a file for the server, for the weights that are called `base`.
    pub fn adapter(&self, base: &str) -> Result<Adapter> {
        let mut adapter = Adapter::new(base.to_owned(), self.rank, self.alpha);
        for ((layer, target), (down, up)) in &self.by_place {
            let here = |tensor: &Tensor| tensor.detach().to_device(&Device::Cpu);
            adapter.add(*layer, *target, here(down)?, here(up)?);
        }
        Ok(adapter)
    }
}

fn variable(tensor: &Tensor) -> Result<Tensor> {
    Ok(Var::from_tensor(tensor)?.into_inner())
}

/// Sums of gradients, by the names of [`Pairs::halves`].
#[derive(Debug, Default)]
pub struct Gradients(BTreeMap<String, Tensor>);

impl Gradients {
    /// Adds those of one layer.
    pub(super) fn add(&mut self, layer: usize, pairs: &Pairs, back: &GradStore) -> Result<()> {
        for target in Target::ALL {
            let Some((down, up)) = pairs.get(layer, target) else { continue };
            for (half, tensor) in [("down", down), ("up", up)] {
                let Some(gradient) = back.get(tensor) else { continue };
                let name = format!("{layer}.{}.{half}", target.as_str());
                let sum = match self.0.get(&name) {
                    Some(before) => (before + gradient)?,
                    None => gradient.clone(),
                };
                self.0.insert(name, sum);
            }
        }
        Ok(())
    }

    /// The gradient of a half.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// The length of all of them as one vector.
    pub fn norm(&self) -> Result<f64> {
        let mut sum = 0.0;
        for gradient in self.0.values() {
            sum += gradient.sqr()?.sum_all()?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
        }
        Ok(sum.sqrt())
    }

    /// Makes all of them shorter, so that their length is at most `most`; gives what it was.
    pub fn clip(&mut self, most: f64) -> Result<f64> {
        let norm = self.norm()?;
        if norm > most {
            for gradient in self.0.values_mut() {
                *gradient = (&*gradient * (most / norm))?;
            }
        }
        Ok(norm)
    }
}
