//! Refusals of one copy, each with what became of the messages around it: by that it is known what a refusal
//! is about.

use mailhaul_imap::Refusal;

use crate::code::Code;
use crate::state::ledger::Failure;

#[derive(Debug, Clone)]
pub(crate) struct RefusedMessage {
    pub uid: u32,
    pub size: u64,
    pub refusal: Refusal,
    /// What a server profile says about these words; follows them in a sentence.
    pub advice: String,
    pub marked: bool,
    /// Whether the target asks for the message again later.
    pub for_now: bool,
    /// The words are about its date, and it is sent again with another one.
    pub misdated: bool,
    /// Whether a message that was sent after it was taken.
    pub passed: bool,
    /// Whether it was refused alone, between messages that were taken.
    pub lone: bool,
    /// It is larger than everything that was taken since the first refusal.
    pub larger: bool,
    /// How many messages were taken since the first refusal.
    pub since: u64,
}

impl RefusedMessage {
    /// Returns the sentence for the report.
    pub(crate) fn text(&self) -> String {
        refusal_text(&self.refusal, &self.advice)
    }

    /// Returns the ledger's record of the failure; `text` is [`Self::text`].
    pub(crate) fn failure<'a>(&self, attempts: u32, text: &'a str) -> Failure<'a> {
        Failure { uid: self.uid, size: self.size, code: self.code(), text, attempts }
    }

    /// Returns the code of the refusal: `too-big` and `limit` by the response code, else `refused`.
    pub(crate) fn code(&self) -> Code {
        match self.refusal.code.as_deref().map(str::to_ascii_uppercase).as_deref() {
            Some("TOOBIG") => Code::TooBig,
            Some("LIMIT") => Code::Limit,
            _ => Code::Refused,
        }
    }
}

/// Returns the report's sentence for a refusal.
pub(crate) fn refusal_text(refusal: &Refusal, advice: &str) -> String {
    format!("the target refused it: {refusal}{advice}")
}

/// What a target said to messages, by their places among those that were sent.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    refused: Vec<(usize, RefusedMessage)>,
    /// Serial numbers of the first and the last message that were taken.
    taken: Option<(usize, usize)>,
    /// The largest of those that were taken since the first refusal, in bytes.
    largest: u64,
    /// How many messages were taken since the first refusal.
    since: u64,
    in_a_row: usize,
    /// Requests for patience in a row, and how many messages had been sent when the last one came.
    complaints: u32,
    complained_at: usize,
}

impl Verdicts {
    /// Takes note of a message that was taken; `place` is its serial number among those sent.
    pub(super) fn taken(&mut self, place: usize, size: u64) {
        let (first, last) = self.taken.unwrap_or((place, place));
        self.taken = Some((first.min(place), last.max(place)));
        if !self.refused.is_empty() {
            self.largest = self.largest.max(size);
            self.since += 1;
        }
        (self.in_a_row, self.complaints) = (0, 0);
    }

    /// A message was refused when so many had been `sent`. What was under way together is one request for
    /// patience.
    pub(super) fn refused(&mut self, place: usize, sent: usize, refused: RefusedMessage) {
        if !refused.for_now {
            self.in_a_row += 1;
        } else if place > self.complained_at {
            self.complaints += 1;
            self.complained_at = sent;
        }
        self.refused.push((place, refused));
    }

    /// Refusals since the last message that was taken, without those that are for now.
    pub(super) fn in_a_row(&self) -> usize {
        self.in_a_row
    }

    /// Returns the requests for patience since the last message that was taken.
    pub(super) fn complaints(&self) -> u32 {
        self.complaints
    }

    /// All refusals, in the order in which the messages were sent.
    pub(super) fn close(mut self) -> Vec<RefusedMessage> {
        self.refused.sort_by_key(|(place, _)| *place);
        let places: Vec<usize> =
            self.refused.iter().filter(|(_, r)| !r.for_now && !r.misdated).map(|(place, _)| *place).collect();
        let is_refused = |place: usize| places.binary_search(&place).is_ok();
        let judged = self.refused.into_iter().map(|(place, refused)| {
            let (before, passed) =
                self.taken.map_or((false, false), |(first, last)| (first < place, place < last));
            let between = !is_refused(place + 1) && (place == 0 || !is_refused(place - 1));
            RefusedMessage {
                passed,
                lone: before && passed && between,
                larger: passed && refused.size > self.largest,
                since: self.since,
                ..refused
            }
        });
        judged.collect()
    }
}

