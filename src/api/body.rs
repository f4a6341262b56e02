//! Whether the bytes of an answer are JSON of a bounded depth, seen in one pass and without decoding.

/// The deepest nesting that is read. Decoders that recurse stop at 128.
const DEEPEST: usize = 100;

/// How many entries the longest of an answer's lists may have: it is a list itself, or an object that holds some.
/// An empty list counts as one.
///
/// Only the frame is checked: brackets that match and end with the text. A login page, an empty
/// answer and half an answer do not get past this; the rest is found when the answer is decoded.
///
/// # Errors
/// What is wrong with an answer that should be a JSON object or list.
pub fn entries(body: &[u8]) -> Result<usize, &'static str> {
    let body = body.trim_ascii();
    let first = match body.first() {
        None => return Err("the answer is empty"),
        Some(first @ (b'{' | b'[')) => first,
        Some(_) => return Err("the answer is not JSON"),
    };
    // A list of the service's is at the top, or one below an object.
    let level = if *first == b'[' { 1 } else { 2 };
    let (mut commas, mut most) = (0, 0);
    // One bit for each open bracket: set for an object.
    let mut objects: u128 = 0;
    let mut depth = 0;
    let mut at = 0;
    while at < body.len() {
        match body[at] {
            b'"' => match end_of_text(body, at + 1) {
                Some(end) => at = end,
                None => return Err("the answer breaks off"),
            },
            b',' if depth == level => commas += 1,
            opened @ (b'{' | b'[') => {
                if depth == DEEPEST {
                    return Err("the answer is nested too deeply");
                }
                depth += 1;
                if depth == level {
                    commas = 0;
                }
                objects = (objects << 1) | u128::from(opened == b'{');
            }
            closed @ (b'}' | b']') => {
                if (objects & 1 == 1) != (closed == b'}') {
                    return Err("the answer is not JSON");
                }
                if depth == level && closed == b']' {
                    most = most.max(commas + 1);
                }
                objects >>= 1;
                depth -= 1;
                if depth == 0 && at + 1 != body.len() {
                    return Err("something follows the end of the answer");
                }
            }
            _ => {}
        }
        at += 1;
    }
    if depth > 0 { Err("the answer breaks off") } else { Ok(most) }
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
    use super::entries;

    #[test]
    fn json_passes_whatever_its_texts_hold() {
        for body in ["{}", " [] \n", r#"{"a":[{"b":"}]\"\\"}],"c":null}"#, r#"[1,"[",{"":{}}]"#] {
            assert!(entries(body.as_bytes()).is_ok(), "{body}");
        }
    }

    #[test]
    fn the_longest_list_is_counted_and_what_is_below_it_is_not() {
        for (body, count) in [
            ("{}", 0),
            ("[]", 1),
            ("[1,2,[3,4,5,6]]", 3),
            (r#"{"a":1,"b":2,"c":3}"#, 0),
            (r#"{"a":[{"x":[1,2,3,4],"y":",,,,"},{}],"b":{"c":1,"d":2,"e":3}}"#, 2),
            (r#"{"a":[1],"b":[1,2,3],"c":[1,2]}"#, 3),
        ] {
            assert_eq!(entries(body.as_bytes()), Ok(count), "{body}");
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
            assert!(entries(body.as_bytes()).is_err(), "{body:.40}");
        }
    }
}
