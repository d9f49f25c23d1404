//! Telling a program that a person has named: one request, to an address that may be connected to, whose
//! redirects are not followed.

use std::{net::IpAddr, time::Duration};

use reqwest::{Url, header::HeaderName};

use super::{
    Limits, Reach,
    http::{Call, Http, secret_header},
    retry::Failure,
    url::place,
};
use crate::{SourceError, outgoing::AddressPolicy};

/// An answer says little that matters.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    silence: Duration::from_secs(20),
    request: Duration::from_secs(30),
    answer_bytes: 64 << 10,
};

fn read(address: &str) -> Result<Url, SourceError> {
    let wrong = |why: &str| SourceError::invalid("address", format!("The address {why}."));
    let url = Url::parse(address.trim()).map_err(|_| wrong("is none"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("is not an http or https address"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(wrong("carries credentials or a fragment"));
    }
    Ok(url)
}

/// Refuses an address that is none, that may not be connected to, or that would send figures over the
/// public internet for everybody to read. Gives it as it is kept.
pub async fn check_address(
    addresses: &AddressPolicy,
    address: &str,
) -> Result<String, SourceError> {
    let url = read(address)?;
    let port = url.port_or_known_default().unwrap_or(443);
    let found = addresses.resolve(url.host_str().unwrap_or_default(), port).await?;
    let public = AddressPolicy::default();
    let is_public = |address: IpAddr| public.check(address).is_ok();
    if url.scheme() == "http" && found.iter().any(|found| is_public(found.ip())) {
        let detail = "A public address must be an https address.";
        return Err(SourceError::invalid("address", detail));
    }
    Ok(url.into())
}

/// Sends `body`, which is JSON, with these headers, once; the status of the answer.
pub async fn notify(
    reach: &Reach,
    address: &str,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
) -> Result<u16, SourceError> {
    let reach = Reach { limits: LIMITS, ..reach.clone() };
    let http = Http::new(&reach, 1, None)?;
    let mut call = Call::post(read(address)?, "application/json", body);
    for (name, value) in headers {
        call = call.header(HeaderName::from_static(name), secret_header(value)?);
    }
    match http.exchange(&call, &call.url, &call.headers).await {
        Ok(response) => Ok(response.status().as_u16()),
        Err(Failure::Lasting(error)) => Err(error),
        Err(Failure::Passing { retry_after, .. }) => {
            let detail = format!("{} does not answer", place(&call.url));
            Err(SourceError::Unreachable { detail, retry_after })
        }
    }
}
