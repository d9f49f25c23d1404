//! The one HTTP client of all sources. Names are resolved and judged here on every connection,
//! redirects are followed by hand, answers are bounded, and what may pass is tried again.

use std::{error::Error, io, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{
    Client, Method, Response, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{HeaderMap, HeaderName, HeaderValue, LOCATION},
    redirect,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    answer::{self, Answer, Form},
    pace::Reach,
    retry::{self, Failure, Tries},
    secrets::Secrets,
    url,
};
use crate::{SourceError, outgoing::AddressPolicy};

const USER_AGENT: &str = concat!("pacioli/", env!("CARGO_PKG_VERSION"));
const MOST_REDIRECTS: usize = 4;

/// What a page may be asked to hold.
const MOST_ROWS: u32 = 50_000;

/// How long one request may take and how much one answer may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// To connect, TLS included.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub silence: Duration,
    /// From the first byte sent to the last one received.
    pub request: Duration,
    /// Bytes of one answer, unpacked.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_mins(2),
            // What Business Central allows one request.
            request: Duration::from_mins(10),
            answer_bytes: 64 << 20,
        }
    }
}

/// One request.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
    /// What the answer must be.
    pub(super) form: Form,
    /// Whether asking twice does no harm.
    pub(super) repeatable: bool,
}

impl Call {
    /// Asks for JSON.
    pub(super) fn get(url: Url) -> Self {
        let (headers, form) = (HeaderMap::new(), Form::Json);
        Self { method: Method::GET, url, headers, body: None, form, repeatable: true }
    }

    /// Sends `body`, which is of the type `content`, and asks for JSON.
    pub(super) fn post(url: Url, content: &'static str, body: Vec<u8>) -> Self {
        let call = Self { method: Method::POST, body: Some(body), ..Self::get(url) };
        call.header(reqwest::header::CONTENT_TYPE, HeaderValue::from_static(content))
    }

    /// With this header.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// A header's value that holds a secret.
pub(super) fn secret_header(text: &str) -> Result<HeaderValue, SourceError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        SourceError::invalid(
            "source_secret",
            "The credentials hold characters that no header can carry.",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A client for one source.
pub(super) struct Http {
    client: Client,
    pub(super) reach: Reach,
    secrets: Secrets,
}

impl Http {
    /// A client that also trusts these certificates, in PEM, for pages of so many rows.
    pub(super) fn new(
        reach: &Reach,
        page_rows: u32,
        authorities: Option<&str>,
    ) -> Result<Self, SourceError> {
        if !(1..=MOST_ROWS).contains(&page_rows) {
            let detail = format!("`page_rows` is {page_rows}: it must be from 1 to {MOST_ROWS}.");
            return Err(SourceError::invalid("source_page_rows", detail));
        }
        let limits = reach.limits;
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(tls(authorities)?)
            .dns_resolver(Judging(reach.addresses.clone()))
            .no_proxy() // it would resolve names out of our sight
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(limits.connect)
            .read_timeout(limits.silence)
            .timeout(limits.request)
            .build()
            .map_err(|error| {
                SourceError::invalid(
                    "source_client",
                    format!("no HTTP client could be made: {error}"),
                )
            })?;
        Ok(Self { client, reach: reach.clone(), secrets: Secrets::default() })
    }

    /// Hides this in errors from now on.
    pub(super) fn hide(&self, secret: &SecretString) {
        self.secrets.hide(secret);
    }

    /// The text as an error may show it.
    pub(super) fn redact(&self, text: &str) -> String {
        self.secrets.redact(text)
    }

    /// Asks until there is an answer, of whatever status that does not pass by itself. An answer of
    /// status 200 has the form that was asked for.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, SourceError> {
        let mut tries = Tries::new(&*self.reach.pace, self.reach.patience);
        loop {
            match self.once(call).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => tries.again(failure, call.repeatable).await?,
            }
        }
    }

    async fn once(&self, call: &Call) -> Result<Answer, Failure> {
        let (mut url, mut headers) = (call.url.clone(), call.headers.clone());
        for _ in 0..=MOST_REDIRECTS {
            let response = self.exchange(call, &url, &headers).await?;
            let Some(next) = self.redirected(call, &url, &response)? else {
                return self.received(call, &url, response).await;
            };
            if !url::same_origin(&url, &next) {
                headers.clear(); // they may be credentials, and are never another's
            }
            url = next;
        }
        let detail = format!("{} redirects in circles", url::place(&call.url));
        Err(Failure::Lasting(SourceError::invalid("source_redirect", detail)))
    }

    pub(super) async fn exchange(
        &self,
        call: &Call,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        self.judged(url).map_err(Failure::Lasting)?;
        let mut request =
            self.client.request(call.method.clone(), url.clone()).headers(headers.clone());
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        request.send().await.map_err(|error| broken(url, &error))
    }

