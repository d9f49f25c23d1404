//! What is known of a company's tables beyond their own loads: keys, relationships, when rows happened,
//! and what packs recognise. Brought up to date whenever a table comes into service or leaves it.

use pacioli_engine::EngineError;
use pacioli_model::{
    Catalog, ColumnName, CompanyId, DateCoverage, MeasuredRelationship, Measurements, Origin,
    TableEntry, TableName, TableVersion, ValueMatch,
};
use pacioli_sources::{
    packs,
    relationships::{Candidate, PrimaryKey, candidates, primary_key, settle},
};
use pacioli_store::TenantStore;

use crate::{
    app::App,
    error::{ApiResult, chain},
};

/// Another server may be at the same; then its results are taken over, so often.
const ATTEMPTS: usize = 4;
/// Relationships whose values are compared, the likeliest first.
const MOST_CANDIDATES: usize = 500;
/// Columns of days that are looked at in one table, in its order.
const MOST_DATES: usize = 3;
/// Months that are kept of one column: a hundred years.
const MOST_MONTHS: usize = 1200;
/// How often a full engine is asked again.
const PATIENCE: usize = 5;

/// Brings what is known of a company's tables up to date. To be called after a table was put in
/// service or deleted; what has been measured of loads that are still in service is not measured
/// again. A failure is logged and leaves less known, never something wrong: what was measured in
/// other loads is not used.
pub async fn refresh(app: &App, company: CompanyId) {
    let stopped = app.giving_up.cancelled();
    let refreshed = tokio::select! {
        refreshed = try_refresh(app, company) => refreshed,
        () = stopped => return,
    };
    if let Err(error) = refreshed {
        tracing::warn!(
            event = "catalogue.refresh_failed", company_id = %company, cause = chain(&error),
            "what is known of the tables' relationships is behind"
        );
    }
}

async fn try_refresh(app: &App, company: CompanyId) -> ApiResult<()> {
    let data = app.store.tenant(company);
    // First what packs know: the relationships they declare are measured with all others.
    let recognised = packs::recognise(&data.catalog().await?);
    data.recognise_semantics(&recognised).await?;
    for _ in 0..ATTEMPTS {
        let known = data.measurements().await?;
        let catalog = data.catalog().await?;
        let survey = Survey { app, company, data: &data, catalog: &catalog, known: &known };
        let measured = survey.measure().await?;
        let same = Measurements { revision: known.revision, ..measured.clone() } == known;
        if same || data.put_measurements(&measured).await? {
            // And once more now that it is known what belongs together: figures rest on it.
            data.recognise_semantics(&packs::recognise(&data.catalog().await?)).await?;
            return Ok(());
        }
    }
    Ok(())
}

struct Survey<'a> {
    app: &'a App,
    company: CompanyId,
    data: &'a TenantStore,
    catalog: &'a Catalog,
    known: &'a Measurements,
}

impl Survey<'_> {
    async fn measure(&self) -> ApiResult<Measurements> {
        let keyless = self.keys().await?;
        let relationships = self.relationships().await;
        let dates = self.dates().await;
        Ok(Measurements { revision: self.known.revision + 1, relationships, dates, keyless })
    }

    /// Notes the keys of tables whose sources declare none, and gives back which have none.
    async fn keys(&self) -> ApiResult<Vec<(TableName, TableVersion)>> {
        let mut keyless = Vec::new();
        // Pushed rows replace others by the key that their sender names, and by no other.
        let is_keyless = |it: &&TableEntry| it.primary_key.is_empty() && it.origin != Origin::Push;
        for table in self.catalog.tables.iter().filter(is_keyless) {
            let load = (table.name.clone(), table.version);
            let key = if self.known.keyless.contains(&load) { None } else { self.key(table).await };
            match key {
                Some(key) => {
                    self.data.note_primary_key(&table.name, table.version, &key).await?;
                }
                None => keyless.push(load),
            }
        }
        Ok(keyless)
    }

    async fn key(&self, table: &TableEntry) -> Option<Vec<ColumnName>> {
        let likely = match primary_key(table) {
            PrimaryKey::Known(key) => return Some(key),
            PrimaryKey::None => return None,
            PrimaryKey::OneOf(columns) => columns,
        };
        for column in likely {
            let key = vec![column];
            let names =
                || self.app.engine.names_rows(self.company, self.catalog, &table.name, &key);
            if patiently(names).await == Some(true) {
                return Some(key);
            }
        }
        None
    }

    async fn relationships(&self) -> Vec<MeasuredRelationship> {
        let mut compared: Vec<(Candidate, ValueMatch)> = Vec::new();
        for candidate in candidates(self.catalog).into_iter().take(MOST_CANDIDATES) {
            let known = self.known.relationships.iter().find(|it| {
                it.relationship.same_columns(&candidate.relationship)
                    && it.is_current(&self.catalog.tables)
            });
            let values = match known {
                Some(known) => Some(known.values),
                None => {
                    let it = &candidate.relationship;
                    patiently(|| self.app.engine.compare(self.company, self.catalog, it)).await
                }
            };
            compared.extend(values.map(|values| (candidate, values)));
        }
        settle(self.catalog, &compared)
    }

    async fn dates(&self) -> Vec<DateCoverage> {
        let mut covered = Vec::new();
        for table in &self.catalog.tables {
            let times = table
                .columns
                .iter()
                .filter(|column| column.data_type.is_time() && column.profile.min.is_some());
            for column in times.take(MOST_DATES) {
                let known = self.known.dates.iter().find(|it| {
                    it.table == table.name
                        && it.version == table.version
                        && it.column == column.name
                });
                if let Some(known) = known {
                    covered.push(known.clone());
                    continue;
                }
                let (name, of) = (&table.name, &column.name);
                let months =
                    patiently(|| self.app.engine.months(self.company, self.catalog, name, of))
                        .await;
                covered.extend(months.map(|mut months| {
                    months.truncate(MOST_MONTHS);
                    let (version, column) = (table.version, column.name.clone());
                    DateCoverage { table: table.name.clone(), version, column, months }
                }));
            }
        }
        covered
    }
}

/// The query's answer; nothing where it cannot be had: it is asked for again with the next load.
async fn patiently<T, F>(query: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = Result<T, EngineError>>,
{
    for _ in 0..PATIENCE {
        match query().await {
            Ok(answer) => return Some(answer),
            Err(EngineError::Busy { retry_after }) => tokio::time::sleep(retry_after).await,
            // Another load has taken its place; that load's own refresh looks at it.
            Err(EngineError::Missing) => return None,
            Err(error) => {
                tracing::warn!(
                    event = "catalogue.survey_failed",
                    cause = chain(&error),
                    "a relationship, a key or a date column was not measured"
                );
                return None;
            }
        }
    }
    None
}
