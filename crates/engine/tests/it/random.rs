//! Asks made up at random: each is answered or refused with a sentence, never in any other way, and
//! what its groups add up to is what all rows together do.

use pacioli_engine::EngineError;
use pacioli_model::{
    Aggregate, Aggregation, Ask, Comparison, DatePart, Direction, Figure, GroupKey, Literal,
    Operation, OverTime, Predicate, Shift, TextPlace, TimeGrain, Value,
};

use crate::{books::*, world::*};

/// Tables, their dates, their numbers.
const FACTS: [(&str, &str, &str); 5] = [
    ("orders", "orders.ordered_on", "orders.amount"),
    ("payments", "payments.paid_on", "payments.paid"),
    ("lines", "orders.ordered_on", "lines.quantity"),
    ("stock", "stock.day", "stock.pieces"),
    ("ledger", "ledger.posted_on", "ledger.change"),
];
const TEXTS: [&str; 9] = [
    "customers.region",
    "customers.name",
    "customers_parent>customers.name",
    "orders.status",
    "products.category",
    "products.name",
    "tags.label",
    "stock.warehouse",
    "ledger.account",
];
const NUMBERS: [&str; 6] = [
    "orders.amount",
    "payments.paid",
    "lines.quantity",
    "products.price",
    "customers.credit",
    "stock.pieces",
];
const GRAINS: [TimeGrain; 4] = [TimeGrain::Day, TimeGrain::Week, TimeGrain::Month, TimeGrain::Year];

/// A sequence that looks random and is always the same (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }

    fn comparison(&mut self) -> Comparison {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        self.pick(&[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual])
    }

    fn leaf(&mut self) -> Predicate {
        let literal = self.pick(&["North", "open", "Pen", "red", "W1", "cash"]);
        match self.roll(6) {
            0 => is(self.pick(&NUMBERS), self.comparison(), Literal::Integer(3)),
            1 => Predicate::OneOf {
                value: value(self.pick(&TEXTS)),
                values: vec![text(literal), text("done")],
            },
            2 => Predicate::IsNull { value: value(self.pick(&TEXTS)) },
            3 => Predicate::Matches {
                value: value(self.pick(&TEXTS)),
                place: TextPlace::Anywhere,
                text: literal[..1].to_owned(),
            },
            4 => Predicate::Compare {
                left: value(self.pick(&NUMBERS)),
                comparison: self.comparison(),
                right: value(self.pick(&NUMBERS)),
            },
            _ => is(self.pick(&TEXTS), self.comparison(), text(literal)),
        }
    }

    fn predicate(&mut self, depth: usize) -> Predicate {
        let parts =
            |dice: &mut Self| (0..=dice.roll(3)).map(|_| dice.predicate(depth - 1)).collect();
        match self.roll(if depth == 0 { 1 } else { 6 }) {
            1 => Predicate::All(parts(self)),
            2 => Predicate::Any(parts(self)),
            3 => not(self.predicate(depth - 1)),
            4 => Predicate::Related {
                table: table_name(self.pick(&["orders", "lines", "customers", "tags", "products"])),
                via: vec![],
                filter: (!self.one_in(2)).then(|| Box::new(self.leaf())),
            },
            5 => {
                let of = self.pick(&TEXTS);
                let from = at(of).table;
                let ask = Ask::about(from).group("x", of.rsplit('>').next().unwrap());
                let ask = ask.where_(self.leaf());
                Predicate::Among { values: vec![value(self.pick(&TEXTS))], ask: Box::new(ask) }
            }
            _ => self.leaf(),
        }
    }

    fn aggregation(&mut self) -> Aggregation {
        use Aggregate::{Average, Count, CountDistinct, Max, Min, Sum};
        let (table, date, number) = self.pick(&FACTS);
        let aggregate = self.pick(&[Count, CountDistinct, Sum, Sum, Sum, Average, Min, Max]);
        let mut aggregation = match self.roll(4) {
            0 => over_table(
                aggregate,
                table,
                arithmetic(
                    self.pick(&[Operation::Add, Operation::Multiply, Operation::Divide]),
                    value(number),
                    value(self.pick(&NUMBERS)),
                ),
            ),
            1 => over(Count, table),
            _ => over_table(aggregate, table, value(number)),
        };
        aggregation.date = Some(at(date));
        if self.one_in(4) {
            aggregation.filter = Some(self.predicate(1));
        }
        if self.one_in(5) {
            aggregation.shift = Some(Shift::years(1));
        }
        aggregation
    }

    fn key(&mut self) -> GroupKey {
        match self.roll(6) {
            0 => GroupKey::Period { column: None, grain: self.pick(&GRAINS) },
            1 => GroupKey::Bucket {
                value: value(self.pick(&NUMBERS)),
                edges: vec!["2".parse().unwrap(), "10".parse().unwrap()],
            },
            2 => GroupKey::Value(Value::Part {
                part: self.pick(&[DatePart::Month, DatePart::Weekday, DatePart::Year]),
                of: Box::new(value(self.pick(&FACTS).1)),
            }),
            _ => GroupKey::Value(value(self.pick(&TEXTS))),
        }
    }

    fn ask(&mut self) -> Ask {
        let mut ask = about(self.pick(&FACTS).0);
        for number in 0..self.roll(3) {
            let key = self.key();
            ask = ask.key(&format!("g{number}"), key);
        }
        for number in 0..=self.roll(3) {
            let mut aggregation = self.aggregation();
            if self.one_in(6) {
                aggregation.over_time = self.pick(&[OverTime::Snapshot, OverTime::ToDate]);
            }
            ask = ask.with(&format!("m{number}"), aggregation);
        }
        if self.one_in(2) {
            ask = ask.where_(self.predicate(2));
        }
        if self.one_in(3) {
            ask = ask.days("2024-01-15", "2025-02-15");
        }
        self.dress(ask)
    }

    /// What is done with finished groups.
    fn dress(&mut self, mut ask: Ask) -> Ask {
        let of = name("m0");
        if self.one_in(4) {
            let within = ask.group_by.iter().take(1).map(|group| group.name.clone()).collect();
            ask = ask.computed("share", Figure::Share { of: of.clone(), within });
        }
        if self.one_in(4) {
            ask = ask.computed("so_far", Figure::Running { of: of.clone(), within: vec![] });
        }
        if self.one_in(4) {
            let aggregate = self.pick(&[Aggregate::Average, Aggregate::Max, Aggregate::Sum]);
            ask = ask.computed("across", Figure::Across { aggregate, of, within: vec![] });
        }
        if self.one_in(3) {
            let ratio = arithmetic(Operation::Divide, output("m0"), output("m0"));
            ask = ask.computed("ratio", Figure::Calculation(ratio));
        }
        if self.one_in(3) {
            ask = ask.having(not(Predicate::IsNull { value: output("m0") }));
        }
        if self.one_in(2) {
            ask = ask.sorted("m0", self.pick(&[Direction::Ascending, Direction::Descending]));
            ask.limit = Some(u32::try_from(self.roll(5)).unwrap());
            if self.one_in(3) {
                ask.limit_per =
                    ask.group_by.iter().take(1).map(|group| group.name.clone()).collect();
            }
        }
        ask
    }
}

