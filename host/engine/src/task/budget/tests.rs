use std::cell::RefCell;
use std::convert::Infallible;

use super::*;

/// What the record has, as it adds up.
#[derive(Default)]
struct Kept(RefCell<HashMap<String, (Timestamp, u64)>>);

impl Kept {
    fn store(&self) -> impl Store<Infallible> {
        |meter: &str, began: Timestamp, more: i64| {
            let mut kept = self.0.borrow_mut();
            let entry = kept.entry(meter.to_owned()).or_insert((began, 0));
            let before = if entry.0 >= began { entry.1 } else { 0 };
            *entry = (began, before.saturating_add_signed(more));
            Ok(Some(entry.1))
        }
    }

    fn spent(&self, meter: &str) -> u64 {
        self.0.borrow().get(meter).map_or(0, |(_, amount)| *amount)
    }

    /// As a task that begins anew reads it.
    fn budgets(&self) -> Arc<Budgets> {
        let budgets = Arc::<Budgets>::default();
        let spent = |(meter, (began, amount)): (&String, &(Timestamp, u64))| Spent {
            meter: meter.clone(),
            began: began.to_string(),
            amount: *amount,
        };
        budgets.fill(self.0.borrow().iter().map(spent).collect());
        budgets
    }
}

fn zoned(text: &str) -> Zoned {
    format!("{text}[Europe/Berlin]").parse().unwrap()
}

fn ann() -> Claimant {
    Claimant { mailbox: "ann".into(), folder: "INBOX".into() }
}

fn ben() -> Claimant {
    Claimant { mailbox: "ben".into(), ..ann() }
}

fn read(allowance: u64) -> Meter {
    let reason = format!("{allowance} a day");
    Meter { key: "read".into(), side: Side::Source, unit: Unit::Read, window: Window::Day, allowance, reason }
}

fn messages(allowance: u64) -> Meter {
    Meter {
        key: "messages".into(),
        side: Side::Target,
        unit: Unit::Messages,
        window: Window::Hour,
        allowance,
        reason: format!("{allowance} an hour"),
    }
}

fn take(
    budgets: &Arc<Budgets>,
    kept: &Kept,
    meters: &[Meter],
    who: &Claimant,
    sizes: &[u64],
    now: &str,
) -> Result<Grant, Exhausted> {
    let Ok(taken) = budgets.take(meters.to_vec(), who, sizes, u64::MAX, &zoned(now), kept.store());
    taken
}

fn settle(budgets: &Budgets, kept: &Kept, grant: Grant, used: Used, now: &str) {
    let Ok(()) = budgets.settle(grant, used, &zoned(now), kept.store());
}

const NOON: &str = "2026-11-30T12:00:00";

#[test]
fn a_grant_is_in_the_record_before_it_is_used_and_the_rest_is_given_back() {
    let (budgets, kept) = (Arc::<Budgets>::default(), Kept::default());
    let meters = [read(6_400)];
    let grant = take(&budgets, &kept, &meters, &ann(), &[90, 90, 90, 90], NOON).unwrap();
    assert_eq!((grant.messages, kept.spent("read")), (2, 180), "a part of the day's");
    settle(&budgets, &kept, grant, Used { read: 100, ..Used::default() }, NOON);
    assert_eq!(kept.spent("read"), 100);
    // One that dies with a grant loses it, and nothing more.
    drop(take(&budgets, &kept, &meters, &ann(), &[90, 90], NOON).unwrap());
    assert_eq!(budgets.lock()["read"].granted, 0);
    let again = kept.budgets();
    let grant = take(&again, &kept, &meters, &ann(), &[6_130], NOON);
    assert_eq!(grant.unwrap_err().until.to_string(), "2026-11-30T23:00:00Z");
    assert!(take(&again, &kept, &meters, &ann(), &[6_120], NOON).is_ok(), "280 were spent");
}

#[test]
fn the_tightest_of_several_budgets_holds_and_the_longest_wait_is_told() {
    let (budgets, kept) = (Arc::<Budgets>::default(), Kept::default());
    let meters = [read(1_000), messages(2)];
    let grant = take(&budgets, &kept, &meters, &ann(), &[10, 10, 10], NOON).unwrap();
    assert_eq!(grant.messages, 1, "a part of the hour's is one message");
    settle(&budgets, &kept, grant, Used { read: 10, stored: 10, messages: 1 }, NOON);
    let grant = take(&budgets, &kept, &meters, &ben(), &[10], NOON).unwrap();
    settle(&budgets, &kept, grant, Used { read: 10, stored: 10, messages: 1 }, NOON);
    let refused = take(&budgets, &kept, &meters, &ann(), &[10], NOON).unwrap_err();
    assert_eq!((refused.reason.as_str(), refused.side), ("2 an hour", Side::Target));
    let refused = take(&budgets, &kept, &meters, &ann(), &[990], NOON).unwrap_err();
    assert_eq!(refused.reason, "1000 a day");
    assert!(take(&budgets, &kept, &meters, &ann(), &[10], "2026-11-30T13:00:00").is_ok(), "a new hour");
}

