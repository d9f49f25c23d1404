//! One connection to Redis, mended for ever.
//!
//! Commands and pushed withdrawals travel on the same RESP3 connection, and that is the point: Redis
//! answers in order, and the driver hands a push over before it completes any later answer. So an
//! answer proves that every withdrawal published before it has been applied here; a heartbeat twice a
//! second keeps that proof young, and checks the number of the last withdrawal besides.
//!
//! The connection is also the circuit breaker. The first command that fails or takes too long gives
//! it up for everybody: from then on nobody waits, until the keeper, which tries about once a second,
//! has a new one. A new one is taken into use only when the withdrawals that could not be sent
//! have been, and every local copy has been dropped.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use pacioli_model::{CompanyId, QueryId, UserId};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo, Msg,
    ProtocolVersion, PushInfo, PushKind, RedisError, RedisResult, ScriptInvocation,
    aio::MultiplexedConnection,
};
use tokio::sync::{Notify, mpsc, oneshot};

use super::{
    ACCOUNTS, InvalidRedisUrl, MARK_MILLIS, Scripts, company_mark, queries::parse_end,
    sequence_key, user_mark,
};
use crate::cache::{CacheState, accounts::Scope, memory::Memory};

/// For name resolution, connecting, authenticating and subscribing. No request waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_millis(500);
/// Without an answer for so long, local copies are not used, whatever the keeper is doing.
const SILENCE: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A withdrawal that could not be sent is kept for so long; no copy it speaks of lives longer.
const POSTPONED: Duration = Duration::from_secs(90);

/// Ends of queries that wait to be looked at.
const MOST_ENDS: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Link {
    client: Client,
    timeout: Duration,
    channel: String,
    ends_channel: String,
    ends: mpsc::Sender<(CompanyId, QueryId)>,
    /// Until somebody takes it, what is heard is let go.
    ends_heard: Mutex<Option<mpsc::Receiver<(CompanyId, QueryId)>>>,
    pub(super) scripts: Scripts,
    memory: Arc<Memory>,
    state: Mutex<State>,
    given_up: Notify,
    /// The number of the last withdrawal that was heard.
    heard: AtomicU64,
    started: Instant,
    /// Milliseconds since `started` until which local copies may be used; zero without a connection.
    current_until: AtomicU64,
}

#[derive(Debug)]
struct State {
    line: Line,
    /// Counts connections, so that late news of an old one is not taken for news of this one.
    serial: u64,
    /// Withdrawals to send first; always empty while the line is open.
    postponed: HashMap<Scope, Instant>,
}

#[derive(Debug)]
enum Line {
    Open(MultiplexedConnection),
    Closed { since: Instant, reason: String },
}

impl Link {
    pub(super) fn new(
        url: &str,
        timeout: Duration,
        memory: Arc<Memory>,
    ) -> Result<Self, InvalidRedisUrl> {
        let info = url.into_connection_info().map_err(|_| InvalidRedisUrl)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            // Refused only if the program has chosen one already, which then serves.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        // Channels belong to the server, not to one of its numbered databases.
        let channel = format!("pacioli:accounts:{}", settings.db());
        let ends_channel = format!("pacioli:ends:{}", settings.db());
        let (ends, ends_heard) = mpsc::channel(MOST_ENDS);
        let client =
            Client::open(info.set_redis_settings(settings)).map_err(|_| InvalidRedisUrl)?;
        let line = Line::Closed { since: Instant::now(), reason: "not connected yet".to_owned() };
        Ok(Self {
            client,
            timeout,
            channel,
            ends_channel,
            ends,
            ends_heard: Mutex::new(Some(ends_heard)),
            scripts: Scripts::new(),
            memory,
            state: Mutex::new(State { line, serial: 0, postponed: HashMap::new() }),
            given_up: Notify::new(),
            heard: AtomicU64::new(0),
            started: Instant::now(),
            current_until: AtomicU64::new(0),
        })
    }

    pub(super) fn state(&self) -> CacheState {
        match &self.lock().line {
            Line::Open(_) => CacheState::Connected,
            Line::Closed { since, reason } => {
                CacheState::Degraded { lasting: since.elapsed(), reason: reason.clone() }
            }
        }
    }

    pub(super) fn hears_everything(&self) -> bool {
        self.elapsed() < self.current_until.load(Ordering::Acquire)
    }

