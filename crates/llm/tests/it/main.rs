//! Models as the language room meets them: a server that behaves in every way servers do, and a file.

#[cfg(test)]
mod local;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tiny;
