//! Fills what a plan could not know: ids from earlier answers, fresh names, moments, and secrets.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::Request;
use crate::apply::Secrets;
use crate::model::{Call, Hole, Instant, ResourceId, Segment};

/// What earlier answers of this run gave, by resource and word.
pub(super) type Kept = BTreeMap<(ResourceId, String), Value>;

/// Values of the manifest that no plan holds, by entry and pointer.
pub type Given = BTreeMap<(ResourceId, String), Value>;

/// What holes are filled with.
pub(super) struct Filling<'a> {
    /// What earlier answers gave.
    pub(super) kept: &'a Kept,
    /// What the manifest gives.
    pub(super) given: &'a Given,
    /// The moment of sending.
    pub(super) now: Instant,
    /// Makes up the end of a fresh name.
    pub(super) nonce: &'a dyn Fn() -> Result<String, String>,
    /// What the environment gave.
    pub(super) secrets: &'a Secrets,
}

/// A call that can be sent.
#[derive(Debug)]
pub(super) struct Filled {
    /// The request.
    pub(super) request: Request,
    /// The names that were made up for it.
    pub(super) names: Vec<String>,
    /// Values in it that nobody shall see, and what is said instead.
    pub(super) private: Vec<(String, String)>,
}

impl Filled {
    /// A text without them, whoever said it.
    pub(super) fn discreet(private: &[(String, String)], text: &str) -> String {
        private.iter().fold(text.to_owned(), |text, (value, instead)| text.replace(value.as_str(), instead))
    }
}

/// Six characters of `a-z2-7` from the system's randomness: two to the thirtieth fresh names.
///
/// # Errors
/// When the system has no randomness to give.
pub fn secure_nonce() -> Result<String, String> {
    let mut bytes = [0_u8; 6];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system gave no random numbers: {error}"))?;
    Ok(bytes.iter().map(|it| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(it % 32)])).collect())
}

/// The call with every hole filled.
///
/// # Errors
/// When something is missing. Then nothing can be sent.
pub(super) fn fill(call: &Call, with: &Filling<'_>) -> Result<Filled, String> {
    let (mut names, mut private) = (Vec::new(), Vec::new());
    let mut path = Vec::with_capacity(call.path.len());
    for segment in &call.path {
        path.push(match segment {
            Segment::Text(text) => text.clone(),
            Segment::Hole(Hole::Environment { .. }) => return Err("a secret is no part of a path".to_owned()),
            Segment::Hole(hole) => as_segment(hole, with.value(hole, &mut names)?)?,
        });
    }
    let mut body = call.body.clone();
    for (pointer, hole) in &call.holes {
        match body.as_mut().and_then(|it| it.pointer_mut(pointer)) {
            Some(place) if place.is_null() => {
                *place = with.value(hole, &mut names)?;
                if let (Hole::Given { .. }, Some(value)) = (hole, place.as_str()) {
                    private.push((value.to_owned(), hole.to_string()));
                }
            }
            _ => return Err(format!("the plan has no place for {hole} at `{pointer}` of the body")),
        }
    }
    let confidential = !call.variables().is_empty();
    let request = Request { method: call.method, path, query: call.query.clone(), body, confidential };
    Ok(Filled { request, names, private })
}

impl Filling<'_> {
    fn value(&self, hole: &Hole, names: &mut Vec<String>) -> Result<Value, String> {
        match hole {
            Hole::Kept { of, what } => {
                let key = (of.clone(), what.clone());
                self.kept.get(&key).cloned().ok_or_else(|| format!("no answer has told the {what} of `{of}`"))
            }
            Hole::FreshName { stem } => {
                let name = format!("{stem}-{}", (self.nonce)()?);
                names.push(name.clone());
                Ok(Value::String(name))
            }
            Hole::After { duration } => match self.now.0.checked_add(duration.seconds) {
                Some(seconds) => Ok(Value::from(seconds)),
                None => Err(format!("{duration} from now is too far away")),
            },
            Hole::Environment { variable } => match self.secrets.get(variable) {
                Some(secret) => Ok(Value::from(secret.expose())),
                None => Err(format!("the environment variable `{variable}` was not looked up")),
            },
            Hole::Given { of, pointer, .. } => {
                let value = self.given.get(&(of.clone(), pointer.clone()));
                let value = value.ok_or_else(|| format!("the manifest does not give {hole}"))?;
                if !value.as_str().is_some_and(|it| hole.is_for(it)) {
                    return Err(format!("the manifest now gives another {hole} than the plan was made with"));
                }
                Ok(value.clone())
            }
        }
    }
}

