//! What every code means: one page each, for `bylaws explain`.
//!
//! Codes are stable: one that is no longer used is not given to anything else.

mod names;
mod rules;
mod shape;
mod syntax;

/// Code, title, page.
pub type Code = (&'static str, &'static str, &'static str);

const COUNT: usize = syntax::PAGES.len() + names::PAGES.len() + shape::PAGES.len() + rules::PAGES.len();

/// All codes of diagnostics about manifests, in order, with a title and a page in Markdown.
pub const CODES: &[Code] = &joined();

const fn joined() -> [Code; COUNT] {
    let mut all = [("", "", ""); COUNT];
    let parts = [syntax::PAGES, names::PAGES, shape::PAGES, rules::PAGES];
    let (mut part, mut next) = (0, 0);
    while part < parts.len() {
        let mut at = 0;
        while at < parts[part].len() {
            all[next] = parts[part][at];
            at += 1;
            next += 1;
        }
        part += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CODES;

    /// Every code that stands in a string of this folder or of the kinds.
    fn spoken() -> BTreeSet<String> {
        let sources = [
            include_str!("blame.rs"),
            include_str!("check.rs"),
            include_str!("fit.rs"),
            include_str!("mapping.rs"),
            include_str!("merge.rs"),
            include_str!("mod.rs"),
            include_str!("references.rs"),
            include_str!("text.rs"),
            include_str!("yaml.rs"),
            include_str!("../kinds/member.rs"),
            include_str!("../kinds/oidc_issuer.rs"),
            include_str!("../kinds/role.rs"),
            include_str!("../kinds/service.rs"),
            include_str!("../kinds/settings.rs"),
            include_str!("../kinds/team.rs"),
            include_str!("../kinds/token.rs"),
            include_str!("../kinds/webhook.rs"),
        ];
        let quoted =
            |source: &'static str| source.match_indices("\"E0").filter_map(|(at, _)| source.get(at + 1..at + 6));
        let is_code = |it: &&str| it[1..].bytes().all(|it| it.is_ascii_digit());
        sources.into_iter().flat_map(quoted).filter(is_code).map(str::to_owned).collect()
    }

    #[test]
    fn every_code_that_is_spoken_has_a_page_and_the_other_way_round() {
        let explained: BTreeSet<String> = CODES.iter().map(|(code, ..)| (*code).to_owned()).collect();
        assert_eq!(explained, spoken());
    }

    #[test]
    fn codes_are_in_order_and_pages_say_something() {
        assert!(CODES.is_sorted_by(|a, b| a.0 < b.0));
        for (code, title, page) in CODES {
            assert!(!title.is_empty() && page.len() > 40, "{code}");
            assert!(page.lines().all(|it| it.chars().count() <= 100), "{code}");
        }
    }
}
