//! Foreign text before it is shown: without secrets, on one line, and not too long.

use crate::model::name::visible;

/// How every access token of the service begins.
const TOKEN_PREFIX: &str = "pul-";
/// What stands in a secret's place.
const STAND_IN: &str = "[secret]";

/// `text` without the token in use and without anything that looks like a token, with invisible
/// characters made visible, cut after `most` characters.
pub fn harmless(text: &str, token: &str, most: usize) -> String {
    // The cut comes before the escapes, so that a megabyte of text costs nothing, but after the
    // secrets are gone, so that half of one cannot be left over. A secret is shorter than the margin.
    let window = text.char_indices().nth(most + 8192).map_or(text, |(end, _)| &text[..end]);
    let shown = visible(&without_tokens(window.trim(), token));
    match shown.char_indices().nth(most) {
        None => shown,
        Some((end, _)) => format!("{}…", &shown[..end]),
    }
}

/// `text` with the token in use, and everything that looks like a token, replaced.
fn without_tokens(text: &str, token: &str) -> String {
    let mut left = String::with_capacity(text.len());
    let text = if token.len() < 6 { text.to_owned() } else { text.replace(token, STAND_IN) };
    let mut rest = text.as_str();
    while let Some(start) = rest.find(TOKEN_PREFIX) {
        let (before, found) = rest.split_at(start);
        let body = &found[TOKEN_PREFIX.len()..];
        let end = body.find(|it: char| !it.is_ascii_alphanumeric() && !matches!(it, '-' | '_')).unwrap_or(body.len());
        left.push_str(before);
        left.push_str(if end == 0 { TOKEN_PREFIX } else { STAND_IN });
        rest = &body[end..];
    }
    left.push_str(rest);
    left
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn tokens_are_taken_out_wherever_they_stand() {
        let shown = harmless("Authorization: token pul-0123abc, \"s3cret-token\"; pul-", "s3cret-token", 500);
        assert_eq!(shown, "Authorization: token [secret], \"[secret]\"; pul-");
    }

    #[test]
    fn text_is_cut_and_steers_no_terminal() {
        let shown = harmless(&format!("\u{1b}[2J::error::x\n{}", "é".repeat(1 << 20)), "", 20);
        assert_eq!(shown, "\\u{1b}[2J::error::x\\…");
        let late = format!("{}pul-canarycanary", "a".repeat(495));
        assert!(!harmless(&late, "pul-canarycanary", 500).contains("can"));
    }
}
