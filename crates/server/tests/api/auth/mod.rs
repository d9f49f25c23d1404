//! `/auth/…`

mod add_user;
mod change_password;
mod login;
mod logout;
mod profile;
mod protected_route;
mod refresh;
mod sessions;
mod signup;
mod timing;
mod tokens;
