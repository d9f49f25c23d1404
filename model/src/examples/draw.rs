//! Questions drawn as Asks: of what a model's grammar can say, in the form that the reader of its answers
//! gives ([`pacioli_language::model::read`]).

use pacioli_model::{
    Aggregate, Aggregation, Ask, ColumnRef, Comparison, DatePart, Direction, Figure, GroupKey,
    Grouping, Literal, Measure, OrderBy, Predicate, TextPlace, TimeGrain, Value,
};

use super::{company::Company, names::Kind};
use crate::random::Random;

/// A column by its places: table, column.
type Spot = (usize, usize);

/// Draws from one company.
pub struct Draw<'c> {
    company: &'c Company,
    random: &'c mut Random,
    /// The table whose rows count.
    base: usize,
}

impl<'c> Draw<'c> {
    /// Begins anew with some table.
    pub fn new(company: &'c Company, random: &'c mut Random) -> Self {
        let base = random.below(company.subjects.len());
        Self { company, random, base }
    }

    /// An Ask; nothing where the tables have not what the kind of question that was drawn needs.
    pub fn ask(&mut self) -> Option<Ask> {
        let mut ask = Ask::about(self.company.catalog.tables[self.base].name.clone());
        match self.random.below(16) {
            0 | 1 => self.single(&mut ask)?,
            2 | 3 => self.listed(&mut ask)?,
            4 | 5 => self.grouped(&mut ask)?,
            6 => self.most(&mut ask)?,
            7 => self.at_least(&mut ask)?,
            8 => self.top(&mut ask)?,
            9 => self.above_average(&mut ask)?,
            10 => self.without(&mut ask)?,
            11 => self.distinct(&mut ask)?,
            12 => self.by_period(&mut ask)?,
            13 => self.several(&mut ask)?,
            14 => self.sorted(&mut ask)?,
            _ => self.grouped_best(&mut ask)?,
        }
        Some(ask)
    }

    /// How many, how much, how large.
    fn single(&mut self, ask: &mut Ask) -> Option<()> {
        let measure = self.measure()?;
        ask.measures.push(measure);
        ask.filter = self.condition(70);
        Some(())
    }

    /// Least, mean and greatest at once.
    fn several(&mut self, ask: &mut Ask) -> Option<()> {
        let number = self.own(is_number)?;
        let mut kinds = [Aggregate::Average, Aggregate::Min, Aggregate::Max, Aggregate::Sum];
        self.random.shuffle(&mut kinds);
        let count = self.random.between(2, 3);
        for aggregate in &kinds[..count] {
            ask.measures.push(self.figure(*aggregate, Some(number)));
        }
        ask.filter = self.condition(40);
        Some(())
    }

    fn listed(&mut self, ask: &mut Ask) -> Option<()> {
        ask.each_row = true;
        self.shown(ask, 3);
        ask.filter = Some(self.condition(100)?);
        Some(())
    }

    fn sorted(&mut self, ask: &mut Ask) -> Option<()> {
        ask.each_row = true;
        self.shown(ask, 2);
        let by = self.own(is_ordered)?;
        self.ordered_by(ask, by);
        ask.filter = self.condition(35);
        Some(())
    }

    /// The first few rows by a number or a day.
    fn top(&mut self, ask: &mut Ask) -> Option<()> {
        self.sorted(ask)?;
        ask.limit = Some(u32::try_from(*self.random.pick(&[1, 1, 3, 5, 10])).ok()?);
        Some(())
    }

    fn grouped(&mut self, ask: &mut Ask) -> Option<()> {
        let by = self.group()?;
        self.add_group(ask, by, false);
        let measure = self.measure()?;
        let counted = measure.aggregation().and_then(pacioli_model::Aggregation::column);
        if counted.is_some() && counted == ask.group_by[0].column() {
            return None; // the cities of each city
        }
        ask.measures.push(measure);
        ask.filter = self.condition(30);
        Some(())
    }

    /// For each group, the best first.
    fn grouped_best(&mut self, ask: &mut Ask) -> Option<()> {
        self.grouped(ask)?;
        let name = ask.measures[0].name.clone();
        ask.order.push(OrderBy { name, direction: Direction::Descending });
        if self.random.happens(50) {
            ask.limit = Some(u32::try_from(*self.random.pick(&[3, 5, 10])).ok()?);
        }
        Some(())
    }

