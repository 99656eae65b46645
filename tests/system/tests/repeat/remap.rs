//! A mapping that changes after a run: copies are moved on the target, not sent again.

use mailhaul_lab::corpus;
use mailhaul_lab::proxy::{Proxy, Way};
use std::time::Duration;

use crate::support::compare::{assert_complete, assert_same_mail};
use crate::support::mail_servers::{Host, Move};

const RULE: &str = "[[folders]]\nfrom = \"Projekte/**\"\nto = \"Archiv/Projekte/**\"\n";

fn place(name: &str) -> String {
    if name.starts_with("Projekte") { format!("Archiv/{name}") } else { name.to_owned() }
}

fn loaded(to: Host) -> Move {
    let haul = Move::new(Host::Old, to);
    let mut old = haul.from.client();
    for name in ["Projekte", "Projekte/Alpha"] {
        old.create(name).unwrap();
        for n in 0..20 {
            let body = corpus::simple(&format!("{name} {n}"), &"x".repeat(500));
            old.append_one(name, &["\\Seen"], " 2-Jul-2024 08:00:00 +0200", &body).unwrap();
        }
    }
    haul
}

/// `plan` shows the move, `run` does it, and no message travels.
#[test]
fn copies_follow_the_mapping() {
    for host in [Host::New, Host::Cyrus] {
        let haul = loaded(host);
        haul.mailhaul(&["run"]).expect(0);
        assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), str::to_owned);
        let proxy = Proxy::start(haul.to.tls_port());
        haul.rewrite(|spec| {
            spec.target.port = proxy.port;
            spec.extra = RULE.to_owned();
        });
        haul.mailhaul(&["plan"]).expect(0).says(&["moved on the target, not sent again"]);
        let before = proxy.passed(Way::ToServer);
        haul.mailhaul(&["run"]).expect(0);
        let sent = proxy.passed(Way::ToServer) - before;
        assert!(sent < 15_000, "{sent} bytes were sent to move 20 KB of mail on the server");
        assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), place);
        let report = haul.report();
        assert_complete(&report, 40);
        assert_eq!(report["last_run"]["copied"], 0, "{report:#}");
        haul.mailhaul(&["run"]).expect(0);
        assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), place);
        haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
    }
}

/// Killed in the middle of the move: the next run neither loses nor doubles a message.
#[test]
fn killed_while_copies_move() {
    for percent in [40, 60, 80] {
        let haul = loaded(Host::New);
        haul.mailhaul(&["run"]).expect(0);
        let proxy = Proxy::start(haul.to.tls_port());
        haul.rewrite(|spec| {
            spec.target.port = proxy.port;
            spec.extra = RULE.to_owned();
        });
        // What an undisturbed run sends is known from `copies_follow_the_mapping`: a few kilobytes, TLS
        // included.
        proxy.hold_after(Way::ToClient, 7_000 * percent / 100);
        let running = haul.command(&["run"]).spawn();
        proxy.wait_held(Duration::from_secs(60));
        running.kill();
        assert_eq!(running.wait().signal, Some(9));
        proxy.cut();
        haul.mailhaul(&["run"]).expect(0);
        assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), place);
        assert_complete(&haul.report(), 40);
    }
}

/// A folder that was copied and would be left out now is a conflict, with what to do.
#[test]
fn leaving_out_what_was_copied_is_a_conflict() {
    let haul = loaded(Host::New);
    haul.mailhaul(&["run"]).expect(0);
    haul.rewrite(|spec| spec.extra = "[[folders]]\nfrom = \"Projekte\"\nskip = true\n".to_owned());
    haul.mailhaul(&["run"]).expect(3).says(&["would now be left out", "mailhaul undo"]);
    assert_same_mail(&haul.from.snapshot(), &haul.to.snapshot(), str::to_owned);
}
