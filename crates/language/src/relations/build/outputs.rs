//! What is asked for, with its columns settled.

use std::ops::Range;

use pacioli_model::{Aggregate, Definition};

use super::{Builder, NOWHERE, Output, figures, misfit};
use crate::relations::{
    resolve::Misfit,
    schema::{ColumnId, TableId},
    sketch::{Noun, Pick, Target},
    vocabulary::{self, Key},
};

impl Builder<'_> {
    pub(super) fn resolve(&mut self) -> Result<(), Misfit> {
        for target in &self.sketch.targets {
            if let Target::Column(pick) = target
                && let Some(parts) = self.whole_name(pick)
            {
                self.outputs.extend(
                    parts.into_iter().map(|column| (Output::Column(column), pick.tokens.clone())),
                );
                continue;
            }
            let (output, tokens) = match target {
                Target::Column(pick) => {
                    // "the name and the number of songs for each singer": the name of what is
                    // grouped, not of what is counted.
                    let near = self.resolver.grouped.filter(|_| self.sketch.counts());
                    let near = near.or_else(|| self.told_of(pick)).or(pick.near);
                    let pick = Pick { near, ..pick.clone() };
                    let column = self.resolver.choose(&pick)?;
                    self.must_be_kept(&pick, column)?;
                    (Output::Column(column), pick.tokens)
                }
                Target::Entity(table) => (Output::Entity(*table), NOWHERE),
                Target::Metric(metric) => (self.declared(*metric)?, NOWHERE),
                Target::Count { what: Noun::Table(table), .. } if self.sketch.distinct => {
                    let counted = self.schema.tables[*table]
                        .key
                        .map_or(Output::CountRows(*table), |key| Output::CountValues(key, true));
                    (
                        if self.sketch.groups.is_empty() {
                            Output::CountRows(*table)
                        } else {
                            counted
                        },
                        NOWHERE,
                    )
                }
                Target::Count { what: Noun::Table(table), .. } => {
                    (Output::CountRows(*table), NOWHERE)
                }
                Target::Count { what: Noun::Column(pick), distinct } => {
                    self.counted(pick, *distinct)?
                }
                Target::Count { what: Noun::Period(_), .. } => continue,
                Target::Everything(table) => {
                    for column in self.schema.tables[*table]
                        .columns
                        .clone()
                        .filter(|column| !self.schema.columns[*column].hidden)
                    {
                        self.outputs.push((Output::Column(column), NOWHERE));
                    }
                    continue;
                }
                Target::Aggregate { aggregate, of } => (
                    Output::Aggregate(*aggregate, self.numeric(of, *aggregate)?),
                    of.tokens.clone(),
                ),
            };
            if !self.outputs.iter().any(|(known, _)| *known == output) {
                self.outputs.push((output, tokens));
            }
        }
        self.drop_measured();
        self.must_be_of_one()
    }

    /// "The id, forename and number of races": the id of whatever has the forename.
    fn told_of(&self, pick: &Pick) -> Option<TableId> {
        let said = &self.resolver.tokens[pick.tokens.clone()];
        let bare =
            said.iter().all(|it| matches!(it.word.as_str(), "id" | "ids" | "name" | "names"));
        let counted = |table: TableId| Target::Count { what: Noun::Table(table), distinct: false };
        let about = self.sketch.entity.filter(|it| !self.sketch.targets.contains(&counted(*it)));
        (bare && pick.owner.is_none() && about.is_none()).then_some(())?;
        let table = |(column, _): &(ColumnId, f64)| self.schema.table_of(*column);
        let told = self.sketch.targets.iter().filter_map(|target| match target {
            Target::Column(other) if other.tokens != pick.tokens => {
                let best = other.candidates.first().filter(|(_, quality)| *quality > 0.94)?;
                let mut near = other.candidates.iter().filter(|(_, fit)| *fit > best.1 - 0.1);
                near.all(|it| table(it) == table(best)).then(|| table(best))
            }
            _ => None,
        });
        let mut tables: Vec<TableId> = told.collect();
        tables.dedup();
        let [only] = tables.as_slice() else { return None };
        pick.candidates.iter().any(|it| table(it) == *only).then_some(*only)
    }

    /// "The total amount of grant money": a column that is measured is not shown as well, unless it is what
    /// groups are made by.
    fn drop_measured(&mut self) {
        let grouped: Vec<ColumnId> = self
            .sketch
            .groups
            .iter()
            .filter_map(|group| match group {
                Noun::Column(pick) => self.resolver.choose(pick).ok(),
                Noun::Table(_) | Noun::Period(_) => None,
            })
            .collect();
        let measured: Vec<ColumnId> = self
            .outputs
            .iter()
            .filter_map(|(output, _)| match output {
                Output::Aggregate(_, column) | Output::CountValues(column, _) => Some(*column),
                _ => None,
            })
            .filter(|column| !grouped.contains(column))
            .collect();
        self.outputs.retain(
            |(output, _)| !matches!(output, Output::Column(column) if measured.contains(column)),
        );
        // A declared figure is not shown again as what it adds up.
        let declared = self.outputs.iter().filter_map(|(output, _)| match output {
            Output::Metric(metric) => self.plainly_declared(*metric),
            _ => None,
        });
        let declared: Vec<Output> = declared.collect();
        self.outputs.retain(|(output, _)| !declared.contains(output));
    }

    /// The aggregate of a column that a declared figure is, where it says no more.
    fn plainly_declared(&self, metric: usize) -> Option<Output> {
        let declared = &self.schema.catalog.semantics.metrics.get(metric)?.definition;
        let Definition::Aggregate(one) = declared else { return None };
        let reference = one.column().filter(|_| one.filter.is_none())?;
        let columns = self.schema.tables[self.table_named(&reference.table)].columns.clone();
        let named =
            |column: &ColumnId| self.schema.columns[*column].column.name == reference.column;
        columns.into_iter().find(named).map(|column| Output::Aggregate(one.aggregate, column))
    }

    /// A count of a column's values; of rows where the column is the rows' own key.
    fn counted(&self, pick: &Pick, distinct: bool) -> Result<(Output, Range<usize>), Misfit> {
        let column = self.resolver.choose(pick)?;
        let table = self.schema.table_of(column);
        let own = self.schema.tables[table].key == Some(column)
            || self.schema.tables[table].display == Some(column) && !self.says_distinct(pick);
        let data_type = self.schema.columns[column].column.data_type;
        let output = if own {
            Output::CountRows(table)
        } else if data_type.is_number()
            && !self.schema.columns[column].foreign
            && self.schema.columns[column].role.adds_up()
            && !self.sketch.distinct
        {
            // "the number of seats" is a number that stands in the row.
            let before = pick.tokens.start.saturating_sub(4)..pick.tokens.start;
            let total = self.resolver.tokens[before].iter().any(|token| token.word == "total");
            let of_others = self.sketch.groups.iter().any(|group| {
                let group = match group {
                    Noun::Table(group) => Some(*group),
                    Noun::Column(pick) => {
                        self.resolver.choose(pick).ok().map(|column| self.schema.table_of(column))
                    }
                    Noun::Period(_) => None,
                };
                group.is_some_and(|group| group != table && self.schema.reaches_one(table, group))
            });
            // "Total hours and number of games": figures side by side.
            let figures = self.sketch.targets.len() > 1
                && self.sketch.groups.is_empty()
                && self.sketch.targets.iter().all(|target| {
                    matches!(target, Target::Count { .. } | Target::Aggregate { .. })
                });
            let in_all = self.sketch.groups.is_empty()
                && self.sketch.targets.len() == 1
                && self.resolver.tokens.iter().any(|token| token.word == "total");
            if total
                || of_others
                || figures
                || in_all
                || self.sketch.groups.is_empty()
                    && self.sketch.targets.len() == 1
                    && self.sketch.entity.is_none()
            {
                Output::Aggregate(Aggregate::Sum, column)
            } else {
                Output::Column(column)
            }
        } else {
            Output::CountValues(column, distinct)
        };
        Ok((output, pick.tokens.clone()))
    }

    /// Whether "different" stands just before some words.
    fn says_distinct(&self, pick: &Pick) -> bool {
        let before = pick.tokens.start.saturating_sub(3)..pick.tokens.start;
        let distinct = |word: &str| vocabulary::key(word) == Some(Key::Distinct);
        self.sketch.distinct && self.resolver.tokens[before].iter().any(|it| distinct(&it.word))
    }

    /// The column of an aggregate: one that holds numbers or days, where there is a choice.
    pub(super) fn numeric(&self, pick: &Pick, aggregate: Aggregate) -> Result<ColumnId, Misfit> {
        let fits = |column: &ColumnId| {
            let data_type = self.schema.columns[*column].column.data_type;
            data_type.is_number()
                || matches!(aggregate, Aggregate::Min | Aggregate::Max) && data_type.is_time()
        };
        let mut numbers = pick.clone();
        numbers.candidates.retain(|(column, _)| fits(column));
        let said = &self.resolver.tokens[pick.tokens.clone()];
        let keyed = said.iter().any(|token| matches!(token.word.as_str(), "id" | "ids"));
        if !keyed {
            // Keys are numbers that mean nothing together, and none is more than another.
            numbers.candidates.retain(|(column, _)| !self.is_key(*column));
        }
        if !numbers.candidates.is_empty() {
            let column = self.resolver.choose(&numbers)?;
            return self.must_be_kept(pick, column).map(|()| column);
        }
        match aggregate {
            Aggregate::Min | Aggregate::Max => {
                let column = self.resolver.choose(pick)?;
                let numbered =
                    self.is_key(column) && self.schema.columns[column].column.data_type.is_number();
                if numbered && !keyed {
                    return Err(misfit(pick.tokens.clone(), "This column holds no numbers."));
                }
                Ok(column)
            }
            _ => Err(misfit(pick.tokens.clone(), "This column holds no numbers.")),
        }
    }

    /// Whether the age that is asked for is only told by when somebody was born: the order of the one is
    /// that of the other backwards.
    pub(super) fn turns_back(&self, pick: &Pick, column: ColumnId) -> bool {
        let said = &self.resolver.tokens[pick.tokens.clone()];
        let mut words = self.schema.columns[column].words.iter();
        let began =
            |stem: &str| ["founded", "established", "opened", "open", "built"].contains(&stem);
        said.iter().any(|token| matches!(token.word.as_str(), "age" | "ages" | "aged"))
            && (self.schema.is_birth(column) || words.any(|word| began(&word.stem)))
    }

    /// A date of birth is no age to be shown or averaged.
    fn must_be_kept(&self, pick: &Pick, column: ColumnId) -> Result<(), Misfit> {
        if self.turns_back(pick, column) {
            return Err(misfit(
                pick.tokens.clone(),
                "Only when somebody was born is known, and no age.",
            ));
        }
        Ok(())
    }

    fn is_key(&self, column: ColumnId) -> bool {
        let node = &self.schema.columns[column];
        let key = self.schema.tables[node.table].key == Some(column);
        key || node.foreign
    }

    /// A declared figure; where the question itself narrows what its declaration narrows already, the
    /// same of all rows: "how many orders were cancelled" is not among those that were not.
    fn declared(&self, metric: usize) -> Result<Output, Misfit> {
        let declared =
            self.schema.catalog.semantics.metrics.get(metric).map(|metric| &metric.definition);
        let Some(Definition::Aggregate(aggregation)) = declared else {
            return Ok(Output::Metric(metric));
        };
        let mut own = Vec::new();
        aggregation.filter.iter().for_each(|filter| figures::columns_in(filter, &mut own));
        let table = self.table_named(&aggregation.table);
        let mut narrowed = false;
        for test in self.sketch.clauses.iter().flat_map(|clause| &clause.tests) {
            let column = self.settle(table, test)?.and_then(|settled| settled.column);
            narrowed |= column.is_some_and(|column| {
                let node = &self.schema.columns[column];
                // "How many orders were returned": a state that the declaration may rule out.
                let state =
                    node.words.iter().any(|word| matches!(word.stem.as_str(), "status" | "state"));
                self.schema.table_of(column) == table
                    && (own.contains(&node.column.name) || state && !own.is_empty())
            });
        }
        for group in &self.sketch.groups {
            if let Noun::Column(pick) = group {
                let column = self.resolver.choose(pick)?;
                narrowed |= self.schema.table_of(column) == table
                    && own.contains(&self.schema.columns[column].column.name);
            }
        }
        let column = aggregation.column().and_then(|reference| {
            let of = self.table_named(&reference.table);
            self.schema.tables[of]
                .columns
                .clone()
                .find(|column| self.schema.columns[*column].column.name == reference.column)
        });
        Ok(match (narrowed, aggregation.aggregate, column) {
            (true, Aggregate::Count, None) => Output::CountRows(table),
            (true, aggregate, Some(column)) => Output::Aggregate(aggregate, column),
            _ => Output::Metric(metric),
        })
    }
}
