//! Proving: a message is done when the target's own list has it, and only then.

use mailhaul_lab::fake::{Take, Verdict};

use crate::stage::Stage;

#[test]
fn an_acknowledgement_alone_is_no_proof() {
    let stage = Stage::judged(|m| {
        if m.says("INBOX 010") {
            let folder = &m.store.folders[m.folder];
            return Take::Say(format!("OK [APPENDUID {} {}] Stored", folder.validity, folder.next));
        }
        Take::Store
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().code("INBOX", 10), "not-stored");
    stage.assert_moved_but(|m| m.uid == 10);
}

/// Courier shows a session what it has stored itself only after it was asked for news.
#[test]
fn what_shows_after_a_question_for_news_is_there() {
    let stage = Stage::loaded(5);
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let shows = std::sync::Arc::clone(&asked);
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| {
            if line == "NOOP" {
                asked.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            Verdict::Go
        });
        m.on_list = Box::new(move |m| m.uid != 4 || shows.load(std::sync::atomic::Ordering::Relaxed));
    });
    stage.run().complete();
    stage.assert_moved();
}

/// What was acknowledged by a run that died is proven by the next one, or sent again.
#[test]
fn acknowledgements_of_a_run_that_died_are_proven_by_the_next() {
    for kept in [true, false] {
        let stage = Stage::loaded(5);
        let kill = stage.killer();
        let mut sent = false;
        // Everything is acknowledged, and the list is never answered.
        stage.target.manners(|m| {
            m.on_command = Box::new(move |line| {
                sent |= line.starts_with("APPEND");
                if sent && !line.starts_with("APPEND") {
                    kill();
                    return Verdict::Never;
                }
                Verdict::Go
            });
        });
        assert!(stage.run().finish.is_none());
        stage.behave();
        if !kept {
            stage.at_target("INBOX", |folder| folder.remove(|m| m.says("INBOX 003")));
        }
        assert_eq!(stage.run().complete().totals(), [5, 5, 0, 0, 0, 0]);
        stage.assert_moved();
    }
}

#[test]
fn new_mail_on_the_target_is_nobodys_fault() {
    let stage = Stage::loaded(5);
    stage.run().complete();
    stage.target.store(|store| store.add("INBOX", &[], crate::stage::DATE, b"Subject: mine\r\n\r\nx\r\n"));
    assert_eq!(stage.run().complete().totals(), [5, 5, 0, 0, 0, 0]);
}
