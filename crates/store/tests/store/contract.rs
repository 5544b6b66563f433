//! What every database under the store must keep to. Each test takes an empty store.

mod events;
mod fleet;
mod machines;
mod pictures;
mod recordings;
mod records;
mod resources;
mod secrets;

/// Runs each test of the contract on a store of its own, opened by `$open`, which gives the store and something that
/// keeps its data for as long as the test runs.
macro_rules! on_each_database {
    ($database:ident: $open:path => $($topic:ident { $($test:ident),+ $(,)? })+) => {
        mod $database {
            $(mod $topic {
                $(#[tokio::test]
                async fn $test() {
                    let (store, _data) = $open().await;
                    super::super::$topic::$test(&store).await;
                    store.close().await;
                })+
            })+
        }
    };
}

on_each_database! {
    sqlite: crate::directory::fresh =>
    resources {
        applying_twice_changes_nothing,
        versions_guard_against_lost_updates,
        passwords_are_sealed,
        sealed_passwords_are_accepted_under_their_own_name,
        references_to_secrets_are_refused,
        credentials_in_use_are_not_deleted,
        deleted_hosts_leave_their_history,
        lists_select_and_continue,
        documents_come_back_as_they_were,
    }
    recordings {
        recordings_are_found_by_host_and_time,
    }
    machines {
        the_newest_machines_are_kept,
        events_are_noted_together,
    }
    records {
        a_decision_is_stored_whole,
        a_refused_record_leaves_nothing,
        a_refused_record_harms_no_other,
        a_deleted_host_gets_no_state,
        history_is_listed_newest_first,
        everything_is_there_at_start,
    }
    events {
        events_have_ids_without_gaps,
        followers_are_told_of_new_events,
        old_events_are_pruned,
    }
    fleet {
        what_is_said_already_changes_nothing,
        hosts_without_a_lease_are_taken,
        expired_leases_change_hands,
        renewing_keeps_what_is_held,
        seizing_takes_every_host,
        a_write_with_an_old_token_leaves_no_trace,
        jobs_are_listed_and_found_at_start,
        one_alert_of_a_cause_is_open_at_a_time,
        a_deleted_host_leaves_nothing_open,
        what_is_over_is_pruned_in_time,
    }
    secrets {
        a_change_of_a_password_is_kept_until_it_is_over,
        a_change_that_was_undone_leaves_what_was,
        a_server_that_lost_the_host_changes_no_password,
        passwords_outlive_their_host,
        secrets_of_notifiers_are_sealed,
        how_far_a_notifier_was_told_goes_with_it,
        one_server_at_a_time_tells_a_notifier,
        clusters_and_zones_must_be_there_before_they_are_named,
    }
    pictures {
        pictures_are_kept_as_long_as_something_refers_to_them,
        runs_keep_every_picture_that_was_given_to_them,
    }
}
