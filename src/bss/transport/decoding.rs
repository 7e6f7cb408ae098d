//! Bodies in a content coding, which was not asked for. Gateways and frameworks compress all the same,
//! and some lose the header that says so. gzip and deflate are undone; other codings are named.
//!
//! Pure. How large a body may become is the caller's to say, piece by piece.

use super::exchange::Coding;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::{self, Read};

/// A body that is being decoded.
pub(super) enum Decoder<'a> {
    /// Of one or several members (RFC 1952, 2.2).
    Gzip(MultiGzDecoder<&'a [u8]>),
    /// `deflate` as RFC 9110, 8.4.1.2, has it: with the head and the check sum of zlib.
    Zlib(ZlibDecoder<&'a [u8]>),
    /// `deflate` as some servers send it: without them.
    Deflate(DeflateDecoder<&'a [u8]>),
}

impl<'a> Decoder<'a> {
    /// For a body in that coding; `None` for a coding that is not undone here.
    pub(super) fn new(coding: Coding, body: &'a [u8]) -> Option<Self> {
        match coding {
            Coding::Gzip => Some(Self::Gzip(MultiGzDecoder::new(body))),
            Coding::Deflate if has_head_of_zlib(body) => Some(Self::Zlib(ZlibDecoder::new(body))),
            Coding::Deflate => Some(Self::Deflate(DeflateDecoder::new(body))),
            Coding::Brotli | Coding::Zstandard | Coding::Other => None,
        }
    }

    /// Writes the next bytes into `piece` and says how many; 0 is the end.
    pub(super) fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(piece),
            Self::Zlib(decoder) => decoder.read(piece),
            Self::Deflate(decoder) => decoder.read(piece),
        }
    }
}

/// The coding of a body without the header: no JSON and no page begins with such bytes.
pub(super) fn by_first_bytes(body: &[u8]) -> Option<Coding> {
    match body {
        [0x1f, 0x8b, 8, ..] => Some(Coding::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Coding::Zstandard),
        _ => None,
    }
}

/// Whether it is JSON as it is. A proxy that decodes a body may leave the header behind.
pub(super) fn is_plain(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    matches!(body.trim_ascii_start(), [] | [b'{' | b'[', ..])
}

/// RFC 1950, 2.2.
fn has_head_of_zlib(body: &[u8]) -> bool {
    match body {
        [method, flags, ..] => {
            method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use std::io::Write as _;

    fn decoded(coding: Coding, body: &[u8]) -> Option<Vec<u8>> {
        let mut decoder = Decoder::new(coding, body)?;
        let mut all = Vec::new();
        let mut piece = [0; 100];
        loop {
            match decoder.read(&mut piece) {
                Ok(0) => return Some(all),
                Ok(more) => all.extend_from_slice(&piece[..more]),
                Err(_) => return None,
            }
        }
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read(text in "[ -~]{1,400}") {
            let text = text.as_bytes();
            let body = gzip(text);
            prop_assert_eq!(by_first_bytes(&body), Some(Coding::Gzip));
            prop_assert_eq!(decoded(Coding::Gzip, &body), Some(text.to_vec()));
            let two = [gzip(text), body].concat();
            prop_assert_eq!(decoded(Coding::Gzip, &two), Some([text, text].concat()));

            let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
            zlib.write_all(text).unwrap();
            prop_assert_eq!(decoded(Coding::Deflate, &zlib.finish().unwrap()), Some(text.to_vec()));
            let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
            raw.write_all(text).unwrap();
            prop_assert_eq!(decoded(Coding::Deflate, &raw.finish().unwrap()), Some(text.to_vec()));
        }

        #[test]
        fn a_body_that_was_cut_is_none(text in "[ -~]{1,400}", cut in 1_usize..10) {
            let body = gzip(text.as_bytes());
            prop_assert_eq!(decoded(Coding::Gzip, &body[..body.len().saturating_sub(cut)]), None);
        }

        #[test]
        fn no_bytes_at_all_panic(bytes in any::<Vec<u8>>()) {
            for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli] {
                drop(decoded(coding, &bytes));
            }
        }
    }
}
