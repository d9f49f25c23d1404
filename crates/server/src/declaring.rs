//! A change of what a company's tables mean: from what a person sent to what is in effect.

use pacioli_model::{AuditAction, Catalog, Known, Relationship, Semantics, StoredSemantics};
use pacioli_sources::declarations::{Declarations, Problem, check};
use serde_json::Value;

use crate::{
    app::App,
    catalogue,
    error::{ApiError, ApiResult, Code},
    extract::{Caller, ManageData, field_refusal},
};

/// Refused values that are told at once.
const MOST_ERRORS: usize = 50;
/// Changed names that the audit log tells.
const MOST_NAMES: usize = 20;

/// Which version a change is made to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Whichever it is.
    Any,
    /// This one and no other.
    Version(u64),
}

/// What a merge patch (RFC 7396) makes of declarations.
pub fn patched(current: &Semantics, patch: &Value) -> ApiResult<Declarations> {
    let current = Declarations::write(current).map_err(ApiError::internal)?;
    let mut document = serde_json::to_value(current).map_err(ApiError::internal)?;
    merge(&mut document, patch);
    serde_path_to_error::deserialize(document)
        .map_err(|error| field_refusal(&["body"], error.path(), &error.inner().to_string()))
}

fn merge(document: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *document = patch.clone();
        return;
    };
    if !document.is_object() {
        *document = Value::Object(serde_json::Map::new());
    }
    let Value::Object(members) = document else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Declares these in the place of what was declared, if they are sound, and gives back what is
/// remembered then. What is not changed is not looked at anew: a table that is gone is no reason to
/// refuse another change.
pub async fn declare(
    app: &App,
    caller: &Caller<ManageData>,
    base: Base,
    words: &Declarations,
) -> ApiResult<StoredSemantics> {
    let stored = caller.data.semantics().await?;
    if base != Base::Any && base != Base::Version(stored.version) {
        let text = format!(
            "The semantics are at version {} by now. Read them and make the change anew.",
            stored.version
        );
        return Err(ApiError::new(Code::Conflict, text));
    }
    let declared = words.read().map_err(|problems| refusal(&problems))?;
    let changed = changes(&stored.declared, &declared);
    if changed.is_empty() {
        return Ok(stored);
    }
    let next = StoredSemantics { declared: declared.clone(), ..stored.clone() };
    let measured = caller.data.measurements().await?;
    let tables = caller.data.catalog().await?.tables;
    let catalog = Catalog::assemble(tables, &measured.relationships, next.in_effect());
    let mut problems = check(&declared, &catalog);
    problems.retain(|problem| changed.iter().any(|name| problem.path.starts_with(name)));
    if problems.is_empty() {
        problems = unfounded(app, caller, &catalog, &stored.declared, &declared).await?;
    }
    if !problems.is_empty() {
        return Err(refusal(&problems));
    }
    let mut event = caller.event(app, AuditAction::SemanticsChanged, None);
    event.detail = Some(named(&changed));
    let (now, by) = (app.clock.now(), caller.user());
    caller.data.declare_semantics(stored.version, &declared, by, now, &event).await?;
    catalogue::refresh(app, caller.company()).await;
    Ok(caller.data.semantics().await?)
}

/// New relationships whose values do not name rows of their one side: along them, rows would be
/// counted twice.
async fn unfounded(
    app: &App,
    caller: &Caller<ManageData>,
    catalog: &Catalog,
    before: &Semantics,
    after: &Semantics,
) -> ApiResult<Vec<Problem>> {
    let is_new =
        |it: &&Relationship| !before.relationships.iter().any(|known| known.same_columns(it));
    let mut problems = Vec::new();
    for it in after.relationships.iter().filter(is_new).filter(|it| it.known == Known::Declared) {
        let values = app.engine.compare(caller.company(), catalog, it).await?;
        if !values.is_unique() {
            problems.push(Problem {
                path: ["relationships", it.name.as_str(), "to"].map(str::to_owned).to_vec(),
                detail: format!(
                    "{} rows of {} share one value: it does not name a row",
                    values.most_on_one_side, it.to
                ),
            });
        }
    }
    Ok(problems)
}

fn refusal(problems: &[Problem]) -> ApiError {
    let told = problems.iter().take(MOST_ERRORS);
    told.fold(ApiError::new(Code::Invalid, ""), |error, problem| {
        let mut loc = vec!["body"];
        loc.extend(problem.path.iter().map(String::as_str));
        error.with_error(&loc, "value_error", format!("{}.", problem.detail))
    })
}

/// Where the two differ: `metrics`, `revenue`.
fn changes(before: &Semantics, after: &Semantics) -> Vec<Vec<String>> {
    let mut changed = Vec::new();
    let mut add = |kind: &str, name: Option<&str>| {
        let path = [Some(kind), name].into_iter().flatten().map(str::to_owned).collect();
        if !changed.contains(&path) {
            changed.push(path);
        }
    };
    if before.currency != after.currency {
        add("currency", None);
    }
    if before.fiscal_year_start != after.fiscal_year_start {
        add("fiscal_year_start", None);
    }
    if before.week_start != after.week_start {
        add("week_start", None);
    }
    differing(&before.metrics, &after.metrics, |it| add("metrics", Some(it.name.as_str())));
    differing(&before.tables, &after.tables, |it| add("tables", Some(it.table.as_str())));
    differing(&before.relationships, &after.relationships, |it| {
        add("relationships", Some(it.name.as_str()));
    });
    differing(&before.policies, &after.policies, |it| add("policies", Some(&it.name)));
    changed
}

/// Those of either that are not in the other.
fn differing<T: PartialEq>(before: &[T], after: &[T], mut differs: impl FnMut(&T)) {
    after.iter().filter(|it| !before.contains(it)).for_each(&mut differs);
    before.iter().filter(|it| !after.contains(it)).for_each(&mut differs);
}

fn named(changed: &[Vec<String>]) -> String {
    let names: Vec<String> = changed.iter().take(MOST_NAMES).map(|path| path.join(".")).collect();
    let more = changed.len().saturating_sub(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_changes_what_it_names_and_removes_what_is_null() {
        for (document, patch, expect) in [
            (json!({"a": 1, "b": 2}), json!({"a": 3}), json!({"a": 3, "b": 2})),
            (json!({"a": 1, "b": 2}), json!({"a": null}), json!({"b": 2})),
            (
                json!({"a": {"b": 1, "c": 2}}),
                json!({"a": {"b": null, "d": 3}}),
                json!({"a": {"c": 2, "d": 3}}),
            ),
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (json!({"a": 1}), json!({"a": {"b": {"c": null}}}), json!({"a": {"b": {}}})),
        ] {
            let mut merged = document.clone();
            merge(&mut merged, &patch);
            assert_eq!(merged, expect, "{document} {patch}");
        }
    }
}
