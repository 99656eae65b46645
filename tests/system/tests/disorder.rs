//! Whatever goes wrong in whatever order, it ends as if nothing had.

use mailhaul_lab::corpus::Rng;
use mailhaul_lab::fake::{Give, Manners, Take};

use crate::compare::{assert_complete, assert_sums};
use crate::stage::Stage;

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
        let stage = Stage::with(Manners::default(), target);
        for folder in ["INBOX", "Work", "Work/Old"] {
            stage.load(folder, 25);
        }
        let mut rng = Rng::new(seed);
        stage.target.manners(|m| {
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
        stage.source.manners(|m| {
            m.on_fetch = Box::new(move |_| match rng.below(100) {
                0..2 => Give::Hangup,
                2..4 => Give::No,
                _ => Give::Whole,
            });
        });
        for _ in 0..3 {
            let code = stage.mailhaul(&["run"]).code;
            assert!([Some(0), Some(3), Some(5)].contains(&code), "seed {seed}: {code:?}");
            assert_sums(&stage.report());
        }
        stage.target.manners(|m| m.on_append = Box::new(|_| Take::Store));
        stage.source.manners(|m| m.on_fetch = Box::new(|_| Give::Whole));
        stage.mailhaul(&["run"]).expect(0);
        stage.assert_moved();
        assert_complete(&stage.report(), 75);
    }
}
