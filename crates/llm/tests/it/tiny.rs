//! A Qwen2 model of a few thousand weights that nobody trained: it means nothing by what it writes, and
//! is read, constrained and cancelled as a real one.

use std::{fs::File, path::Path};

use candle_core::{
    Device, Tensor,
    quantized::{
        GgmlDType, QTensor,
        gguf_file::{Value, write},
    },
};

/// Numbers that a token is.
const HIDDEN: usize = 64;
/// Keys and values together: two heads share them.
const SHARED: usize = 32;

/// Writes it as GGUF.
pub fn write_model(path: &Path) {
    let tokens: Vec<String> = letters()
        .chain(["SE".to_owned(), "<|im_start|>".to_owned(), "<|im_end|>".to_owned()])
        .collect();
    let size = tokens.len();
    let types = (0..size).map(|at| Value::I32(if at > 256 { 3 } else { 1 })).collect();
    let text = |text: &str| Value::String(text.to_owned());
    let metadata = [
        ("general.architecture", text("qwen2")),
        ("qwen2.attention.head_count", Value::U32(2)),
        ("qwen2.attention.head_count_kv", Value::U32(1)),
        ("qwen2.embedding_length", Value::U32(64)),
        ("qwen2.block_count", Value::U32(1)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("qwen2")),
        ("tokenizer.ggml.tokens", Value::Array(tokens.into_iter().map(Value::String).collect())),
        ("tokenizer.ggml.token_type", Value::Array(types)),
        ("tokenizer.ggml.merges", Value::Array(vec![text("S E")])),
    ];
    let mut seed = 1_u64;
    let mut weights = |name: &str, shape: &[usize]| {
        let values = (0..shape.iter().product()).map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            f32::from(i16::try_from(seed >> 49).unwrap_or(0)) / 32_768.0 - 0.5
        });
        let tensor = Tensor::from_vec(values.collect(), shape, &Device::Cpu).unwrap();
        (name.to_owned(), QTensor::quantize(&tensor, GgmlDType::F32).unwrap())
    };
    let tensors = [
        weights("token_embd.weight", &[size, HIDDEN]),
        weights("output_norm.weight", &[HIDDEN]),
        weights("blk.0.attn_norm.weight", &[HIDDEN]),
        weights("blk.0.attn_q.weight", &[HIDDEN, HIDDEN]),
        weights("blk.0.attn_q.bias", &[HIDDEN]),
        weights("blk.0.attn_k.weight", &[SHARED, HIDDEN]),
        weights("blk.0.attn_k.bias", &[SHARED]),
        weights("blk.0.attn_v.weight", &[SHARED, HIDDEN]),
        weights("blk.0.attn_v.bias", &[SHARED]),
        weights("blk.0.attn_output.weight", &[HIDDEN, HIDDEN]),
        weights("blk.0.ffn_norm.weight", &[HIDDEN]),
        weights("blk.0.ffn_gate.weight", &[HIDDEN, HIDDEN]),
        weights("blk.0.ffn_up.weight", &[HIDDEN, HIDDEN]),
        weights("blk.0.ffn_down.weight", &[HIDDEN, HIDDEN]),
    ];
    let metadata: Vec<_> = metadata.iter().map(|(name, value)| (*name, value)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
}

/// The letters that stand for the 256 bytes in vocabularies of GPT-2's kind.
fn letters() -> impl Iterator<Item = String> {
    let mut others = 0x100_u32;
    (0..=u8::MAX).map(move |byte| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte).to_string(),
        _ => {
            others += 1;
            char::from_u32(others - 1).unwrap().to_string()
        }
    })
}