    /// The group with the most or the fewest rows, or the greatest sum.
    fn most(&mut self, ask: &mut Ask) -> Option<()> {
        let by = self.group()?;
        self.add_group(ask, by, false);
        let number = self.own(is_number).filter(|_| self.random.happens(40));
        let mut measure = match number {
            Some(number) => self.figure(Aggregate::Sum, Some(number)),
            None => self.figure(Aggregate::Count, None),
        };
        measure.hidden = true;
        let name = measure.name.clone();
        ask.measures.push(measure);
        let least = self.random.happens(25);
        let direction = if least { Direction::Ascending } else { Direction::Descending };
        ask.order.push(OrderBy { name, direction });
        ask.limit = Some(1);
        Some(())
    }

    /// Groups with more rows than so many.
    fn at_least(&mut self, ask: &mut Ask) -> Option<()> {
        let by = self.group()?;
        self.add_group(ask, by, false);
        let mut measure = self.figure(Aggregate::Count, None);
        measure.hidden = self.random.happens(60);
        let name = measure.name.clone();
        ask.measures.push(measure);
        let comparison =
            *self.random.pick(&[Comparison::Greater, Comparison::GreaterOrEqual, Comparison::Less]);
        let count = i64::try_from(self.random.between(2, 20)).ok()?;
        ask.having = Some(Predicate::Compare {
            left: Value::Output(name),
            comparison,
            right: Value::Literal(Literal::Integer(count)),
        });
        Some(())
    }

    fn above_average(&mut self, ask: &mut Ask) -> Option<()> {
        ask.each_row = true;
        self.shown(ask, 2);
        let number = self.own(is_number)?;
        let mut average = Ask::about(ask.table.clone());
        average.measures.push(self.figure(Aggregate::Average, Some(number)));
        let comparison = *self.random.pick(&[Comparison::Greater, Comparison::Less]);
        ask.filter = Some(Predicate::Compare {
            left: Value::Column(self.reference((self.base, number))),
            comparison,
            right: Value::Figure(Box::new(average)),
        });
        Some(())
    }

    /// Rows that no row of another table belongs to.
    fn without(&mut self, ask: &mut Ask) -> Option<()> {
        let subjects = &self.company.subjects;
        let mut children: Vec<(usize, usize)> = Vec::new();
        for (table, subject) in subjects.iter().enumerate() {
            let links = subject.links.iter().filter(|link| link.to == self.base);
            children.extend(links.map(|link| (table, link.column)));
        }
        if children.is_empty() {
            return None;
        }
        let child = *self.random.pick(&children);
        let mut other = Ask::about(self.company.catalog.tables[child.0].name.clone());
        other.each_row = true;
        let reference =
            ColumnRef::new(other.table.clone(), self.company.column(child.0, child.1).name.clone());
        other.group_by.push(Grouping::new(
            reference.column.clone(),
            GroupKey::Value(Value::Column(reference)),
        ));
        let among = Predicate::Among {
            values: vec![Value::Column(self.reference((self.base, 0)))],
            ask: Box::new(other),
        };
        let absent = self.random.happens(70);
        ask.filter = Some(if absent { Predicate::Not(Box::new(among)) } else { among });
        if self.random.happens(30) {
            ask.measures.push(self.figure(Aggregate::Count, None));
        } else {
            ask.each_row = true;
            self.shown(ask, 2);
        }
        Some(())
    }

    fn distinct(&mut self, ask: &mut Ask) -> Option<()> {
        let by = self.own(is_group)?;
        self.add_group(ask, (self.base, by), false);
        ask.filter = self.condition(30);
        Some(())
    }

    fn by_period(&mut self, ask: &mut Ask) -> Option<()> {
        let date = self.own(|kind| *kind == Kind::Date)?;
        let column = Some(self.reference((self.base, date)));
        let grains = [
            TimeGrain::Month,
            TimeGrain::Month,
            TimeGrain::Year,
            TimeGrain::Quarter,
            TimeGrain::Week,
        ];
        let grain = *self.random.pick(&grains);
        let name = grain.as_str().parse().ok()?;
        ask.group_by.push(Grouping::new(name, GroupKey::Period { column, grain }));
        let measure = self.measure()?;
        ask.measures.push(measure);
        ask.filter = self.condition(20);
        Some(())
    }

