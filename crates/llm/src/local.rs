//! The queue before a local model. One thread owns the weights and completes one prompt after the other:
//! two at once would only share the same cores.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    time::Duration,
};

use candle_core::quantized::gguf_file::Content;
use pacioli_language::model::{Completing, Completion, Model, ModelError, Prompt};
use tokio::sync::oneshot;

use crate::{
    adapter::Adapter,
    decode::{Decoder, Stopped},
};

/// The only architecture that there is a network for.
const ARCHITECTURE: &str = "qwen2";

/// How a local model is run.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// A GGUF file with its vocabulary, of a model that speaks ChatML.
    pub path: PathBuf,
    /// A file of what training added to these weights, if any.
    pub adapter: Option<PathBuf>,
    /// Prompts that may wait; more are refused at once.
    pub queue: usize,
    /// How long a prompt may take, waiting included.
    pub deadline: Duration,
}

/// A GGUF file of weights, run in this process. Weights are read at the first prompt and kept: for the
/// 0.5B model's file of 490 MB the process peaked at 1.5 GB. Add 24 KB (0.5B) or 56 KB (1.5B) for each
/// token of up to eight prompts' beginnings.
pub struct LocalModel {
    work: SyncSender<Work>,
    deadline: Duration,
    path: PathBuf,
}

struct Work {
    prompt: Prompt,
    reply: oneshot::Sender<Result<Completion, ModelError>>,
}

impl fmt::Debug for LocalModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalModel").field("path", &self.path).finish_non_exhaustive()
    }
}

impl LocalModel {
    /// Starts the thread, after a look at the file's first bytes: whoever configures another file learns
    /// it at once. An adapter is read, and held against what the file says of its weights. The thread ends
    /// when the model is dropped.
    pub fn start(options: LocalOptions) -> Result<Self, ModelError> {
        let LocalOptions { path, adapter, queue, deadline } = options;
        check(&path)?;
        let adapter = adapter.map(|adapter| fitting(&adapter, &path)).transpose()?;
        let (sender, receiver) = sync_channel(queue.max(1));
        let file = path.clone();
        std::thread::Builder::new()
            .name("language-model".to_owned())
            .spawn(move || serve(&file, adapter.as_ref(), &receiver))
            .map_err(|error| ModelError::Unavailable(format!("no thread: {error}")))?;
        Ok(Self { work: sender, deadline, path })
    }
}

impl Model for LocalModel {
    fn complete<'a>(&'a self, prompt: &'a Prompt) -> Completing<'a> {
        Box::pin(async {
            let (reply, answer) = oneshot::channel();
            let work = Work { prompt: prompt.clone(), reply };
            self.work.try_send(work).map_err(|error| match error {
                TrySendError::Full(_) => ModelError::Busy,
                TrySendError::Disconnected(_) => ended(),
            })?;
            // Whoever drops this future drops `answer`, and the thread notices.
            match tokio::time::timeout(self.deadline, answer).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(ended()),
                Err(_) => Err(ModelError::Late(self.deadline)),
            }
        })
    }
}

fn ended() -> ModelError {
    ModelError::Unavailable("its thread has ended".to_owned())
}

fn unusable(path: &Path, error: &dyn fmt::Display) -> ModelError {
    ModelError::Unavailable(format!("{}: {error}", path.display()))
}

fn check(path: &Path) -> Result<(), ModelError> {
    use std::io::Read as _;
    let mut magic = [0; 4];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut magic))
        .map_err(|error| unusable(path, &error))?;
    if &magic == b"GGUF" { Ok(()) } else { Err(unusable(path, &"it is no GGUF file")) }
}

/// The adapter, which fits the weights.
fn fitting(adapter: &Path, weights: &Path) -> Result<Adapter, ModelError> {
    let read = Adapter::read(adapter).map_err(|error| unusable(adapter, &error))?;
    let (content, _) = opened(weights).map_err(|error| unusable(weights, &error))?;
    read.fits(&content).map_err(|error| unusable(adapter, &error))?;
    Ok(read)
}

fn serve(path: &Path, adapter: Option<&Adapter>, work: &Receiver<Work>) {
    let mut decoder = None;
    while let Ok(Work { prompt, reply }) = work.recv() {
        if reply.is_closed() {
            continue;
        }
        let result = match loaded(&mut decoder, path, adapter) {
            Ok(decoder) => decoder.complete(&prompt, &|| reply.is_closed()),
            Err(error) => Err(Stopped::Failed(error)),
        };
        let result = match result {
            Ok(completion) => Ok(completion),
            Err(Stopped::GivenUp) => continue,
            Err(Stopped::Endless(text)) => Err(ModelError::Garbled(text)),
            Err(Stopped::Failed(error)) => Err(unusable(path, &error)),
        };
        // Nobody may be waiting any more: then nobody minds.
        let _ = reply.send(result);
    }
}

/// The decoder, read when it is first needed. A file that cannot be read is tried again at the next
/// prompt: it may be replaced meanwhile.
fn loaded<'d>(
    decoder: &'d mut Option<Decoder>,
    path: &Path,
    adapter: Option<&Adapter>,
) -> Result<&'d mut Decoder, String> {
    if decoder.is_none() {
        let (content, mut file) = opened(path)?;
        if let Some(adapter) = adapter {
            adapter.fits(&content).map_err(|error| error.to_string())?;
        }
        *decoder = Some(Decoder::read(&content, &mut file, adapter)?);
    }
    decoder.as_mut().ok_or_else(|| "it was not read".to_owned())
}

/// What a file says of its weights, if it is of an architecture that there is a network for.
fn opened(path: &Path) -> Result<(Content, File), String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let content = Content::read(&mut file).map_err(|error| error.to_string())?;
    let architecture = content.metadata.get("general.architecture");
    let architecture = architecture.and_then(|value| value.to_string().ok());
    if architecture.is_none_or(|name| name != ARCHITECTURE) {
        return Err(format!("its architecture is not {ARCHITECTURE}"));
    }
    Ok((content, file))
}
