use chrono::NaiveDate;
use pacioli_model::{
    Catalog, ColumnName, Compare, ReportFilter, ReportKind, ReportSpec, SavedQuestion,
    SavedQuestionId, TableName, TimeGrain,
};
use pacioli_report::Language;
use pacioli_store::TenantStore;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    analysis::{Order, Periods, QUESTIONS, filters},
    app::App,
    error::{ApiError, ApiResult},
    extract::{AskQuestions, Caller, Line},
    rendering::Form,
};

/// Filters of a report, and values of one.
const FILTERS: usize = 8;
const VALUES: usize = 100;

/// What a report shall be about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportRequest {
    /// `overview`, `sales`, `customers`, `products`, `purchasing`, `inventory`, `receivables_payables`,
    /// `cash`, `people`, `production`, `data_quality`, or `custom` for the company's saved questions.
    #[schema(value_type = String, example = "overview")]
    kind: ReportKind,
    /// Whole periods: `2025-11`, `2025-Q3`, `2025`, `2025-W23`, `2025-01/2025-06`; the last month (or
    /// week, or quarter, by `grain`) that is over where it is absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "2025-11")]
    period: Option<Line<40>>,
    /// The periods that figures are looked at in. Where it is absent: weeks where the period names weeks,
    /// quarters where it is longer than two years, else months.
    #[serde(default)]
    grain: Option<GrainName>,
    /// `previous` for as many periods just before, `year_before` for the same ones a year earlier; the
    /// latter where it is absent and the data reaches so far back.
    #[serde(default)]
    compare: Option<CompareWith>,
    /// Rows that count; all where it is empty.
    #[serde(default)]
    filters: Vec<ReportFilterShape>,
    /// ISO 4217 code: amounts in this currency alone. Nothing is converted.
    #[serde(default)]
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// Saved questions that a `custom` report answers, in this order; the company's newest 20 where it is
    /// empty.
    #[serde(default)]
    #[schema(max_items = 20)]
    questions: Vec<Uuid>,
    /// `en` or `de`.
    #[serde(default)]
    language: Option<LanguageName>,
    /// Forms that are written together with the report, so that its files are there at once. The others
    /// are written when they are asked for.
    #[serde(default)]
    formats: Vec<Form>,
    /// The day that it is written as of; today in the company's time zone where it is absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "date")]
    today: Option<NaiveDate>,
}

/// What a report shall be about that is made anew at each time of a schedule: always the last period that
/// is over then.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportShape {
    /// As of `POST /report`.
    #[schema(value_type = String, example = "overview")]
    kind: ReportKind,
    /// The period that it is about, the last one that is over: a month where it is absent.
    #[serde(default)]
    grain: Option<GrainName>,
    /// What that is compared with, as of `POST /report`.
    #[serde(default)]
    compare: Option<CompareWith>,
    /// Rows that count; all where it is empty.
    #[serde(default)]
    filters: Vec<ReportFilterShape>,
    /// ISO 4217 code: amounts in this currency alone.
    #[serde(default)]
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// Saved questions that a `custom` report answers, as of `POST /report`.
    #[serde(default)]
    #[schema(max_items = 20)]
    questions: Vec<Uuid>,
    /// `en` or `de`.
    #[serde(default)]
    language: Option<LanguageName>,
}

/// Periods of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GrainName {
    /// From Monday to Sunday.
    Week,
    /// Of the calendar.
    Month,
    /// Of the calendar.
    Quarter,
}

/// What a period is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompareWith {
    /// The periods just before.
    Previous,
    /// The same periods a year before.
    YearBefore,
}

/// A language of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LanguageName {
    /// English.
    En,
    /// German.
    De,
}

/// Rows whose column has one of these values.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportFilterShape {
    /// Whose column.
    #[schema(example = "customers")]
    table: String,
    /// Which.
    #[schema(example = "region")]
    column: String,
    /// At least one, of at most 200 characters each.
    #[schema(min_items = 1, max_items = 100)]
    values: Vec<String>,
}

impl From<LanguageName> for Language {
    fn from(name: LanguageName) -> Self {
        match name {
            LanguageName::En => Self::English,
            LanguageName::De => Self::German,
        }
    }
}

impl From<Language> for LanguageName {
    fn from(language: Language) -> Self {
        match language {
            Language::English => Self::En,
            Language::German => Self::De,
        }
    }
}

impl From<GrainName> for TimeGrain {
    fn from(name: GrainName) -> Self {
        match name {
            GrainName::Week => Self::Week,
            GrainName::Month => Self::Month,
            GrainName::Quarter => Self::Quarter,
        }
    }
}

impl ReportRequest {
    /// What is to be made, if that can be.
    pub async fn order(
        self,
        app: &App,
        caller: &Caller<AskQuestions>,
        catalog: &Catalog,
    ) -> ApiResult<Order> {
        let today = self.today.unwrap_or_else(|| app.today(&caller.account.company));
        let shape = ReportShape {
            kind: self.kind,
            grain: self.grain,
            compare: self.compare,
            filters: self.filters,
            currency: self.currency,
            questions: self.questions,
            language: self.language,
        };
        let mut formats = Vec::new();
        for form in self.formats {
            // JSON is there by itself.
            if form != Form::Json && !formats.contains(&form) {
                formats.push(form);
            }
        }
        Ok(Order {
            company: caller.account.company.clone(),
            user: caller.account.user.clone(),
            data: caller.data.clone(),
            spec: shape.checked(&caller.data, catalog, &["body"]).await?,
            period: self.period.map(|text| period(&text, self.grain, today)).transpose()?,
            formats,
            today,
        })
    }
}

