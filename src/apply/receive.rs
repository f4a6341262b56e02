//! What an answer gives: ids for later calls, and secrets, which go to their sinks or are taken back.

use std::sync::Arc;

use serde_json::Value;
use zeroize::Zeroize;

use crate::api::Answer;
use crate::apply::send::{Failure, Sender, Sign};
use crate::model::{Call, Into, ResourceId, Secret};

/// How often revoking is tried when its answer is lost.
const UNDO_ATTEMPTS: usize = 3;

impl Sender<'_> {
    /// Takes out of an answer what was asked for: first what takes it back, then the secrets.
    pub(super) async fn receive(
        &self,
        id: &ResourceId,
        call: &Call,
        answer: Answer,
        names: &[String],
    ) -> Result<Vec<String>, Failure> {
        let mut remarks: Vec<String> = names.iter().map(|it| format!("as {it}")).collect();
        if call.captures.is_empty() && call.proof.is_none() {
            return Ok(remarks);
        }
        let mut body = answer.value().unwrap_or(Value::Null);
        drop(answer);
        if call.proof.as_ref().is_some_and(|it| body.pointer(it).is_none_or(Value::is_null)) {
            wipe(&mut body);
            let message = "the service answered that it was not done, and not why".to_owned();
            return Err(Failure { message, uncertain: false, sign: Sign::Answering, status: None });
        }
        let mut called: Vec<String> = names.to_vec();
        let mut values = Vec::new();
        let mut other = None;
        for capture in &call.captures {
            match &capture.into {
                Into::Keep(word) => {
                    if let Some(value) = body.pointer(&capture.pointer).filter(|it| !it.is_null()) {
                        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        called.push(format!("{word} {text}"));
                        self.kept.borrow_mut().insert((id.clone(), word.clone()), value.clone());
                    }
                }
                Into::Sink(address) => values.push((address, take_secret(&mut body, &capture.pointer))),
                Into::Same(wanted) => {
                    let found = body.pointer(&capture.pointer).and_then(Value::as_str);
                    other = found.filter(|it| it != wanted).map(|it| (wanted, it.to_owned()));
                }
            }
        }
        wipe(&mut body);
        if let Some((wanted, found)) = other {
            let message = format!(
                "it was made, and the service calls it `{found}`, not `{wanted}`: write that name in the manifest"
            );
            return Err(Failure { message, uncertain: false, sign: Sign::Answering, status: None });
        }
        for (address, value) in values {
            let delivered = match value {
                Some(secret) => self.deliver(address, secret).await,
                None => Err("the answer holds no value".to_owned()),
            };
            match delivered {
                Ok(()) => remarks.push(format!("value in {address}")),
                Err(problem) => return Err(self.take_back(id, call, &called, address, &problem).await),
            }
        }
        Ok(remarks)
    }

    /// Hands a secret to its sink, away from the task that waits for other answers.
    async fn deliver(&self, address: &str, secret: Secret) -> Result<(), String> {
        let (sinks, address) = (Arc::clone(&self.sinks), address.to_owned());
        let delivering = tokio::task::spawn_blocking(move || sinks.deliver(&address, &secret));
        delivering.await.unwrap_or_else(|_| Err("the delivery broke off".to_owned()))
    }

    /// A secret that nobody has is revoked at once, also when the run is being stopped.
    async fn take_back(
        &self,
        id: &ResourceId,
        call: &Call,
        called: &[String],
        address: &str,
        problem: &str,
    ) -> Failure {
        let called = if called.is_empty() { id.to_string() } else { called.join(", ") };
        let made = format!("`{called}` was made, but its value did not reach `{address}`: {problem}");
        let undone = match &call.undo {
            Some(undo) => self.insist(id, undo).await,
            None => Err("the plan does not say how".to_owned()),
        };
        match undone {
            Ok(()) => Failure {
                message: format!("{made}; it was revoked"),
                uncertain: false,
                sign: Sign::Answering,
                status: None,
            },
            Err(why) => Failure {
                message: format!("{made}; it could not be revoked, so revoke it by hand: {why}"),
                uncertain: true,
                sign: Sign::Answering,
                status: None,
            },
        }
    }

    /// Revoking by id can be asked for twice: what is gone stays gone, and no other takes its id.
    async fn insist(&self, id: &ResourceId, undo: &Call) -> Result<(), String> {
        let mut attempts = 1;
        loop {
            match Box::pin(self.call(id, undo)).await {
                Ok(_) => return Ok(()),
                Err(failure) if failure.uncertain && attempts < UNDO_ATTEMPTS => attempts += 1,
                Err(failure) => return Err(failure.message),
            }
        }
    }
}

/// Moves a text out of an answer, so that no copy of it stays there.
fn take_secret(body: &mut Value, pointer: &str) -> Option<Secret> {
    match body.pointer_mut(pointer).map(Value::take) {
        Some(Value::String(text)) => Some(Secret::new(text)),
        Some(mut other) => {
            wipe(&mut other);
            None
        }
        None => None,
    }
}

/// Overwrites every text of an answer that held a secret.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
