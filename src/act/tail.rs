//! The last part of a hook's output. It never grows, however much is printed.

/// How much of a hook's output is kept, in bytes.
pub const KEPT_BYTES: usize = 64 * 1024;

/// Keeps the newest [`KEPT_BYTES`] of what is pushed, in at most twice that much memory.
#[derive(Debug, Default)]
pub struct Tail {
    kept: Vec<u8>,
    dropped_bytes: u64,
}

impl Tail {
    /// Takes the next piece of output.
    pub fn push(&mut self, piece: &[u8]) {
        let fresh = &piece[piece.len().saturating_sub(KEPT_BYTES)..];
        self.dropped_bytes += (piece.len() - fresh.len()) as u64;
        if self.kept.len() + fresh.len() > 2 * KEPT_BYTES {
            self.trim();
        }
        self.kept.extend_from_slice(fresh);
    }

    /// What was kept as text, and how many bytes before it were dropped.
    pub fn into_text(mut self) -> (String, u64) {
        self.trim();
        if self.dropped_bytes > 0 {
            // the cut may have gone through a character; its rest would read as damage that the hook never printed
            let rest = self.kept.iter().take(3).take_while(|byte| **byte & 0xC0 == 0x80).count();
            self.kept.drain(..rest);
            self.dropped_bytes += rest as u64;
        }
        (String::from_utf8_lossy(&self.kept).into_owned(), self.dropped_bytes)
    }

    fn trim(&mut self) {
        let excess = self.kept.len().saturating_sub(KEPT_BYTES);
        self.kept.drain(..excess);
        self.dropped_bytes += excess as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_bytes_stay_and_the_rest_is_counted() {
        for piece_len in [1, 7, 4_096, KEPT_BYTES, 3 * KEPT_BYTES] {
            let all: Vec<u8> = (0..400_000_u32).map(|n| b'a' + (n % 23) as u8).collect();
            let mut tail = Tail::default();
            for piece in all.chunks(piece_len) {
                tail.push(piece);
                assert!(tail.kept.len() <= 2 * KEPT_BYTES);
            }
            let (text, dropped) = tail.into_text();
            assert_eq!(text.as_bytes(), &all[all.len() - KEPT_BYTES..], "pieces of {piece_len}");
            assert_eq!(dropped as usize, all.len() - KEPT_BYTES);
        }
    }

    #[test]
    fn short_output_is_whole_and_a_character_cut_in_two_disappears() {
        let mut tail = Tail::default();
        tail.push(b"gr\xc3\xbc\xc3\x9f\xff");
        assert_eq!(tail.into_text(), ("grüß\u{fffd}".to_owned(), 0));

        let mut tail = Tail::default();
        tail.push("ü".as_bytes());
        tail.push(&[b'x'; KEPT_BYTES - 1]);
        assert_eq!(tail.into_text(), ("x".repeat(KEPT_BYTES - 1), 2));
    }
}
