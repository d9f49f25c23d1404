//! The corpus: questions with the Ask, the choices or the refusal that they must get.

mod catalog;
mod corpus;
mod notation;
mod properties;