    /// An address that is written out is not resolved, so it is judged here.
    fn judged(&self, url: &Url) -> Result<(), SourceError> {
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.parse().map_or(Ok(()), |address| self.reach.addresses.check(address))
    }

    /// Where the answer sends us, if it does and we go.
    fn redirected(
        &self,
        call: &Call,
        url: &Url,
        response: &Response,
    ) -> Result<Option<Url>, Failure> {
        let status = response.status().as_u16();
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let next = location.and_then(|text| url.join(text).ok());
        let refuse = |why: &str| {
            let to = next.as_ref().map_or_else(|| "nowhere".to_owned(), url::place);
            let detail = format!("{} redirects to {to}, {why}", url::place(url));
            Err(Failure::Lasting(SourceError::invalid("source_redirect", self.redact(&detail))))
        };
        let Some(next) = &next else { return refuse("which is no address") };
        if !matches!(next.scheme(), "http" | "https") || !next.has_host() {
            return refuse("which is no web address");
        }
        if url.scheme() == "https" && next.scheme() == "http" {
            return refuse("which is not encrypted: it is not followed");
        }
        if call.method != Method::GET {
            let repeats = matches!(status, 307 | 308) && url::same_origin(url, next);
            if !repeats {
                return refuse(
                    "where credentials are not sent on: set the address to where it leads",
                );
            }
        }
        Ok(Some(next.clone()))
    }

    async fn received(
        &self,
        call: &Call,
        url: &Url,
        response: Response,
    ) -> Result<Answer, Failure> {
        let status = response.status();
        let headers = response.headers().clone();
        if retry::passes(status) {
            let retry_after = retry::retry_after(&headers, self.reach.pace.now());
            let undone =
                matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            let detail = format!("{} answered {status}", url::place(url));
            return Err(Failure::Passing { detail, retry_after, undone });
        }
        let body = self.body(url, response).await?;
        let answer = Answer { status, headers, body };
        if status == StatusCode::OK {
            answer::check(&answer, call.form, &url::place(url))?;
        }
        Ok(answer)
    }

    /// Piece by piece, so that an answer without end costs no more than the limit, packed or not.
    async fn body(&self, url: &Url, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(piece)) => body.extend_from_slice(&piece),
                Ok(None) => return Ok(body),
                Err(error) => return Err(broken(url, &error)),
            }
            if body.len() > self.reach.limits.answer_bytes {
                let most = self.reach.limits.answer_bytes;
                let detail = format!(
                    "{} answered with more than {most} bytes. Set fewer `page_rows`.",
                    url::place(url)
                );
                return Err(Failure::Lasting(SourceError::invalid("source_answer_size", detail)));
            }
        }
    }
}

fn broken(url: &Url, error: &reqwest::Error) -> Failure {
    let place = url::place(url);
    match cause(error) {
        Some(Cause::Refused(error)) => return Failure::Lasting(error),
        Some(Cause::Certificate(why)) => {
            let detail = format!("{place} could not show who it is: {why}");
            return Failure::Lasting(SourceError::Unreachable { detail, retry_after: None });
        }
        None => {}
    }
    let what = match error {
        _ if error.is_timeout() => "did not answer in time",
        _ if error.is_connect() => "could not be connected to",
        _ => "broke the connection off",
    };
    let undone = error.is_connect();
    Failure::Passing { detail: format!("{place} {what}"), retry_after: None, undone }
}

enum Cause {
    Refused(SourceError),
    Certificate(String),
}

/// What lies under an error of the client and will not pass.
fn cause(error: &reqwest::Error) -> Option<Cause> {
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = next {
        if let Some(SourceError::Invalid { code, detail }) = error.downcast_ref() {
            return Some(Cause::Refused(SourceError::invalid(code, detail)));
        }
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            return Some(Cause::Certificate(format!("its certificate is not valid ({why:?})")));
        }
        // An I/O error's source is what lies under the error in it, not that error.
        next = match error.downcast_ref().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// Resolves names to what may be connected to, and to nothing else.
struct Judging(AddressPolicy);

impl Resolve for Judging {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.0.clone();
        Box::pin(async move {
            let found = addresses.resolve(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn tls(authorities: Option<&str>) -> Result<ClientConfig, SourceError> {
    let wrong = |why: String| SourceError::invalid("source_certificate", why);
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(authorities) = authorities {
        let known = roots.len();
        for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
            let certificate =
                certificate.map_err(|_| wrong("The certificate is not PEM.".into()))?;
            roots
                .add(certificate)
                .map_err(|error| wrong(format!("The certificate cannot be used: {error}")))?;
        }
        if roots.len() == known {
            return Err(wrong("The certificate is not PEM.".into()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The credentials as `user:password` in base 64, as basic authentication sends them.
pub(super) fn basic(user: &str, password: &SecretString) -> Result<HeaderValue, SourceError> {
    let pair = format!("{user}:{}", password.expose_secret());
    secret_header(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
}
