//! What a store survives: writers that are killed, writers at once, damage, keys that are gone or others.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;

use secrecy::ExposeSecret as _;

use super::*;

/// Tells this program that it is the writer of [`kill_at`] or of [`a_writer_that_is_killed_at_any_moment`].
const WRITER: &str = "MAILHAUL_TEST_WRITER";

struct Project {
    dir: tempfile::TempDir,
    store: Store,
}

fn at(dir: &Path) -> Store {
    Store::new(&dir.join("state"), KeyPlace::File(dir.join("settings/key")))
}

fn project() -> Project {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("state")).unwrap();
    let store = at(dir.path());
    Project { dir, store }
}

impl Project {
    fn put(&self, login: &str, secret: &str) -> Option<String> {
        let mut change = self.store.change().unwrap();
        put(&mut change, login, secret);
        change.commit().unwrap();
        change.made_key().map(str::to_owned)
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("settings/key")
    }
}

fn put(change: &mut Change<'_>, login: &str, secret: &str) {
    let secret = Secret::from(secret.as_bytes().to_vec());
    change.put(SideName::Target, "mail.new.example", login, secret, By::Provision);
}

fn of(contents: &Contents, login: &str) -> Option<String> {
    let entry = contents.get(&Place::new(SideName::Target, "mail.new.example", login))?;
    Some(String::from_utf8(entry.secret.expose_secret().to_vec()).unwrap())
}

#[test]
fn what_is_put_in_is_found_again_and_the_key_is_made_once() {
    let project = project();
    assert!(project.store.read().unwrap().is_empty());
    assert!(!project.key().exists(), "reading makes no key");
    let made = project.put("anna@new.example", "canary-1").unwrap();
    assert!(made.contains("settings/key"), "{made}");
    assert_eq!(project.put("ben@new.example", "canary-2"), None);
    let contents = project.store.read().unwrap();
    assert_eq!(of(&contents, "ANNA@new.example").as_deref(), Some("canary-1"));
    assert_eq!(of(&contents, "ben@new.example").as_deref(), Some("canary-2"));
    let mut change = project.store.change().unwrap();
    let ben = Place::new(SideName::Target, "mail.new.example", "Ben@new.example");
    assert!(change.remove(&ben) && !change.remove(&ben));
    change.commit().unwrap();
    drop(change);
    assert_eq!(project.store.read().unwrap().len(), 1);
    for file in fs::read_dir(project.dir.path().join("state")).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("canary"));
    }
}

/// A second process that puts `b` into the store: killed after the step with this number, once it has said
/// so.
fn kill_at(dir: &Path, step: usize) {
    let mut child = writer(dir, &step.to_string());
    let mut said = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    while !said.contains("waiting") {
        said.clear();
        assert_ne!(stdout.read_line(&mut said).unwrap(), 0, "the writer ended before step {step}");
    }
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
}

fn writer(dir: &Path, what: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::the_writer", "--nocapture", "--test-threads=1"])
        .env(WRITER, format!("{what}:{}", dir.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// No test: what the second process does.
#[test]
fn the_writer() {
    let Ok(order) = std::env::var(WRITER) else { return };
    let (what, dir) = order.split_once(':').unwrap();
    let store = at(Path::new(dir));
    let say = |text: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{text}").unwrap();
        out.flush().unwrap();
    };
    if let Ok(step) = what.parse::<usize>() {
        let mut change = store.change().unwrap();
        put(&mut change, "b", "new");
        let mut steps = 0;
        let outcome = change.commit_stepwise(&mut |_| {
            steps += 1;
            if steps == step {
                say("waiting");
                // Until it is killed: its standard input stays open.
                std::io::stdin().read_line(&mut String::new())?;
            }
            Ok(())
        });
        unreachable!("nobody has killed it: {outcome:?}");
    }
    for n in 0.. {
        let mut change = store.change().unwrap();
        put(&mut change, "a", &n.to_string());
        put(&mut change, "b", &n.to_string());
        change.commit().unwrap();
        say(&n.to_string());
    }
}

#[test]
fn a_writer_that_is_killed_after_any_step_leaves_the_old_store_or_the_new_one() {
    for step in 1..=6 {
        let project = project();
        project.put("a", "old");
        kill_at(project.dir.path(), step);
        let contents = project.store.read().unwrap();
        assert_eq!(of(&contents, "a").as_deref(), Some("old"), "step {step}");
        // From the fifth on it has its name.
        assert_eq!(of(&contents, "b").is_some(), step >= 5, "step {step}");
        // The next writer is not in the way of what the dead one left, its lock included.
        project.put("c", "next");
        let contents = project.store.read().unwrap();
        assert_eq!((of(&contents, "a").is_some(), of(&contents, "c").is_some()), (true, true));
        assert_eq!(of(&contents, "b").is_some(), step >= 5, "step {step}");
        let mut names: Vec<_> = fs::read_dir(project.dir.path().join("state"))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, [FILE, LOCK], "step {step}");
    }
}

#[test]
fn a_writer_that_is_killed_at_any_moment() {
    let project = project();
    project.put("a", "0");
    project.put("b", "0");
    for round in 0..20 {
        let mut child = writer(project.dir.path(), "loop");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.by_ref().map(Result::unwrap).filter_map(|line| line.parse::<u64>().ok());
        let written = said.take(1 + round % 3).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let contents = project.store.read().unwrap();
        let (a, b) = (of(&contents, "a").unwrap(), of(&contents, "b").unwrap());
        assert_eq!(a, b, "half a change in round {round}");
        assert!(a.parse::<u64>().unwrap() >= written, "what was said to be written is not there");
    }
}

#[test]
fn two_writers_at_once_lose_nothing() {
    let project = project();
    let barrier = Barrier::new(4);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (project, barrier) = (&project, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for n in 0..5 {
                    project.put(&format!("{writer}-{n}"), "x");
                }
            });
        }
    });
    assert_eq!(project.store.read().unwrap().len(), 20);
    // Whoever holds it is waited for, and not for ever.
    let held = project.store.change().unwrap();
    assert!(matches!(project.store.lock(Duration::ZERO), Err(SecretsError::Busy)));
    drop(held);
    assert!(project.store.lock(Duration::ZERO).is_ok());
}

