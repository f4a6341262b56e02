//! Whether the bytes of an answer are JSON of a bounded depth, seen in one pass and without decoding.

/// The largest answer that is read, decoded: 16 MiB.
pub const LARGEST: usize = 16 << 20;
/// The deepest nesting that is read. Decoders that recurse stop at 128.
const DEEPEST: usize = 100;

/// What is wrong with an answer that should be a JSON object or list, or nothing.
///
/// Only the frame is checked: brackets that match and end with the text. A login page, an empty
/// answer and half an answer do not get past this; the rest is found when the answer is decoded.
pub fn refusal(body: &[u8]) -> Option<&'static str> {
    let body = body.trim_ascii();
    match body.first() {
        None => return Some("the answer is empty"),
        Some(b'{' | b'[') => {}
        Some(_) => return Some("the answer is not JSON"),
    }
    // One bit for each open bracket: set for an object.
    let mut objects: u128 = 0;
    let mut depth = 0;
    let mut at = 0;
    while at < body.len() {
        match body[at] {
            b'"' => match end_of_text(body, at + 1) {
                Some(end) => at = end,
                None => return Some("the answer breaks off"),
            },
            opened @ (b'{' | b'[') => {
                if depth == DEEPEST {
                    return Some("the answer is nested too deeply");
                }
                depth += 1;
                objects = (objects << 1) | u128::from(opened == b'{');
            }
            closed @ (b'}' | b']') => {
                if (objects & 1 == 1) != (closed == b'}') {
                    return Some("the answer is not JSON");
                }
                objects >>= 1;
                depth -= 1;
                if depth == 0 && at + 1 != body.len() {
                    return Some("something follows the end of the answer");
                }
            }
            _ => {}
        }
        at += 1;
    }
    (depth > 0).then_some("the answer breaks off")
}

/// Where the text that begins at `at` has its closing quotation mark.
fn end_of_text(body: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += body.get(at..)?.iter().position(|it| matches!(it, b'"' | b'\\'))?;
        if body[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn json_passes_whatever_its_texts_hold() {
        for body in ["{}", " [] \n", r#"{"a":[{"b":"}]\"\\"}],"c":null}"#, r#"[1,"[",{"":{}}]"#] {
            assert_eq!(refusal(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn whatever_is_not_a_whole_answer_is_refused() {
        let deep = "[".repeat(10_000);
        let closed = format!("{}{}", "[".repeat(101), "]".repeat(101));
        for body in [
            "",
            "  ",
            "<html>",
            "null",
            "\"a\"",
            "{",
            "[{]}",
            "{}{}",
            "{} x",
            r#"{"a"#,
            r#"{"a\"#,
            r#"{"a":"b\"}"#,
            &deep,
            &closed,
        ] {
            assert!(refusal(body.as_bytes()).is_some(), "{body:.40}");
        }
    }
}
