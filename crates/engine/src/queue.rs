//! Who is next. Workers are few and shared: each company has its own line, and whoever has a free place
//! to give goes round the lines, so that a company with a hundred questions delays another one's single
//! question by one question, not by a hundred.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pacioli_model::CompanyId;
use tokio::sync::{Notify, oneshot};

/// How many may run, and wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueLimits {
    /// Queries that run at once.
    pub(crate) places: usize,
    /// Of one company.
    pub(crate) places_per_company: usize,
    /// Queries that wait.
    pub(crate) waiting: usize,
    /// Of one company.
    pub(crate) waiting_per_company: usize,
}

/// The lines.
#[derive(Debug)]
pub(crate) struct Queue {
    limits: QueueLimits,
    lines: Mutex<Lines>,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Lines {
    running: usize,
    waiting: usize,
    /// Only companies that run or wait.
    companies: HashMap<CompanyId, Line>,
    /// Companies that wait, the next one first; each once.
    turns: VecDeque<CompanyId>,
    next_ticket: u64,
    closed: bool,
}

#[derive(Debug, Default)]
struct Line {
    running: usize,
    waiting: VecDeque<(u64, oneshot::Sender<Place>)>,
}

/// There is no room, or the queue is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// The right to run one query; dropped, it is the next one's.
#[derive(Debug)]
pub(crate) struct Place {
    queue: Option<Arc<Queue>>,
    company: CompanyId,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.leave(self.company);
        }
    }
}

impl Queue {
    pub(crate) fn new(limits: QueueLimits) -> Arc<Self> {
        Arc::new(Self { limits, lines: Mutex::default(), emptied: Notify::new() })
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Nothing panics while it is held.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place at once, or a ticket to wait for one with.
    pub(crate) fn enter(self: &Arc<Self>, company: CompanyId) -> Result<Entered, Full> {
        let mut lines = self.lines();
        if lines.closed {
            return Err(Full);
        }
        let line = lines.companies.get(&company);
        let (running, waiting) = line.map_or((0, 0), |line| (line.running, line.waiting.len()));
        let limits = self.limits;
        if lines.running < limits.places && running < limits.places_per_company && waiting == 0 {
            lines.running += 1;
            lines.companies.entry(company).or_default().running += 1;
            return Ok(Entered::Place(Place { queue: Some(Arc::clone(self)), company }));
        }
        if lines.waiting >= limits.waiting || waiting >= limits.waiting_per_company {
            return Err(Full);
        }
        let (sender, place) = oneshot::channel();
        let number = lines.next_ticket;
        lines.next_ticket += 1;
        lines.waiting += 1;
        lines.companies.entry(company).or_default().waiting.push_back((number, sender));
        if waiting == 0 {
            lines.turns.push_back(company);
        }
        drop(lines);
        Ok(Entered::Ticket(Ticket { queue: Arc::clone(self), company, number, place }))
    }

    fn leave(self: &Arc<Self>, company: CompanyId) {
        let mut lines = self.lines();
        lines.running -= 1;
        if let Some(line) = lines.companies.get_mut(&company) {
            line.running -= 1;
        }
        lines.forget_idle(company);
        self.give_out(&mut lines);
        if lines.running == 0 {
            self.emptied.notify_waiters();
        }
    }

    /// Gives free places to those whose turn it is.
    fn give_out(self: &Arc<Self>, lines: &mut Lines) {
        let mut passed = 0;
        while lines.running < self.limits.places && passed < lines.turns.len() {
            let Some(company) = lines.turns.pop_front() else { return };
            let Some(line) = lines.companies.get_mut(&company) else { continue };
            if line.running >= self.limits.places_per_company {
                lines.turns.push_back(company);
                passed += 1;
                continue;
            }
            let Some((_, waiter)) = line.waiting.pop_front() else { continue };
            if !line.waiting.is_empty() {
                lines.turns.push_back(company);
            }
            lines.waiting -= 1;
            let place = Place { queue: Some(Arc::clone(self)), company };
            match waiter.send(place) {
                Ok(()) => {
                    line.running += 1;
                    lines.running += 1;
                    passed = 0;
                }
                // Whoever waited has left. The place must not give itself back under our lock.
                Err(mut place) => place.queue = None,
            }
        }
    }

    fn give_up(&self, company: CompanyId, number: u64) {
        let mut lines = self.lines();
        let Some(line) = lines.companies.get_mut(&company) else { return };
        let before = line.waiting.len();
        line.waiting.retain(|(ticket, _)| *ticket != number);
        let (left, has_none) = (before - line.waiting.len(), line.waiting.is_empty());
        lines.waiting -= left;
        if has_none {
            lines.turns.retain(|other| *other != company);
        }
        lines.forget_idle(company);
    }

    /// Refuses newcomers and those that wait, and waits until nothing runs.
    pub(crate) async fn close(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            {
                let mut lines = self.lines();
                lines.closed = true;
                lines.waiting = 0;
                lines.turns.clear();
                lines.companies.values_mut().for_each(|line| line.waiting.clear());
                if lines.running == 0 {
                    return;
                }
            }
            emptied.await;
        }
    }
}

