//! Models of language behind the trait that the language room asks ([`pacioli_language::model::Model`]).
//!
//! [`LocalModel`] runs a GGUF file of weights in this process: `tokens` reads its vocabulary, `qwen2` is
//! the network, `adapter` what training adds to it, `decode` writes what a grammar allows and nothing else,
//! `local` is the queue before it. [`Vocabulary`] and [`Acceptor`] are for training: the same tokens, the same grammar.
//! [`ServerModel`] asks any server that speaks OpenAI's chat completions; `breaker` leaves one alone that
//! fails. Apart from the language room because it is heavy to build. To add an architecture, give it a module
//! beside `qwen2` and a line where `local` reads `general.architecture`.

mod accept;
mod adapter;
mod breaker;
mod decode;
mod local;
mod qwen2;
mod server;
#[cfg(test)]
#[path = "../tests/it/tiny.rs"]
mod tiny;
mod tokens;

pub use accept::Acceptor;
pub use adapter::{Adapter, AdapterError, Target, base_name};
pub use local::{LocalModel, LocalOptions};
pub use server::{ServerModel, ServerOptions};
pub use tokens::Vocabulary;
