//! The server's side of one worker process.

use std::{path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    EngineError, EngineOptions,
    protocol::{ADDRESS_SPACE, MOST_FRAME_BYTES, READY, Reply, SCRATCH, decode, length_of},
    query::Rows,
};

/// Lines that a program may print before it is ready.
const MOST_LINES: usize = 100;
/// Room for the program itself, its threads' stacks and what the pool does not count.
const OVERHEAD_BYTES: u64 = 1 << 30;
/// Certificates and proxies, as the server itself takes them.
const ON_THE_WAY: [&str; 8] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
];
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A worker whose query runs on a cluster has so long to call it off there.
const CALLING_OFF: Duration = Duration::from_secs(3);

/// A running worker. Dropped, it is killed, once what it runs elsewhere is called off, and its scratch folder is removed.
#[derive(Debug)]
pub(crate) struct Worker {
    child: Option<Child>,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    scratch: PathBuf,
    /// How long it may live when nobody wants it any more.
    respite: Duration,
}

impl Worker {
    /// Starts one and waits until it is ready. It inherits nothing of the environment but how to reach
    /// an object store: the server's secrets stay with the server.
    pub(crate) async fn start(
        options: &EngineOptions,
        scratch: PathBuf,
    ) -> Result<Self, EngineError> {
        std::fs::create_dir_all(&scratch).map_err(|error| spawn_failed(&error))?;
        let address_space =
            options.memory_bytes.saturating_mul(2).saturating_add(options.column_bytes);
        let address_space = address_space.saturating_add(OVERHEAD_BYTES);
        let mut child = Command::new(&options.worker)
            .args(&options.worker_args)
            .env_clear()
            .envs(ON_THE_WAY.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env(ADDRESS_SPACE, address_space.to_string())
            .env(SCRATCH, &scratch)
            // Each arena of the allocator reserves 64 MiB of addresses.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // An interrupt typed at the server's terminal is the server's to handle.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| spawn_failed(&error))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(EngineError::Failed { detail: "the worker has no pipes".to_owned() });
        };
        let output = BufReader::new(output);
        let respite = options.cluster.as_ref().map_or(Duration::ZERO, |_| CALLING_OFF);
        let mut worker = Self { child: Some(child), input, output, scratch, respite };
        worker.await_ready().await?;
        Ok(worker)
    }

    async fn await_ready(&mut self) -> Result<(), EngineError> {
        let mut line = Vec::new();
        for _ in 0..MOST_LINES {
            line.clear();
            let read = (&mut self.output).take(4096).read_until(b'\n', &mut line).await;
            if !read.is_ok_and(|length| length > 0) {
                return Err(self.died().await);
            }
            if line.ends_with(READY) {
                return Ok(());
            }
        }
        Err(EngineError::Failed { detail: "the worker program never says it is ready".to_owned() })
    }

    /// Sends a request; an error means that the worker has gone and has seen nothing of it whole.
    pub(crate) async fn send(&mut self, request: &[u8]) -> std::io::Result<()> {
        self.input.write_all(&length_of(request)?).await?;
        self.input.write_all(request).await?;
        self.input.flush().await
    }

    /// Receives the reply to the request that was sent.
    pub(crate) async fn receive(&mut self) -> Result<Rows, EngineError> {
        let header = self.frame().await?;
        let reply: Reply = serde_json::from_slice(&header).map_err(|error| {
            EngineError::Failed { detail: format!("the worker's reply: {error}") }
        })?;
        let truncated = reply.truncated()?;
        let rows = self.frame().await?;
        decode(&rows, truncated)
            .map_err(|error| EngineError::Failed { detail: format!("the worker's rows: {error}") })
    }

    async fn frame(&mut self) -> Result<Vec<u8>, EngineError> {
        let Ok(length) = self.output.read_u32_le().await else { return Err(self.died().await) };
        if length > MOST_FRAME_BYTES {
            return Err(EngineError::Failed {
                detail: "the worker's frame is too long".to_owned(),
            });
        }
        let mut bytes = Vec::new();
        let read = (&mut self.output).take(length.into()).read_to_end(&mut bytes).await;
        if read.is_ok_and(|read| read == length as usize) {
            Ok(bytes)
        } else {
            Err(self.died().await)
        }
    }

    /// How the process ended, once its pipes have.
    pub(crate) async fn died(&mut self) -> EngineError {
        let status = match &mut self.child {
            Some(child) => tokio::time::timeout(LAST_WORDS, child.wait()).await.ok(),
            None => None,
        };
        let status = status.and_then(Result::ok).map(|status| status.to_string());
        EngineError::WorkerDied {
            status: status.unwrap_or_else(|| "it closed its output".to_owned()),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let (child, scratch) = (self.child.take(), std::mem::take(&mut self.scratch));
        let respite = self.respite;
        // Outside a runtime nobody can wait for the process; dropping it kills it all the same.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Some(mut child) = child {
                    // Its input ends with this struct, which tells it to go.
                    let _ = tokio::time::timeout(respite, child.wait()).await;
                    let _ = child.kill().await;
                }
                let _ = tokio::fs::remove_dir_all(scratch).await;
            });
        }
    }
}

fn spawn_failed(error: &std::io::Error) -> EngineError {
    EngineError::Failed { detail: format!("a worker could not be started: {error}") }
}
