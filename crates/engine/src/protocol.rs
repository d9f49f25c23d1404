//! What a server and its worker say to each other over the worker's standard input and output: a
//! request is one frame of JSON; a reply is one frame of JSON and, where there are rows, one frame of
//! Arrow IPC. A frame is a length (32 bits, little endian) and so many bytes.
//!
//! Pipes, not a socket: they need no name and no permission, nobody else can open them, and their
//! end is how a worker learns that its server is gone.

use std::io::{self, Read, Write};

use arrow::{
    array::RecordBatch,
    error::ArrowError,
    ipc::{reader::StreamReader, writer::StreamWriter},
};
use serde::{Deserialize, Serialize};

use crate::{
    EngineError,
    files::storage,
    location::Location,
    query::{Budget, Job, Rows},
};

/// The worker's first line. What a program prints before it (a test harness does) is passed over.
pub(crate) const READY: &[u8] = b"pacioli engine worker 1\n";
/// The variable that carries the worker's address space in bytes. It is no part of a request, so that
/// the limit stands before anything is read.
pub(crate) const ADDRESS_SPACE: &str = "PACIOLI_WORKER_ADDRESS_SPACE";
/// The variable that carries the worker's own folder for what it puts aside.
pub(crate) const SCRATCH: &str = "PACIOLI_WORKER_SCRATCH";
/// The longest frame that is taken. Answers are kept far shorter by their own limit.
pub(crate) const MOST_FRAME_BYTES: u32 = 256 << 20;

/// One query.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) location: Location,
    pub(crate) job: Job,
    pub(crate) budget: Budget,
}

/// How it ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// A frame of Arrow IPC follows.
    Rows {
        truncated: bool,
    },
    Invalid {
        detail: String,
    },
    TooLarge {
        detail: String,
    },
    Missing,
    Storage {
        detail: String,
    },
    Cluster {
        detail: String,
    },
    Failed {
        detail: String,
    },
}

impl From<EngineError> for Reply {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Invalid { detail } => Self::Invalid { detail },
            EngineError::TooLarge { detail } => Self::TooLarge { detail },
            EngineError::Missing => Self::Missing,
            EngineError::Cluster { detail } => Self::Cluster { detail },
            EngineError::Failed { detail } => Self::Failed { detail },
            EngineError::Storage { action, source } => {
                Self::Storage { detail: format!("{action}: {source}") }
            }
            // The server's own; a worker has none of them.
            other => Self::Failed { detail: other.to_string() },
        }
    }
}

impl Reply {
    /// The error that it tells of, or whether the rows that follow are cut.
    pub(crate) fn truncated(self) -> Result<bool, EngineError> {
        match self {
            Self::Rows { truncated } => Ok(truncated),
            Self::Invalid { detail } => Err(EngineError::Invalid { detail }),
            Self::TooLarge { detail } => Err(EngineError::TooLarge { detail }),
            Self::Missing => Err(EngineError::Missing),
            Self::Storage { detail } => Err(storage("read by a worker")(io::Error::other(detail))),
            Self::Cluster { detail } => Err(EngineError::Cluster { detail }),
            Self::Failed { detail } => Err(EngineError::Failed { detail }),
        }
    }
}

/// Reads a frame; nothing at the end of the stream.
pub(crate) fn read_frame(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        done => done?,
    }
    let length = u32::from_le_bytes(length);
    if length > MOST_FRAME_BYTES {
        return Err(io::Error::other("the frame is too long"));
    }
    let mut bytes = Vec::new();
    stream.take(length.into()).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

pub(crate) fn write_frame(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(&length_of(bytes)?)?;
    stream.write_all(bytes)
}

pub(crate) fn length_of(bytes: &[u8]) -> io::Result<[u8; 4]> {
    let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= MOST_FRAME_BYTES);
    Ok(length.ok_or_else(|| io::Error::other("the frame is too long"))?.to_le_bytes())
}

pub(crate) fn encode(rows: &Rows) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &rows.schema)?;
    for batch in &rows.batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}

pub(crate) fn decode(bytes: &[u8], truncated: bool) -> Result<Rows, ArrowError> {
    let reader = StreamReader::try_new(bytes, None)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<RecordBatch>, _>>()?;
    Ok(Rows { schema, batches, truncated })
}
