//! Words to meaning.

use std::{collections::BTreeMap, str::FromStr};

use pacioli_model::{
    Better, Bound, ColumnMeaning, ColumnName, InReports, InvalidName, Known, Labels, Metric,
    Policy, Predicate, Relationship, ReportKind, Role, Semantics, TableMeaning, TableName, Unit,
    UserId, WeekStart, notation,
};

use super::{
    ColumnText, Declarations, MetricText, PolicyText, Problem, RelationshipText, TableText, side,
};

/// Entries of each kind.
const MOST_ENTRIES: usize = 2000;
/// Words that something is called by.
const MOST_WORDS: usize = 100;
/// Characters of a label or a synonym.
const LONGEST_WORD: usize = 200;
/// Characters of a description.
const LONGEST_TEXT: usize = 2000;

/// What is wrong, gathered while the rest is read.
#[derive(Default)]
struct Reader {
    problems: Vec<Problem>,
}

impl Declarations {
    /// What these words mean, by themselves: whether their tables are there is [`super::check`]'s. Tells
    /// everything that is wrong, not the first thing alone.
    pub fn read(&self) -> Result<Semantics, Vec<Problem>> {
        let mut reader = Reader::default();
        let semantics = Semantics {
            version: 0,
            fiscal_year_start: reader.month(self.fiscal_year_start),
            week_start: reader.week_start(self.week_start.as_deref()),
            currency: reader.currency(self.currency.as_deref()),
            packs: Vec::new(),
            metrics: reader.each("metrics", &self.metrics, Reader::metric),
            unavailable: Vec::new(),
            tables: reader.each("tables", &self.tables, Reader::table),
            relationships: reader.each("relationships", &self.relationships, Reader::relationship),
            policies: reader.each("policies", &self.policies, Reader::policy),
        };
        if reader.problems.is_empty() { Ok(semantics) } else { Err(reader.problems) }
    }
}

impl Reader {
    fn wrong(&mut self, path: &[&str], detail: impl Into<String>) {
        self.problems.push(Problem::new(path, detail));
    }

    fn each<T, M>(
        &mut self,
        kind: &str,
        given: &BTreeMap<String, T>,
        read: fn(&mut Self, &str, &T) -> Option<M>,
    ) -> Vec<M> {
        if given.len() > MOST_ENTRIES {
            self.wrong(&[kind], format!("at most {MOST_ENTRIES} of them"));
            return Vec::new();
        }
        given.iter().filter_map(|(name, it)| read(self, name, it)).collect()
    }

    fn name<N: FromStr<Err = InvalidName>>(&mut self, path: &[&str], text: &str) -> Option<N> {
        match text.parse() {
            Ok(name) => Some(name),
            Err(invalid) => {
                self.wrong(path, format!("`{text}` is no name: {invalid}"));
                None
            }
        }
    }

    /// A name that may be absent.
    fn named<N: FromStr<Err = InvalidName>>(
        &mut self,
        path: &[&str],
        text: Option<&str>,
    ) -> Option<N> {
        text.and_then(|text| self.name(path, text))
    }

    fn month(&mut self, given: Option<u8>) -> u8 {
        let month = given.unwrap_or(1);
        if !(1..=12).contains(&month) {
            self.wrong(&["fiscal_year_start"], "a month is 1 to 12");
        }
        month
    }

    fn week_start(&mut self, given: Option<&str>) -> WeekStart {
        match given {
            None | Some("monday") => WeekStart::Monday,
            Some("saturday") => WeekStart::Saturday,
            Some("sunday") => WeekStart::Sunday,
            Some(_) => {
                self.wrong(&["week_start"], "a week starts on `monday`, `saturday` or `sunday`");
                WeekStart::Monday
            }
        }
    }

