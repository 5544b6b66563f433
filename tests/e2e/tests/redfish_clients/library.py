"""Works a simulated controller through DMTF's Python library. Arguments: URL, user, password, `basic` or `session`."""

import sys

import redfish

url, user, password, way = sys.argv[1:5]
client = redfish.redfish_client(
    base_url=url, username=user, password=password, default_prefix="/redfish/v1", timeout=30, max_retry=1
)
client.login(auth=way)


def check(response, *wanted):
    assert response.status in wanted, (response.status, response.text)
    return response


root = check(client.get("/redfish/v1/"), 200).dict
systems = check(client.get(root["Systems"]["@odata.id"]), 200).dict
system = systems["Members"][0]["@odata.id"]

# What is written is read back.
shown = check(client.get(system), 200)
for lit in (True, False):
    check(client.patch(system, body={"LocationIndicatorActive": lit}), 200, 204)
    assert check(client.get(system), 200).dict["LocationIndicatorActive"] is lit
check(client.patch(system, body={"LocationIndicatorActive": True}, headers={"If-Match": '"other"'}), 412)

# An account comes, is changed and goes.
accounts = check(client.get(root["AccountService"]["@odata.id"]), 200).dict["Accounts"]["@odata.id"]
made = check(client.post(accounts, body={"UserName": "guest", "Password": "first-Passw0rd", "RoleId": "ReadOnly"}), 201)
account = made.getheader("Location")
etag = check(client.get(account), 200).getheader("ETag")
check(client.patch(account, body={"RoleId": "Operator"}, headers={"If-Match": etag}), 200)
assert check(client.get(account), 200).dict["RoleId"] == "Operator"
check(client.delete(account), 200, 204)
check(client.get(account), 404)

# Tasks are followed to their end.
update = check(client.get(root["UpdateService"]["@odata.id"]), 200).dict
target = update["Actions"]["#UpdateService.SimpleUpdate"]["target"]
accepted = check(client.post(target, body={"ImageURI": "http://127.0.0.1/firmware.bin"}), 202)
done = accepted.monitor(client)
while done.is_processing:
    done = accepted.monitor(client)
assert done.status in (200, 204), (done.status, done.text)

# A session is over when it is told so.
if way == "session":
    key = client.get_session_key()
    assert key
    client.logout()
    stranger = redfish.redfish_client(base_url=url, default_prefix="/redfish/v1", sessionkey=key, max_retry=1)
    check(stranger.get(system), 401)
print("all is well")