fn period(text: &str, grain: Option<GrainName>, today: NaiveDate) -> ApiResult<Periods> {
    let refuse = |member: &str, kind: &'static str, text: &str| {
        ApiError::invalid(&["body", member], kind, text.to_owned())
    };
    let named = Periods::parse(text).ok_or_else(|| {
        let text = "Name whole periods: 2025-11, 2025-Q3, 2025, 2025-W23, or 2025-01/2025-06.";
        refuse("period", "value_error", text)
    })?;
    let period = match grain {
        None => Some(named),
        Some(grain) => named.by(grain.into()),
    };
    let period = period.ok_or_else(|| {
        refuse("grain", "value_error", "The period does not consist of whole ones of these.")
    })?;
    if period.from >= today {
        return Err(refuse("period", "in_the_future", "The period lies in the future."));
    }
    Ok(period)
}

impl ReportShape {
    /// What is remembered of it, if the company has what it names. It was sent at `place`.
    pub async fn checked(
        self,
        data: &TenantStore,
        catalog: &Catalog,
        place: &[&str],
    ) -> ApiResult<ReportSpec> {
        let questions = saved_questions(self.questions, self.kind, data, place).await?;
        let currency = self.currency.map(|code| {
            let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
            is_code.then_some(code).ok_or_else(|| {
                let place = [place, &["currency"]].concat();
                ApiError::invalid(&place, "value_error", "Must be an ISO 4217 code: EUR.")
            })
        });
        let spec = ReportSpec {
            kind: self.kind,
            grain: self.grain.map(TimeGrain::from),
            compare: match self.compare {
                None => Compare::Usual,
                Some(CompareWith::Previous) => Compare::Previous,
                Some(CompareWith::YearBefore) => Compare::YearBefore,
            },
            filters: named_filters(self.filters, place)?,
            currency: currency.transpose()?,
            questions,
            language: self.language.map_or(Language::English, Language::from).code().to_owned(),
        };
        filters(&spec.filters, catalog, place)?;
        Ok(spec)
    }
}

/// The saved questions of these ids, each once.
async fn saved_questions(
    given: Vec<Uuid>,
    kind: ReportKind,
    data: &TenantStore,
    place: &[&str],
) -> ApiResult<Vec<SavedQuestionId>> {
    let refuse = |at: Option<usize>, kind: &'static str, text: &str| {
        let at = at.map(|at| at.to_string());
        let place: Vec<&str> =
            place.iter().copied().chain(["questions"]).chain(at.as_deref()).collect();
        Err(ApiError::invalid(&place, kind, text.to_owned()))
    };
    if !given.is_empty() && kind != ReportKind::Custom {
        return refuse(None, "value_error", "Only a custom report answers saved questions.");
    }
    if given.len() > QUESTIONS {
        return refuse(None, "too_long", &format!("At most {QUESTIONS}."));
    }
    let mut taken = Vec::new();
    for (at, id) in given.into_iter().map(SavedQuestionId).enumerate() {
        if data.kept::<SavedQuestion>(&id).await?.is_none() {
            return refuse(Some(at), "not_found", "There is no such saved question.");
        }
        if !taken.contains(&id) {
            taken.push(id);
        }
    }
    Ok(taken)
}

fn named_filters(given: Vec<ReportFilterShape>, place: &[&str]) -> ApiResult<Vec<ReportFilter>> {
    if given.len() > FILTERS {
        let place = [place, &["filters"]].concat();
        return Err(ApiError::invalid(&place, "too_long", format!("At most {FILTERS}.")));
    }
    let each = given.into_iter().enumerate().map(|(number, filter)| {
        let number = number.to_string();
        let refuse = |member: &str, text: &str| {
            let place = [place, &["filters", &number, member]].concat();
            ApiError::invalid(&place, "value_error", text.to_owned())
        };
        let table = TableName::parse(&filter.table);
        let column = ColumnName::parse(&filter.column);
        if filter.values.is_empty() || filter.values.len() > VALUES {
            return Err(refuse("values", "1 to 100 values."));
        }
        let read = |text: &String| Line::<200>::parse(text).map(Line::into_inner);
        let values: Result<Vec<String>, String> = filter.values.iter().map(read).collect();
        Ok(ReportFilter {
            table: table.map_err(|_| refuse("table", "There is no such table."))?,
            column: column.map_err(|_| refuse("column", "The table has no such column."))?,
            values: values.map_err(|why| refuse("values", &format!("Each of {why}.")))?,
        })
    });
    each.collect()
}

impl From<ReportSpec> for ReportShape {
    fn from(spec: ReportSpec) -> Self {
        Self {
            kind: spec.kind,
            grain: spec.grain.map(|grain| match grain {
                TimeGrain::Day | TimeGrain::Week => GrainName::Week,
                TimeGrain::Month => GrainName::Month,
                TimeGrain::Quarter | TimeGrain::Year => GrainName::Quarter,
            }),
            compare: match spec.compare {
                Compare::Usual => None,
                Compare::Previous => Some(CompareWith::Previous),
                Compare::YearBefore => Some(CompareWith::YearBefore),
            },
            filters: spec
                .filters
                .into_iter()
                .map(|it| ReportFilterShape {
                    table: it.table.to_string(),
                    column: it.column.to_string(),
                    values: it.values,
                })
                .collect(),
            currency: spec.currency,
            questions: spec.questions.into_iter().map(|id| id.0).collect(),
            language: Some(Language::parse(&spec.language).unwrap_or_default().into()),
        }
    }
}
