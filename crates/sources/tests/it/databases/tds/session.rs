//! One connection: encryption, login, and then one request after the other.

use std::{
    io::{Error, ErrorKind, Read, Result, Write},
    net::TcpStream,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rusqlite::types::Value;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{
    Shared,
    books::Refusal,
    kind::from_utf16,
    packets::{
        ATTENTION, BATCH, LOGIN, PRELOGIN, RESPONSE, RPC, Response, began, done, error, login_ack,
        packet_size, read_message, read_packet, route, write_message,
    },
    request::{self, Login},
};

/// What the server does of encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// For those who ask.
    On,
    NotSupported,
    /// For everybody.
    Required,
}

/// A socket, or TLS on it.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// The transaction that follows the first.
const TRANSACTION: u64 = 0x0000_0033_0000_0001;
/// How often those who dawdle look whether they shall end.
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn serve(shared: &Shared, socket: &TcpStream) {
    socket.set_nodelay(true).unwrap();
    let served = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        // Ends with an error whenever the client leaves.
        let _left = converse(shared, socket);
    }));
    if let Err(slip) = served {
        let words = slip.downcast_ref::<String>().cloned();
        let words = words.or_else(|| slip.downcast_ref::<&str>().map(ToString::to_string));
        shared.seen.lock().unwrap().slips.push(words.unwrap_or_default());
    }
    let _gone = socket.shutdown(std::net::Shutdown::Both);
}

fn converse(shared: &Shared, socket: &TcpStream) -> Result<()> {
    let mut plain = socket;
    let (kind, message) = read_message(&mut plain)?;
    assert_eq!(kind, PRELOGIN);
    {
        let faults = shared.faults.lock().unwrap();
        if faults.hangs_up {
            return Ok(());
        }
        if let Some(babble) = &faults.babble {
            plain.write_all(babble)?;
            return Ok(());
        }
    }
    let wanted = request::encryption(&message);
    // MS-TDS 2.2.6.5: what each side says, and what follows from it.
    let said = match (shared.encryption, wanted) {
        (Encryption::NotSupported, _) | (Encryption::On, 2) => 2,
        (Encryption::On, 0) => 0,
        (Encryption::On, _) | (Encryption::Required, 1) => 1,
        (Encryption::Required, _) => 3,
    };
    write_message(&mut plain, RESPONSE, &request::prelogin(said))?;
    match &shared.tls {
        Some(config) if said != 2 && wanted != 2 => {
            let mut tls = shake_hands(socket, config)?;
            requests(shared, socket, &mut tls, true)
        }
        _ => requests(shared, socket, &mut plain, false),
    }
}

/// The records of the handshake come and go in packets, and those after it do not.
fn shake_hands<'a>(
    socket: &'a TcpStream,
    config: &Arc<ServerConfig>,
) -> Result<StreamOwned<ServerConnection, &'a TcpStream>> {
    let mut plain = socket;
    let mut tls = ServerConnection::new(Arc::clone(config)).map_err(Error::other)?;
    while tls.is_handshaking() || tls.wants_write() {
        if tls.wants_write() {
            let mut records = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut records)?;
            }
            write_message(&mut plain, PRELOGIN, &records)?;
        } else {
            let (kind, _, part) = read_packet(&mut plain)?;
            assert_eq!(kind, PRELOGIN);
            let mut part = &part[..];
            while !part.is_empty() {
                tls.read_tls(&mut part)?;
                tls.process_new_packets().map_err(Error::other)?;
            }
        }
    }
    Ok(StreamOwned::new(tls, socket))
}

fn requests(
    shared: &Shared,
    socket: &TcpStream,
    stream: &mut dyn Stream,
    is_secure: bool,
) -> Result<()> {
    if !login(shared, stream, is_secure)? {
        return Ok(());
    }
    let mut transaction = 0;
    loop {
        let (kind, message) = read_message(stream)?;
        if kind == ATTENTION {
            shared.seen.lock().unwrap().attentions += 1;
            write_message(stream, RESPONSE, &done(0xfd, 0x20, 0))?;
            continue;
        }
        let (named, body) = request::headers(&message);
        assert_eq!(named, transaction, "a request names the transaction that it is in");
        let (statement, values) = match kind {
            BATCH => (from_utf16(body).unwrap(), None),
            RPC => {
                let (statement, values) = request::execute(body);
                (statement, Some(values))
            }
            other => panic!("nobody sends a message of the type {other}"),
        };
        shared.seen.lock().unwrap().statements.push(statement.clone());
        if !wait(shared, socket, stream, &statement)? {
            continue;
        }
        match values {
            Some(values) => execute(shared, stream, &statement, &values)?,
            None => batch(stream, &statement, &mut transaction)?,
        }
    }
}