#[tokio::test]
async fn whatever_is_asked_is_answered_or_refused_with_a_sentence() {
    let books = Books::open().await;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut answered = 0;
    for _ in 0..300 {
        let ask = dice.ask();
        match books.run(&ask).await {
            Ok(_) => answered += 1,
            Err(EngineError::Invalid { .. } | EngineError::Ambiguous { .. }) => {}
            Err(error) => panic!("{ask:?}\n{error}"),
        }
    }
    assert!(answered > 50, "only {answered} of them hold");
}

/// The last column added up, in its last digit.
fn total(rows: &[String]) -> Option<i128> {
    let cells = rows.iter().filter_map(|row| row.rsplit('|').next()).filter(|cell| *cell != "∅");
    let digits = cells.map(|cell| cell.replace('.', "").parse::<i128>().unwrap());
    digits.fold(None, |total, cell| Some(total.unwrap_or(0) + cell))
}

#[tokio::test]
async fn groups_add_up_to_the_total() {
    let books = Books::open().await;
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut compared = 0;
    for _ in 0..300 {
        let (table, date, number) = dice.pick(&FACTS);
        let mut of = sum(number);
        (of.table, of.date) = (table_name(table), Some(at(date)));
        let mut ask = about(table).with("other", dice.aggregation()).hide().with("total", of);
        if dice.one_in(2) {
            ask = ask.where_(dice.predicate(2));
        }
        if dice.one_in(3) {
            ask = ask.days("2024-01-15", "2025-02-15");
        }
        let mut grouped = ask.clone();
        for number in 0..=dice.roll(2) {
            grouped = grouped.key(&format!("g{number}"), dice.key());
        }
        let Ok(compiled) = pacioli_engine::compile::compile(&books.catalog, &grouped) else {
            continue;
        };
        if compiled.notes.is_empty() {
            let rows = lines(&books.run(&grouped).await.unwrap().table);
            let all = lines(&books.run(&ask).await.unwrap().table);
            assert_eq!(total(&rows), total(&all), "{}", compiled.sql);
            compared += 1;
        }
    }
    assert!(compared > 25, "only {compared} of them hold");
}