impl Lines {
    fn forget_idle(&mut self, company: CompanyId) {
        let line = self.companies.get(&company);
        if line.is_some_and(|line| line.running == 0 && line.waiting.is_empty()) {
            self.companies.remove(&company);
        }
    }
}

/// What one gets at the door.
pub(crate) enum Entered {
    Place(Place),
    Ticket(Ticket),
}

/// A turn in a company's line; dropped, it is given up.
pub(crate) struct Ticket {
    queue: Arc<Queue>,
    company: CompanyId,
    number: u64,
    place: oneshot::Receiver<Place>,
}

impl Ticket {
    /// Waits for one's turn.
    pub(crate) async fn turn(mut self) -> Result<Place, Full> {
        (&mut self.place).await.map_err(|_| Full)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.give_up(self.company, self.number);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn company(number: u128) -> CompanyId {
        CompanyId(Uuid::from_u128(number))
    }

    fn queue(places: usize, places_per_company: usize, waiting: usize) -> Arc<Queue> {
        let waiting_per_company = waiting;
        Queue::new(QueueLimits { places, places_per_company, waiting, waiting_per_company })
    }

    fn place(queue: &Arc<Queue>, owner: u128) -> Place {
        match queue.enter(company(owner)) {
            Ok(Entered::Place(place)) => place,
            _ => panic!("there is no place for {owner}"),
        }
    }

    fn ticket(queue: &Arc<Queue>, owner: u128) -> Ticket {
        match queue.enter(company(owner)) {
            Ok(Entered::Ticket(ticket)) => ticket,
            _ => panic!("{owner} need not wait"),
        }
    }

    #[tokio::test]
    async fn companies_take_turns() {
        let queue = queue(1, 1, 10);
        let mut running = place(&queue, 1);
        let mut waiting: Vec<(u128, Ticket)> = Vec::new();
        for owner in [1, 1, 1, 2, 2, 3] {
            waiting.push((owner, ticket(&queue, owner)));
        }
        let mut order = Vec::new();
        while !waiting.is_empty() {
            drop(running);
            let next = waiting.iter_mut().position(|(_, ticket)| !ticket.place.is_empty());
            let (owner, ticket) = waiting.remove(next.expect("somebody's turn"));
            order.push(owner);
            running = ticket.turn().await.expect("a place");
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 1]);
    }

    #[tokio::test]
    async fn one_company_cannot_take_every_place() {
        let queue = queue(3, 2, 10);
        let (first, _second) = (place(&queue, 1), place(&queue, 1));
        let third = ticket(&queue, 1);
        let _other = place(&queue, 2);
        let behind = ticket(&queue, 2);
        assert!(third.place.is_empty() && behind.place.is_empty());
        drop(first);
        assert!(!third.place.is_empty(), "its turn came");
        assert!(behind.place.is_empty());
        drop(third);
        assert!(!behind.place.is_empty(), "who left with a place gave it to the next");
        assert!(behind.turn().await.is_ok());
    }

    #[tokio::test]
    async fn lines_are_bounded_and_who_leaves_makes_room() {
        let limits =
            QueueLimits { places: 1, places_per_company: 1, waiting: 3, waiting_per_company: 2 };
        let queue = Queue::new(limits);
        let running = place(&queue, 1);
        let (one, two) = (ticket(&queue, 1), ticket(&queue, 1));
        assert!(matches!(queue.enter(company(1)), Err(Full)), "its own line is full");
        let _three = ticket(&queue, 2);
        assert!(matches!(queue.enter(company(3)), Err(Full)), "all of them are");
        drop(one);
        let four = ticket(&queue, 3);
        drop(running);
        let closing = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.close().await }
        });
        tokio::task::yield_now().await;
        assert!(four.turn().await.is_err(), "closed");
        assert!(matches!(queue.enter(company(4)), Err(Full)));
        assert!(!closing.is_finished(), "one has a place that it has not yet taken up");
        drop(two);
        closing.await.expect("it ends when nothing runs");
        assert!(queue.lines().companies.len() <= 1);
    }
}
