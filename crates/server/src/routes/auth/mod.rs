mod add_user;
mod login;
mod logout;
mod password;
mod profile;
mod sessions;
mod signup;

pub use add_user::*;
pub use login::*;
pub use logout::*;
pub use password::*;
pub use profile::*;
pub use sessions::*;
pub use signup::*;
