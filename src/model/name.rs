//! Which names may become part of a request at all, and how foreign text is shown.

/// Why `name` cannot be used as a name, or nothing if it can.
///
/// `.` and `..` would change the address of a request, `/` and `\` split it, and characters nobody
/// can see make two names look like one. What else the service allows is undocumented (CONTRACT U5),
/// so nothing else is refused here.
pub fn refusal(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a name cannot be empty".to_owned());
    }
    if name == "." || name == ".." {
        return Some(format!("`{name}` would change the address of a request"));
    }
    if name.trim() != name {
        return Some("a name cannot begin or end with white space".to_owned());
    }
    if name.chars().count() > 255 {
        return Some("a name has at most 255 characters".to_owned());
    }
    let character = name.chars().find(|it| matches!(it, '/' | '\\') || is_invisible(*it))?;
    Some(match character {
        '/' | '\\' => format!("a name cannot contain `{character}`"),
        _ => format!("a name cannot contain the invisible character U+{:04X}", character as u32),
    })
}

/// Why `name` is no `project/name`, or nothing if it is one.
pub fn qualified_refusal(name: &str) -> Option<String> {
    let Some((project, rest)) = name.split_once('/') else {
        return Some("write it as project/name".to_owned());
    };
    refusal(project).or_else(|| refusal(rest))
}

/// Whether a character steers a terminal, reorders text or cannot be seen.
pub fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Foreign text made harmless on one line: invisible characters become `\u{…}`.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            it if is_invisible(it) => shown.push_str(&format!("\\u{{{:x}}}", it as u32)),
            it => shown.push(it),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{qualified_refusal, refusal, visible};

    #[test]
    fn names_that_would_change_an_address_are_refused() {
        for name in ["", ".", "..", "a/b", "a\\b", "a\0b", " a", "a ", "a\u{202e}b", "a\u{200b}"] {
            assert!(refusal(name).is_some(), "{name:?}");
        }
        for name in ["tokens", "..a", "a.b", "%2e%2e", "café", "-x", "Ünal"] {
            assert_eq!(refusal(name), None, "{name:?}");
        }
        for name in ["shop", "shop/..", "../prod", "a/b/c", "/a"] {
            assert!(qualified_refusal(name).is_some(), "{name:?}");
        }
    }

    #[test]
    fn foreign_text_stays_on_its_line() {
        assert_eq!(visible("a\nb\u{1b}[2J"), "a\\nb\\u{1b}[2J");
    }
}
