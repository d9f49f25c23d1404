//! The corpus: questions with the Ask, the choices or the refusal that they must get.

#[cfg(test)]
mod catalog;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod injections;
#[cfg(test)]
mod model;
#[cfg(test)]
mod notation;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod verified;
#[cfg(test)]
mod well_formed;