    /// Some columns of the table: what its rows are told apart by, and perhaps others.
    fn shown(&mut self, ask: &mut Ask, most: usize) {
        let subject = &self.company.subjects[self.base];
        let mut others: Vec<usize> = (1..subject.attributes.len())
            .filter(|at| *at != subject.title && subject.attributes[*at].kind.is_some())
            .collect();
        self.random.shuffle(&mut others);
        let title = subject.title;
        others.truncate(self.random.below(most));
        for column in [title].into_iter().chain(others) {
            self.add_group(ask, (self.base, column), false);
        }
    }

    fn ordered_by(&mut self, ask: &mut Ask, column: usize) {
        let spot = (self.base, column);
        let key = GroupKey::Value(Value::Column(self.reference(spot)));
        let known = ask.group_by.iter().find(|group| group.key == key);
        let name = known.map(|group| group.name.clone());
        let name = name.unwrap_or_else(|| self.add_group(ask, spot, true));
        let ascending = self.random.happens(40);
        let direction = if ascending { Direction::Ascending } else { Direction::Descending };
        ask.order.push(OrderBy { name, direction });
    }

    fn add_group(&mut self, ask: &mut Ask, spot: Spot, hidden: bool) -> pacioli_model::ColumnName {
        let name = self.company.column(spot.0, spot.1).name.clone();
        let key = GroupKey::Value(Value::Column(self.reference(spot)));
        ask.group_by.push(Grouping { name: name.clone(), key, hidden });
        name
    }

    /// A column that groups can be made by: of the table itself, or of one that its rows belong to.
    fn group(&mut self) -> Option<Spot> {
        let links = &self.company.subjects[self.base].links;
        if !links.is_empty() && self.random.happens(60) {
            let to = self.random.pick(links).to;
            if self.random.happens(60) {
                return Some((to, self.company.subjects[to].title));
            }
            return self.of(to, is_group).map(|column| (to, column));
        }
        self.own(is_group).map(|column| (self.base, column))
    }

    fn measure(&mut self) -> Option<Measure> {
        Some(match self.random.below(10) {
            0..=3 => self.figure(Aggregate::Count, None),
            4 => {
                let column = self.own(is_group)?;
                self.figure(Aggregate::CountDistinct, Some(column))
            }
            _ => {
                let column = self.own(is_number)?;
                let kinds = [Aggregate::Sum, Aggregate::Average, Aggregate::Min, Aggregate::Max];
                let aggregate = *self.random.pick(&kinds);
                self.figure(aggregate, Some(column))
            }
        })
    }

    /// A figure of the table, called as the reader of answers calls it.
    fn figure(&self, aggregate: Aggregate, column: Option<usize>) -> Measure {
        let table = self.company.catalog.tables[self.base].name.clone();
        let mut aggregation = Aggregation::new(aggregate, table);
        let word = match aggregate {
            Aggregate::Count | Aggregate::CountDistinct => "number",
            Aggregate::Sum => "total",
            Aggregate::Average => "average",
            Aggregate::Min => "lowest",
            Aggregate::Max => "highest",
        };
        let mut name = word.to_owned();
        if let Some(column) = column {
            let reference = self.reference((self.base, column));
            name = format!("{word}_{}", reference.column);
            aggregation.value = Some(Value::Column(reference));
        }
        name.truncate(58);
        #[expect(clippy::expect_used, reason = "a word and a name make a name")]
        let name = name.parse().expect("a word and a name make a name");
        Measure::new(name, Figure::Aggregate(aggregation))
    }

    /// What rows must fulfil: one thing, sometimes two; nothing in the rest of a hundred cases.
    fn condition(&mut self, percent: usize) -> Option<Predicate> {
        if !self.random.happens(percent) {
            return None;
        }
        let first = self.simple()?;
        if !self.random.happens(25) {
            return Some(first);
        }
        let second = self.simple().filter(|second| *second != first);
        Some(match second {
            // Two of one column are either, and of two columns both.
            Some(second) if of_one(&first, &second) => Predicate::Any(vec![first, second]),
            Some(second)
                if !matches!(first, Predicate::All(_)) && !matches!(second, Predicate::All(_)) =>
            {
                Predicate::All(vec![first, second])
            }
            _ => first,
        })
    }

