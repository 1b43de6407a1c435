//! Pages that are asked for again and again.

use anyhow::Result;
use bson::oid::ObjectId;

use super::compare::{Plan, With, read};
use crate::lab::Lab;
use crate::original::{self, Original};
use crate::report::Outcome;
use crate::seed;
use crate::work::Read;

/// More tickets than a page shows.
const TICKETS: usize = 100;

/// How much of a bare handler's throughput there should be.
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
    let anybody = plan("GET /api/tickets, a page of 20", original::LIST);
    both(lab, list_page(lab), anybody).await
}

pub(super) async fn show(lab: &Lab) -> Result<Outcome> {
    let ticket = seed::tickets(lab, 1, ObjectId::new()).await?[0];
    let page = Read {
        address: lab.address("tickets"),
        path: format!("/api/tickets/{ticket}"),
        cookie: None,
    };
    let anybody = plan("GET /api/tickets/{id}", Original::default());
    both(lab, page, anybody).await
}

/// What anybody is given from memory, and what somebody is who just wrote, for whom the database is asked.
async fn both(lab: &Lab, page: Read, anybody: Plan) -> Result<Outcome> {
    let of_writer = Read {
        cookie: Some(lab.shopper().just_wrote()),
        ..page.clone()
    };
    let writer = Plan {
        what: "– by who just wrote",
        target: None,
        ..anybody
    };
    let given = Outcome::from(read(lab, page, anybody).await?);
    Ok(given.and(read(lab, of_writer, writer).await?))
}

/// The shop asks the API by the gateway, which runs in the process of the load: its time is not counted.
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

/// The first page of what is for sale.
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
