//! What SQL Server is spoken to over: a socket, or TLS on it.
//!
//! The client library is built without TLS, so encryption is settled here, before it begins: the records
//! of the handshake travel in packets of the kind that comes before the login, and what follows lies under
//! TLS as it is
//! (<https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-tds/10a7d77e-30d3-4de6-ae77-f2fcd7acd10d>).
//! The library's own first message is then answered from here, by a server that does not encrypt.

use std::{
    io::{Error, ErrorKind, Result},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::prelogin::{ANSWER, Encryption, HEADER, PRELOGIN, body, message, not_tds, packet};

/// The longest packet before the login, with its header.
const LONGEST_PACKET: usize = 4_096;
/// Asks the server to end what it is at.
const ATTENTION: u8 = 0x06;

/// A connection whose encryption is settled.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Shakes hands. TLS 1.3 is none of this form of the protocol.
pub(super) async fn secure(
    stream: TcpStream,
    host: &str,
    config: Arc<ClientConfig>,
) -> Result<Box<dyn Wire>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "the host is no name or address"))?;
    let mut tls = TlsConnector::from(config).connect(name, Handshake::new(stream)).await?;
    if !tls.get_mut().0.end() {
        return Err(not_tds("it sends more than its part of the handshake"));
    }
    Ok(Box::new(tls))
}

/// A socket that puts what is written into packets, and takes what is read out of them, until the
/// handshake ends.
struct Handshake {
    stream: TcpStream,
    is_over: bool,
    /// Of the packet's header that is being read.
    header: [u8; HEADER],
    header_read: usize,
    /// Of the packet that is being read.
    left: usize,
    written: Vec<u8>,
    /// Packets on their way.
    sending: Vec<u8>,
}

impl Handshake {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            is_over: false,
            header: [0; HEADER],
            header_read: 0,
            left: 0,
            written: Vec::new(),
            sending: Vec::new(),
        }
    }

    /// From here on there are no packets; false in the middle of one.
    fn end(&mut self) -> bool {
        self.is_over = true;
        self.header_read == 0
            && self.left == 0
            && self.written.is_empty()
            && self.sending.is_empty()
    }

    /// False at the stream's end.
    fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool>> {
        while self.left == 0 {
            let mut rest = ReadBuf::new(&mut self.header[self.header_read..]);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut rest))?;
            match (rest.filled().len(), self.header_read) {
                (0, 0) => return Poll::Ready(Ok(false)),
                (0, _) => return Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
                (read, _) => self.header_read += read,
            }
            if self.header_read == HEADER {
                self.left = body(self.header)?;
                self.header_read = 0;
            }
        }
        Poll::Ready(Ok(true))
    }

    fn pack(&mut self) {
        let data = std::mem::take(&mut self.written);
        let mut chunks = data.chunks(LONGEST_PACKET - HEADER).peekable();
        while let Some(chunk) = chunks.next() {
            let mut packet = packet(PRELOGIN, chunk);
            if chunks.peek().is_some() {
                packet[1] = 0;
            }
            self.sending.extend(packet);
        }
    }
}

impl AsyncRead for Handshake {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if self.is_over {
            return Pin::new(&mut self.stream).poll_read(cx, to);
        }
        if !ready!(self.poll_header(cx))? {
            return Poll::Ready(Ok(()));
        }
        let most = self.left.min(to.remaining());
        let mut part = ReadBuf::new(to.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        to.advance(read);
        self.left -= read;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Handshake {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        if self.is_over {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        }
        self.written.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        this.pack();
        while !this.sending.is_empty() {
            let sent = ready!(Pin::new(&mut this.stream).poll_write(cx, &this.sending))?;
            if sent == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            this.sending.drain(..sent);
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A wire of two holders: the client library, and whoever ends a statement that it waits for.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Box<dyn Wire>>>);

impl Shared {
    pub(super) fn new(wire: Box<dyn Wire>) -> Self {
        Self(Arc::new(Mutex::new(wire)))
    }

    /// Asks the server to end what it is at, and waits for a sign of life.
    pub(super) async fn attention(&mut self) -> Result<()> {
        self.write_all(&packet(ATTENTION, &[])).await?;
        self.flush().await?;
        match self.read(&mut [0; 64]).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    fn with<T>(&self, work: impl FnOnce(Pin<&mut dyn Wire>) -> T) -> T {
        work(Pin::new(&mut **self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl AsyncRead for Shared {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        self.with(|wire| wire.poll_read(cx, to))
    }
}

impl AsyncWrite for Shared {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.with(|wire| wire.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.with(|wire| wire.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.with(|wire| wire.poll_shutdown(cx))
    }
}

/// The wire as the client library sees it: of a server that does not encrypt.
pub(super) struct Line {
    wire: Shared,
    /// Of the library's first message, which goes no further.
    asked: Vec<u8>,
    /// What is still to be read of our answer to it; none before the message is whole.
    answer: Option<Vec<u8>>,
}

impl Line {
    pub(super) fn new(wire: Shared) -> Self {
        Self { wire, asked: Vec::new(), answer: None }
    }

    /// How many more bytes the library's first message has.
    fn missing(&self) -> usize {
        let length = match self.asked[..] {
            [_, _, high, low, ..] => usize::from(u16::from_be_bytes([high, low])),
            _ => HEADER,
        };
        length.saturating_sub(self.asked.len())
    }
}

impl futures_util::AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut [u8],
    ) -> Poll<Result<usize>> {
        match &mut self.answer {
            None => return Poll::Ready(Err(not_tds("nothing was asked"))),
            Some(answer) if !answer.is_empty() => {
                let part = answer.len().min(to.len());
                to[..part].copy_from_slice(&answer[..part]);
                answer.drain(..part);
                return Poll::Ready(Ok(part));
            }
            Some(_) => {}
        }
        let mut part = ReadBuf::new(to);
        ready!(Pin::new(&mut self.wire).poll_read(cx, &mut part))?;
        Poll::Ready(Ok(part.filled().len()))
    }
}

impl futures_util::AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        if self.answer.is_some() {
            return Pin::new(&mut self.wire).poll_write(cx, bytes);
        }
        let taken = bytes.len().min(self.missing());
        self.asked.extend(&bytes[..taken]);
        if self.missing() == 0 {
            self.answer = Some(packet(ANSWER, &message(Encryption::NotSupported)));
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}
