//! The crash suite: kills and cuts at random.
//!
//! Dozens of SIGKILLs and hundreds of broken connections, over Dovecot and Cyrus, with duplicates, missing
//! Message-IDs and large messages. `cargo xtask torture` is its long form.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mailhaul_lab::corpus::Recipe;
use mailhaul_lab::torture::{Endpoint, Lane, Options, torture};

use crate::support::mail_servers::{Account, Host, dovecots};

const KILLS: u64 = 60;
const CUTS: u64 = 200;

fn lane(host: Host, seed: u64) -> Lane {
    let endpoint = |account: Account| Endpoint {
        tls_port: account.tls_port(),
        plain_port: account.plain_port(),
        maildir: (account.host == Host::New).then(|| dovecots().new.maildir(&account.user)),
        user: account.user,
        password: account.password,
    };
    let recipe = Recipe { large: 1, ..Recipe::small(seed, 40, dovecots().new.layout).odd() };
    let (from, to) = (Account::new(Host::New), Account::new(host));
    Lane::new(&format!("{host:?} {seed}"), endpoint(from), endpoint(to), recipe, &dovecots().certs.ca)
}

/// After every killed run and every run whose connections broke, one more run leaves exactly one copy of
/// every message, with its flags and date; also when the source's lists are short or it breaks at a message,
/// the target shows late what it has or was put back, or the ends are down for some seconds.
#[test]
fn nothing_lost_nothing_twice() {
    let seed = std::env::var("TORTURE_SEED").ok().and_then(|text| text.parse().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let options = Options {
        kills: KILLS,
        cuts: CUTS,
        seed: seed.unwrap_or_else(now),
        limit: Duration::from_secs(900),
        tell_every: None,
    };
    let lanes = [(Host::New, 91), (Host::Cyrus, 92), (Host::New, 93), (Host::Cyrus, 94)];
    let figures = torture(lanes.map(|(host, seed)| lane(host, seed)).into(), &options);
    println!("{figures}");
    assert!(figures.failures.is_empty(), "seed {}: {}", options.seed, figures.failures.join("\n\n"));
    assert_eq!((figures.kills, figures.cuts >= CUTS), (KILLS, true), "{figures}");
    assert!(figures.kills_between > KILLS / 6, "most kills missed the copying itself\n{figures}");
    let unkind =
        figures.short_lists + figures.shown_late + figures.put_back + figures.outages + figures.breaking;
    assert!(unkind > 0, "nothing but kind endings\n{figures}");
}
