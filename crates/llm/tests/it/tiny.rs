//! A Qwen2 model of a few thousand weights that nobody trained: it means nothing by what it writes, and
//! is read, constrained and cancelled as a real one. Tests of other crates have it too.

use std::path::Path;

/// Numbers that a token is.
const HIDDEN: usize = 64;
/// Keys and values together: two heads share them.
const SHARED: usize = 32;
/// Bytes that tensors are aligned to.
const ALIGNMENT: usize = 32;

/// Writes it as GGUF, version 3, with so many layers.
pub fn write_model(path: &Path, layers: usize) {
    let tokens: Vec<String> = letters()
        .chain(["SE".to_owned(), "<|im_start|>".to_owned(), "<|im_end|>".to_owned()])
        .collect();
    let in_layer = [
        ("attn_norm.weight", vec![HIDDEN]),
        ("attn_q.weight", vec![HIDDEN, HIDDEN]),
        ("attn_q.bias", vec![HIDDEN]),
        ("attn_k.weight", vec![SHARED, HIDDEN]),
        ("attn_k.bias", vec![SHARED]),
        ("attn_v.weight", vec![SHARED, HIDDEN]),
        ("attn_v.bias", vec![SHARED]),
        ("attn_output.weight", vec![HIDDEN, HIDDEN]),
        ("ffn_norm.weight", vec![HIDDEN]),
        ("ffn_gate.weight", vec![HIDDEN, HIDDEN]),
        ("ffn_up.weight", vec![HIDDEN, HIDDEN]),
        ("ffn_down.weight", vec![HIDDEN, HIDDEN]),
    ];
    let mut tensors = vec![
        ("token_embd.weight".to_owned(), vec![tokens.len(), HIDDEN]),
        ("output_norm.weight".to_owned(), vec![HIDDEN]),
    ];
    for layer in 0..layers {
        let names = in_layer.iter();
        tensors.extend(names.map(|(name, shape)| (format!("blk.{layer}.{name}"), shape.clone())));
    }
    let mut file = Gguf(b"GGUF".to_vec());
    file.u32(3);
    file.u64(tensors.len());
    file.metadata(&tokens, u32::try_from(layers).unwrap());
    let mut offset = 0;
    for (name, shape) in &tensors {
        file.text(name);
        file.u32(u32::try_from(shape.len()).unwrap());
        // The side whose numbers lie next to each other comes first.
        for side in shape.iter().rev() {
            file.u64(*side);
        }
        file.u32(0); // 32-bit floats
        file.u64(offset);
        offset = (offset + 4 * shape.iter().product::<usize>()).next_multiple_of(ALIGNMENT);
    }
    let mut seed = 1_u64;
    for (_, shape) in &tensors {
        file.align();
        for _ in 0..shape.iter().product::<usize>() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let number = i16::try_from(seed >> 49).unwrap_or(0);
            file.0.extend((f32::from(number) / 32_768.0 - 0.5).to_le_bytes());
        }
    }
    std::fs::write(path, file.0).unwrap();
}

struct Gguf(Vec<u8>);

impl Gguf {
    fn metadata(&mut self, tokens: &[String], layers: u32) {
        self.u64(12);
        for (key, word) in [
            ("general.architecture", "qwen2"),
            ("general.basename", "Tiny"),
            ("general.size_label", "64"),
            ("tokenizer.ggml.model", "gpt2"),
            ("tokenizer.ggml.pre", "qwen2"),
        ] {
            self.key(key, 8);
            self.text(word);
        }
        for (key, number) in [
            ("qwen2.attention.head_count", 2),
            ("qwen2.attention.head_count_kv", 1),
            ("qwen2.embedding_length", 64),
            ("qwen2.block_count", layers),
        ] {
            self.key(key, 4);
            self.u32(number);
        }
        self.list("tokenizer.ggml.tokens", 8, tokens.len());
        for token in tokens {
            self.text(token);
        }
        self.list("tokenizer.ggml.token_type", 5, tokens.len());
        for at in 0..tokens.len() {
            self.u32(if at > 256 { 3 } else { 1 });
        }
        self.list("tokenizer.ggml.merges", 8, 1);
        self.text("S E");
    }

    fn u32(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    fn u64(&mut self, number: usize) {
        self.0.extend((number as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u64(text.len());
        self.0.extend(text.as_bytes());
    }

    /// What a value is called, and its kind: 4 for numbers of 32 bits, 5 for those with a sign, 8 for texts.
    fn key(&mut self, key: &str, kind: u32) {
        self.text(key);
        self.u32(kind);
    }

    fn list(&mut self, key: &str, kind: u32, length: usize) {
        self.key(key, 9);
        self.u32(kind);
        self.u64(length);
    }

    fn align(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(ALIGNMENT), 0);
    }
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
