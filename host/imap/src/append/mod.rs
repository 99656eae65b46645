//! Writing messages: pipelined APPEND (RFC 9051 section 6.3.12). `start` makes a writer of a session,
//! `appender` is its sending half, `acks` the acknowledging one.
//!
//! The rules that keep this safe:
//!
//! 1. Flags, date and folder name leave only in forms we build or that the server itself accepted.
//! 2. A non-synchronising literal (RFC 7888) goes to servers that have proven that they take the command. The
//!    first message of a connection asks with a synchronising one: a server that checks arguments before it
//!    asks for the body consents to their form by `+`, and one that does not takes a literal for a literal. A
//!    folder whose name travels in the quotes that SELECT accepted is no new form. The first message with a
//!    new keyword asks as well, and until it is acknowledged no other with that keyword is sent;
//!    [`Appender::probe_keywords`](crate::Appender::probe_keywords) asks ahead. A server that answers BAD to
//!    the arguments of `{n+}` would go on to read the message's body as commands; Dovecot does.
//! 3. A BAD, a tag that is not ours or anything else that shows the two sides out of step closes the
//!    connection at once. What was not acknowledged is for the caller to look up on the target, never to send
//!    again blindly.
//! 4. Acknowledgements are matched by tag; servers answer in any order.
//! 5. Where MULTIAPPEND is offered (RFC 3502), messages that need no consent share commands: the next one
//!    joins the command that is open until that is full, or [`Appender::complete`](crate::Appender::complete)
//!    ends it. Which of them a NO is about is not known: see
//!    [`AckOutcome::BatchRefused`](crate::AckOutcome::BatchRefused).

pub(crate) mod acks;
pub(crate) mod appender;
mod questions;
mod shared;
mod start;
