//! The worker's side: one process that answers one request at a time and ends with its server.

use std::{
    io::{self, Write},
    panic::AssertUnwindSafe,
    path::PathBuf,
    process::ExitCode,
    sync::mpsc,
};

use futures_util::FutureExt;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

use crate::{
    EngineError, TableFiles,
    columns::Warmer,
    protocol::{ADDRESS_SPACE, READY, Reply, Request, SCRATCH, encode, read_frame, write_frame},
    query::execute,
};

/// File reads that wait at once.
const BLOCKING_THREADS: usize = 4;

/// The worker's whole life, which `pacioli engine-worker` runs: requests on the standard input,
/// replies on the standard output, until the input ends. Nothing else in the process may write to
/// the standard output meanwhile.
pub fn worker_main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    limit_address_space()?;
    let requests = listen();
    let mut output = io::stdout().lock();
    output.write_all(READY)?;
    output.flush()?;
    let mut runtime: Option<(usize, Runtime)> = None;
    let mut files: Option<TableFiles> = None;
    let mut warmer = Warmer::default();
    while let Some(frame) = next(&requests, runtime.as_ref(), files.as_ref(), &mut warmer) {
        let request: Request = serde_json::from_slice(&frame)?;
        let threads = request.budget.threads.max(1);
        let kept = runtime.take().filter(|(count, _)| *count == threads);
        let (_, runtime) = runtime.insert(match kept {
            Some(kept) => kept,
            None => (threads, start_runtime(threads)?),
        });
        let answered = AssertUnwindSafe(answer(&request, &mut files)).catch_unwind();
        let answered = runtime.block_on(answered);
        let panicked = || Err(EngineError::Failed { detail: "the worker panicked".to_owned() });
        let (reply, rows) = match answered.unwrap_or_else(|_| panicked()) {
            Ok((truncated, rows)) => (Reply::Rows { truncated }, Some(rows)),
            Err(error) => (error.into(), None),
        };
        write_frame(&mut output, &serde_json::to_vec(&reply)?)?;
        if let Some(rows) = rows {
            write_frame(&mut output, &rows)?;
        }
        output.flush()?;
    }
    Ok(())
}

/// The next request; until it comes, columns that are asked for often are read.
fn next(
    requests: &mpsc::Receiver<Vec<u8>>,
    runtime: Option<&(usize, Runtime)>,
    files: Option<&TableFiles>,
    warmer: &mut Warmer,
) -> Option<Vec<u8>> {
    if let (Some((_, runtime)), Some(files)) = (runtime, files) {
        loop {
            match requests.try_recv() {
                Err(mpsc::TryRecvError::Empty) if runtime.block_on(warmer.step(files)) => {}
                Err(mpsc::TryRecvError::Empty) => break,
                received => return received.ok(),
            }
        }
    }
    requests.recv().ok()
}

/// Answers with the files of the request before, whose connections are warm, where they are the same.
async fn answer(
    request: &Request,
    opened: &mut Option<TableFiles>,
) -> Result<(bool, Vec<u8>), EngineError> {
    let files = match opened.take().filter(|files| *files.location() == request.location) {
        Some(files) => opened.insert(files),
        None => {
            let files = TableFiles::open(request.location.clone())?;
            opened.insert(files.keeping(request.budget.column_bytes))
        }
    };
    let scratch = std::env::var_os(SCRATCH).map(PathBuf::from);
    let rows = execute(files, &request.job, &request.budget, scratch.as_deref()).await?;
    let bytes = encode(&rows).map_err(|error| EngineError::Failed { detail: error.to_string() })?;
    Ok((rows.truncated, bytes))
}

fn start_runtime(threads: usize) -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
}

/// Reads requests on a thread of its own, so that the end of the input ends the process even in the
/// middle of a query.
fn listen() -> mpsc::Receiver<Vec<u8>> {
    let (sender, requests) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(Some(frame)) = read_frame(&mut input) {
            if sender.send(frame).is_err() {
                break;
            }
        }
        #[cfg(feature = "cluster")]
        crate::cluster::abandon();
        std::process::exit(0);
    });
    requests
}

/// What the memory pool does not count, the kernel does.
fn limit_address_space() -> io::Result<()> {
    let Some(text) = std::env::var_os(ADDRESS_SPACE) else { return Ok(()) };
    let bytes = text.to_str().and_then(|text| text.parse().ok());
    let bytes: u64 = bytes.ok_or_else(|| io::Error::other("the address space is no number"))?;
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    setrlimit(Resource::As, limit)?;
    // A core file would hold a company's rows.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}
