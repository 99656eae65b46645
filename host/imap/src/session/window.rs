//! How many APPENDs may be under way: additive increase, multiplicative decrease, bounded in messages and
//! bytes.
//!
//! Sans I/O. The window, not the parser, sets the speed of a copy: at 40 ms round trip 16 messages under way
//! moved 125 a second, 256 moved 2,500.

/// The messages under way at the start: five batches, or enough to hide 100 ms at once; small enough not to
/// flood a server before it has answered anything.
const START: usize = 256;
/// The fewest messages under way after a server asked for patience: one at a time, and slowly more.
const FLOOR: usize = 1;

/// The messages and bytes under way on one connection, and how many may be.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    limit: usize,
    max_messages: usize,
    max_bytes: u64,
    messages: usize,
    bytes: u64,
    /// Clean answers since the limit last grew.
    credit: usize,
    /// Whether the server has ever asked for patience: growth is slow from then on.
    careful: bool,
}

impl Window {
    pub(crate) fn new(max_messages: usize, max_bytes: u64) -> Window {
        let max_messages = max_messages.max(1);
        Window {
            limit: START.min(max_messages),
            max_messages,
            max_bytes,
            messages: 0,
            bytes: 0,
            credit: 0,
            careful: false,
        }
    }

    /// Returns whether a message of `len` bytes may be sent now. A message larger than the whole window goes
    /// alone.
    pub(crate) fn admits(&self, len: u64) -> bool {
        self.messages == 0 || (self.messages < self.limit && self.bytes.saturating_add(len) <= self.max_bytes)
    }

    pub(crate) fn sent(&mut self, len: u64) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(len);
    }

    /// Takes note of a message that was answered cleanly: stored, or refused for its own sake.
    pub(crate) fn answered(&mut self, len: u64) {
        self.released(len);
        self.credit += 1;
        // Until the first complaint the window doubles per round trip; after it, it grows by one.
        let price = if self.careful { self.limit } else { 1 };
        if self.credit >= price {
            self.credit = 0;
            self.limit = (self.limit + 1).min(self.max_messages);
        }
    }

    /// Takes note of a request for patience; the messages of its command are [`released`](Window::released).
    pub(crate) fn throttled(&mut self) {
        self.credit = 0;
        self.careful = true;
        self.limit = (self.limit / 2).max(FLOOR);
    }

    /// Whether it was made with these bounds, and can be used again.
    pub(crate) fn fits(&self, max_messages: usize, max_bytes: u64) -> bool {
        self.max_messages == max_messages.max(1) && self.max_bytes == max_bytes
    }

    /// Forgets what was under way, for the next folder; what was learnt about the pace stays.
    pub(crate) fn cleared(mut self) -> Window {
        (self.messages, self.bytes) = (0, 0);
        self
    }

    /// Makes room: a message was answered, for whatever reason.
    pub(crate) fn released(&mut self, len: u64) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_while_answers_are_clean_and_halves_on_complaint() {
        let mut window = Window::new(1024, 1 << 20);
        assert_eq!(
            (0..1000)
                .take_while(|_| window.admits(1) && {
                    window.sent(1);
                    true
                })
                .count(),
            256
        );
        for _ in 0..256 {
            window.answered(1);
        }
        assert_eq!(window.limit, 512);
        window.sent(1);
        window.throttled();
        window.released(1);
        assert_eq!(window.limit, 256);
        for _ in 0..256 {
            window.sent(1);
            window.answered(1);
        }
        assert_eq!(window.limit, 257);
        for _ in 0..20 {
            window.throttled();
        }
        assert_eq!(window.limit, 1);
    }

    #[test]
    fn bytes_are_bounded_but_a_giant_goes_alone() {
        let mut window = Window::new(512, 100);
        assert!(window.admits(1000));
        window.sent(1000);
        assert!(!window.admits(1));
        window.answered(1000);
        window.sent(60);
        assert!(window.admits(40) && !window.admits(41));
    }
}
