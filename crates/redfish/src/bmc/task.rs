//! What takes a while: tasks and their monitors (TaskService), and firmware updates, which are such (UpdateService).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::exchange::ServiceReply;
use super::message::Refusal;
use super::odata::{collection, date, link};
use super::route::{Privilege, Route};
use super::{Call, Outcome, Service};

const TASKS: &str = "/redfish/v1/TaskService/Tasks";
const INVENTORY: &str = "/redfish/v1/UpdateService/FirmwareInventory";

pub(super) const ROUTES: &[Route] = &[
    Route::new("TaskService", service),
    Route::new("TaskService/Tasks", list),
    Route::new("TaskService/Tasks/*", show),
    Route::new("TaskService/TaskMonitors/*", monitor),
    Route::new("UpdateService", update_service),
    Route::new("UpdateService/FirmwareInventory", inventory),
    Route::new("UpdateService/FirmwareInventory/*", firmware),
    Route::action("UpdateService/Actions/UpdateService.SimpleUpdate", Privilege::ConfigureManager, update),
];

/// Tasks that are remembered; older ones are forgotten.
const MOST: usize = 16;

/// How long a task takes.
const LASTS: Duration = Duration::from_secs(5);

/// Something that takes a while.
#[derive(Debug)]
pub(super) struct Task {
    id: u64,
    ends: Instant,
    /// Seconds since 1970.
    started: u64,
}

fn service(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    Ok(ServiceReply::resource(json!({
        "@odata.id": "/redfish/v1/TaskService",
        "@odata.type": "#TaskService.v1_2_1.TaskService",
        "Id": "TaskService",
        "Name": "Task Service",
        "ServiceEnabled": true,
        "DateTime": date(call.now.unix),
        "CompletedTaskOverWritePolicy": "Oldest",
        "Status": { "State": "Enabled", "Health": "OK" },
        "Tasks": link(TASKS),
    })))
}

fn list(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let members: Vec<Value> = service.tasks.iter().map(|task| link(format!("{TASKS}/{}", task.id))).collect();
    collection(call, "TaskCollection", "Tasks", &members)
}

fn find<'s>(service: &'s Service, call: &Call<'_>) -> Result<&'s Task, Refusal> {
    let found = service.tasks.iter().find(|task| task.id.to_string() == call.id());
    found.ok_or_else(|| Refusal::missing(call.path))
}

fn resource(task: &Task, now: Instant) -> Value {
    let over = task.ends <= now;
    let left = task.ends.saturating_duration_since(now).as_secs_f64() / LASTS.as_secs_f64();
    let mut shown = json!({
        "@odata.id": format!("{TASKS}/{}", task.id),
        "@odata.type": "#Task.v1_7_4.Task",
        "Id": task.id.to_string(),
        "Name": format!("Task {}", task.id),
        "TaskState": if over { "Completed" } else { "Running" },
        "TaskStatus": "OK",
        "PercentComplete": ((1.0 - left) * 100.0) as u8,
        "StartTime": date(task.started),
        "TaskMonitor": format!("/redfish/v1/TaskService/TaskMonitors/{}", task.id),
        "Messages": [],
    });
    if over {
        shown["EndTime"] = date(task.started + LASTS.as_secs()).into();
    }
    shown
}

fn show(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    Ok(ServiceReply::resource(resource(find(service, call)?, call.now.at)))
}

/// While a task runs its monitor says so; afterwards it gives what the request would have given (DSP0266 section 7.10).
fn monitor(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let task = find(service, call)?;
    if task.ends <= call.now.at { Ok(ServiceReply::empty(204)) } else { Ok(accepted(task, call.now.at)) }
}

fn accepted(task: &Task, now: Instant) -> ServiceReply {
    let reply = ServiceReply { status: 202, ..ServiceReply::resource(resource(task, now)) };
    reply
        .with("Location", format!("/redfish/v1/TaskService/TaskMonitors/{}", task.id))
        .with("Retry-After", "1")
}

fn update_service(_: &mut Service, _: &mut Call<'_>) -> Outcome {
    const PATH: &str = "/redfish/v1/UpdateService";
    Ok(ServiceReply::resource(json!({
        "@odata.id": PATH,
        "@odata.type": "#UpdateService.v1_14_0.UpdateService",
        "Id": "UpdateService",
        "Name": "Update Service",
        "ServiceEnabled": true,
        "Status": { "State": "Enabled", "Health": "OK" },
        "FirmwareInventory": link(INVENTORY),
        "Actions": {
            "#UpdateService.SimpleUpdate": {
                "target": format!("{PATH}/Actions/UpdateService.SimpleUpdate"),
                "TransferProtocol@Redfish.AllowableValues": ["HTTP", "HTTPS"],
            },
        },
    })))
}

fn inventory(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    let members = ["BMC", "BIOS"].map(|id| link(format!("{INVENTORY}/{id}")));
    collection(call, "SoftwareInventoryCollection", "Firmware Inventory", &members)
}

fn firmware(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let (name, version) = match call.id() {
        "BMC" => (service.flavour.controller, service.flavour.firmware),
        "BIOS" => ("System Firmware", service.flavour.bios),
        _ => return Err(Refusal::missing(call.path)),
    };
    Ok(ServiceReply::resource(json!({
        "@odata.id": call.path,
        "@odata.type": "#SoftwareInventory.v1_11_0.SoftwareInventory",
        "Id": call.id(),
        "Name": name,
        "Version": version,
        "Updateable": true,
        "Status": { "State": "Enabled", "Health": "OK" },
    })))
}

/// The image is not fetched: only the task is there.
fn update(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    if call.body["ImageURI"].as_str().is_none() {
        return Err(Refusal::parameter_missing("UpdateService.SimpleUpdate", "ImageURI"));
    }
    if service.tasks.len() >= MOST {
        service.tasks.remove(0);
    }
    service.tasks_counted += 1;
    let task = Task { id: service.tasks_counted, ends: call.now.at + LASTS, started: call.now.unix };
    let reply = accepted(&task, call.now.at);
    service.tasks.push(task);
    Ok(reply)
}
