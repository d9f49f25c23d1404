//! Which object store the tables lie on, in words that a worker process can open it by. They travel to
//! it over its standard input: neither its arguments nor its environment ever hold a key.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig, aws::AmazonS3Builder,
    local::LocalFileSystem, path::Path as ObjectPath, prefix::PrefixStore,
};
use serde::{Deserialize, Serialize};

use crate::{EngineError, files::storage};

/// A store that does not take a connection within this time is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One request, and the part of a file that it carries (10 MiB at most when writing).
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// A store that answers 5xx or nothing is asked again for so long.
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);
const MOST_RETRIES: usize = 4;

/// A bucket of an S3-compatible object store.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What the names of all objects begin with, without a slash at either end; may be empty.
    pub prefix: String,
    /// `https://host:port`; where it is absent, Amazon's of the region.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// Who asks.
    pub access_key_id: String,
    /// What requests are signed with.
    pub secret_access_key: String,
    /// Whether an endpoint without TLS is taken.
    pub allow_http: bool,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Bucket");
        shown.field("name", &self.name).field("prefix", &self.prefix);
        shown.field("endpoint", &self.endpoint).field("region", &self.region);
        shown.finish_non_exhaustive()
    }
}

/// Where tables lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Location {
    /// A folder of this machine.
    Local {
        /// Absolute.
        root: PathBuf,
    },
    /// An object store.
    Bucket(Bucket),
}

impl Location {
    /// Connects nowhere yet.
    pub(crate) fn open(&self) -> Result<Arc<dyn ObjectStore>, EngineError> {
        match self {
            Self::Local { root } => {
                let store = LocalFileSystem::new_with_prefix(root)
                    .map_err(storage("open the folder of the tables"))?;
                Ok(Arc::new(store.with_automatic_cleanup(true)))
            }
            Self::Bucket(bucket) => bucket.open().map_err(storage("set up the object store")),
        }
    }

    /// The folder, of a local one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Local { root } => Some(root),
            Self::Bucket(_) => None,
        }
    }

    /// Waits until a completed file and the folders that lead to it are on disk, which the local
    /// object store leaves to chance.
    pub(crate) fn sync(&self, path: &ObjectPath) -> std::io::Result<()> {
        let Some(root) = self.folder() else { return Ok(()) };
        let file = path.parts().fold(root.to_owned(), |folder, part| folder.join(part.as_ref()));
        let within = file.ancestors().take_while(|place| place.starts_with(root));
        within.into_iter().try_for_each(|place| std::fs::File::open(place)?.sync_all())
    }
}

impl Bucket {
    fn open(&self) -> object_store::Result<Arc<dyn ObjectStore>> {
        let client = ClientOptions::new()
            .with_allow_http(self.allow_http)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_timeout(REQUEST_TIMEOUT);
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: MOST_RETRIES,
            retry_timeout: RETRY_TIMEOUT,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.name)
            .with_region(&self.region)
            .with_access_key_id(&self.access_key_id)
            .with_secret_access_key(&self.secret_access_key)
            .with_client_options(client)
            .with_retry(retry);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder.build()?;
        if self.prefix.is_empty() {
            Ok(Arc::new(store))
        } else {
            Ok(Arc::new(PrefixStore::new(store, self.prefix.as_str())))
        }
    }
}
