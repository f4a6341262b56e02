//! Sends a list in parts where the service does not take it whole: how much it takes is written nowhere.

use serde_json::Value;

use crate::apply::send::{Failure, Sender};
use crate::model::{Call, ResourceId};

/// So many single entries are refused before anything was taken: then it is not about their number.
const HOPELESS: usize = 3;

impl Sender<'_> {
    /// Sends a call that was refused with all of its list again without, and the list behind it. The refusal
    /// says that nothing was made, so that this makes nothing twice.
    pub(super) async fn apart(
        &self,
        id: &ResourceId,
        call: &Call,
        rest: &Call,
        whole: Failure,
    ) -> Result<Vec<String>, Failure> {
        let Some((pointer, list)) = listed(call) else { return Err(whole) };
        let (mut bare, mut rest) = (Call { apart: None, ..call.clone() }, rest.clone());
        put(&mut bare, pointer, &[]);
        put(&mut rest, pointer, list);
        if *self.stop.borrow() {
            return Err(whole);
        }
        let mut said = match self.whole(id, &bare).await {
            Ok(said) => said,
            // It was not about the list, and the first answer is about what was asked for.
            Err(failure) if failure.is_about_size() => return Err(whole),
            Err(failure) => return Err(failure),
        };
        if *self.stop.borrow() {
            return Err(Failure::unsent(format!("cancelled after it was made, without its {} entries", list.len())));
        }
        match Box::pin(self.call(id, &rest)).await {
            Ok(more) => said.extend(more),
            Err(failure) => {
                let message =
                    format!("it was made, but not with all of its {} entries: {}", list.len(), failure.message);
                return Err(Failure { message, ..failure });
            }
        }
        Ok(said)
    }

    /// Sends both halves of a call that was refused as a whole, and halves of what is refused again, down to
    /// single entries. What was taken is not sent again; what is refused by itself is named in the end.
    pub(super) async fn in_halves(&self, id: &ResourceId, call: &Call, whole: Failure) -> Result<Vec<String>, Failure> {
        let Some((first, second)) = halves(call) else { return Err(whole) };
        let mut waiting = vec![second, first];
        let (mut taken, mut said, mut refused) = (false, Vec::new(), Vec::<Failure>::new());
        while let Some(part) = waiting.pop() {
            if *self.stop.borrow() {
                return Err(Failure::unsent("cancelled while its parts were being sent"));
            }
            match Box::pin(self.whole(id, &part)).await {
                Ok(remarks) => {
                    taken = true;
                    said.extend(remarks);
                }
                Err(failure) if failure.is_about_size() => match halves(&part) {
                    Some((first, second)) => waiting.extend([second, first]),
                    None => refused.push(failure),
                },
                Err(failure) => return Err(failure),
            }
            if refused.len() == HOPELESS && !taken {
                return Err(whole);
            }
        }
        let count = refused.len();
        match refused.into_iter().next() {
            None => Ok(said),
            Some(first) if count == 1 => {
                Err(Failure { message: format!("all but one entry were taken: {}", first.message), ..first })
            }
            Some(first) => {
                let message = format!("all but {count} entries were taken; the first of them: {}", first.message);
                Err(Failure { message, ..first })
            }
        }
    }
}

/// The call with the first and with the second half of its list; nothing where there is no half.
fn halves(call: &Call) -> Option<(Call, Call)> {
    let (pointer, list) = listed(call)?;
    let middle = list.len().div_ceil(2);
    if middle >= list.len() {
        return None;
    }
    let part = |range: std::ops::Range<usize>| {
        let mut part = call.clone();
        put(&mut part, pointer, list.get(range).unwrap_or_default());
        part
    };
    Some((part(0..middle), part(middle..list.len())))
}

/// The list of a call that may be sent in parts, and where it stands.
fn listed(call: &Call) -> Option<(&str, &[Value])> {
    let pointer = call.splits.as_deref()?;
    Some((pointer, call.body.as_ref()?.pointer(pointer)?.as_array()?))
}

/// Puts a list in the place of the one there, here and in what may be sent instead.
fn put(call: &mut Call, pointer: &str, list: &[Value]) {
    if let Some(Value::Array(place)) = call.body.as_mut().and_then(|it| it.pointer_mut(pointer)) {
        *place = list.to_vec();
    }
    for other in call.others_mut() {
        put(other, pointer, list);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::halves;
    use crate::model::{Call, Method};

    #[test]
    fn halves_hold_every_entry_once_on_both_routes() {
        let call = |list: &[u8]| {
            let bare = || Call::new(Method::Post, ["items"]).body(json!({"items": list})).splits("/items");
            bare().otherwise(bare())
        };
        let (first, second) = halves(&call(&[1, 2, 3])).unwrap();
        assert_eq!((first, second), (call(&[1, 2]), call(&[3])));
        assert!(halves(&call(&[1])).is_none() && halves(&call(&[])).is_none());
        assert!(halves(&Call::new(Method::Post, ["items"]).body(json!({"items": [1, 2]}))).is_none());
    }
}
