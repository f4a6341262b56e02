//! Reads what a step is about to take away once more, immediately before: what has changed by then stays.

use serde_json::Value;

use crate::api::ApiError;
use crate::apply::send::{Failure, Sender, Sign};
use crate::model::{Guard, Read};

impl Sender<'_> {
    /// Whether a step may begin. What is gone already is left to the step itself.
    pub(super) async fn guard(&self, guard: &Guard) -> Result<(), Failure> {
        let mut read = Read::whole("guard", &guard.path).paged();
        read.query.clone_from(&guard.query);
        let mut broken = Vec::new();
        let reads = self.client.reads();
        let pages = reads.pages(&read, |page| {
            let page: Value = serde_json::from_slice(page).map_err(|error| error.to_string())?;
            for condition in &guard.holds {
                broken.extend(condition.broken(&page)?);
            }
            Ok(())
        });
        match pages.await {
            Ok(_) if broken.is_empty() => Ok(()),
            Ok(_) => Err(moved(&broken)),
            Err(error) if error.status() == Some(404) => Ok(()),
            Err(error) => Err(unread(&error)),
        }
    }
}

fn moved(broken: &[String]) -> Failure {
    let message = format!("read once more, it is not what this plan was made with: {}; plan again", broken.join("; "));
    Failure { message, uncertain: false, sign: Sign::Answering, status: None }
}

fn unread(error: &ApiError) -> Failure {
    let message = format!("whether it is still what this plan was made with could not be read: {error}");
    Failure { message, uncertain: false, sign: Sign::Answering, status: None }
}
