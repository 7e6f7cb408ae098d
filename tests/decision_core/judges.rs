//! The judges themselves: each rule is broken once, on purpose, and exactly it is named.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use tenant_reseller_operator::bss::port::{
    AccountId, Acquisition, AcquisitionId, ActivationTarget, CopyItem, CopyListing, Epoch,
    Freshness, ItemKind, Mark, PageRequest, PurchaseState, Revision, SourceId, Strength,
    TenantCreation, TenantId, WriteOperation,
};

use support::simulated_bss::{
    Action, Corruption, CorruptionKind, OTHER_RESELLER, Owned, Pick, RESELLER, Stored, TenantVerb,
    World, Wrong, retail, wanted_settings,
};

/// Makes something stand against the switch.
type Prepare = fn(&mut World, &SourceId);

/// A client that asks for exactly what a test wants, and knows the rules no better than that.
struct Client {
    world: World,
    tenant: TenantId,
    epoch: Epoch,
    expects_copy: bool,
}

/// A request for an epoch, of an attempt that stands for any.
fn asked() -> Acquisition<'static> {
    static ATTEMPT: LazyLock<AcquisitionId> = LazyLock::new(|| "attempt".into());
    Acquisition {
        id: &ATTEMPT,
        holder: "us",
        take_over: None,
    }
}

impl Client {
    /// One customer with two subscriptions and decoys, the tenant Active.
    fn with_tenant() -> Self {
        let mut world = World::new(2, 3).with_decoys();
        let account = AccountId::from(RESELLER);
        let epoch = world.acquire(&account, asked()).unwrap().epoch;
        let settings = wanted_settings();
        let made =
            world.create_tenant(&account, Some(epoch), &"r".into(), &"k/t".into(), &settings);
        assert!(matches!(made, Ok(TenantCreation::Started(_))), "{made:?}");
        world.now = world.switches.tenant_queue;
        let tenant = world.tenant(&account).unwrap().unwrap().id;
        Self {
            world,
            tenant,
            epoch,
            expects_copy: false,
        }
    }

    /// With customers copied and priced.
    fn with_customers() -> Self {
        let mut client = Self::with_tenant();
        for id in ["c000", "c001"] {
            client.copies(id);
        }
        client.world.act(Action::Price(None)).unwrap();
        client
    }

    /// With everything copied.
    fn complete() -> Self {
        let mut client = Self::with_customers();
        for id in client.eligible() {
            client.copies(id.as_str());
        }
        assert_eq!(client.found(), BTreeSet::new());
        client
    }

    /// After the switch.
    fn switched() -> Self {
        let mut client = Self::complete();
        client.activates();
        assert!(client.world.on);
        assert_eq!(client.found(), BTreeSet::new());
        client
    }

    fn eligible(&self) -> Vec<SourceId> {
        self.world.eligible().map(|(id, _)| id.clone()).collect()
    }

    fn first(&self) -> SourceId {
        let mut ids = self.eligible();
        ids.retain(|id| self.world.purchases[id].kind == ItemKind::Subscription);
        ids.swap_remove(0)
    }

    /// Asks for a copy of a source as it is now.
    fn copies(&mut self, id: &str) {
        let source = SourceId::from(id);
        let now = Some(self.epoch);
        let seen = self.expects_copy.then(|| {
            let records = self.world.copy_records();
            let copy = records.iter().find(|(_, copy)| copy.source == source);
            copy.unwrap().1.digest.clone()
        });
        let item = |kind, fields: Owned, pricing| CopyItem {
            source: source.clone(),
            kind,
            key: format!("k/{source}").into(),
            expected_source: fields.digest(),
            expected_copy: seen.clone(),
            pricing,
        };
        let outcome = if let Some(row) = self.world.purchases.get(&source) {
            let pricing = Stored::of(&retail()).digest();
            let item = item(row.kind, Owned::Purchase(row.fields.clone()), pricing);
            self.world.copy_subscriptions(now, &self.tenant, &[item])
        } else {
            let fields = self.world.customers[&source].fields.clone();
            let item = item(ItemKind::Customer, Owned::Customer(fields), None);
            self.world.copy_customers(now, &self.tenant, &[item])
        };
        outcome.unwrap();
    }

    fn activates(&mut self) {
        let target = ActivationTarget {
            tenant: &self.tenant,
            expected: Some(Revision(self.world.revision)),
        };
        let request = format!("activate {}", self.world.activations);
        let account = AccountId::from(RESELLER);
        let (request, key) = (request.as_str().into(), "k/a".into());
        let how =
            self.world
                .activate_back_ordering(&account, Some(self.epoch), &request, &key, target);
        drop(how);
    }

    fn does(mut self, wrong: Wrong) -> Self {
        self.world.wrong = Some(wrong);
        self
    }

