//! One account under two names, on real servers: nothing is written.

use mailhaul_lab::corpus::{self, Recipe};
use mailhaul_lab::dovecot::User;
use mailhaul_lab::load;
use mailhaul_lab::project::Pair;
use serde_json::Value;

use crate::support::mail_servers::{Account, Host, MASTER, Move, dovecots};

/// Dovecot does not tell large and small letters of a log-in apart, and knows every account under its
/// master's log-in too.
#[test]
fn one_account_under_two_log_ins() {
    let haul = Move::loaded(401, 30);
    let before = haul.from.snapshot();
    let empty = haul.to.snapshot();
    let goes_to = |name: &dyn Fn(&str) -> String, password: Option<&str>| {
        haul.rewrite(|spec| {
            spec.target = spec.source.clone();
            let row = &mut spec.mailboxes[0];
            row.target_user = name(&row.source_user);
            row.target_password = password.unwrap_or(&row.source_password).to_owned();
        });
    };
    goes_to(&|user| user.to_uppercase(), None);
    for command in ["check", "plan", "run"] {
        haul.mailhaul(&[command]).expect(2).says(&["source and target are the same account"]);
    }
    goes_to(&|user| format!("{user}*{}", MASTER.0), Some(MASTER.1));
    for command in ["check", "plan", "run", "run"] {
        let outcome = haul.mailhaul(&[command]).expect(3);
        let text = outcome.told();
        let told: Vec<&str> = text.split_whitespace().collect();
        assert!(told.join(" ").contains("are one account: UIDVALIDITY"), "{command}: {}", outcome.told());
    }
    assert_eq!(haul.from.snapshot(), before, "nothing was written");
    assert_eq!(haul.to.snapshot(), empty);
}

/// Two rows whose targets are one account: the one that gets there first is moved, the other stops.
#[test]
fn two_rows_into_one_account() {
    let haul = Move::new(Host::New, Host::Old);
    haul.load(Recipe::small(402, 30, dovecots().new.layout));
    let second = Account::special(Host::New, User::new("second402@new.example", "a word of its own"));
    // Whichever is first has something to be known by.
    load::load_all(
        &mut second.client(),
        &corpus::mailbox(&second.user, Recipe::small(403, 30, dovecots().new.layout)),
    );
    haul.rewrite(|spec| {
        let target_user = format!("{}*{}", spec.mailboxes[0].target_user, MASTER.0);
        let row = Pair {
            source_user: second.user.clone(),
            source_password: second.password.clone(),
            target_user,
            target_password: MASTER.1.to_owned(),
        };
        spec.mailboxes.push(row);
    });
    haul.mailhaul(&["run"]).expect(3);
    let report = haul.report();
    let stopped = |mailbox: &&Value| mailbox["stopped"]["cause"] == "one-account";
    assert_eq!(report["mailboxes"].as_array().unwrap().iter().filter(stopped).count(), 1, "{report:#}");
}