    fn simple(&mut self) -> Option<Predicate> {
        let links = &self.company.subjects[self.base].links;
        let table = if !links.is_empty() && self.random.happens(30) {
            self.random.pick(links).to
        } else {
            self.base
        };
        let column = self.of(table, |kind| *kind != Kind::Code)?;
        let kind = self.company.subjects[table].attributes[column].kind.clone()?;
        let reference = self.reference((table, column));
        let compare =
            |comparison, literal| Predicate::compare(reference.clone(), comparison, literal);
        let more = *self.random.pick(&[
            Comparison::Greater,
            Comparison::Less,
            Comparison::GreaterOrEqual,
            Comparison::LessOrEqual,
        ]);
        Some(match kind {
            Kind::Date => self.of_days(&reference)?,
            Kind::Flag => compare(Comparison::Equal, Literal::Boolean(self.random.happens(70))),
            Kind::Money => compare(more, Literal::Integer(self.round(50, 10))),
            Kind::Count => compare(more, Literal::Integer(self.round(12, 5))),
            Kind::Rate => compare(more, Literal::Integer(self.round(9, 1))),
            Kind::Year => compare(more, Literal::Integer(1950 + self.round(60, 1))),
            _ => {
                let values = self.company.column(table, column).profile.values.as_ref()?;
                let value = self.random.pick(values).clone();
                if self.random.happens(12) {
                    let text: String = value.chars().take(self.random.between(1, 3)).collect();
                    let value = Value::Column(reference.clone());
                    text.chars().all(char::is_alphabetic).then_some(())?;
                    Predicate::Matches { value, place: TextPlace::Start, text }
                } else {
                    let other = self.random.happens(10);
                    let comparison = if other { Comparison::NotEqual } else { Comparison::Equal };
                    compare(comparison, Literal::Text(value))
                }
            }
        })
    }

    fn of_days(&mut self, reference: &ColumnRef) -> Option<Predicate> {
        let years = self.random.between(0, 2);
        let year = chrono::Datelike::year(&self.company.today) - i32::try_from(years).ok()?;
        if self.random.happens(50) {
            let of = Box::new(Value::Column(reference.clone()));
            return Some(Predicate::Compare {
                left: Value::Part { part: DatePart::Year, of },
                comparison: Comparison::Equal,
                right: Value::Literal(Literal::Integer(year.into())),
            });
        }
        let month = u32::try_from(self.random.between(1, 12)).ok()?;
        let first = chrono::NaiveDate::from_ymd_opt(year, month, 1)?;
        let day =
            |comparison, day| Predicate::compare(reference.clone(), comparison, Literal::Date(day));
        Some(match self.random.below(3) {
            0 => day(Comparison::GreaterOrEqual, first),
            1 => day(Comparison::Less, first),
            _ => Predicate::All(vec![
                day(Comparison::GreaterOrEqual, first),
                day(Comparison::Less, first.checked_add_months(chrono::Months::new(1))?),
            ]),
        })
    }

    /// A number that people would name.
    fn round(&mut self, most: usize, step: usize) -> i64 {
        i64::try_from(self.random.between(1, most) * step).unwrap_or(1)
    }

    fn own(&mut self, fits: impl Fn(&Kind) -> bool) -> Option<usize> {
        self.of(self.base, fits)
    }

    /// A column of the table that holds such a thing.
    fn of(&mut self, table: usize, fits: impl Fn(&Kind) -> bool) -> Option<usize> {
        let attributes = self.company.subjects[table].attributes.iter().enumerate();
        let places: Vec<usize> = attributes
            .filter(|(_, attribute)| attribute.kind.as_ref().is_some_and(&fits))
            .map(|(place, _)| place)
            .collect();
        (!places.is_empty()).then(|| *self.random.pick(&places))
    }

    fn reference(&self, spot: Spot) -> ColumnRef {
        let table = self.company.catalog.tables[spot.0].name.clone();
        ColumnRef::new(table, self.company.column(spot.0, spot.1).name.clone())
    }
}

fn is_number(kind: &Kind) -> bool {
    matches!(kind, Kind::Money | Kind::Count | Kind::Rate)
}

fn is_ordered(kind: &Kind) -> bool {
    is_number(kind) || matches!(kind, Kind::Date | Kind::Year)
}

fn is_group(kind: &Kind) -> bool {
    matches!(kind, Kind::City | Kind::Country | Kind::List(_))
}

/// Whether both compare one column with a text.
fn of_one(first: &Predicate, second: &Predicate) -> bool {
    let column = |predicate: &Predicate| match predicate {
        Predicate::Compare {
            left: Value::Column(column),
            comparison: Comparison::Equal,
            right: Value::Literal(Literal::Text(_)),
        } => Some(column.clone()),
        _ => None,
    };
    column(first).is_some() && column(first) == column(second)
}