    fn currency(&mut self, given: Option<&str>) -> Option<String> {
        let code = given?;
        if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            self.wrong(&["currency"], "a currency is three capital letters (ISO 4217): EUR");
        }
        Some(code.to_owned())
    }

    fn word(&mut self, path: &[&str], text: &str) -> String {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST_WORD {
            self.wrong(path, format!("1 to {LONGEST_WORD} characters"));
        }
        text.to_owned()
    }

    fn label(&mut self, path: &[&str], text: Option<&str>) -> Option<String> {
        text.map(|text| self.word(path, text))
    }

    /// Labels by languages.
    fn labels(&mut self, path: &[&str], given: &BTreeMap<String, String>) -> Labels {
        let mut labels = Labels::new();
        for (language, text) in given {
            if language.len() != 2 || !language.bytes().all(|byte| byte.is_ascii_lowercase()) {
                self.wrong(path, "a language is two small letters (ISO 639-1): de");
            }
            labels.insert(language.clone(), self.word(path, text));
        }
        labels
    }

    fn in_reports(&mut self, name: &str, given: &MetricText) -> InReports {
        let at = |member| ["metrics", name, member];
        let better = match given.better.as_deref() {
            None => None,
            Some("higher") => Some(Better::Higher),
            Some("lower") => Some(Better::Lower),
            Some("neither") => Some(Better::Neither),
            Some(_) => {
                self.wrong(&at("better"), "`higher`, `lower` or `neither` is better");
                None
            }
        };
        let mut kinds = Vec::new();
        for kind in &given.reports {
            match ReportKind::ALL.into_iter().find(|known| known.as_str() == kind) {
                Some(kind) => kinds.push(kind),
                None => self.wrong(&at("reports"), format!("`{kind}` is no kind of report")),
            }
        }
        InReports { better, kinds, place: given.place }
    }

    fn words(&mut self, path: &[&str], given: &[String]) -> Vec<String> {
        if given.len() > MOST_WORDS {
            self.wrong(path, format!("at most {MOST_WORDS} of them"));
        }
        given.iter().map(|text| self.word(path, text)).collect()
    }

    fn unit(&mut self, path: &[&str], given: Option<&str>) -> Option<Unit> {
        match notation::parse_unit(given?) {
            Ok(unit) => Some(unit),
            Err(error) => {
                self.wrong(path, error.to_string());
                None
            }
        }
    }

    fn predicate(
        &mut self,
        path: &[&str],
        text: Option<&str>,
        table: &TableName,
    ) -> Option<Predicate> {
        match notation::parse_predicate(text?, table) {
            Ok(predicate) => Some(predicate),
            Err(error) => {
                self.wrong(path, error.to_string());
                None
            }
        }
    }

    fn metric(&mut self, name: &str, given: &MetricText) -> Option<Metric> {
        let at = |member| ["metrics", name, member];
        if given.description.chars().count() > LONGEST_TEXT {
            self.wrong(&at("description"), format!("at most {LONGEST_TEXT} characters"));
        }
        let label = self.label(&at("label"), given.label.as_deref());
        let labels = self.labels(&at("labels"), &given.labels);
        let synonyms = self.words(&at("synonyms"), &given.synonyms);
        let in_reports = self.in_reports(name, given);
        let unit = self.unit(&at("unit"), given.unit.as_deref()).unwrap_or_default();
        let definition = notation::parse_definition(&given.expression);
        let definition =
            definition.map_err(|error| self.wrong(&at("expression"), error.to_string())).ok();
        Some(Metric {
            name: self.name(&["metrics", name], name)?,
            label: label.unwrap_or_else(|| in_words(name)),
            labels,
            description: given.description.trim().to_owned(),
            synonyms,
            definition: definition?,
            unit,
            in_reports,
            pack: None,
        })
    }

    fn table(&mut self, name: &str, given: &TableText) -> Option<TableMeaning> {
        let at = |member| ["tables", name, member];
        let table: TableName = self.name(&["tables", name], name)?;
        let filter = given.default_filter.as_deref();
        let mut meaning = TableMeaning {
            label: self.label(&at("label"), given.label.as_deref()),
            labels: self.labels(&at("labels"), &given.labels),
            synonyms: self.words(&at("synonyms"), &given.synonyms),
            default_filter: self.predicate(&at("default_filter"), filter, &table),
            date: self.named(&at("date"), given.date.as_deref()),
            display: self.named(&at("display"), given.display.as_deref()),
            hidden: given.hidden,
            ..TableMeaning::of(table)
        };
        for (column, text) in &given.columns {
            meaning.columns.extend(self.column(name, column, text));
        }
        Some(meaning)
    }

    fn column(&mut self, table: &str, name: &str, given: &ColumnText) -> Option<ColumnMeaning> {
        let at = |member| ["tables", table, "columns", name, member];
        let mut values = BTreeMap::new();
        for (value, words) in &given.values {
            values.insert(value.clone(), self.words(&at("values"), words));
        }
        Some(ColumnMeaning {
            label: self.label(&at("label"), given.label.as_deref()),
            labels: self.labels(&at("labels"), &given.labels),
            synonyms: self.words(&at("synonyms"), &given.synonyms),
            unit: self.unit(&at("unit"), given.unit.as_deref()),
            values,
            hidden: given.hidden,
            column: self.name(&["tables", table, "columns", name], name)?,
        })
    }

    fn relationship(&mut self, name: &str, given: &RelationshipText) -> Option<Relationship> {
        let at = |member| ["relationships", name, member];
        let mut ends = Vec::new();
        for (member, text) in [("from", &given.from), ("to", &given.to)] {
            match side(text) {
                Some(end) => ends.push(end),
                None => self.wrong(
                    &at(member),
                    "a side is written `orders.customer_id`, or `orders(market, customer)`",
                ),
            }
        }
        let label = self.label(&at("label"), given.label.as_deref());
        let name = self.name(&["relationships", name], name)?;
        let (to, references) = ends.pop()?;
        let (table, columns) = ends.pop()?;
        Some(Relationship {
            name,
            table,
            columns,
            to,
            references,
            one_to_one: given.one_to_one,
            known: Known::Declared,
            label,
            match_rate: None,
            orphans: None,
        })
    }

    fn policy(&mut self, name: &str, given: &PolicyText) -> Option<Policy> {
        let at = |member| ["policies", name, member];
        let binds = self.bound(name, given);
        let table: TableName = self.name(&at("table"), &given.table)?;
        let rows = self.predicate(&at("rows"), given.rows.as_deref(), &table);
        let mut hidden_columns: Vec<ColumnName> = Vec::new();
        for column in &given.hidden_columns {
            hidden_columns.extend(self.name::<ColumnName>(&at("hidden_columns"), column));
        }
        if given.rows.is_none() && given.hidden_columns.is_empty() {
            self.wrong(&["policies", name], "say which `rows` are seen, or `hidden_columns`");
        }
        let name = self.word(&["policies", name], name);
        Some(Policy { name, binds: binds?, table, rows, hidden_columns })
    }

    fn bound(&mut self, name: &str, given: &PolicyText) -> Option<Bound> {
        let at = |member| ["policies", name, member];
        let said = [given.everybody, !given.roles.is_empty(), !given.users.is_empty()];
        if said.iter().filter(|it| **it).count() != 1 {
            let text = "say whom it binds by one of `everybody = true`, `roles` and `users`";
            self.wrong(&["policies", name], text);
            return None;
        }
        if given.everybody {
            return Some(Bound::Everybody);
        }
        let (mut roles, mut users) = (Vec::new(), Vec::new());
        for role in &given.roles {
            match role.as_str() {
                "user" => roles.push(Role::User),
                "superuser" => roles.push(Role::Superuser),
                _ => self.wrong(&at("roles"), "a role is `user` or `superuser`"),
            }
        }
        for user in &given.users {
            match user.parse().map(UserId) {
                Ok(user) => users.push(user),
                Err(_) => self.wrong(&at("users"), "people are named by their ids"),
            }
        }
        Some(if given.roles.is_empty() { Bound::Users(users) } else { Bound::Roles(roles) })
    }
}

/// `invoiced_revenue` as `Invoiced revenue`.
pub(super) fn in_words(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