    /// What the script answers; `None` without a connection, at once, or if this one fails.
    pub(super) async fn call<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Option<T> {
        let (mut connection, serial) = self.open_line()?;
        let answer = self.in_time(script.invoke_async(&mut connection)).await;
        answer.map_err(|error| self.give_up(serial, &error)).ok()
    }

    /// As [`Link::call`], for a plain command.
    pub(super) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let (mut connection, serial) = self.open_line()?;
        let answer = self.in_time(command.query_async(&mut connection)).await;
        answer.map_err(|error| self.give_up(serial, &error)).ok()
    }

    /// Where it is said which queries are to be ended.
    pub(super) fn ends_channel(&self) -> &str {
        &self.ends_channel
    }

    pub(super) fn take_ends(&self) -> Option<mpsc::Receiver<(CompanyId, QueryId)>> {
        self.ends_heard.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn withdrawal(&self, scope: Scope) -> ScriptInvocation<'_> {
        let (mark, text) = match scope {
            Scope::User(company, user) => (user_mark(user), format!("user {company} {user}")),
            Scope::Company(company) => (company_mark(company), format!("company {company}")),
        };
        let mut call = self.scripts.withdraw.key(sequence_key());
        call.key(format!("{ACCOUNTS}{mark}")).arg(&self.channel).arg(text).arg(MARK_MILLIS);
        call
    }

    /// Keeps a withdrawal that could not be sent. A line that opened meanwhile is closed again: it is
    /// the keeper who sends it, before anybody reads.
    pub(super) fn postpone(&self, scope: Scope) {
        let mut state = self.lock();
        state.postponed.retain(|_, at| at.elapsed() < POSTPONED);
        state.postponed.insert(scope, Instant::now());
        let serial = state.serial;
        self.close(&mut state, serial, "a withdrawal could not be sent");
    }

    async fn in_time<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        let began = Instant::now();
        let answer = match tokio::time::timeout(self.timeout, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        };
        self.memory.watch.tell("command", began.elapsed(), answer.is_ok());
        answer
    }

    fn open_line(&self) -> Option<(MultiplexedConnection, u64)> {
        let state = self.lock();
        match &state.line {
            Line::Open(connection) => Some((connection.clone(), state.serial)),
            Line::Closed { .. } => None,
        }
    }

    fn give_up(&self, serial: u64, error: &RedisError) {
        self.close(&mut self.lock(), serial, &error.to_string());
    }

    /// Closes the line if it is still that one. Said once in the log, by whoever comes first.
    fn close(&self, state: &mut State, serial: u64, reason: &str) {
        if state.serial != serial || !matches!(state.line, Line::Open(_)) {
            return;
        }
        self.current_until.store(0, Ordering::Release);
        state.line = Line::Closed { since: Instant::now(), reason: reason.to_owned() };
        self.given_up.notify_one();
        warn_degraded(reason);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn warn_degraded(reason: &str) {
    tracing::warn!(
        event = "cache.degraded",
        reason,
        "Redis cannot be used ({reason}): accounts come from the store, limits are counted locally"
    );
}

/// Connects, listens, and starts again when the connection ends. `tried` is told after the first attempt.
pub(super) async fn keep_up(link: Arc<Link>, tried: oneshot::Sender<()>) {
    let mut tried = Some(tried);
    let mut pause = FIRST_PAUSE;
    loop {
        let attempt = tokio::time::timeout(CONNECT_TIMEOUT, link.connect()).await;
        let attempt = attempt
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        let first = tried.take().map(|tried| tried.send(())).is_some();
        match attempt {
            Ok(serial) => {
                pause = FIRST_PAUSE;
                link.listen(serial).await;
            }
            Err(error) => {
                link.still_closed(&error, first);
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        }
        tokio::time::sleep(pause).await;
    }
}

impl Link {
    /// Opens the line: subscribes, sends what was postponed, drops every local copy.
    async fn connect(self: &Arc<Self>) -> RedisResult<u64> {
        let serial = {
            let mut state = self.lock();
            state.serial += 1;
            state.serial
        };
        let link = Arc::downgrade(self);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(move |push| hear(&link, serial, &push));
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await?;
        self.heard.store(0, Ordering::Release);
        // One by one: each has an answer of its own.
        connection.subscribe(&self.ends_channel).await?;
        connection.subscribe(&self.channel).await?;
        loop {
            self.send_postponed(&mut connection).await?;
            let sent = self.elapsed();
            let sequence = self.scripts.sequence.key(sequence_key());
            let sequence = sequence.invoke_async::<u64>(&mut connection).await?;
            self.heard.fetch_max(sequence, Ordering::AcqRel);
            if self.open(&connection, sent) {
                return Ok(serial);
            }
        }
    }

    async fn send_postponed(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let postponed: Vec<(Scope, Instant)> =
            self.lock().postponed.iter().map(|(scope, at)| (*scope, *at)).collect();
        for (scope, at) in postponed {
            self.withdrawal(scope).invoke_async::<String>(connection).await?;
            let mut state = self.lock();
            if state.postponed.get(&scope) == Some(&at) {
                state.postponed.remove(&scope);
            }
        }
        Ok(())
    }

    /// False if there is something to send first.
    fn open(&self, connection: &MultiplexedConnection, proven: u64) -> bool {
        let mut state = self.lock();
        if !state.postponed.is_empty() {
            return false;
        }
        // After the subscription began: what is kept from here on will be withdrawn by message.
        self.memory.snapshots.clear();
        if let Line::Closed { since, .. } = &state.line {
            let lasted = since.elapsed().as_millis();
            tracing::info!(event = "cache.connected", lasted_ms = lasted, "Redis is in use");
        }
        state.line = Line::Open(connection.clone());
        self.current_until.store(proven + millis(SILENCE), Ordering::Release);
        true
    }

    fn still_closed(&self, error: &RedisError, first: bool) {
        let mut state = self.lock();
        if let Line::Closed { reason, .. } = &mut state.line {
            *reason = error.to_string();
            if first {
                warn_degraded(reason);
            }
        }
    }

    /// Proves twice a second that the line is alive and complete, until it is closed.
    async fn listen(&self, serial: u64) {
        loop {
            // Woken early when somebody gave the line up.
            let _ = tokio::time::timeout(HEARTBEAT, self.given_up.notified()).await;
            let sent = self.elapsed();
            let call = self.scripts.sequence.key(sequence_key());
            let Some(sequence) = self.call::<u64>(&call).await else { return };
            if self.heard.fetch_max(sequence, Ordering::AcqRel) < sequence {
                self.missed_something();
            }
            let state = self.lock();
            if state.serial == serial && matches!(state.line, Line::Open(_)) {
                self.current_until.store(sent + millis(SILENCE), Ordering::Release);
            }
        }
    }

    fn missed_something(&self) {
        self.memory.counters.gaps.add(1);
        self.memory.snapshots.clear();
    }

    /// Applies one pushed withdrawal: `before sequence scope`.
    fn apply(&self, text: &str) {
        let mut words = text.splitn(3, ' ');
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
        let (before, sequence) = (number(), number());
        let (Some(before), Some(sequence)) = (before, sequence) else {
            return self.missed_something();
        };
        self.memory.counters.invalidations_received.add(1);
        let heard = self.heard.swap(sequence, Ordering::AcqRel);
        match words.next().and_then(parse_scope) {
            // Zero: nothing was heard on this line yet, and nothing is kept yet.
            Some(scope) if heard == before || heard == 0 => self.memory.snapshots.forget(scope),
            _ => self.missed_something(),
        }
    }
}

/// Called by the driver of connection `serial`, in order with its answers; must not wait.
fn hear(link: &Weak<Link>, serial: u64, push: &PushInfo) -> Result<(), redis::aio::SendError> {
    let link = link.upgrade().ok_or(redis::aio::SendError)?;
    if link.lock().serial != serial {
        return Ok(());
    }
    match push.kind {
        PushKind::Message => {
            let message = Msg::from_push_info(push.clone());
            if message.as_ref().is_some_and(|it| it.get_channel_name() == link.ends_channel) {
                let text = message.and_then(|message| message.get_payload::<String>().ok());
                let end = text.as_deref().and_then(parse_end);
                // A full queue means that nobody listens; whoever asked is told that nothing was ended.
                let _ = end.map(|end| link.ends.try_send(end));
                return Ok(());
            }
            let text = message.and_then(|message| message.get_payload::<String>().ok());
            link.apply(&text.unwrap_or_default());
        }
        PushKind::Disconnection => {
            link.close(&mut link.lock(), serial, "the connection was closed");
        }
        _ => {}
    }
    Ok(())
}

fn parse_scope(text: &str) -> Option<Scope> {
    let mut words = text.split(' ');
    let kind = words.next()?;
    let company: CompanyId = words.next()?.parse().ok()?;
    match (kind, words.next()) {
        ("company", None) => Some(Scope::Company(company)),
        ("user", Some(user)) => Some(Scope::User(company, user.parse::<UserId>().ok()?)),
        _ => None,
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
