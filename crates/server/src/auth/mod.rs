//! Who somebody is: access tokens, sessions and their refresh tokens, the limits on trying.

mod attempts;
mod keys;
mod login;
mod sessions;
mod token;

pub use keys::{Keys, Purpose, hex};
pub use login::{verify_current_password, verify_login};
pub use sessions::{Tokens, refresh, start_session};
pub use token::{AccessTokens, TokenError};
