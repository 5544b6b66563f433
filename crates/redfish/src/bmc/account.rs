//! Accounts and roles (AccountService, ManagerAccount).

use serde_json::{Value, json};

use super::change::{Changes, changed};
use super::exchange::ServiceReply;
use super::login::Who;
use super::machine::{Account, AccountChange, AccountFault, Role};
use super::message::Refusal;
use super::odata::{collection, link};
use super::route::{Privilege, Route};
use super::{Call, Outcome, Service};

const ACCOUNTS: &str = "/redfish/v1/AccountService/Accounts";
const ROLES: &str = "/redfish/v1/AccountService/Roles";

pub(super) const ROUTES: &[Route] = &[
    Route::new("AccountService", service),
    Route::new("AccountService/Accounts", list).post(Privilege::ConfigureUsers, create),
    Route::new("AccountService/Accounts/*", show)
        .patch(Privilege::Login, change)
        .delete(Privilege::ConfigureUsers, delete),
    Route::new("AccountService/Roles", roles),
    Route::new("AccountService/Roles/*", role),
];

/// The path of an account.
pub(super) fn path(account: u8) -> String {
    format!("{ACCOUNTS}/{account}")
}

fn service(service: &mut Service, _: &mut Call<'_>) -> Outcome {
    let (threshold, duration) = service.lockout_terms();
    let (shortest, longest) = service.flavour.password;
    Ok(ServiceReply::resource(json!({
        "@odata.id": "/redfish/v1/AccountService",
        "@odata.type": "#AccountService.v1_15_1.AccountService",
        "Id": "AccountService",
        "Name": "Account Service",
        "ServiceEnabled": true,
        "Status": { "State": "Enabled", "Health": "OK" },
        "MinPasswordLength": shortest,
        "MaxPasswordLength": longest,
        "AccountLockoutThreshold": threshold,
        "AccountLockoutDuration": duration.as_secs(),
        "AccountLockoutCounterResetAfter": duration.as_secs(),
        "Accounts": link(ACCOUNTS),
        "Roles": link(ROLES),
    })))
}

fn list(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    let members: Vec<Value> = call.machine.accounts().iter().map(|account| link(path(account.id))).collect();
    collection(call, "ManagerAccountCollection", "Accounts", &members)
}

fn resource(service: &Service, account: &Account) -> Value {
    json!({
        "@odata.id": path(account.id),
        "@odata.type": "#ManagerAccount.v1_12_1.ManagerAccount",
        "Id": account.id.to_string(),
        "Name": "User Account",
        "UserName": account.name,
        "Password": null,
        "RoleId": account.role.as_str(),
        "Enabled": account.enabled,
        "Locked": false,
        "AccountTypes": ["Redfish"],
        "PasswordChangeRequired": service.must_change.contains(&account.id),
        "Links": { "Role": link(format!("{ROLES}/{}", account.role.as_str())) },
    })
}

fn find(call: &mut Call<'_>) -> Result<Account, Refusal> {
    let accounts = call.machine.accounts();
    let found = accounts.into_iter().find(|account| account.id.to_string() == call.id());
    found.ok_or_else(|| Refusal::missing(call.path))
}

/// Who may configure users sees all accounts; others see their own.
fn seen(call: &mut Call<'_>) -> Result<(Account, bool), Refusal> {
    let account = find(call)?;
    match &call.who {
        Who::User(who) if who.role == Role::Administrator => Ok((account, true)),
        Who::User(who) if who.id == account.id => Ok((account, false)),
        Who::User(_) | Who::Nobody => Err(Refusal::privilege()),
    }
}

fn show(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let (account, _) = seen(call)?;
    Ok(ServiceReply::resource(resource(service, &account)))
}

/// Refuses a password that is too short or too long.
fn check_password(service: &Service, password: &str) -> Result<(), Refusal> {
    let (shortest, longest) = service.flavour.password;
    if (shortest..=longest).contains(&password.len()) {
        return Ok(());
    }
    let text = format!("A password has {shortest} to {longest} characters.");
    Err(Refusal::new(400, "PropertyValueFormatError", text).with_arg("******").with_arg("Password"))
}

