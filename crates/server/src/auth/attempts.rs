//! How often somebody may try a password.
//!
//! Every attempt is paid for before anything is looked up, from two buckets at once: one of the
//! network address, one of the account, known or not. A bucket refills while it is empty, so an
//! attack slows down and nobody is locked. A device that the account has logged in from carries a
//! sealed cookie and pays from a bucket of its own: whoever empties the account's bucket from
//! elsewhere does not keep its owner out.

use axum::http::{HeaderMap, HeaderValue, header};
use pacioli_model::Email;
use pacioli_store::Limit;
use uuid::Uuid;

use super::keys::{Keys, Purpose};
use crate::{app::App, http::RequestContext};

/// The cookie that tells a device the account knows.
const DEVICE_COOKIE: &str = "pacioli_device";

/// A year, in seconds.
const DEVICE_LIFETIME: u32 = 31_536_000;

/// A device that an account has logged in from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device(Uuid);

impl Device {
    /// The device of this request, if its cookie was sealed for this account.
    pub fn of(headers: &HeaderMap, keys: &Keys, email: &Email) -> Option<Self> {
        let cookies =
            headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).map(str::trim);
        let sealed = pairs.find_map(|pair| {
            pair.strip_prefix(DEVICE_COOKIE).and_then(|rest| rest.strip_prefix('='))
        })?;
        let id = keys.open(Purpose::Device, email.as_str().as_bytes(), sealed)?;
        Uuid::from_slice(&id).ok().map(Self)
    }

    /// A device that has just proved itself.
    pub fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The `Set-Cookie` value; `None` only if it could not be a header.
    pub fn cookie(self, keys: &Keys, email: &Email, secure: bool) -> Option<HeaderValue> {
        let sealed = keys.seal(Purpose::Device, email.as_str().as_bytes(), self.0.as_bytes());
        let secure = if secure { "; Secure" } else { "" };
        let text = format!(
            "{DEVICE_COOKIE}={sealed}; Path=/auth; Max-Age={DEVICE_LIFETIME}; HttpOnly; SameSite=Strict{secure}"
        );
        HeaderValue::from_str(&text).ok()
    }
}

/// What one attempt on `account` (a canonical address, or whatever was typed in its place) costs.
pub fn login_limits(
    app: &App,
    account: &str,
    device: Option<Device>,
    request: &RequestContext,
) -> [Limit; 2] {
    let limits = &app.config.limits;
    let of_account = match device {
        Some(Device(id)) => {
            let who = [account.as_bytes(), id.as_bytes()].concat();
            app.limit("login-device", &limits.login_per_account, &who)
        }
        None => app.limit("login-account", &limits.login_per_account, account.as_bytes()),
    };
    [of_account, app.per_address("login-address", &limits.login_per_address, request)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_18_a_device_cookie_is_good_for_its_own_account_only() {
        let keys = Keys::new(&[3; 32]);
        let ada = Email::parse("ada@example.com").unwrap();
        let eve = Email::parse("eve@example.com").unwrap();
        let device = Device::new(Uuid::from_u128(7));
        let cookie = device.cookie(&keys, &ada, true).unwrap();
        assert!(cookie.to_str().unwrap().contains("HttpOnly; SameSite=Strict; Secure"));
        let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("theme=dark; {pair}").parse().unwrap());
        assert_eq!(Device::of(&headers, &keys, &ada), Some(device));
        assert_eq!(Device::of(&headers, &keys, &eve), None);
        assert_eq!(Device::of(&headers, &Keys::new(&[4; 32]), &ada), None);
    }
}