#[test]
fn what_is_under_way_at_midnight_is_of_the_new_day() {
    let (budgets, kept) = (Arc::<Budgets>::default(), Kept::default());
    let meters = [read(100)];
    let under_way = take(&budgets, &kept, &meters, &ann(), &[60], "2026-11-30T23:59:59").unwrap();
    let morning = "2026-12-01T00:00:01";
    assert!(take(&budgets, &kept, &meters, &ben(), &[60], morning).is_err());
    let grant = take(&budgets, &kept, &meters, &ben(), &[40], morning).unwrap();
    assert_eq!(kept.spent("read"), 100, "in the record as well");
    settle(&budgets, &kept, under_way, Used { read: 30, ..Used::default() }, morning);
    settle(&budgets, &kept, grant, Used { read: 40, ..Used::default() }, morning);
    assert_eq!(kept.spent("read"), 70);
}

#[test]
fn a_clock_that_is_put_back_gives_no_second_budget() {
    let (budgets, kept) = (Arc::<Budgets>::default(), Kept::default());
    let meters = [read(100)];
    let grant = take(&budgets, &kept, &meters, &ann(), &[100], "2026-12-05T08:00:00").unwrap();
    settle(&budgets, &kept, grant, Used { read: 100, ..Used::default() }, "2026-12-05T08:00:00");
    for budgets in [budgets, kept.budgets()] {
        let refused = take(&budgets, &kept, &meters, &ann(), &[1], NOON).unwrap_err();
        assert_eq!(refused.until.to_string(), "2026-11-30T23:00:00Z", "until this day is over");
        assert!(take(&budgets, &kept, &meters, &ann(), &[1], "2026-12-01T00:00:00").is_ok());
    }
}

#[test]
fn a_message_larger_than_a_day_goes_alone_in_a_fresh_one_which_is_kept_for_it() {
    let (budgets, kept) = (Arc::<Budgets>::default(), Kept::default());
    let meters = [read(100)];
    let small = take(&budgets, &kept, &meters, &ben(), &[10], NOON).unwrap();
    settle(&budgets, &kept, small, Used { read: 10, ..Used::default() }, NOON);
    assert!(take(&budgets, &kept, &meters, &ann(), &[500], NOON).is_err(), "the day is begun");
    assert_eq!(budgets.waiting_alone("ann").as_deref(), Some("INBOX"));
    let refused = take(&budgets, &kept, &meters, &ben(), &[10], "2026-12-01T00:00:10").unwrap_err();
    assert_eq!(refused.until.to_string(), "2026-11-30T23:05:00Z", "kept, and not for ever");
    let alone = take(&budgets, &kept, &meters, &ann(), &[500, 1], "2026-12-01T00:00:20").unwrap();
    assert_eq!((alone.messages, alone.alone.as_deref()), (1, Some("100 a day")));
    assert!(take(&budgets, &kept, &meters, &ben(), &[10], "2026-12-01T12:00:00").is_err());
    settle(&budgets, &kept, alone, Used { read: 500, ..Used::default() }, "2026-12-01T12:00:00");
    assert!(take(&budgets, &kept, &meters, &ben(), &[10], "2026-12-02T00:00:00").is_ok());
    assert_eq!(budgets.waiting_alone("ann"), None);
}

#[test]
fn what_another_process_has_spent_counts() {
    let kept = Kept::default();
    let (one, other) = (kept.budgets(), kept.budgets());
    let meters = [read(100)];
    let grant = take(&one, &kept, &meters, &ann(), &[90], NOON).unwrap();
    assert!(take(&other, &kept, &meters, &ben(), &[20], NOON).is_err());
    assert_eq!(kept.spent("read"), 90, "and what could not be had is given back");
    settle(&one, &kept, grant, Used { read: 90, ..Used::default() }, NOON);
    assert!(take(&other, &kept, &meters, &ben(), &[10], NOON).is_ok());
}

#[test]
fn a_message_of_unknown_size_is_settled_by_what_came() {
    let (budgets, kept) = (Arc::<Budgets>::default(), Kept::default());
    let meters = [read(64 << 20)];
    let grant = take(&budgets, &kept, &meters, &ann(), &[0, 0, 0], NOON).unwrap();
    assert_eq!((grant.messages, kept.spent("read")), (2, 2 << 20));
    settle(&budgets, &kept, grant, Used { read: 5 << 20, ..Used::default() }, NOON);
    assert_eq!(kept.spent("read"), 5 << 20);
}
