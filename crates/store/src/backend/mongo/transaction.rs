//! A batch as one transaction.

use mongodb::{
    ClientSession,
    error::{Error, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
};

use super::{Failure, Mongo};
use crate::{
    StoreError,
    backend::Write,
    store::{ATTEMPTS, back_off},
};

/// Makes all the writes or none; anew, some times, where another transaction was in the way.
pub(super) async fn run(mongo: &Mongo, writes: &[Write]) -> Result<(), StoreError> {
    let mut session = mongo.client.start_session().await.map_err(StoreError::unavailable)?;
    let mut attempt = 0;
    loop {
        match once(mongo, &mut session, writes).await {
            Err(Failure::Driver(error))
                if error.contains_label(TRANSIENT_TRANSACTION_ERROR) && attempt < ATTEMPTS =>
            {
                back_off(attempt).await;
                attempt += 1;
            }
            done => return Ok(done?),
        }
    }
}

async fn once(mongo: &Mongo, session: &mut ClientSession, writes: &[Write]) -> Result<(), Failure> {
    session.start_transaction().await?;
    for write in writes {
        if let Err(failure) = mongo.apply(write, Some(session)).await {
            // The server ends it too, after a minute, should this not reach it.
            let _ended = session.abort_transaction().await;
            return Err(failure);
        }
    }
    Ok(commit(session).await?)
}

/// Commits; a commit whose outcome is unknown is asked for again, which changes nothing if it was made.
async fn commit(session: &mut ClientSession) -> Result<(), Error> {
    let mut attempt = 0;
    loop {
        match session.commit_transaction().await {
            Err(error)
                if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
                    && attempt < ATTEMPTS =>
            {
                back_off(attempt).await;
                attempt += 1;
            }
            done => return done,
        }
    }
}
