//! Many folders: what a folder costs does not grow with their number, and of one that is as it was as little is asked as
//! tells it.

use std::time::Duration;

use mailhaul_lab::fake::Manners;

use crate::stage::{DATE, Stage};

/// So many folders with one message each, at servers without CONDSTORE and LIST-STATUS.
fn filled(folders: usize) -> Stage {
    let mut stage = Stage::with(Manners::default(), Manners::default());
    stage.most = Duration::from_secs(600);
    for server in [&stage.source, &stage.target] {
        server.hear_at_most(usize::MAX);
    }
    stage.source.store(|store| {
        for n in 0..folders {
            let name = format!("{:02}/{n:05}", n % 40);
            store.create(&name);
            let text = format!("Subject: {n}\r\nMessage-ID: <{n}@many.example>\r\n\r\n{n}\r\n");
            store.add(&name, &["\\Seen"], DATE, text.as_bytes());
        }
    });
    stage
}

#[test]
fn measured() {
    for folders in [1_000, 4_000] {
        let stage = filled(folders);
        let first = stage.run();
        first.complete();
        let said = |s: &Stage| s.source.heard().len() + s.target.heard().len();
        let once = said(&stage);
        let second = stage.run();
        second.complete();
        let twice = said(&stage) - once;
        println!("{folders}: {:?} {:?} commands {once} {twice}", first.took, second.took);
    }
}