fn refused(fault: AccountFault) -> Refusal {
    match fault {
        AccountFault::Taken => Refusal::new(400, "ResourceAlreadyExists", "Another account has this name."),
        AccountFault::Full => {
            Refusal::new(400, "CreateLimitReachedForResource", "There is no room for another account.")
        }
        AccountFault::Name => Refusal::new(400, "PropertyValueFormatError", "No account can have this name."),
        AccountFault::Refused => {
            Refusal::new(500, "InternalError", "The controller refused to change the account.")
        }
    }
}

fn change(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let (account, all) = seen(call)?;
    let shown = resource(service, &account);
    let body = call.body.clone();
    let mut changes = Changes::of(&body)?;
    let password = changes.text("Password");
    let mut wanted = AccountChange::default();
    let mut must_change = None;
    if all {
        wanted.name = changes.text("UserName").map(str::to_owned);
        wanted.role = changes.choice("RoleId", &Role::ALL, Role::as_str);
        wanted.enabled = changes.flag("Enabled");
        must_change = changes.flag("PasswordChangeRequired");
    } else if changes.has_others_than("Password") {
        return Err(Refusal::privilege());
    }
    let faults = changes.finish(&shown)?;
    if let Some(password) = password {
        check_password(service, password)?;
        wanted.password = Some(password.into());
    }
    let changes_password = wanted.password.is_some();
    call.machine.change_account(account.id, wanted).map_err(refused)?;
    if changes_password || must_change == Some(false) {
        service.must_change.retain(|id| *id != account.id);
    }
    if must_change == Some(true) && !service.must_change.contains(&account.id) {
        service.must_change.push(account.id);
    }
    let account = find(call)?;
    Ok(changed(resource(service, &account), &faults))
}

fn create(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let text = |name: &'static str| {
        let missing = || Refusal::new(400, "CreateFailedMissingReqProperties", format!("{name} is missing."));
        call.body[name].as_str().ok_or_else(|| missing().with_arg(name))
    };
    let (name, password) = (text("UserName")?, text("Password")?);
    let role = text("RoleId")?;
    let role = Role::ALL.into_iter().find(|known| known.as_str() == role).ok_or_else(|| {
        Refusal::new(400, "PropertyValueNotInList", "There is no such role.").with_arg("RoleId")
    })?;
    check_password(service, password)?;
    let id = call.machine.create_account(name, &password.into(), role).map_err(refused)?;
    let accounts = call.machine.accounts();
    let account =
        accounts.iter().find(|account| account.id == id).ok_or_else(|| refused(AccountFault::Refused))?;
    let reply = ServiceReply { status: 201, ..ServiceReply::resource(resource(service, account)) };
    Ok(reply.with("Location", path(id)))
}

fn delete(service: &mut Service, call: &mut Call<'_>) -> Outcome {
    let account = find(call)?;
    call.machine.delete_account(account.id).map_err(refused)?;
    service.sessions.end_of(account.id);
    service.must_change.retain(|id| *id != account.id);
    Ok(ServiceReply::empty(204))
}

fn roles(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    let members: Vec<Value> =
        Role::ALL.iter().map(|role| link(format!("{ROLES}/{}", role.as_str()))).collect();
    collection(call, "RoleCollection", "Roles", &members)
}

fn role(_: &mut Service, call: &mut Call<'_>) -> Outcome {
    let found = Role::ALL.into_iter().find(|role| role.as_str() == call.id());
    let role = found.ok_or_else(|| Refusal::missing(call.path))?;
    let privileges: &[&str] = match role {
        Role::ReadOnly => &["Login", "ConfigureSelf"],
        Role::Operator => &["Login", "ConfigureSelf", "ConfigureComponents"],
        Role::Administrator => {
            &["Login", "ConfigureSelf", "ConfigureComponents", "ConfigureUsers", "ConfigureManager"]
        }
    };
    Ok(ServiceReply::resource(json!({
        "@odata.id": call.path,
        "@odata.type": "#Role.v1_3_1.Role",
        "Id": role.as_str(),
        "RoleId": role.as_str(),
        "Name": "User Role",
        "IsPredefined": true,
        "AssignedPrivileges": privileges,
    })))
}
