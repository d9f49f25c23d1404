use std::{
    fs::File,
    io::{Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use candle_core::quantized::{GgmlDType, QTensor, gguf_file};
use tempfile::TempDir;

use super::*;
use crate::{
    qwen2::{Memory, Qwen2},
    tiny::write_model,
};

/// Layers of the tiny model.
const LAYERS: usize = 2;
const RANK: usize = 4;
const ALPHA: f64 = 6.0;
/// Alpha over rank.
const SCALE: f64 = 1.5;

/// A folder with the tiny model in it.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        write_model(&bench.path("tiny.gguf"), LAYERS);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn content(&self, name: &str) -> (Content, File) {
        let mut file = File::open(self.path(name)).unwrap();
        (Content::read(&mut file).unwrap(), file)
    }

    /// The model again, its matrices in layers changed and quantised.
    fn rewrite(
        &self,
        name: &str,
        dtype: GgmlDType,
        change: impl Fn(usize, Target, Tensor) -> Tensor,
    ) {
        let (content, mut file) = self.content("tiny.gguf");
        let mut tensors: Vec<(String, QTensor)> = Vec::new();
        for name in content.tensor_infos.keys() {
            let read = content.tensor(&mut file, name, &Device::Cpu).unwrap();
            let of_layer =
                name.strip_suffix(".weight").and_then(|name| place(&format!("{name}.lora_a")));
            let tensor = match of_layer {
                Some((layer, target, _)) => {
                    let matrix = change(layer, target, read.dequantize(&Device::Cpu).unwrap());
                    QTensor::quantize(&matrix, dtype).unwrap()
                }
                None => read,
            };
            tensors.push((name.clone(), tensor));
        }
        let metadata: Vec<_> =
            content.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<_> =
            tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let mut out = File::create(self.path(name)).unwrap();
        gguf_file::write(&mut out, &metadata, &tensors).unwrap();
        out.seek(SeekFrom::Start(0)).unwrap();
    }

    /// What comes after a few tokens, read in two pieces.
    fn logits(&self, name: &str, adapter: Option<&Adapter>) -> Vec<f32> {
        let (content, mut file) = self.content(name);
        let network = Qwen2::read(&content, &mut file, adapter).unwrap();
        let mut memory = Memory::default();
        network.read_on(&[5, 77, 100, 3], &mut memory).unwrap();
        let state = network.read_on(&[42, 9], &mut memory).unwrap();
        let tokens: Vec<u32> = (0..256).collect();
        let few = network.logits(&state, &tokens).unwrap();
        // Read from the whole matrix, they are the same.
        let many = network.logits(&state, &tokens.repeat(9)).unwrap();
        assert!(few.iter().zip(&many).all(|(few, many)| (few - many).abs() < 1e-4));
        few
    }
}

/// A pair for every matrix; `up` is zero where `scale` is.
fn adapter(content: &Content, scale: f64) -> Adapter {
    let mut adapter = Adapter::new(base_name(content), RANK, ALPHA);
    for layer in 0..LAYERS {
        for (number, target) in Target::ALL.into_iter().enumerate() {
            let name = format!("{}.weight", matrix(layer, target));
            let (outputs, inputs) = content.tensor_infos[&name].shape.dims2().unwrap();
            let numbers = |rows: usize, columns: usize, turn: f64| {
                let places = u32::try_from(rows * columns).unwrap();
                let places = Tensor::arange(0, places, &Device::Cpu).unwrap();
                let turn = turn * f64::from(u32::try_from(3 + number + layer).unwrap());
                let numbers = (places.to_dtype(DType::F32).unwrap() * turn).unwrap().sin().unwrap();
                numbers.reshape((rows, columns)).unwrap()
            };
            let up = (numbers(outputs, RANK, 0.7) * scale).unwrap();
            adapter.add(layer, target, numbers(RANK, inputs, 0.3), up);
        }
    }
    adapter
}

fn farthest(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
}

/// The weights with what the adapter adds, as one matrix.
fn merged(adapter: &Adapter) -> impl Fn(usize, Target, Tensor) -> Tensor {
    move |layer, target, matrix| {
        let pair = &adapter.pairs[&(layer, target)];
        let product = pair.up.matmul(&pair.down).unwrap();
        (matrix + (product * SCALE).unwrap()).unwrap()
    }
}

#[test]
fn an_adapter_changes_logits_as_merging_it_into_the_weights_would() {
    let bench = Bench::new();
    let adapter = adapter(&bench.content("tiny.gguf").0, 0.02);
    let plain = bench.logits("tiny.gguf", None);
    let adapted = bench.logits("tiny.gguf", Some(&adapter));
    bench.rewrite("merged.gguf", GgmlDType::F32, merged(&adapter));
    let other = bench.logits("merged.gguf", None);
    let (near, far) = (farthest(&adapted, &other), farthest(&adapted, &plain));
    assert!(near < 1e-3 && far > 0.1, "{near} {far}");
}

#[test]
fn beside_quantised_weights_it_adds_the_same() {
    let bench = Bench::new();
    let adapter = adapter(&bench.content("tiny.gguf").0, 0.02);
    bench.rewrite("small.gguf", GgmlDType::Q8_0, |_, _, matrix| matrix);
    // What the quantised weights are, as floats, with the adapter merged in.
    let (content, mut file) = bench.content("small.gguf");
    let known: HashMap<String, Tensor> = content
        .tensor_infos
        .keys()
        .map(|name| {
            let read = content.tensor(&mut file, name, &Device::Cpu).unwrap();
            (name.clone(), read.dequantize(&Device::Cpu).unwrap())
        })
        .collect();
    let merge = merged(&adapter);
    bench.rewrite("merged.gguf", GgmlDType::F32, |layer, target, _| {
        let name = format!("{}.weight", matrix(layer, target));
        merge(layer, target, known[&name].clone())
    });
    let (plain, adapted) =
        (bench.logits("small.gguf", None), bench.logits("small.gguf", Some(&adapter)));
    let other = bench.logits("merged.gguf", None);
    let (near, far) = (farthest(&adapted, &other), farthest(&adapted, &plain));
    // Products with eight bits round what goes in, too.
    assert!(near < far / 5.0, "{near} {far}");
}