/// False when nobody is let in.
fn login(shared: &Shared, stream: &mut dyn Stream, is_secure: bool) -> Result<bool> {
    let (kind, message) = read_message(stream)?;
    assert_eq!(kind, LOGIN);
    let login = Login::read(&message);
    shared.seen.lock().unwrap().logins.push((login.clone(), is_secure));
    let (refusal, route_to) = {
        let faults = shared.faults.lock().unwrap();
        (faults.refuse.clone(), faults.route.clone())
    };
    let wrong = (login.user != "reader" || login.password != "secret")
        .then(|| (18_456, format!("Login failed for user '{}'.", login.user)));
    let nowhere = (login.database != "erp").then(|| {
        let words = format!(
            "Cannot open database \"{}\" requested by the login. The login failed.",
            login.database
        );
        (4_060, words)
    });
    if let Some((number, words)) = refusal.or(wrong).or(nowhere) {
        let answer = [error(number, &words), done(0xfd, 2, 0)].concat();
        write_message(stream, RESPONSE, &answer)?;
        return Ok(false);
    }
    let mut answer = [login_ack(), packet_size()].concat();
    if let Some((host, port)) = &route_to {
        answer.extend(route(host, *port));
    }
    answer.extend(done(0xfd, 0, 0));
    write_message(stream, RESPONSE, &answer)?;
    Ok(route_to.is_none())
}

/// Gives no answer where it shall not, until it is told to end; false when it was.
fn wait(
    shared: &Shared,
    socket: &TcpStream,
    stream: &mut dyn Stream,
    statement: &str,
) -> Result<bool> {
    let (dawdles, is_deaf) = {
        let faults = shared.faults.lock().unwrap();
        let dawdles = faults.dawdle.as_ref().is_some_and(|text| statement.contains(text));
        (dawdles, faults.is_deaf)
    };
    if !dawdles {
        return Ok(true);
    }
    shared.seen.lock().unwrap().working += 1;
    let ended = dawdle(shared, socket, stream, is_deaf);
    shared.seen.lock().unwrap().working -= 1;
    socket.set_read_timeout(None)?;
    ended?;
    shared.seen.lock().unwrap().attentions += 1;
    write_message(stream, RESPONSE, &done(0xfd, 0x20, 0))?;
    Ok(false)
}

fn dawdle(
    shared: &Shared,
    socket: &TcpStream,
    stream: &mut dyn Stream,
    is_deaf: bool,
) -> Result<()> {
    socket.set_read_timeout(Some(LOOK))?;
    while !shared.has_ended.load(Ordering::Relaxed) {
        if is_deaf {
            std::thread::sleep(LOOK);
            continue;
        }
        match read_message(stream) {
            Ok((kind, _)) => {
                assert_eq!(kind, ATTENTION);
                return Ok(());
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::ConnectionAborted.into())
}

/// What is set for the session, and where a transaction begins.
fn batch(stream: &mut dyn Stream, batch: &str, transaction: &mut u64) -> Result<()> {
    let mut answer = Vec::new();
    let statements: Vec<&str> = batch.split(';').map(str::trim).collect();
    for (place, statement) in statements.iter().enumerate() {
        if *statement == "BEGIN TRANSACTION" {
            *transaction = TRANSACTION;
            answer.extend(began(TRANSACTION));
        } else {
            assert!(statement.starts_with("SET "), "a batch sets things and no more: {statement}");
        }
        answer.extend(done(0xfd, u16::from(place + 1 < statements.len()), 0));
    }
    write_message(stream, RESPONSE, &answer)
}

fn execute(
    shared: &Shared,
    stream: &mut dyn Stream,
    statement: &str,
    values: &[Value],
) -> Result<()> {
    let (failure, cut_after) = {
        let mut faults = shared.faults.lock().unwrap();
        let failure = faults.fail.take_if(|it| statement.contains(&it.0));
        let of_a_table = statement.contains(" AS t");
        (failure, faults.cut_after.filter(|_| of_a_table))
    };
    let mut response = Response::new(stream);
    response.cut_after = cut_after;
    let answered: std::result::Result<(), Refusal> = match failure {
        Some((_, number, words)) => Err((number, words)),
        None => shared.books.lock().unwrap().select(statement, values, &mut response),
    };
    if response.is_cut() {
        shared.faults.lock().unwrap().cut_after = None;
    }
    let bits = match answered {
        Ok(()) => {
            response.token(&done(0xff, 0x11, response.rows));
            0
        }
        Err((number, words)) => {
            assert_ne!(number, 50_000, "{words}");
            response.token(&error(number, &words));
            2
        }
    };
    response.token(&[0x79, 0, 0, 0, 0]);
    response.token(&done(0xfe, bits, 0));
    response.end()
}
