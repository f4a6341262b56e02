//! What was asked and what was answered, for tests and for `--log`.

use anyhow::Context;
use anyhow::Result;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

/// One request and its answer. Values of tokens and addresses of invitations are not in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedRequest {
    pub method: String,
    /// As it was sent, still encoded.
    pub path: String,
    pub query: String,
    pub body: Option<Value>,
    pub authorization_ok: bool,
    /// 0 when no answer was sent.
    pub status: u16,
    pub answer: Option<Value>,
    /// Counts connections, from 1.
    pub connection: u64,
    /// The fault that struck, if one did.
    pub fault: Option<String>,
}

/// The latest this many requests are kept in memory.
const KEPT: usize = 100_000;

/// Requests in memory, and in a file if there is one.
#[derive(Debug)]
pub struct Log {
    kept: Mutex<VecDeque<LoggedRequest>>,
    file: Option<Mutex<File>>,
}

impl Log {
    pub fn open(path: Option<&Path>) -> Result<Log> {
        let open = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.with_context(|| format!("failed to open the log `{}`", path.display()))
        };
        let file = path.map(open).transpose()?.map(Mutex::new);
        Ok(Log { kept: Mutex::default(), file })
    }

    pub fn note(&self, mut request: LoggedRequest) {
        for value in [&mut request.body, &mut request.answer].into_iter().flatten() {
            redact(value);
        }
        if let Some(file) = &self.file
            && let Ok(mut line) = serde_json::to_vec(&request)
        {
            line.push(b'\n');
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // A log that cannot be written must not fail a request.
            let _ = file.write_all(&line);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(request);
    }

    pub fn all(&self) -> Vec<LoggedRequest> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }

    pub fn clear(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Fields that hold secrets wherever they stand.
const SECRETS: [&str; 6] =
    ["tokenValue", "acceptInviteUrl", "secret", "access_token", "refresh_token", "subject_token"];

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if SECRETS.contains(&name.as_str()) {
                    *value = Value::from("[secret]");
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(redact),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_do_not_reach_the_log() {
        let mut value = json!({"id": "t-1", "tokenValue": "pul-1", "sent": [{"acceptInviteUrl": "https://x"}]});
        redact(&mut value);
        let wanted = json!({"id": "t-1", "tokenValue": "[secret]", "sent": [{"acceptInviteUrl": "[secret]"}]});
        assert_eq!(value, wanted);
    }
}