#[test]
fn a_zero_adapter_changes_nothing() {
    let bench = Bench::new();
    let adapter = adapter(&bench.content("tiny.gguf").0, 0.0);
    assert_eq!(bench.logits("tiny.gguf", Some(&adapter)), bench.logits("tiny.gguf", None));
}

#[test]
fn a_file_gives_back_what_was_saved_and_the_same_bytes_each_time() {
    let bench = Bench::new();
    let (content, _) = bench.content("tiny.gguf");
    let adapter = adapter(&content, 0.02);
    let path = bench.path("a.safetensors");
    let size = adapter.save(&path).unwrap();
    assert_eq!(size, fs::metadata(&path).unwrap().len());
    let read = Adapter::read(&path).unwrap();
    read.fits(&content).unwrap();
    assert_eq!((read.rank(), &read.about), (RANK, &adapter.about));
    let (one, other) =
        (bench.logits("tiny.gguf", Some(&adapter)), bench.logits("tiny.gguf", Some(&read)));
    assert!(farthest(&one, &other) < 0.05, "sixteen bits are near");
    read.save(&bench.path("b.safetensors")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(bench.path("b.safetensors")).unwrap());
}

/// Saves tensors with such metadata, and says why they are no adapter.
fn refused(folder: &Path, about: Option<&str>, tensors: &[(&str, Tensor)]) -> String {
    let path = folder.join("bad.safetensors");
    let about = about.map(|text| HashMap::from([(MEMBER.to_owned(), text.to_owned())]));
    let tensors: HashMap<&str, Tensor> = tensors.iter().cloned().collect();
    fs::write(&path, safetensors::serialize(&tensors, about).unwrap()).unwrap();
    Adapter::read(&path).unwrap_err().to_string()
}

#[test]
fn what_is_no_adapter_is_told_why() {
    let bench = Bench::new();
    let folder = bench.0.path();
    let zeros = |rows, columns| Tensor::zeros((rows, columns), DType::F32, &Device::Cpu).unwrap();
    let good = r#"{"format": 1, "rank": 4, "alpha": 8, "base": "Tiny 64"}"#;
    let a = ("blk.0.attn_q.lora_a", zeros(4, 64));
    let b = ("blk.0.attn_q.lora_b", zeros(64, 4));
    for (about, tensors, reason) in [
        (None, vec![a.clone()], "no pacioli.adapter"),
        (Some("{}"), vec![a.clone()], "format"),
        (Some(r#"{"format": 2}"#), vec![a.clone()], "format 2"),
        (Some(good), vec![a.clone()], "one half of a pair"),
        (Some(good), vec![a.clone(), ("blk.0.attn_q.lora_b", zeros(64, 5))], "at rank 4"),
        (
            Some(good),
            vec![a.clone(), ("blk.0.attn_x.lora_b", zeros(64, 4))],
            "what is blk.0.attn_x",
        ),
        (
            Some(r#"{"format": 1, "rank": 0, "alpha": 8, "base": ""}"#),
            vec![a.clone(), b.clone()],
            "no rank",
        ),
        (
            Some(good),
            vec![a.clone(), ("blk.0.attn_q.lora_b", (zeros(64, 4) + f64::NAN).unwrap())],
            "not all numbers",
        ),
    ] {
        let told = refused(folder, about, &tensors);
        assert!(told.contains(reason), "{told}: {reason}");
    }
    let path = folder.join("text.safetensors");
    fs::write(&path, "no tensors at all").unwrap();
    assert!(Adapter::read(&path).unwrap_err().to_string().contains("no adapter"));
    assert!(matches!(Adapter::read(&folder.join("nothing")), Err(AdapterError::File(_))));
    File::create(&path).unwrap().set_len(MOST_BYTES + 1).unwrap();
    assert!(matches!(Adapter::read(&path), Err(AdapterError::TooLarge(_))));
}

#[test]
fn an_adapter_of_other_weights_or_shapes_does_not_fit() {
    let bench = Bench::new();
    let (content, _) = bench.content("tiny.gguf");
    let other = Adapter::new("Qwen2.5-Coder 0.5B".to_owned(), RANK, ALPHA);
    let told = other.fits(&content).unwrap_err().to_string();
    assert_eq!(told, "the adapter was trained for Qwen2.5-Coder 0.5B, and the model is Tiny 64");
    let mut wide = Adapter::new(base_name(&content), RANK, ALPHA);
    let zeros = |rows, columns| Tensor::zeros((rows, columns), DType::F32, &Device::Cpu).unwrap();
    wide.add(0, Target::Key, zeros(RANK, 64), zeros(64, RANK));
    let told = wide.fits(&content).unwrap_err().to_string();
    assert!(
        told.contains("blk.0.attn_k.weight is for [64, 64]") && told.contains("[32, 64]"),
        "{told}"
    );
    let mut deep = Adapter::new(base_name(&content), RANK, ALPHA);
    deep.add(7, Target::Key, zeros(RANK, 64), zeros(32, RANK));
    assert!(deep.fits(&content).unwrap_err().to_string().contains("blk.7.attn_k"), "no such layer");
}
