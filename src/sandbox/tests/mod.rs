//! Quirks of the service, asked over real HTTP as any client would.

mod contract;
mod extras;
mod faults;
mod members;
mod required;
mod roles;
mod services;
mod teams;
mod tokens;
mod transport;

use crate::sandbox::Config;
use crate::sandbox::Running;
use crate::sandbox::start;
use serde_json::Value;

/// 2026-08-21T10:00:00Z.
pub const NOW: i64 = 1_787_306_400;

/// A server and a plain client.
pub struct World {
    pub server: Running,
    pub client: reqwest::Client,
    token: String,
}

/// The demo organization.
pub async fn demo() -> World {
    world(Config::default()).await
}

pub async fn world(config: Config) -> World {
    let server = start(Config { now: Some(NOW), ..config }).await.expect("a server");
    World { server, client: client(), token: "pul-sandbox".to_owned() }
}

pub fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.build().expect("a client")
}

impl World {
    /// Acts with another token from here on.
    pub fn act_as(&mut self, token: &str) {
        self.token = token.to_owned();
    }

    /// Sends a request to a path below `/api`; an answer without a body is null, plain text a string.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.try_call(method, path, body).await.expect("an answer")
    }

    pub async fn try_call(&self, method: &str, path: &str, body: Option<Value>) -> reqwest::Result<(u16, Value)> {
        let method = method.parse().expect("a method");
        let mut request = self
            .client
            .request(method, format!("{}/api{path}", self.server.url()))
            .header("authorization", format!("token {}", self.token))
            .header("accept", "application/vnd.pulumi+8")
            .header("content-type", "application/json");
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let value = match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(_) if text.is_empty() => Value::Null,
            Err(_) => Value::String(text),
        };
        Ok((status, value))
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    pub async fn status(&self, method: &str, path: &str, body: Value) -> u16 {
        let body = Some(body).filter(|it| !it.is_null());
        self.call(method, path, body).await.0
    }

    /// Sends a request and compares the status and the message.
    pub async fn refused(&self, method: &str, path: &str, body: Value, status: u16, message: &str) {
        let body = Some(body).filter(|it| !it.is_null());
        let (found, answer) = self.call(method, path, body).await;
        assert_eq!(found, status, "{method} {path}: {answer}");
        assert_eq!(answer["code"], status, "{method} {path}: {answer}");
        let text = answer["message"].as_str().unwrap_or_default();
        assert!(text.contains(message), "{method} {path}: {text}");
    }
}

/// The names in a list of an answer.
pub fn names(answer: &Value, list: &str, name: &str) -> Vec<String> {
    let list = answer[list].as_array().cloned().unwrap_or_default();
    let pointer = format!("/{}", name.replace('.', "/"));
    list.iter().map(|it| it.pointer(&pointer).and_then(Value::as_str).unwrap_or("?").to_owned()).collect()
}
