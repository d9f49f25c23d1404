use pacioli_engine::Bucket;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{
    Problem,
    sections::{secret_if_given, text_if_given},
};

const SCHEME: &str = "s3://";

/// Where tables lie.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    /// `s3://bucket/prefix`, else the data folder.
    #[serde(deserialize_with = "text_if_given")]
    pub store: Option<String>,
    /// The object store's address, else Amazon's of the region.
    #[serde(deserialize_with = "text_if_given")]
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// Who asks.
    pub access_key_id: String,
    /// What requests are signed with.
    #[serde(deserialize_with = "secret_if_given")]
    pub secret_access_key: Option<SecretString>,
    /// Whether an endpoint without TLS is taken.
    pub allow_http: bool,
}

impl FilesConfig {
    /// The bucket, where there is one.
    pub fn bucket(&self) -> Option<Bucket> {
        let place = self.store.as_deref()?.strip_prefix(SCHEME)?;
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        Some(Bucket {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.as_ref()?.expose_secret().to_owned(),
            allow_http: self.allow_http,
        })
    }

    /// What is wrong with it.
    pub(super) fn check(&self) -> Vec<Problem> {
        let Some(store) = &self.store else { return Vec::new() };
        let mut problems = Vec::new();
        let mut must = |holds: bool, key: &str, message: &str| {
            if !holds {
                problems.push(Problem::new(format!("files.{key}"), message));
            }
        };
        must(is_bucket(store), "store", "must be like `s3://bucket` or `s3://bucket/prefix`");
        let endpoint = self.endpoint.as_deref();
        let is_http = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let is_https = endpoint.is_none_or(|endpoint| endpoint.starts_with("https://"));
        let message = "must be like `https://minio.example.com:9000`, without a path";
        let is_address = endpoint.is_none_or(super::check::is_origin);
        must((is_http || is_https) && is_address, "endpoint", message);
        let message = "has no TLS: set files.allow_http if nobody can listen on the way there";
        must(!is_http || self.allow_http, "endpoint", message);
        must(!self.region.trim().is_empty(), "region", "must not be empty");
        let message = "must be set for an object store";
        must(!self.access_key_id.is_empty(), "access_key_id", message);
        must(self.secret_access_key.is_some(), "secret_access_key", message);
        problems
    }
}

/// By the rules for names of buckets, and a prefix that needs no escaping.
fn is_bucket(store: &str) -> bool {
    let Some(place) = store.strip_prefix(SCHEME) else { return false };
    let mut parts = place.split('/');
    let name = parts.next().unwrap_or_default();
    let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (3..=63).contains(&name.len())
        && name.chars().all(named)
        && parts.all(|part| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_and_a_prefix() {
        for (store, fits) in [
            ("s3://books", true),
            ("s3://books/a/b-c_d", true),
            ("s3://my.books-2", true),
            ("s3://", false),
            ("s3://ab", false),
            ("s3://Books", false),
            ("s3://books//a", false),
            ("s3://books/../a", false),
            ("s3://books/a b", false),
            ("books", false),
            ("file:///tables", false),
        ] {
            assert_eq!(is_bucket(store), fits, "{store}");
        }
    }
}
