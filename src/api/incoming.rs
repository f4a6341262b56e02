//! The body of an answer on its way in: put together, decoded, and given up where it grows too large.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;

/// The largest answer that is read, decoded: 16 MiB.
const LARGEST: usize = 16 << 20;
/// How many times larger than what came an answer may be.
const MOST_GROWTH: usize = 100;
/// Up to here nobody minds how much it grew: such an answer does no harm, and a short one grows by chance.
const HARMLESS: usize = 1 << 20;

/// What has come of a body so far.
pub enum Incoming {
    /// As it is sent: one part stays as it came.
    Plain(Bytes, BytesMut),
    /// Compressed, and nothing of it has come.
    Nothing,
    /// Compressed.
    Gzip(Box<MultiGzDecoder<Decoded>>),
}

/// What was decoded, and of how much.
#[derive(Default)]
pub struct Decoded {
    text: Vec<u8>,
    came: usize,
    /// What is wrong with its size.
    refusal: Option<String>,
}

impl Incoming {
    /// A body with this encoding, and perhaps of a length that is said beforehand.
    ///
    /// # Errors
    /// When it will be too large, or is encoded as nobody asked for.
    pub fn new(encoding: Option<&[u8]>, length: Option<u64>) -> Result<Self, String> {
        if length.is_some_and(|it| it > LARGEST as u64) {
            return Err(too_large());
        }
        match encoding.map(<[u8]>::trim_ascii) {
            None | Some(b"" | b"identity") => Ok(Self::Plain(Bytes::new(), BytesMut::new())),
            Some(b"gzip" | b"x-gzip") => Ok(Self::Nothing),
            Some(_) => Err("the answer is compressed in a way that nobody asked for".to_owned()),
        }
    }

    /// Another part has come.
    ///
    /// # Errors
    /// When it is too large, or is not what it says it is.
    pub fn take(&mut self, part: Bytes) -> Result<(), String> {
        match self {
            Self::Plain(first, all) => {
                if first.is_empty() && all.is_empty() {
                    *first = part;
                    return Ok(());
                }
                if all.len() + first.len() + part.len() > LARGEST {
                    return Err(too_large());
                }
                all.extend_from_slice(&std::mem::take(first));
                all.extend_from_slice(&part);
                Ok(())
            }
            Self::Nothing => {
                *self = Self::Gzip(Box::new(MultiGzDecoder::new(Decoded::default())));
                self.take(part)
            }
            Self::Gzip(decoder) => {
                decoder.get_mut().came += part.len();
                let decoded = decoder.write_all(&part);
                decoded.map_err(|_| decoder.get_mut().refusal.take().unwrap_or_else(broken))
            }
        }
    }

    /// The whole body, after its last part.
    ///
    /// # Errors
    /// When something of it is missing.
    pub fn end(self) -> Result<Bytes, String> {
        match self {
            Self::Nothing => Ok(Bytes::new()),
            Self::Plain(first, all) if all.is_empty() => Ok(first),
            Self::Plain(_, all) => Ok(all.freeze()),
            Self::Gzip(mut decoder) => match decoder.try_finish() {
                Ok(()) => Ok(Bytes::from(std::mem::take(&mut decoder.get_mut().text))),
                Err(_) => Err(decoder.get_mut().refusal.take().unwrap_or_else(broken)),
            },
        }
    }
}

impl Write for Decoded {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let length = self.text.len() + text.len();
        if length > LARGEST {
            self.refusal = Some(too_large());
        } else if length > HARMLESS && length / MOST_GROWTH > self.came {
            self.refusal = Some(format!("the answer is more than {MOST_GROWTH} times larger than what was sent"));
        } else {
            self.text.extend_from_slice(text);
            return Ok(text.len());
        }
        Err(io::ErrorKind::OutOfMemory.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn too_large() -> String {
    format!("the answer is larger than {} MiB", LARGEST >> 20)
}

fn broken() -> String {
    "the answer is compressed, and broken".to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::{HARMLESS, Incoming, LARGEST};

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(encoding: Option<&[u8]>, sent: &[u8], part: usize) -> Result<Bytes, String> {
        let mut incoming = Incoming::new(encoding, None)?;
        for part in sent.chunks(part) {
            incoming.take(Bytes::copy_from_slice(part))?;
        }
        incoming.end()
    }

    #[test]
    fn an_answer_is_what_was_meant_in_whichever_parts_it_comes() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(|it| it.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for part in [1000, 65_536, usize::MAX] {
            assert_eq!(read(None, &text, part).unwrap(), text);
            assert_eq!(read(Some(b"gzip"), &gzip(&text), part).unwrap(), text);
        }
        let two = [gzip(b"{\"a\":"), gzip(b"1}")].concat();
        assert_eq!(read(Some(b"gzip"), &two, 3).unwrap(), "{\"a\":1}");
        assert_eq!(read(Some(b"gzip"), b"", 1).unwrap(), "");
    }

    #[test]
    fn what_grows_a_hundredfold_is_refused_unless_it_is_small() {
        let blank = |length: usize| gzip(&vec![b' '; length]);
        assert_eq!(read(Some(b"gzip"), &blank(HARMLESS), 512).unwrap().len(), HARMLESS);
        let refused = |sent: &[u8], part| read(Some(b"gzip"), sent, part).unwrap_err();
        for part in [512, usize::MAX] {
            assert!(refused(&blank(HARMLESS + HARMLESS / 2), part).contains("100 times"));
        }
        // Noise before the blank, so that it is only large.
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        });
        let noise: Vec<u8> = noise.take(1 << 18).collect();
        let large = gzip(&[noise, vec![b' '; LARGEST]].concat());
        assert!(refused(&large, 4096).contains("16 MiB"));
        assert!(Incoming::new(None, Some(LARGEST as u64 + 1)).is_err_and(|it| it.contains("16 MiB")));
    }

    #[test]
    fn what_is_broken_or_was_not_asked_for_is_refused() {
        let whole = gzip(b"{\"teams\":[]}");
        for sent in [&whole[..whole.len() - 1], &whole[..9], b"{\"teams\":[]}"] {
            assert!(read(Some(b"gzip"), sent, 4).is_err_and(|it| it.contains("broken")));
        }
        assert!(read(Some(b"br"), &whole, 4).is_err_and(|it| it.contains("nobody asked")));
    }
}
