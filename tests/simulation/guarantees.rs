//! The guarantees, each in one sentence, with the promises of the BSS that it rests on and the tests
//! that show it. The page of guarantees is written from this and from what the matrix saw.

/// A guarantee.
pub(crate) struct Guarantee {
    /// One or two words.
    pub(crate) name: &'static str,
    /// For people who read bills.
    pub(crate) sentence: &'static str,
    /// The promises without which it holds by a wait, a person or a risk only, if at all.
    pub(crate) rests_on: &'static [&'static str],
    /// Tests that fail if it does not hold.
    pub(crate) shown_by: &'static [&'static str],
}

/// All of them.
pub(crate) const GUARANTEES: [Guarantee; 8] = [
    Guarantee {
        name: "once",
        sentence: "No customer, subscription or asset is copied twice, so that no bill \
                   has it twice.",
        rests_on: &["keys", "epochs"],
        shown_by: &[
            "kill_matrix",
            "seeds",
            "every_order_of_things_in_the_small_worlds",
            "in_phase_3_with_a_request_that_takes_effect_late",
            "the_operator_is_killed_at_random",
        ],
    },
    Guarantee {
        name: "all",
        sentence: "Back ordering is not switched on while anything active is uncopied, still on \
                   order, or half done, so no revenue is lost.",
        rests_on: &["revision", "compares", "orders"],
        shown_by: &[
            "kill_matrix",
            "seeds",
            "every_order_of_things_in_the_small_worlds",
            "buying_while_the_switch_is_asked_for",
            "open_orders_hold_the_switch",
        ],
    },
    Guarantee {
        name: "right",
        sentence: "Each copy has the product, quantity, dates and cost price of its source, and \
                   goes with its source; what the reseller has set stays as it is.",
        rests_on: &["revision", "compares", "orders"],
        shown_by: &[
            "kill_matrix",
            "seeds",
            "a_copy_follows_its_source_until_somebody_amends_it",
            "every_kind_of_corruption_is_found_and_named",
        ],
    },
    Guarantee {
        name: "quiet",
        sentence: "Copying orders nothing, provisions nothing, is no new sale, and writes to no \
                   customer.",
        rests_on: &["offGuard"],
        shown_by: &[
            "seeds",
            "both_ledgers_over_two_cycles",
            "copies_that_could_land_after_the_switch",
            "runs_through_all_four_phases",
        ],
    },
    Guarantee {
        name: "one way",
        sentence: "Back ordering is switched on once, never off, and never without a look at \
                   everything right before it.",
        rests_on: &["revision", "compares"],
        shown_by: &[
            "kill_matrix",
            "every_order_of_things_in_the_small_worlds",
            "in_phase_4_with_a_switch_that_takes_effect_late",
            "in_phase_4_after_the_switch_and_before_its_reply",
        ],
    },
    Guarantee {
        name: "one hand",
        sentence: "Two operators never work on one reseller at a time.",
        rests_on: &["epochs"],
        shown_by: &[
            "every_order_of_things_in_the_small_worlds",
            "stopped_in_the_middle_of_a_chunk_and_resumed",
            "to_another_cluster_by_a_persons_word",
            "the_second_waits_for_the_first_and_adopts_what_it_left",
        ],
    },
    Guarantee {
        name: "told",
        sentence: "What could not be done is named item by item, with what to do; nothing passes in \
                   silence.",
        rests_on: &["orders"],
        shown_by: &[
            "seeds",
            "every_order_of_things_in_the_small_worlds",
            "thousands_of_blockers_fit_and_lie_still",
            "an_accepted_risk_that_comes_true_is_named",
        ],
    },
    Guarantee {
        name: "kept",
        sentence: "Who upgraded which reseller, when, and on which inventory stays on record when \
                   the upgrade is deleted.",
        rests_on: &[],
        shown_by: &[
            "done_is_said_only_with_the_record_in_hand",
            "after_each_phase_and_nothing_is_repeated",
        ],
    },
];

/// The guarantee that a loss is about, by what the ledgers say.
pub(crate) fn of_loss(rule: &str) -> &'static str {
    match rule {
        "Lost" | "CustomerNotCharged" | "Unmarked" | "HalfMarked" => "all",
        "Differs"
        | "ChargedDifferently"
        | "Orphaned"
        | "ChargedAfterCancellation"
        | "AlienCharged" => "right",
        _ => panic!("no guarantee is about {rule}"),
    }
}
