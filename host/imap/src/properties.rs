//! What must hold for any bytes a server may send: run by proptest in the test command and by the fuzz
//! targets in `tests/fuzz`. Each function panics when its property does not hold.

use bytes::{Buf, BytesMut};

use crate::syntax::fetch_line::{FetchLine, Section};
use crate::syntax::framer::{Frame, Framer};
use crate::syntax::reply::{Reply, values};
use crate::syntax::token::Tokens;
use crate::types::fetched::FetchItems;
use crate::types::name::{FolderName, FolderPath, Naming};
use crate::types::utf7;

/// A response's bytes, or what comes before a body with the body's announced length.
type Cut = (Vec<u8>, Option<u64>);

/// What a framer makes of `input` in pieces of `step` bytes, and whether it gave up.
fn frames(input: &[u8], step: usize, bodies: bool) -> (Vec<Cut>, bool) {
    let mut framer = Framer::default();
    framer.bodies = bodies;
    let (mut buffer, mut out, mut body) = (BytesMut::new(), Vec::new(), 0_u64);
    for piece in input.chunks(step.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            let take = usize::try_from(body).unwrap_or(usize::MAX).min(buffer.len());
            buffer.advance(take);
            body -= take as u64;
            if body > 0 {
                break;
            }
            match framer.next(&mut buffer) {
                Ok(None) => break,
                Ok(Some(Frame::Response(bytes))) => out.push((bytes.to_vec(), None)),
                Ok(Some(Frame::Body { head, len })) => {
                    out.push((head.to_vec(), Some(len)));
                    body = len;
                }
                Err(_) => return (out, true),
            }
        }
    }
    (out, false)
}

/// However the bytes are cut, the same responses come out of them; without bodies apart, every byte is in
/// exactly one.
pub fn framer(input: &[u8]) {
    for bodies in [false, true] {
        let whole = frames(input, input.len(), bodies);
        for step in [1, 2, 7] {
            assert!(frames(input, step, bodies) == whole, "pieces of {step} differ from the whole");
        }
        if !bodies {
            let joined: Vec<u8> = whole.0.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
            assert!(input.starts_with(&joined), "bytes were lost or made up");
            assert!(whole.0.iter().all(|(bytes, _)| bytes.ends_with(b"\n")), "a response without its end");
        }
    }
}

const ASKED: [FetchItems; 4] =
    [FetchItems::Meta, FetchItems::Identity, FetchItems::Headers, FetchItems::Full];

/// A FETCH response of any bytes is read without harm, a part of it too; and nothing within a literal is
/// taken for the message's own UID or size.
pub fn fetch_line(input: &[u8]) {
    assert!(Tokens::new(input).count() <= input.len(), "values without end");
    drop(Reply::read(bytes::Bytes::copy_from_slice(input), &crate::syntax::scrub::Secrets::default()));
    drop(values(input, Some(1)).next_value());
    for asked in ASKED {
        for response in [input.to_vec(), [b"* 1 FETCH (", input, b")\r\n"].concat()] {
            for cut in [response.len(), response.len() / 2, response.len().saturating_sub(3)] {
                let line = FetchLine::read(response.get(..cut).unwrap_or_default(), asked);
                assert_ne!(line.uid, Some(0), "no message has the UID 0");
                if let Section::Inline(bytes) = line.section {
                    assert!(bytes.len() <= response.len(), "more text than was sent");
                }
            }
        }
        let literal = format!("* 1 FETCH (X-OTHER {{{}}}\r\n", input.len()).into_bytes();
        let line = FetchLine::read(&[&literal, input, b" UID 7 RFC822.SIZE 9)\r\n"].concat(), asked);
        assert_eq!((line.uid, line.size), (Some(7), Some(Some(9))), "a literal was read as items");
    }
}

/// A folder name of any bytes can be shown without harm; read and written again it is the same folder, and a
/// path that can be written comes back.
pub fn folder_name(input: &[u8]) {
    let name = FolderName(input.to_vec());
    assert!(!name.to_string().chars().any(char::is_control), "a control character is shown");
    for (prefix, delimiter) in
        [("", Some('/')), ("INBOX.", Some('.')), ("", Some('\\')), ("Mail/", Some('/')), ("", None)]
    {
        let naming = Naming { prefix, delimiter };
        let path = naming.decode(&name);
        let shown = path.to_string();
        assert!(!shown.chars().any(char::is_control), "a control character is shown");
        if !path.0.iter().flat_map(|level| level.chars()).any(utf7::is_unprintable) {
            assert_eq!(FolderPath::parse(&shown), path.clone(), "what is shown names another folder");
        }
        if let Ok(written) = naming.encode(&path) {
            assert!(written.0.iter().all(|byte| (0x20..0x7f).contains(byte)), "not modified UTF-7");
            assert_eq!(naming.decode(&written), path, "written and read again it is another folder");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that look like IMAP more often than chance would have it.
    fn soup() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            "* ",
            "1 ",
            "FETCH ",
            "(",
            ")",
            "UID 7 ",
            "FLAGS (\\Seen) ",
            "BODY[] ",
            "BODY[HEADER] ",
            "{3}\r\n",
            "{0}\r\n",
            "~{2}\r\n",
            "{3+}",
            "{99999999999}",
            "\"",
            "\\",
            "NIL ",
            "\r\n",
            "\n",
            "OK ",
            "A1 ",
            "+ ",
            "[",
            "]",
            "LIST ",
            "INBOX",
            "&",
            "&-",
            "&AOQ-",
            "&2D3c",
            "-",
            "/",
            ".",
            "RFC822.SIZE ",
            "\u{0}",
            "\u{1b}[2J",
            "é",
            "x",
        ]);
        let piece = prop_oneof![
            4 => words.prop_map(|word| word.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..6),
        ];
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn framing(input in soup()) {
            framer(&input);
        }

        #[test]
        fn fetch_lines(input in soup()) {
            fetch_line(&input);
        }

        #[test]
        fn folder_names(input in soup()) {
            folder_name(&input);
        }
    }
}
