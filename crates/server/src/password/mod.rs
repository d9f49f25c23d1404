//! Passwords: which are taken, how they are stored, and the threads that hash them.
//!
//! A password is stored as bcrypt text with a marker behind it:
//! `$2b$12$<22 characters of salt><31 of hash>$hmac-sha384.v1`. What bcrypt is given is not the
//! password but the base64 of its HMAC-SHA384, so that every byte of a long password counts and a NUL
//! is a byte like any other. Text without a marker was written by another program over the password
//! itself; it is verified as that program did, and replaced at the next login.

mod hasher;
mod policy;
mod pool;
mod stored;

pub use hasher::{HashError, Hasher};
pub use policy::{PasswordContext, PasswordPolicy};

/// The longest password, in bytes of UTF-8.
pub const MAX_BYTES: usize = 1024;