#[test]
fn cut_short_at_any_byte_it_is_damaged_and_never_begun_anew() {
    let project = project();
    project.put("anna@new.example", "canary");
    let path = project.store.path();
    let whole = fs::read(&path).unwrap();
    for end in 0..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        assert!(matches!(project.store.read(), Err(SecretsError::Damaged { .. })), "cut at {end}");
    }
    assert!(matches!(project.store.change(), Err(SecretsError::Damaged { .. })));
    assert_eq!(fs::read(&path).unwrap(), whole[..whole.len() - 1]);
    let error = project.store.read().unwrap_err();
    assert!(
        error.to_string().ends_with("secrets.age` is damaged: it is cut short, or was changed"),
        "{error}"
    );
    assert!(error.remedy().unwrap().contains("`mailhaul secrets remove --all`"));
    assert!(project.store.give_up().unwrap() && !project.store.give_up().unwrap());
    project.put("anna@new.example", "canary");
}

#[test]
fn a_key_that_is_gone_is_restored_from_its_backup_and_nothing_is_begun_over_the_store() {
    let project = project();
    project.put("anna@new.example", "canary");
    let whole = fs::read(project.store.path()).unwrap();
    let right = SecretString::from("correct horse".to_owned());
    let state = project.dir.path().join("state");
    assert!(Store::is_unbacked(&state));
    fs::rename(project.key(), project.dir.path().join("kept")).unwrap();
    let gone = project.store.read().unwrap_err();
    assert!(gone.to_string().contains("settings/key`, which does not exist"), "{gone}");
    assert!(
        gone.to_string().contains("what `provision`, `secrets take` and `secrets set` put there"),
        "{gone}"
    );
    assert!(gone.remedy().unwrap().contains("there is no backup"), "{gone:?}");
    assert!(matches!(project.store.restore(&right), Err(SecretsError::NoBackup(_))));
    fs::rename(project.dir.path().join("kept"), project.key()).unwrap();

    project.store.back_up(&right).unwrap();
    assert!(!Store::is_unbacked(&state));
    fs::remove_dir_all(project.key().parent().unwrap()).unwrap();
    for error in [project.store.read().unwrap_err(), project.store.change().unwrap_err()] {
        assert!(error.remedy().unwrap().contains("`mailhaul secrets passphrase --restore`"), "{error:?}");
    }
    assert!(matches!(project.store.back_up(&right), Err(SecretsError::KeyGone { .. })));
    let wrong = project.store.restore(&SecretString::from("correct house".to_owned())).unwrap_err();
    assert!(matches!(wrong, SecretsError::WrongPassphrase(_)), "{wrong}");
    assert!(!project.key().exists());
    assert_eq!(project.store.restore(&right).unwrap(), project.key());
    assert_eq!(fs::read(project.store.path()).unwrap(), whole);
    assert_eq!(of(&project.store.read().unwrap(), "anna@new.example").as_deref(), Some("canary"));
    // Once more: it is there already.
    project.store.restore(&right).unwrap();
    let mut backup = fs::read(state.join(BACKUP)).unwrap();
    assert!(!String::from_utf8_lossy(&backup).contains("AGE-SECRET-KEY"));

    // Another project of this user has made a key meanwhile.
    let other = Key::generate();
    fs::write(project.key(), other.text()).unwrap();
    let error = project.store.read().unwrap_err();
    assert!(error.to_string().contains("holds another one"), "{error}");
    assert!(error.to_string().contains(&other.recipient()), "{error}");
    assert!(matches!(project.store.change(), Err(SecretsError::OtherKey { .. })));
    assert!(matches!(project.store.back_up(&right), Err(SecretsError::OtherKey { .. })));
    assert!(matches!(project.store.restore(&right), Err(SecretsError::KeyInTheWay(_))));
    assert_eq!(fs::read(project.key()).unwrap(), other.text()[..]);
    backup.pop();
    fs::write(state.join(BACKUP), &backup).unwrap();
    assert!(matches!(project.store.restore(&right), Err(SecretsError::Damaged { .. })));
}

#[test]
fn a_disk_that_is_full_leaves_the_store_as_it_was() {
    let project = project();
    project.put("anna@new.example", "canary");
    let whole = fs::read(project.store.path()).unwrap();
    for at in [Step::Made, Step::Written, Step::Synced, Step::Compared] {
        let mut change = project.store.change().unwrap();
        put(&mut change, "ben@new.example", "canary");
        let full = &mut |step| match step == at {
            true => Err(io::Error::from_raw_os_error(28)),
            false => Ok(()),
        };
        let error = change.commit_stepwise(full).unwrap_err();
        assert!(error.to_string().ends_with("secrets.age`: no space left on device"), "{error}");
        assert!(error.remedy().unwrap().contains("is as it was"));
        assert_eq!(fs::read(project.store.path()).unwrap(), whole, "{at:?}");
    }
}
