//! The API as its clients see it: every test starts a whole server on loopback, on stores of its own,
//! with a clock that is moved and never slept on.

mod server;