    /// The names of the rules that are broken now.
    fn found(&self) -> BTreeSet<String> {
        names(&self.world.violations_now())
    }
}

fn names(found: &[String]) -> BTreeSet<String> {
    let name = |finding: &String| finding.split(':').next().unwrap().to_owned();
    found.iter().map(name).collect()
}

fn trips(client: &Client, rules: &[&str]) {
    let expected: BTreeSet<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
    assert_eq!(client.found(), expected, "{:?}", client.world.wrong);
}

#[test]
pub(crate) fn a_careful_client_breaks_nothing() {
    let client = Client::switched();
    trips(&client, &[]);
    assert_eq!(client.world.ledgers(2), Vec::<String>::new());
}

#[test]
pub(crate) fn who_is_stale_and_who_is_second() {
    let mut client = Client::with_tenant().does(Wrong::TakesStaleEpochs);
    let account = AccountId::from(RESELLER);
    client.world.acquire(&account, asked()).unwrap();
    client.copies("c000");
    trips(&client, &["StaleEffect"]);

    for wrong in [None, Some(Wrong::MakesSecondTenant)] {
        let mut client = Client::with_tenant();
        client.world.wrong = wrong;
        if wrong.is_none() {
            client.world.switches.promises.keys =
                tenant_reseller_operator::bss::port::Keys::Findable;
            client
                .world
                .act(Action::Tenant(TenantVerb::Delete))
                .unwrap();
        }
        let settings = wanted_settings();
        let epoch = Some(client.epoch);
        let made =
            client
                .world
                .create_tenant(&account, epoch, &"r2".into(), &"k/t".into(), &settings);
        made.unwrap();
        match wrong {
            None => trips(&client, &["SecondTenant"]),
            Some(_) => trips(&client, &["SecondTenant", "TwoLiveTenants"]),
        }
    }
}

#[test]
pub(crate) fn what_must_not_be_copied() {
    let mut client = Client::with_customers().does(Wrong::CopiesInactive);
    let decoys = client.world.purchases.clone();
    let mut suspended = decoys
        .iter()
        .filter(|(_, row)| row.state == PurchaseState::Suspended);
    client.copies(suspended.next().unwrap().0.as_str());
    trips(&client, &["InactiveCopy"]);

    for alien in ["x000", RESELLER] {
        let mut client = Client::with_customers().does(Wrong::CopiesAliens);
        let mut theirs = decoys
            .iter()
            .filter(|(_, row)| row.customer.as_str() == alien);
        let purchase = theirs.next().unwrap().0.clone();
        // Somebody has prepared everything else for it.
        client
            .world
            .customers
            .entry(alien.into())
            .or_insert_with(|| {
                let mut row = World::new(1, 0).customers.pop_first().unwrap().1;
                row.fields.bill_to = OTHER_RESELLER.into();
                row
            });
        client.copies(alien);
        client.world.act(Action::Price(Some(alien.into()))).unwrap();
        trips(&client, &["AlienCopy"]);
        let before = client.world.violations_now().len();
        client.copies(purchase.as_str());
        trips(&client, &["AlienCopy"]);
        assert_eq!(client.world.violations_now().len(), before + 1);
    }

    let mut client = Client::with_tenant().does(Wrong::CopiesBeforeCustomer);
    let first = client.first();
    let owner = client.world.purchases[&first].customer.clone();
    client.copies(owner.as_str());
    client.world.act(Action::Price(None)).unwrap();
    client.world.copies.clear();
    client.copies(first.as_str());
    trips(&client, &["CopyBeforeCustomer"]);
}

#[test]
pub(crate) fn copies_under_wrong_circumstances() {
    let mut client = Client::with_customers().does(Wrong::IgnoresPricing);
    let first = client.first();
    client.world.act(Action::PriceOtherwise(None)).unwrap();
    client.copies(first.as_str());
    trips(&client, &["CopyUnderOtherPricing"]);

    let mut client = Client::with_customers().does(Wrong::IgnoresCatalogue);
    let defect = Action::Plant(support::simulated_bss::Defect::Addon, first.clone());
    client.world.act(defect).unwrap();
    client.copies(first.as_str());
    trips(&client, &["UnfitCopy"]);

    let mut client = Client::with_customers().does(Wrong::CopiesIntoSuspended);
    client
        .world
        .act(Action::Tenant(TenantVerb::Suspend))
        .unwrap();
    client.copies(first.as_str());
    trips(&client, &["CopyIntoInactiveTenant"]);

    let mut client = Client::switched().does(Wrong::CopiesAfterSwitch);
    let new = client
        .world
        .act(Action::OrderInOwnBss("c000".into()))
        .unwrap()
        .unwrap();
    trips(&client, &[]);
    client.world.copies.retain(|key, _| key.2.as_str() != new);
    client.copies(&new);
    trips(&client, &["CopyAfterSwitch"]);

    // The guard is weak: then it is a sale, ordered and provisioned.
    let mut client = Client::switched();
    client.world.switches.promises.off_guard = Strength::Weak;
    client.world.copies.retain(|key, _| key.2 != first);
    client.copies(first.as_str());
    trips(&client, &["CopyAfterSwitch", "Ordered", "Provisioned"]);
}

