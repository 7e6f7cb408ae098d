use super::*;

fn upgrade_of_the_tests() -> TenantResellerUpgrade {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "tenantreseller.io/v1alpha1",
        "kind": "TenantResellerUpgrade",
        "metadata": { "name": "contoso", "namespace": "resellers" },
        "spec": {
            "connectionRef": { "name": "distributor" },
            "reseller": { "accountId": "10423" },
            "tenant": {
                "priceList": "PL-RESELLER-EUR", "edition": "Premium", "language": "en-GB",
                "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined"
            }
        }
    }))
    .expect("an upgrade")
}

fn upgrade(place: Place, key: &str, value: &str) -> TenantResellerUpgrade {
    let mut upgrade = upgrade_of_the_tests();
    let words = [(key.to_owned(), value.to_owned())].into();
    match place {
        Place::Annotation => upgrade.metadata.annotations = Some(words),
        Place::Label => upgrade.metadata.labels = Some(words),
    }
    upgrade
}

fn valid(upgrade: &TenantResellerUpgrade) -> ValidUpgrade {
    let references = crate::upgrade::References {
        identity: "acme".to_owned(),
        pricing: Vec::new(),
        pace: crate::upgrade::Pace::default(),
        terms: crate::upgrade::Terms::default(),
        tenant_connection: crate::upgrade::TenantConnection::NotNamed,
        credential_doubt: None,
    };
    crate::upgrade::validate(upgrade, &references).expect("a valid upgrade")
}

#[test]
fn only_false_lets_an_upgrade_go_on_and_what_is_not_understood_is_said() {
    let annotated = |value| upgrade(Place::Annotation, SUSPEND_ANNOTATION, value);
    assert_eq!(suspension(&annotated("false")), Suspension::Running);
    for value in ["true", "True", "TRUE", "yes", "1", "true ", " on\n", "Y"] {
        assert_eq!(
            suspension(&annotated(value)),
            Suspension::Suspended,
            "{value:?}"
        );
        assert_eq!(not_understood(&annotated(value)), None, "{value:?}");
    }
    for value in [
        "",
        " ",
        "False",
        "no",
        "0",
        "off",
        "treu",
        "null",
        "\u{202e}eurt",
        "true;",
    ] {
        assert_eq!(
            suspension(&annotated(value)),
            Suspension::Suspended,
            "{value:?}"
        );
        let said = not_understood(&annotated(value)).expect("something to say");
        assert!(said.contains(&shown(value)), "{said}");
    }
}

#[test]
fn other_names_and_places_hold_too() {
    for (place, key) in [
        (Place::Annotation, "tenantreseller.io/suspended"),
        (Place::Annotation, "tenantreseller.io/Suspend"),
        (Place::Annotation, "TenantReseller.io/on-hold"),
        (Place::Annotation, "tenantreseller.io/pause"),
        (Place::Label, SUSPEND_ANNOTATION),
    ] {
        let written = upgrade(place, key, "true");
        assert_eq!(suspension(&written), Suspension::Suspended, "{key}");
        assert!(
            not_understood(&written)
                .expect("something to say")
                .contains(key)
        );
        assert_eq!(
            suspension(&upgrade(place, key, "false")),
            Suspension::Running
        );
    }
    let other = upgrade(Place::Annotation, "tenantreseller.io/requestedAt", "true");
    assert_eq!(suspension(&other), Suspension::Running);
    let other = upgrade(
        Place::Annotation,
        "kustomize.toolkit.fluxcd.io/suspend",
        "true",
    );
    assert_eq!(suspension(&other), Suspension::Running);
}

#[test]
fn a_mistyped_group_a_missing_one_and_an_opposite_word_hold_too() {
    for (place, key) in [
        (Place::Annotation, "tenantresellers.io/suspend"),
        (Place::Annotation, "tenant-reseller.io/suspend"),
        (Place::Annotation, "upgrade.tenantreseller.io/pause"),
        (Place::Annotation, "tenantreseller/suspend"),
        (Place::Annotation, "suspend"),
        (Place::Annotation, "Paused"),
        (Place::Label, "suspended"),
        (Place::Annotation, "tenantreseller.io/halt"),
        (Place::Annotation, "tenantreseller.io/Freeze"),
        (Place::Label, "tenantreseller.io/disabled"),
        (Place::Annotation, "tenantreseller.io/cancel"),
    ] {
        let written = upgrade(place, key, "true");
        assert_eq!(suspension(&written), Suspension::Suspended, "{key}");
        let said = not_understood(&written).expect("something to say");
        assert!(
            said.contains(key) && said.contains(SUSPEND_ANNOTATION),
            "{said}"
        );
        assert_eq!(
            suspension(&upgrade(place, key, "false")),
            Suspension::Running,
            "{key}"
        );
    }
    for key in [
        "tenantreseller.io/enabled",
        "tenantreseller.io/run",
        "tenantreseller.io/active",
    ] {
        for value in ["false", "no", "0", "", "True"] {
            let written = upgrade(Place::Annotation, key, value);
            assert_eq!(suspension(&written), Suspension::Suspended, "{key}={value}");
            assert!(
                not_understood(&written)
                    .expect("something to say")
                    .contains(key)
            );
        }
        let written = upgrade(Place::Annotation, key, "true");
        assert_eq!(suspension(&written), Suspension::Running, "{key}");
        assert_eq!(not_understood(&written), None);
    }
    // Words of others, which are about something else.
    for key in [
        "stop",
        "hold",
        "enabled",
        "kustomize.toolkit.fluxcd.io/suspend",
        "batch.kubernetes.io/suspended",
        "tenantreseller.io/requestedAt",
        "tenantreseller.io/team",
    ] {
        for place in [Place::Annotation, Place::Label] {
            assert_eq!(
                suspension(&upgrade(place, key, "true")),
                Suspension::Running,
                "{key}"
            );
            assert_eq!(
                suspension(&upgrade(place, key, "no")),
                Suspension::Running,
                "{key}"
            );
        }
    }
}