/// Whether a refusal speaks of the message's date. Another date is tried then; where that is refused as well,
/// it was something else.
pub(super) fn is_about_the_date(refusal: &Refusal) -> bool {
    let text = refusal.text.to_ascii_lowercase();
    text.contains("date") && !text.contains("update") && !text.contains("mandate")
}

/// Whether two texts are the same but for their numbers: servers put the time, or the number of a session,
/// into them.
pub(crate) fn same_words(a: &str, b: &str) -> bool {
    let words = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    words(a) == words(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(uid: u32, size: u64) -> RefusedMessage {
        RefusedMessage {
            uid,
            size,
            refusal: Refusal { code: None, text: "no".into(), bad: false },
            advice: String::new(),
            marked: false,
            for_now: false,
            misdated: false,
            passed: false,
            lone: false,
            larger: false,
            since: 0,
        }
    }

    /// What is said of messages of which these were taken (`+`) and refused (`-`): `l` between others, `p`
    /// passed, `h` held.
    fn judged(verdicts: &str) -> String {
        let mut all = Verdicts::default();
        for (place, verdict) in verdicts.chars().enumerate() {
            match verdict {
                '+' => all.taken(place, 5),
                _ => all.refused(place, place, refused(place as u32, 5)),
            }
        }
        let name = |r: RefusedMessage| match (r.lone, r.passed) {
            (true, _) => 'l',
            (false, true) => 'p',
            (false, false) => 'h',
        };
        all.close().into_iter().map(name).collect()
    }

    #[test]
    fn a_refusal_is_known_by_its_neighbours() {
        for (verdicts, said) in [
            ("++-++", "l"),
            ("-+-+-", "plh"),
            ("+---+", "ppp"),
            ("++---", "hhh"),
            ("---", "hhh"),
            ("--+", "pp"),
        ] {
            assert_eq!(judged(verdicts), said, "{verdicts}");
        }
    }

    /// Answers come in any order, and what is asked to wait says nothing of its neighbours.
    #[test]
    fn neighbours_are_told_by_their_places() {
        let mut all = Verdicts::default();
        all.refused(5, 9, refused(5, 5));
        all.taken(8, 5);
        all.refused(2, 9, refused(2, 5));
        all.refused(3, 9, RefusedMessage { for_now: true, ..refused(3, 5) });
        all.refused(6, 9, refused(6, 5));
        all.taken(0, 5);
        let known: Vec<(u32, bool)> = all.close().iter().map(|r| (r.uid, r.lone)).collect();
        assert_eq!(known, [(2, true), (3, false), (5, false), (6, false)]);
    }

    #[test]
    fn what_is_larger_than_all_that_passed_is_known() {
        let mut all = Verdicts::default();
        all.taken(0, 900);
        all.refused(1, 1, refused(1, 50));
        all.refused(2, 2, refused(2, 20));
        assert_eq!(all.in_a_row(), 2);
        all.taken(3, 30);
        all.refused(4, 4, refused(4, 60));
        assert_eq!(all.in_a_row(), 1);
        let larger: Vec<bool> = all.close().iter().map(|r| r.larger).collect();
        assert_eq!(larger, [true, false, false], "the last one was not passed by anything");
    }

    #[test]
    fn what_was_under_way_together_is_one_request_for_patience() {
        let later = |uid| RefusedMessage { for_now: true, ..refused(uid, 5) };
        let mut all = Verdicts::default();
        for place in 1..=5 {
            all.refused(place, 5, later(place as u32));
        }
        assert_eq!(all.complaints(), 1);
        all.refused(6, 6, later(6));
        assert_eq!((all.complaints(), all.in_a_row()), (2, 0));
        all.taken(7, 5);
        assert_eq!(all.complaints(), 0);
    }

    #[test]
    fn numbers_do_not_make_other_words() {
        assert!(same_words("Refused [2026-11-29 07:00:00]", "Refused [2026-11-30 18:21:59]"));
        assert!(!same_words("Refused", "Internal error"));
    }
}
