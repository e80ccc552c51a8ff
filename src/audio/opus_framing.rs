//! Where one Opus packet ends and the next begins, when several share a packet.

/// Takes the first packet off `bytes`, which frames it so that it tells its own length (RFC 6716,
/// appendix B). Returns it framed as if it stood alone, and what follows it; `None` where the bytes
/// end before it does.
///
/// The framings differ by one length: that of the last frame, or of each where all are equally
/// long, which a packet that stands alone leaves to its end to tell.
pub(super) fn split_first(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut cursor = Cursor { bytes, at: 0 };
    let (frames, lengths_differ, padding) = match cursor.byte()? & 3 {
        0 => (1, false, 0),
        1 => (2, false, 0),
        2 => (2, true, 0),
        _ => {
            let count = cursor.byte()?;
            let padding = if count & 0x40 == 0 {
                0
            } else {
                cursor.padding()?
            };
            (usize::from(count & 0x3f), count & 0x80 != 0, padding)
        }
    };
    if frames == 0 {
        return None;
    }
    let mut body = 0;
    if lengths_differ {
        for _ in 1..frames {
            body += cursor.length()?;
        }
    }
    let head = bytes.get(..cursor.at)?;
    let last = cursor.length()?;
    body += if lengths_differ { last } else { last * frames };
    let end = cursor.at.checked_add(body)?.checked_add(padding)?;
    let tail = bytes.get(cursor.at..end)?;
    Some(([head, tail].concat(), &bytes[end..]))
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// A frame's length (RFC 6716 3.2.1): up to 1275.
    fn length(&mut self) -> Option<usize> {
        let first = usize::from(self.byte()?);
        if first < 252 {
            return Some(first);
        }
        Some(first + 4 * usize::from(self.byte()?))
    }

    /// The padding's length (RFC 6716 3.2.5): 255 stands for 254 and more to come.
    fn padding(&mut self) -> Option<usize> {
        let mut padding = 0;
        loop {
            match self.byte()? {
                255 => padding += 254,
                last => return Some(padding + usize::from(last)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_framing_loses_its_last_length() {
        for (framed, alone) in [
            // One frame, none of whose bytes need be there.
            (&[0x00, 3, 7, 8, 9][..], &[0x00, 7, 8, 9][..]),
            (&[0xfc, 0], &[0xfc]),
            // Two of one length; two of two.
            (&[0x01, 2, 1, 2, 3, 4], &[0x01, 1, 2, 3, 4]),
            (&[0x02, 1, 2, 1, 2, 3], &[0x02, 1, 1, 2, 3]),
            // Three of one length; three of three, with two bytes of padding.
            (&[0x03, 3, 1, 7, 8, 9], &[0x03, 3, 7, 8, 9]),
            (
                &[0x03, 0xc3, 2, 0, 1, 2, 7, 8, 9, 0, 0],
                &[0x03, 0xc3, 2, 0, 1, 7, 8, 9, 0, 0],
            ),
        ] {
            let packet = [framed, &[42, 43]].concat();
            let (first, rest) = split_first(&packet).unwrap();
            assert_eq!((first.as_slice(), rest), (alone, &[42, 43][..]));
            for end in 0..framed.len() {
                assert_eq!(split_first(&framed[..end]), None, "{framed:?} to {end}");
            }
        }
    }

    #[test]
    fn long_frames_and_long_padding_take_more_bytes() {
        let frame = [5; 1275];
        let packet = [&[0x00, 255, 255][..], &frame].concat();
        assert_eq!(
            split_first(&packet).unwrap().0,
            [&[0x00][..], &frame].concat()
        );
        let padding = [0; 254 + 3];
        let packet = [&[0x03, 0x41, 255, 3, 1, 9][..], &padding].concat();
        let alone = [&[0x03, 0x41, 255, 3, 9][..], &padding].concat();
        assert_eq!(split_first(&packet).unwrap(), (alone, &[][..]));
    }

    #[test]
    fn no_frames_are_no_packet() {
        assert_eq!(split_first(&[0x03, 0x80, 0, 0]), None);
        assert_eq!(split_first(&[]), None);
    }

    proptest! {
        #[test]
        fn whatever_is_split_was_there(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some((first, rest)) = split_first(&bytes) {
                prop_assert!(bytes.ends_with(rest));
                // The length that went takes one byte or two.
                let taken = bytes.len() - rest.len() - first.len();
                prop_assert!((1..=2).contains(&taken));
            }
        }
    }
}