#[test]
pub(crate) fn copies_that_are_wrong_themselves() {
    let mut client = Client::with_customers().does(Wrong::CopiesWrongly);
    let first = client.first();
    client.copies(first.as_str());
    trips(&client, &["FreshCopyDiffers"]);

    let mut client = Client::complete().does(Wrong::CopiesTwice);
    client.copies(first.as_str());
    trips(&client, &["CopiedTwice", "DuplicateCopy"]);

    let mut client = Client::complete().does(Wrong::CopiesAgain);
    client.world.act(Action::EndCopy(first.clone())).unwrap();
    client.copies(first.as_str());
    trips(&client, &["CopiedAgain"]);

    for (wrong, rule) in [
        (Wrong::SendsMail, "Mail"),
        (Wrong::PlacesOrders, "Ordered"),
        (Wrong::Provisions, "Provisioned"),
    ] {
        let mut client = Client::with_customers().does(wrong);
        client.copies(first.as_str());
        trips(&client, &[rule]);
    }
}

#[test]
pub(crate) fn updates_that_overwrite() {
    let update = |wrong, prepare: &dyn Fn(&mut World, &SourceId)| {
        let mut client = Client::complete();
        let first = client.first();
        prepare(&mut client.world, &first);
        client
            .world
            .act(Action::Quantity(first.clone(), 5))
            .unwrap();
        client.world.wrong = Some(wrong);
        client.expects_copy = true;
        client.copies(first.as_str());
        client
    };
    let client = update(Wrong::OverwritesAmendments, &|world, id| {
        world.act(Action::AmendQuantity(id.clone(), 9)).unwrap();
    });
    trips(&client, &["AmendmentOverwritten"]);
    let client = update(Wrong::RewritesSellPrice, &|world, id| {
        world.act(Action::AmendPrice(id.clone(), 777)).unwrap();
    });
    trips(&client, &["ResellersFieldRewritten"]);
    let client = update(Wrong::UpdatesEnded, &|world, id| {
        world.act(Action::EndCopy(id.clone())).unwrap();
    });
    trips(&client, &["EndedCopyUpdated"]);
    let client = update(Wrong::ForgetsMarks, &|_, _| {});
    trips(&client, &["MarkLost"]);

    let mut client = Client::complete();
    let first = client.first();
    client
        .world
        .act(Action::Quantity(first.clone(), 5))
        .unwrap();
    client.world.act(Action::Suspend(first.clone())).unwrap();
    client.world.wrong = Some(Wrong::CopiesInactive);
    client.expects_copy = true;
    client.copies(first.as_str());
    trips(&client, &["OrphanUpdated"]);

    let mut client = Client::with_customers().does(Wrong::OverwritesPricing);
    let mut options = retail();
    options.payment_method = "CreditCard".to_owned();
    let all = BTreeMap::from([("c000".into(), options)]);
    client
        .world
        .set_pricing(Some(client.epoch), &client.tenant, &all)
        .unwrap();
    trips(&client, &["PersonsPricingOverwritten"]);
}

#[test]
pub(crate) fn the_switch_at_the_wrong_moment() {
    for blind in [true, false] {
        let mut client = Client::with_customers();
        if blind {
            client.world.wrong = Some(Wrong::SwitchesBlindly);
        } else {
            client.world.switches.promises.compares = Strength::Weak;
        }
        client.activates();
        trips(&client, &["SwitchedTooEarly"]);
    }
    // Each thing that stands against it is seen.
    let against: [(&str, Prepare); 6] = [
        ("NotCopied", |world, _| {
            drop(world.buy(0));
        }),
        ("OrderNotFinal", |world, _| {
            drop(world.act(Action::BuyHeld("c000".into())));
        }),
        ("OrphanedCopy", |world, id| {
            drop(world.act(Action::Cancel(id.clone())));
        }),
        ("SourceChanged", |world, id| {
            drop(world.act(Action::Quantity(id.clone(), 4)));
        }),
        ("HalfMarked", |world, _| {
            world
                .customers
                .get_mut(&SourceId::from("c001"))
                .unwrap()
                .mark = Mark::Unmarked;
            world
                .customers
                .get_mut(&SourceId::from("c001"))
                .unwrap()
                .was_marked = false;
        }),
        ("TenantSuspended", |world, _| {
            drop(world.act(Action::Tenant(TenantVerb::Suspend)));
        }),
    ];
    for (reason, prepare) in against {
        let mut client = Client::complete();
        let first = client.first();
        prepare(&mut client.world, &first);
        client.world.switches.promises.compares = Strength::Weak;
        client.activates();
        let said = client.world.violations_now();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].starts_with(&format!("SwitchedTooEarly: {reason}")),
            "{said:?}"
        );
    }
    let mut client = Client::with_customers();
    client.world.switches.promises.compares = Strength::Weak;
    let press = Action::ByHand(WriteOperation::ActivateBackOrdering, Pick::Needed);
    client.world.act(press).unwrap();
    trips(&client, &["PressedTooEarly"]);

    let mut client = Client::switched().does(Wrong::SwitchesTwice);
    client.activates();
    trips(&client, &["SecondActivation"]);
}