#[test]
fn the_same_words_on_a_connection_hold_all_that_name_it() {
    let held = |place, key: &str, value: &str| {
        let mut connection: BssConnection = serde_json::from_value(serde_json::json!({
            "apiVersion": "tenantreseller.io/v1alpha1",
            "kind": "BssConnection",
            "metadata": { "name": "distributor" },
            "spec": { "identity": "acme", "auth": {} },
        }))
        .expect("a connection");
        connection.metadata.annotations = upgrade(place, key, value).metadata.annotations;
        connection.metadata.labels = upgrade(place, key, value).metadata.labels;
        held_connection(&connection)
    };
    let understood = held(Place::Annotation, SUSPEND_ANNOTATION, "Yes").expect("it is held");
    assert_eq!(understood.name, "distributor");
    assert_eq!(understood.not_understood, None);
    for (place, key, value) in [
        (Place::Annotation, SUSPEND_ANNOTATION, "treu"),
        (Place::Annotation, "tenantreseller.io/paused", "true"),
        (Place::Label, SUSPEND_ANNOTATION, "true"),
    ] {
        let held = held(place, key, value).expect("it is held");
        let said = held.not_understood.expect("it is named");
        assert!(said.contains(key) && said.contains("suspends"), "{said}");
    }
    assert_eq!(held(Place::Annotation, SUSPEND_ANNOTATION, "false"), None);
    assert_eq!(held(Place::Annotation, "example.com/suspend", "true"), None);
}

#[test]
fn a_confirmation_under_another_name_confirms_nothing_and_is_named() {
    let said = |place, key, value| {
        let valid = valid(&upgrade(place, key, value));
        assert_eq!(
            valid.confirms("7"),
            place == Place::Annotation && key == CONFIRM_ANNOTATION
        );
        not_as_asked(&valid, "7")
    };
    assert_eq!(said(Place::Annotation, CONFIRM_ANNOTATION, " 7\n"), "");
    assert_eq!(said(Place::Annotation, "example.com/confirm", "7"), "");
    for (place, key) in [
        (Place::Label, CONFIRM_ANNOTATION),
        (Place::Annotation, "tenantreseller.io/confirmed"),
        (Place::Annotation, "tenantreseller.io/Confirm"),
        (Place::Annotation, "tenantresellers.io/confirm"),
    ] {
        let said = said(place, key, "7");
        assert!(
            said.contains(key) && said.contains("confirms nothing"),
            "{key}: {said}"
        );
    }
    for (place, key) in [
        (Place::Label, TAKE_OVER_ANNOTATION),
        (Place::Annotation, "tenantreseller.io/takeover"),
        (Place::Annotation, "tenantreseller.io/take_over"),
    ] {
        let valid = valid(&upgrade(place, key, "u-2"));
        assert_eq!(valid.take_over, None);
        let said = valid.mistyped_take_over.unwrap_or_default();
        assert!(
            said.contains(key) && said.contains("takes nothing over"),
            "{key}: {said}"
        );
    }
}

#[test]
fn another_operator_works_on_it_until_a_person_hands_it_over() {
    let of = |operator: Option<&str>, annotated: &str| {
        let mut upgrade = upgrade(Place::Annotation, TAKE_OVER_ANNOTATION, annotated);
        upgrade.status = Some(crate::api::TenantResellerUpgradeStatus {
            operator: operator.map(str::to_owned),
            ..Default::default()
        });
        another_operator(&upgrade, "u-1").map(str::to_owned)
    };
    assert_eq!(of(None, ""), None);
    assert_eq!(of(Some("u-1"), ""), None);
    assert_eq!(of(Some("u-2"), "").as_deref(), Some("u-2"));
    assert_eq!(of(Some("u-2"), "u-3").as_deref(), Some("u-2"));
    assert_eq!(of(Some("u-2"), "u-2"), None);
    assert_eq!(of(Some("u-2"), " u-2.resellers "), None);
}

#[test]
fn what_cannot_be_seen_is_written_out_and_long_values_are_cut() {
    assert_eq!(shown("a\u{200b}\u{202e}\n"), "\"a\\u{200b}\\u{202e}\\n\"");
    assert_eq!(shown(&"€".repeat(65)), format!("\"{}…\"", "€".repeat(64)));
}
