//! Lets a session write behind its back: rows are encoded while the server takes in those before. It must not know how rows are
//! encoded or sent.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::session::{CopyData, Session};
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::store::ClosedUnit;
use crate::store::tally::Account;

/// Orders that wait, beside the one that is carried out. A statement's data is some 4 MiB.
const WAITING: usize = 1;

/// What a session is to do, in this order.
pub enum Order {
    /// Write rows of a unit.
    Write(u32, CopyData),
    /// Take back what was written of the open unit.
    Discard,
    /// Commit the open unit and those without rows.
    Commit(Vec<(ClosedUnit, Account)>),
}

/// A session at work. Dropping it rolls back what is not committed.
pub struct Queue {
    orders: mpsc::Sender<Order>,
    work: JoinSet<Result<()>>,
}

impl Queue {
    /// Connects.
    pub async fn connect(shared: Arc<Shared>) -> Result<Self> {
        let session = Session::connect(shared.clone()).await?;
        let (orders, waiting) = mpsc::channel(WAITING);
        let mut work = JoinSet::new();
        work.spawn(carry_out(shared, session, waiting));
        Ok(Self { orders, work })
    }

    /// Hands an order on, as soon as there is room for it. Gives the error that an earlier one ended with.
    pub async fn put(&mut self, order: Order) -> Result<()> {
        match self.orders.send(order).await {
            Ok(()) => Ok(()),
            Err(_) => {
                Err(outcome(&mut self.work).await.err().unwrap_or_else(|| Error::internal("a session ended before its work")))
            }
        }
    }

    /// Waits until every order is carried out.
    pub async fn end(self) -> Result<()> {
        let Self { orders, mut work } = self;
        drop(orders);
        outcome(&mut work).await
    }
}

async fn outcome(work: &mut JoinSet<Result<()>>) -> Result<()> {
    match work.join_next().await {
        Some(Ok(outcome)) => outcome,
        _ => Err(Error::internal("a session's task is gone")),
    }
}

async fn carry_out(shared: Arc<Shared>, mut session: Session, mut orders: mpsc::Receiver<Order>) -> Result<()> {
    while let Some(order) = orders.recv().await {
        match order {
            Order::Write(unit, copy) => session.send(unit, copy).await?,
            Order::Discard => session.discard(),
            Order::Commit(closed) => {
                session.commit(&closed).await?;
                closed.iter().for_each(|(closed, account)| shared.context.committed(closed, account.variants, account.calls));
            }
        }
    }
    Ok(())
}