#[test]
pub(crate) fn both_ledgers_over_two_cycles() {
    let ledgers = |kind, item| {
        let mut client = Client::switched();
        let corruption = Corruption {
            kind,
            item,
            source: None,
        };
        client.world.act(Action::Corrupt(corruption)).unwrap();
        names(&client.world.ledgers(2))
    };
    let set = |rules: &[&str]| -> BTreeSet<String> {
        rules.iter().map(|rule| (*rule).to_owned()).collect()
    };
    let subscription = ItemKind::Subscription;
    for (kind, item, rules) in [
        (
            CorruptionKind::CopyDeleted,
            subscription,
            &["CustomerNotCharged", "Lost"][..],
        ),
        (
            CorruptionKind::SecondCopy,
            subscription,
            &["CustomerChargedTwice"],
        ),
        (
            CorruptionKind::Quantity,
            subscription,
            &["ChargedDifferently", "Differs"],
        ),
        (CorruptionKind::Currency, ItemKind::Customer, &["Differs"]),
        (
            CorruptionKind::Incomplete,
            subscription,
            &["CustomerNotCharged"],
        ),
        (
            CorruptionKind::SourceEnded,
            subscription,
            &["ChargedAfterCancellation", "Orphaned"],
        ),
        (
            CorruptionKind::Unmarked,
            ItemKind::Customer,
            &["HalfMarked"],
        ),
        (CorruptionKind::Unmarked, subscription, &["Unmarked"]),
        // The reseller's own decision not to bill.
        (CorruptionKind::CopyEnded, subscription, &[]),
    ] {
        assert_eq!(ledgers(kind, item), set(rules), "{kind:?} {item:?}");
    }
    // One finding for each period.
    let mut client = Client::switched();
    let first = client.first();
    client.world.copies.retain(|key, _| key.2 != first);
    let periods = client.world.ledgers(2);
    assert_eq!(
        periods
            .iter()
            .filter(|each| each.contains("in period"))
            .count(),
        2
    );

    let mut client = Client::with_customers().does(Wrong::Provisions);
    client.copies(client.first().as_str());
    assert_eq!(
        names(&client.world.ledgers(2)),
        set(&["ResellerChargedTwice"])
    );

    // A copy of another reseller's purchase is charged to somebody.
    let mut client = Client::switched();
    let theirs = client
        .world
        .purchases
        .iter()
        .find(|(_, row)| row.customer.as_str() == "x000");
    let theirs = theirs.unwrap().0.clone();
    let row = client
        .world
        .copies
        .values()
        .find(|row| row.kind == subscription)
        .unwrap()
        .clone();
    let key = (client.tenant.clone(), CopyListing::Subscriptions, theirs, 1);
    client.world.copies.insert(key, row);
    assert!(names(&client.world.ledgers(2)).contains("AlienCharged"));

    // What the switch forgot to mark.
    let mut client = Client::complete();
    client.world.wrong = Some(Wrong::SwitchMarksNothing);
    for row in client.world.purchases.values_mut() {
        (row.mark, row.was_marked) = (Mark::Unmarked, false);
    }
    client.activates();
    assert_eq!(names(&client.world.ledgers(2)), set(&["Unmarked"]));
}

/// A world is a value: what is done to a copy of it is not done to it, and the same acts make the
/// same world.
#[test]
pub(crate) fn a_world_is_a_value() {
    let (mut one, two) = (Client::complete().world, Client::complete().world);
    assert_eq!(one, two);
    let before = one.clone();
    let page = PageRequest {
        cursor: None,
        limit: 2,
        freshness: Freshness::Fresh,
    };
    one.customers(&RESELLER.into(), &page).unwrap();
    assert_eq!(one, before, "reading changes nothing");
    one.act(Action::Ordering(false)).unwrap();
    assert_ne!(one, before);
    one.act(Action::Ordering(true)).unwrap();
    assert_eq!(one, before);
}