/// A path segment. An empty one would address the collection instead of the thing.
fn as_segment(hole: &Hole, value: Value) -> Result<String, String> {
    match value {
        Value::String(text) if !text.is_empty() => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            Err(format!("what an answer gave for {hole} cannot be part of a path"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Filling, Kept, fill, secure_nonce};
    use crate::apply::Secrets;
    use crate::model::{Call, Hole, Instant, Method, ResourceId, Secret, Segment};

    fn token() -> ResourceId {
        ResourceId::new("token", "ci")
    }

    fn id_of_token() -> Hole {
        Hole::Kept { of: token(), what: "id".to_owned() }
    }

    fn filled(call: &Call, id: Option<Value>) -> Result<super::Filled, String> {
        let kept: Kept = id.into_iter().map(|it| ((token(), "id".to_owned()), it)).collect();
        let secrets = Secrets::look_up(["KEY"].into_iter(), |_| Some(Secret::new("hush".to_owned()))).unwrap();
        let to = |it: &str| (ResourceId::new("member", "erin"), it.to_owned());
        let given = [(to("/invite"), json!("erin@example.com"))].into();
        let nonce = || Ok("abc234".to_owned());
        fill(call, &Filling { kept: &kept, given: &given, now: Instant(1_000), nonce: &nonce, secrets: &secrets })
    }

    #[test]
    fn holes_in_body_and_path_are_filled() {
        let call =
            Call::new(Method::Post, ["api"].map(crate::model::Segment::from).into_iter().chain([id_of_token().into()]))
                .body(json!({"name": null, "expires": null, "of": {"id": null}}))
                .hole("/name", Hole::FreshName { stem: "ci.1".to_owned() })
                .hole("/expires", Hole::After { duration: "1h".parse().unwrap() })
                .hole("/of/id", id_of_token());
        let filled = filled(&call, Some(json!("tok-1"))).unwrap();
        assert_eq!(filled.request.path, ["api", "tok-1"]);
        assert_eq!(filled.request.body, Some(json!({"name": "ci.1-abc234", "expires": 4_600, "of": {"id": "tok-1"}})));
        assert_eq!(filled.names, ["ci.1-abc234"]);
    }

    #[test]
    fn what_no_answer_has_told_is_named() {
        let call = Call::new(Method::Delete, [id_of_token()]);
        assert_eq!(filled(&call, None).unwrap_err(), "no answer has told the id of `token/ci`");
    }

    #[test]
    fn a_segment_is_a_text_or_a_number_and_never_empty() {
        let call = Call::new(Method::Delete, [id_of_token()]);
        assert_eq!(filled(&call, Some(json!(17))).unwrap().request.path, ["17"]);
        for value in [json!(""), json!(null), json!(["a"]), json!({}), json!(true)] {
            assert!(filled(&call, Some(value)).is_err());
        }
    }

    #[test]
    fn a_hole_fills_only_a_null_that_is_there() {
        let call = |body: Value| Call::new(Method::Post, ["api"]).body(body).hole("/id", id_of_token());
        assert!(filled(&call(json!({"id": "taken"})), Some(json!("tok-1"))).is_err());
        assert!(filled(&call(json!({})), Some(json!("tok-1"))).is_err());
    }

    #[test]
    fn a_secret_goes_into_a_body_and_nowhere_else() {
        let secret = |variable: &str| Hole::Environment { variable: variable.to_owned() };
        let call = |variable| Call::new(Method::Post, ["api"]).body(json!({"s": null})).hole("/s", secret(variable));
        let told = filled(&call("KEY"), None).unwrap();
        assert_eq!((&told.request.body, told.request.confidential), (&Some(json!({"s": "hush"})), true));
        assert!(!format!("{told:?}").contains("hush"));
        assert!(filled(&call("OTHER"), None).unwrap_err().contains("`OTHER`"));
        assert!(filled(&Call::new(Method::Post, [Segment::Hole(secret("KEY"))]), None).is_err());
    }

    #[test]
    fn a_value_of_the_manifest_is_the_one_that_was_planned_with() {
        let hole = |value: &str| Hole::given(ResourceId::new("member", "erin"), "/invite", value);
        let call = |value: &str| Call::new(Method::Post, ["api"]).body(json!({"it": null})).hole("/it", hole(value));
        let sent = filled(&call("erin@example.com"), None).unwrap();
        assert_eq!(sent.request.body, Some(json!({"it": "erin@example.com"})));
        let text = super::Filled::discreet(&sent.private, "erin@example.com is taken");
        assert_eq!(text, "<invite of member/erin> is taken");
        let problem = filled(&call("else@example.com"), None).unwrap_err();
        assert_eq!(problem, "the manifest now gives another <invite of member/erin> than the plan was made with");
        assert!(!serde_json::to_string(&call("erin@example.com")).unwrap().contains("example.com"));
    }

    #[test]
    fn nonces_are_six_of_base_32() {
        for _ in 0..100 {
            let nonce = secure_nonce().unwrap();
            assert!(nonce.len() == 6 && nonce.chars().all(|it| matches!(it, 'a'..='z' | '2'..='7')), "{nonce}");
        }
    }
}
