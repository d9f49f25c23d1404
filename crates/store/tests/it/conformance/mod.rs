//! What a store promises, as functions over one; run on SQLite, on MongoDB with transactions, and on
//! MongoDB without. A new verb gets its cases here, in the file of its noun, and in the list below.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod adoption;
mod audit;
mod companies;
mod connections;
mod deliveries;
mod idempotency;
mod kept;
mod model_use;
mod mongo_server;
mod owners;
mod recovery;
mod semantics;
mod sessions;
mod subject;
mod tables;
mod users;
mod words;

use self::subject::{Kind, Subject};

/// Runs every case on a fresh database of each kind.
macro_rules! suite {
    ($($module:ident: $($case:ident),+;)+) => {
        suite!(@kind sqlite, Kind::Sqlite, $($module: $($case),+;)+);
        suite!(@kind mongodb, Kind::Mongo, $($module: $($case),+;)+);
        suite!(@kind mongodb_without_transactions, Kind::MongoAlone, $($module: $($case),+;)+);
    };
    (@kind $name:ident, $kind:expr, $($module:ident: $($case:ident),+;)+) => {
        mod $name {
            use super::*;

            $(mod $module {
                use super::*;

                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(subject) = Subject::open($kind).await {
                        super::super::$module::$case(&subject).await;
                    }
                })+
            })+
        }
    };
}

suite! {
    accounts:
        a_sign_up_makes_company_owner_and_log_entry,
        of_twenty_sign_ups_with_one_address_one_makes_a_company,
        a_sign_up_that_fails_leaves_nothing,
        an_account_is_answered_until_a_part_of_it_is_gone,
        an_address_is_taken_in_every_company,
        a_document_that_cannot_be_read_is_named,
        what_is_remembered_survives_reopening;
    deliveries:
        of_many_one_takes_a_turn_and_each_delivery_of_it,
        what_an_alert_found_is_noted_once,
        webhooks_of_all_companies_are_there_for_the_keeper_of_secrets;
    kept:
        what_is_kept_is_listed_replaced_and_forgotten,
        of_many_that_replace_the_same_one_wins;
    users:
        people_change_field_by_field,
        people_of_another_company_do_not_exist,
        filters_combine,
        search_takes_every_character_literally,
        pages_add_up_to_the_list_in_every_order,
        a_better_hash_never_replaces_a_newer_password;
    owners:
        the_last_owner_stays,
        an_owner_who_is_shut_out_does_not_count,
        of_two_owners_leaving_at_once_one_stays,
        of_many_owners_leaving_in_every_way_at_once_one_stays;
    companies:
        a_profile_changes_field_by_field,
        companies_are_listed_in_pages;
    sessions:
        a_session_rotates_and_remembers_its_tokens,
        of_many_rotations_with_one_token_one_succeeds,
        spent_tokens_are_remembered_up_to_a_bound,
        a_rotation_that_races_the_end_leaves_no_session,
        sessions_are_listed_by_last_use_while_they_live,
        all_sessions_end_but_the_one_that_is_kept,
        nobody_signs_in_who_is_gone_shut_out_or_has_a_new_password,
        sessions_of_another_company_do_not_exist,
        what_has_expired_is_purged;
    audit:
        entries_are_listed_newest_first_in_pages,
        filters_combine_and_keep_to_the_company;
    tables:
        a_table_is_put_replaced_and_deleted,
        of_loads_at_once_each_replaces_another,
        several_tables_are_put_together_or_not_at_all,
        of_loads_of_several_tables_at_once_none_is_torn,
        tables_keep_to_their_company,
        jobs_are_remembered_as_they_stand,
        a_report_whose_server_died_is_taken_up_once,
        questions_are_listed_newest_first;
    connections:
        a_connection_is_kept_changed_and_deleted,
        connections_and_their_runs_keep_to_their_company,
        of_many_that_begin_a_run_one_does,
        a_due_run_begins_once_and_waits_for_the_one_before,
        a_run_whose_server_died_is_taken_over_once,
        a_table_is_replaced_only_as_it_was_read_and_under_the_lease,
        runs_are_listed_newest_first_and_forgotten,
        jobs_are_listed_and_cancelled_while_they_are_open,
        a_secret_is_sealed_anew_unless_it_changed;
    semantics:
        declarations_change_one_after_the_other,
        of_declarations_at_once_one_succeeds,
        earlier_declarations_are_kept_up_to_a_bound,
        measurements_replace_those_before_them_alone,
        a_key_is_noted_of_the_load_it_was_seen_in;
    model_use:
        tokens_add_up_by_company_and_month;
    idempotency:
        of_many_claims_at_once_one_is_new,
        a_claim_is_answered_by_what_became_of_it,
        a_claim_whose_server_died_is_taken_over_once;
    adoption:
        accounts_are_found_whatever_case_was_stored,
        an_adopted_address_is_taken,
        reading_rewrites_nothing_and_a_change_only_what_it_names,
        a_company_is_read_from_its_founder_until_it_is_changed,
        adopted_owners_are_guarded,
        adopted_people_are_listed_in_every_order,
        a_document_is_imported_once;
}
