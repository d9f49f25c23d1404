//! Models of language behind the trait that the language room asks.
