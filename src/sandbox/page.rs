//! Cutting lists into pages with opaque continuation tokens.

use crate::sandbox::ask::Ask;
use crate::sandbox::ask::Refusal;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Where a list goes on, and how much of it is wanted.
#[derive(Debug)]
pub struct Page {
    list: String,
    after: Option<String>,
    size: usize,
}

/// The page size of lists whose caller names none.
pub const DEFAULT_SIZE: usize = 100;

/// The most a caller may ask for.
pub const MOST: usize = 1000;

impl Page {
    /// Reads `continuationToken` and `maxResults`; `list` tells tokens of one list from another's.
    pub fn of(ask: &Ask, list: &str) -> Result<Page, Refusal> {
        let wanted = match ask.number("maxResults")? {
            None | Some(0) => DEFAULT_SIZE,
            Some(number) => usize::try_from(number)
                .ok()
                .filter(|it| *it <= MOST)
                .ok_or_else(|| Refusal::bad_request("Invalid maxResults value"))?,
        };
        let size = ask.rules.page_size.map_or(wanted, |it| it.clamp(1, wanted));
        let after = match ask.query("continuationToken") {
            None => None,
            Some(token) => Some(decode(token, list).ok_or_else(|| Refusal::bad_request("Invalid continuation token"))?),
        };
        Ok(Page { list: list.to_owned(), after, size })
    }

    /// One page of a map in key order, of the entries to `keep`; and the token of the next.
    pub fn cut<'m, T>(
        &self,
        map: &'m BTreeMap<String, T>,
        keep: impl Fn(&T) -> bool,
    ) -> (Vec<(&'m String, &'m T)>, Option<String>) {
        self.cut_named(map, |_, it| keep(it))
    }

    /// The same, where keeping depends on the key too.
    pub fn cut_named<'m, T>(
        &self,
        map: &'m BTreeMap<String, T>,
        keep: impl Fn(&String, &T) -> bool,
    ) -> (Vec<(&'m String, &'m T)>, Option<String>) {
        let from = match &self.after {
            Some(key) => Bound::Excluded(key.as_str()),
            None => Bound::Unbounded,
        };
        let mut rest = map.range::<str, _>((from, Bound::Unbounded)).filter(|(key, it)| keep(key, it));
        let entries: Vec<_> = rest.by_ref().take(self.size).collect();
        let more = rest.next().is_some();
        let last = entries.last().filter(|_| more);
        let token = last.map(|(key, _)| encode(key, &self.list));
        (entries, token)
    }
}

/// An opaque token for a place in a list.
pub fn encode(key: &str, list: &str) -> String {
    use std::fmt::Write;
    let mut text = String::from("c");
    for byte in list.bytes().chain([0]).chain(key.bytes()) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The place a token stands for, if it is one of this list.
pub fn decode(token: &str, list: &str) -> Option<String> {
    let digits = token.strip_prefix('c')?.as_bytes();
    let pairs = digits.chunks(2).map(|it| {
        let pair = std::str::from_utf8(it).ok().filter(|it| it.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    let text = String::from_utf8(bytes?).ok()?;
    let (found, key) = text.split_once('\0')?;
    (found == list).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_belongs_to_its_list() {
        let token = encode("carol", "members");
        assert_eq!(decode(&token, "members").as_deref(), Some("carol"));
        assert_eq!(decode(&token, "tokens"), None);
        assert_eq!(decode("junk", "members"), None);
        assert_eq!(decode("c1", "members"), None);
    }
}
