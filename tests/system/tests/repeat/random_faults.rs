//! Whatever goes wrong on both sides, in any order: it ends as if nothing had.

use mailhaul_lab::corpus::Rng;
use mailhaul_lab::fake::{Give, Manners, Take};

use crate::support::compare::{assert_complete, assert_sums};
use crate::support::fake_servers::FakeServers;

/// How many orders are tried, instead of one for each kind of target.
const SEEDS: &str = "MAILHAUL_SEEDS";

/// Random refusals, throttling, lost answers, hangups
/// and lies on both sides, over three folders.
#[test]
fn any_order_of_failures_ends_well() {
    let seeds = std::env::var(SEEDS).ok().and_then(|count| count.parse().ok()).unwrap_or(3);
    for seed in 1..=seeds {
        eprintln!("seed {seed}");
        let capability =
            ["IMAP4rev1 LITERAL+ UIDPLUS", "IMAP4rev1 LITERAL+", "IMAP4rev1 UIDPLUS MULTIAPPEND LITERAL+"]
                [seed as usize % 3];
        let target = Manners { capability: capability.to_owned(), ..Manners::default() };
        let fakes = FakeServers::with(Manners::default(), target);
        for folder in ["INBOX", "Work", "Work/Old"] {
            fakes.load(folder, 25);
        }
        let mut rng = Rng::new(seed);
        fakes.target.manners(|m| {
            m.on_append = Box::new(move |_| match rng.below(100) {
                0..3 => Take::Hangup { stored: true },
                3..6 => Take::Hangup { stored: false },
                6..9 => Take::StoreAndSay("NO [SERVERBUG] lost my mind".to_owned()),
                9..12 => Take::StoreAndSay("OK Stored".to_owned()),
                12..14 => Take::Say("NO [UNAVAILABLE] Try later".to_owned()),
                _ => Take::Store,
            });
        });
        let mut rng = Rng::new(seed + 1000);
        fakes.source.manners(|m| {
            m.on_fetch = Box::new(move |_| match rng.below(100) {
                0..2 => Give::Hangup,
                2..4 => Give::No,
                _ => Give::Whole,
            });
        });
        for _ in 0..3 {
            let code = fakes.mailhaul(&["run"]).code;
            assert!([Some(0), Some(3), Some(5)].contains(&code), "seed {seed}: {code:?}");
            assert_sums(&fakes.report());
        }
        fakes.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
        fakes.source.manners(|m| m.on_fetch = Box::new(|_| Give::Whole));
        fakes.mailhaul(&["run"]).expect(0);
        fakes.assert_moved();
        assert_complete(&fakes.report(), 75);
    }
}
