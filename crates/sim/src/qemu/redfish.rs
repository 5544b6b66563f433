//! The Redfish service of a guest's controller.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ironhand_ipmi::{BmcEvent, ChassisControl};
use ironhand_redfish::bmc::{Flavour, Service, ServiceReply, ServiceRequest, StreamId};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::controller::{Controller, fill_random};
use crate::redfish::{Board, Front, moment};

/// Redfish connections that are served at a time.
pub(super) const MAX_CLIENTS: usize = 64;

/// Guests have no serial number unless QEMU is told one.
pub(super) const SERIAL: &str = "QEMU";

pub(super) struct Redfish {
    name: String,
    controller: Arc<Controller>,
    orders: mpsc::Sender<ChassisControl>,
    service: Mutex<Service>,
}

impl Redfish {
    pub(super) fn new(
        name: String,
        controller: Arc<Controller>,
        orders: mpsc::Sender<ChassisControl>,
    ) -> Self {
        let service = Mutex::new(Service::new(Flavour::GENERIC, Box::new(fill_random)));
        Self { name, controller, orders, service }
    }

    /// Tells event streams when power comes or goes, until `stop`.
    pub(super) async fn follow(self: Arc<Self>, mut power: watch::Receiver<bool>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = power.changed() => if changed.is_err() { return },
            }
            let on = *power.borrow_and_update();
            let mut service = self.service();
            service.power_changed(moment(), on);
            if on {
                service.booted();
            }
        }
    }

    fn service(&self) -> MutexGuard<'_, Service> {
        // What a task that panicked has left of it is whole.
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Front for Redfish {
    fn answer(&self, _: SocketAddr, request: ServiceRequest) -> Option<ServiceReply> {
        let now = moment();
        let mut service = self.service();
        let (reply, events) = self.controller.act(|bmc| {
            let mut board = Board { bmc, now: now.at, name: &self.name, serial: SERIAL, screen: None };
            service.answer(now, &request, &mut board)
        });
        drop(service);
        for control in events.iter().filter_map(BmcEvent::control) {
            super::order(&self.orders, control);
        }
        Some(reply)
    }

    fn next_event(&self, _: SocketAddr, stream: StreamId) -> Option<String> {
        self.service().next_event(stream)
    }

    fn end_stream(&self, _: SocketAddr, stream: StreamId) {
        self.service().end_stream(stream);
    }
}
