//! Sends a list in parts where the service does not take it whole: how much it takes is written nowhere.

use serde_json::Value;

use crate::apply::send::{Failure, Sender};
use crate::model::{Call, ResourceId};

/// So many single entries are refused before anything was taken: then it is not about their number.
const HOPELESS: usize = 3;

impl Sender<'_> {
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
    let pointer = call.splits.as_deref()?;
    let list = call.body.as_ref()?.pointer(pointer)?.as_array()?;
    let middle = list.len().div_ceil(2);
    if middle >= list.len() {
        return None;
    }
    let part = |range: std::ops::Range<usize>| {
        let mut part = call.clone();
        keep(&mut part, pointer, range);
        part
    };
    Some((part(0..middle), part(middle..list.len())))
}

/// Keeps a range of the list, here and in what may be sent instead.
fn keep(call: &mut Call, pointer: &str, range: std::ops::Range<usize>) {
    if let Some(Value::Array(list)) = call.body.as_mut().and_then(|it| it.pointer_mut(pointer)) {
        *list = list.get(range.clone()).unwrap_or_default().to_vec();
    }
    for other in call.others_mut() {
        keep(other, pointer, range.clone());
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
