//! The address of a request, built segment by segment and looked at again before anything is sent.

use reqwest::Url;

use crate::api::backend::Backend;

/// The address of `path` below the backend.
///
/// A segment such as `..` would turn one request into another (`teams/../tokens` makes a token of the
/// organization), and encoding it does not help, because parsers decode it. So such segments are
/// refused, and the finished address is compared with what was meant.
///
/// # Errors
/// When a segment cannot be one, or the address does not say what was meant.
pub fn build(backend: &Backend, path: &[String], query: &[(String, String)]) -> Result<Url, String> {
    if let Some(segment) = path.iter().find(|it| matches!(it.as_str(), "" | "." | "..")) {
        return Err(format!("`{segment}` cannot be part of an address"));
    }
    let length = path.iter().map(|it| it.len() + 8).sum::<usize>();
    let mut text = String::with_capacity(backend.as_str().len() + length + 64);
    text.push_str(backend.as_str());
    for segment in path {
        text.push('/');
        encode(segment, &mut text);
    }
    for (index, (name, value)) in query.iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        encode(name, &mut text);
        text.push('=');
        encode(value, &mut text);
    }
    let url = Url::parse(&text).map_err(|error| format!("no address: {error}"))?;
    if says(&url, backend, path) { Ok(url) } else { Err("the address does not say what was meant".to_owned()) }
}

/// Whether the address goes to the backend and has exactly these segments below it.
fn says(url: &Url, backend: &Backend, path: &[String]) -> bool {
    let base = backend.url();
    let same_place = url.scheme() == base.scheme()
        && url.host_str() == base.host_str()
        && url.port_or_known_default() == base.port_or_known_default()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    let prefix = base.path().trim_end_matches('/');
    let Some(rest) = url.path().strip_prefix(prefix).and_then(|it| it.strip_prefix('/')) else { return false };
    let mut segments = rest.split('/');
    same_place
        && path.iter().all(|it| segments.next().is_some_and(|segment| decodes_to(segment, it)))
        && segments.next().is_none()
}

/// Writes `text` with everything but `A-Z a-z 0-9 - _ . ~` percent-encoded.
fn encode(text: &str, into: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(char::from(DIGITS[usize::from(byte >> 4)]));
            into.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

fn decodes_to(encoded: &str, text: &str) -> bool {
    let mut encoded = encoded.bytes();
    let digit = |it: &mut std::str::Bytes| it.next().and_then(|it| char::from(it).to_digit(16));
    for wanted in text.bytes() {
        let found = match encoded.next() {
            Some(b'%') => match (digit(&mut encoded), digit(&mut encoded)) {
                (Some(high), Some(low)) => high * 16 + low,
                _ => return false,
            },
            Some(byte) => u32::from(byte),
            None => return false,
        };
        if found != u32::from(wanted) {
            return false;
        }
    }
    encoded.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::build;
    use crate::api::backend::Backend;
    use crate::trials::tried;

    fn backend(text: &str) -> Backend {
        Backend::parse(text).expect("an address")
    }

    fn path(segments: &[&str]) -> Vec<String> {
        segments.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn a_slash_in_a_name_stays_in_its_segment() {
        let query = [("continuationToken".to_owned(), "a b&c=d/é".to_owned())];
        let url =
            build(&backend("https://api.pulumi.com"), &path(&["api", "orgs", "acme", "stack", "shop/prod"]), &query);
        assert_eq!(
            url.expect("an address").as_str(),
            "https://api.pulumi.com/api/orgs/acme/stack/shop%2Fprod?continuationToken=a%20b%26c%3Dd%2F%C3%A9"
        );
    }

    #[test]
    fn segments_that_lead_elsewhere_are_refused() {
        for name in ["", ".", ".."] {
            assert!(
                build(&backend("https://x.example"), &path(&["api", "teams", name, "tokens"]), &[]).is_err(),
                "{name:?}"
            );
        }
        for name in ["%2e%2e", "a\\b", "a\tb", "..;", "...", "?", "#", "@evil.example", "//evil.example"] {
            let url = build(&backend("https://x.example/pulumi"), &path(&["api", name, "tokens"]), &[]).expect(name);
            assert_eq!(url.path_segments().map(Iterator::count), Some(4), "{name:?}");
            assert_eq!(url.host_str(), Some("x.example"), "{name:?}");
        }
    }

    #[test]
    fn every_address_says_exactly_what_was_meant() {
        let backends = [backend("https://x.example"), backend("https://x.example:8443/a/b")];
        let mut segments_tried = 0;
        tried(60, 1 << 16..=1 << 16, |u| {
            for round in 0.. {
                if u.is_empty() {
                    break;
                }
                let segments: Vec<String> =
                    (0..u.int_in_range(1..=8)?).map(|_| u.arbitrary()).collect::<Result<_, _>>()?;
                segments_tried += segments.iter().filter(|it| !it.is_empty()).count();
                let bad = segments.iter().any(|it| matches!(it.as_str(), "" | "." | ".."));
                let backend = &backends[usize::from(round % 2 == 0)];
                let Ok(url) = build(backend, &segments, &[]) else {
                    assert!(bad, "{segments:?}");
                    continue;
                };
                assert!(!bad && url.as_str().starts_with(backend.as_str()), "{segments:?}");
                let rest = &url.as_str()[backend.as_str().len() + 1..];
                assert_eq!(rest.split('/').count(), segments.len(), "{segments:?}");
            }
            Ok(())
        });
        assert!(segments_tried > 100_000, "{segments_tried}");
    }
}
