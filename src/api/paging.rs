//! How a list goes on: until there is no token, and never in a circle.

use std::collections::HashSet;

use serde::Deserialize;

use crate::api::answer::Answer;
use crate::model::Paging;

/// The most pages one list may have.
pub const MOST_PAGES: usize = 1000;
/// The most entries one page may have; the service gives a thousand at most. What is not paged is as long as it is.
pub const MOST_ENTRIES: usize = 10_000;

/// The two names an answer's continuation token goes by. The rest of the answer is the kind's to read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tail {
    #[serde(default)]
    continuation_token: Option<String>,
    #[serde(default)]
    next_token: Option<String>,
}

/// The token of the page after this one; an absent, null or empty token ends the list.
///
/// # Errors
/// When the answer is not of a shape that can hold one, or no page is that long.
pub fn next_token(paging: Paging, answer: &Answer) -> Result<Option<String>, String> {
    let body = &answer.body;
    if paging == Paging::Whole {
        return Ok(None);
    }
    if answer.entries > MOST_ENTRIES {
        return Err(format!("a page of {} entries; {MOST_ENTRIES} are read at most", answer.entries));
    }
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err("a list with pages is not an object".to_owned());
    }
    let tail: Tail = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let token = match paging {
        Paging::Whole => None,
        Paging::ContinuationToken => tail.continuation_token,
        Paging::NextToken => tail.next_token,
    };
    Ok(token.filter(|it| !it.is_empty()))
}

/// The pages of one list so far.
#[derive(Debug, Default)]
pub struct Chain {
    seen: HashSet<String>,
}

impl Chain {
    /// Takes note of the token after a page: whether there is another page.
    ///
    /// An empty page with a token is followed like any other.
    ///
    /// # Errors
    /// When the token was there before, or there are too many pages: the list is incomplete.
    pub fn follow(&mut self, next: Option<&str>) -> Result<bool, String> {
        let Some(token) = next else { return Ok(false) };
        if self.seen.len() + 1 >= MOST_PAGES {
            return Err(format!("it has more than {MOST_PAGES} pages"));
        }
        if !self.seen.insert(token.to_owned()) {
            return Err("a page leads back to an earlier one".to_owned());
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Chain, MOST_ENTRIES, next_token};
    use crate::api::answer::Answer;
    use crate::model::Paging;

    fn answer(body: &str, entries: usize) -> Answer {
        let body = Bytes::from(body.to_owned());
        Answer { status: 200, body, entries, warnings: Vec::new(), request_id: None }
    }

    #[test]
    fn a_page_has_an_end_and_a_whole_list_is_as_long_as_it_is() {
        let of = |paging, entries| next_token(paging, &answer("{}", entries));
        assert_eq!(of(Paging::ContinuationToken, MOST_ENTRIES), Ok(None));
        assert!(of(Paging::ContinuationToken, MOST_ENTRIES + 1).unwrap_err().contains("10001 entries"));
        assert_eq!(of(Paging::Whole, MOST_ENTRIES + 1), Ok(None));
    }

    #[test]
    fn the_token_is_where_the_list_keeps_it() {
        let of = |paging, body: &str| next_token(paging, &answer(body, 1));
        let body = r#"{"items":[],"continuationToken":"p2","nextToken":"n2"}"#;
        assert_eq!(of(Paging::ContinuationToken, body), Ok(Some("p2".to_owned())));
        assert_eq!(of(Paging::NextToken, body), Ok(Some("n2".to_owned())));
        assert_eq!(of(Paging::Whole, body), Ok(None));
        for body in ["{}", r#"{"continuationToken":null}"#, r#"{"continuationToken":""}"#] {
            assert_eq!(of(Paging::ContinuationToken, body), Ok(None));
        }
        for body in ["[]", r#"{"continuationToken":7}"#, r#"{"continuationToken":"a","continuationToken":"b"}"#] {
            assert!(of(Paging::ContinuationToken, body).is_err(), "{body}");
        }
    }

    #[test]
    fn circles_and_endless_lists_are_incomplete() {
        let mut chain = Chain::default();
        assert_eq!(chain.follow(Some("a")), Ok(true));
        assert_eq!(chain.follow(Some("b")), Ok(true));
        assert!(chain.follow(Some("a")).is_err());
        assert_eq!(chain.follow(None), Ok(false));

        let mut chain = Chain::default();
        let pages = (0..).take_while(|it| chain.follow(Some(&it.to_string())).is_ok()).count();
        assert_eq!(pages + 1, 1000);
    }
}
