//! Both clients of one service: over the same connections, through the same queue.

use std::fmt;
use std::sync::Arc;

use crate::api::auth::Connection;
use crate::api::options::Options;
use crate::api::read::ReadClient;
use crate::api::wire::Wire;
use crate::api::write::WriteClient;

/// Whoever has this may read and write. Whoever is to read only is given a [`ReadClient`], of which
/// nobody makes a client that writes:
///
/// ```
/// fn apply(clients: &bylaws::api::Clients) -> bylaws::api::WriteClient {
///     clients.write_client()
/// }
/// ```
///
/// ```compile_fail,E0599
/// fn plan(reads: &bylaws::api::ReadClient) -> bylaws::api::WriteClient {
///     reads.write_client()
/// }
/// ```
///
/// ```compile_fail,E0624
/// fn plan(reads: &bylaws::api::ReadClient) -> bylaws::api::WriteClient {
///     bylaws::api::WriteClient::over(reads)
/// }
/// ```
#[derive(Clone)]
pub struct Clients {
    wire: Arc<Wire>,
}

impl Clients {
    /// Clients of this service. Opens no connection yet.
    ///
    /// # Errors
    /// When the extra certificates cannot be read.
    pub fn new(connection: Connection, options: Options) -> anyhow::Result<Self> {
        Ok(Self { wire: Arc::new(Wire::new(connection, options)?) })
    }

    /// The one that reads, and can do nothing else.
    pub fn read_client(&self) -> ReadClient {
        ReadClient::over(&self.wire)
    }

    /// The one that writes.
    pub fn write_client(&self) -> WriteClient {
        WriteClient::over(&self.wire)
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("backend", &self.wire.backend.as_str()).finish_non_exhaustive()
    }
}
