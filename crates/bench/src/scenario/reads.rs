//! Reads of one page.

use anyhow::Result;
use bson::oid::ObjectId;

use super::compare::{Plan, With, read};
use crate::lab::Lab;
use crate::original::{self, Original};
use crate::report::Outcome;
use crate::seed;
use crate::work::Read;

/// More tickets than fit on a page.
const TICKETS: usize = 100;

/// The wanted share of a bare handler's rate.
const SHARE: f64 = 0.8;

pub(super) async fn current_user(lab: &Lab) -> Result<Outcome> {
    let page = Read {
        address: lab.address("auth"),
        path: "/api/users/currentuser".to_owned(),
        cookie: Some(lab.shopper().cookie),
    };
    let plan = plan("GET /api/users/currentuser", original::CURRENT_USER);
    Ok(read(lab, page, plan).await?.into())
}

pub(super) async fn list(lab: &Lab) -> Result<Outcome> {
    seed::tickets(lab, TICKETS, ObjectId::new()).await?;
    let cached = plan("GET /api/tickets, a page of 20", original::LIST);
    both(lab, list_page(lab), cached).await
}

pub(super) async fn show(lab: &Lab) -> Result<Outcome> {
    let ticket = seed::tickets(lab, 1, ObjectId::new()).await?[0];
    let page = Read {
        address: lab.address("tickets"),
        path: format!("/api/tickets/{ticket}"),
        cookie: None,
    };
    let cached = plan("GET /api/tickets/{id}", Original::default());
    both(lab, page, cached).await
}

/// Reads from the cache, and reads by a shopper who just wrote, which go to the database.
async fn both(lab: &Lab, page: Read, cached: Plan) -> Result<Outcome> {
    let of_writer = Read {
        cookie: Some(lab.shopper().just_wrote()),
        ..page.clone()
    };
    let writer = Plan {
        what: "– after a write",
        target: None,
        ..cached
    };
    let outcome = Outcome::from(read(lab, page, cached).await?);
    Ok(outcome.and(read(lab, of_writer, writer).await?))
}

/// The shop calls the API through the gateway. The gateway runs in the load generator's process, so its CPU time is not
/// counted.
pub(super) async fn home(lab: &Lab) -> Result<Outcome> {
    seed::tickets(lab, TICKETS, ObjectId::new()).await?;
    let page = Read {
        address: lab.address("client"),
        path: "/".to_owned(),
        cookie: None,
    };
    let plan = Plan {
        rate: 100.0,
        target: None,
        ..plan("GET /, rendered with 20 tickets", Original::default())
    };
    Ok(read(lab, page, plan).await?.into())
}

/// The first page of tickets for sale.
pub(super) fn list_page(lab: &Lab) -> Read {
    Read {
        address: lab.address("tickets"),
        path: "/api/tickets?limit=20".to_owned(),
        cookie: None,
    }
}

const fn plan(what: &'static str, original: Original) -> Plan {
    Plan {
        what,
        rate: 500.0,
        with: With::Handler,
        target: Some(SHARE),
        original,
    }
}
