"""Drives a JetKVM by aiortc, whose decoder is libav's: HOST:PORT, then what to do; prints what comes of each.

The password is in UNIT_PASSWORD. A picture goes to a file: a line with its size, then the bytes of luma, blue and red.
"""

import asyncio
import base64
import json
import os
import sys

import aiohttp
import aioice.ice
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcsctptransport import RTCSctpTransport
from aiortc.sdp import candidate_from_sdp

# A unit on loopback is reached from there, and not from the addresses that aiortc would name.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]

# Real units begin the association and take one that is begun, both at once. The simulated one begins it where it is the client of
# DTLS, which units are; aiortc takes it where it did not offer, unless it is told otherwise.
RTCSctpTransport.is_server = property(lambda association: association.transport._role == "server")

# USB usages of the keys that the judge presses, by the HID usage tables.
USAGES = {"r": 0x15, "o": 0x12, "t": 0x17, "f2": 0x3B}

PATIENCE = 60


def planes(frame):
    """A frame's size, and its samples without what pads their rows."""
    frame = frame.reformat(format="yuv420p")
    parts = [f"{frame.width} {frame.height}\n".encode()]
    for number, plane in enumerate(frame.planes):
        width, height = (frame.width, frame.height) if number == 0 else (frame.width // 2, frame.height // 2)
        rows = bytes(plane)
        parts.extend(rows[row * plane.line_size : row * plane.line_size + width] for row in range(height))
    return b"".join(parts)


class Unit:
    """A session with a unit."""

    def __init__(self):
        # One way for everything, as browsers have it: units take no offer with several.
        self.connection = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.connection.addTransceiver("video", direction="recvonly")
        self.channel = self.connection.createDataChannel("rpc")
        self.is_open, self.track = asyncio.Event(), asyncio.Future()
        self.answers, self.told, self.calls = {}, asyncio.Queue(), 0
        self.channel.on("open", self.is_open.set)
        self.channel.on("message", self.hear)
        self.connection.on("track", self.track.set_result)

    def hear(self, text):
        message = json.loads(text)
        if "id" in message:
            self.answers[message["id"]].set_result(message)
        else:
            self.told.put_nowait(message)

    async def call(self, method, params=None):
        self.calls += 1
        self.answers[self.calls] = asyncio.Future()
        call = {"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params or {}}
        self.channel.send(json.dumps(call))
        return await self.answers[self.calls]

    async def open(self, signals):
        await self.connection.setLocalDescription(await self.connection.createOffer())
        offer = json.dumps({"type": "offer", "sdp": self.connection.localDescription.sdp})
        await signals.send_json({"type": "offer", "data": {"sd": base64.b64encode(offer.encode()).decode()}})
        async for message in signals:
            told = message.json()
            if told["type"] == "device-metadata":
                print("firmware", told["data"]["deviceVersion"])
            elif told["type"] == "answer":
                answer = json.loads(base64.b64decode(told["data"]))
                await self.connection.setRemoteDescription(RTCSessionDescription(**answer))
            elif told["type"] == "new-ice-candidate":
                way = candidate_from_sdp(told["data"]["candidate"].partition(":")[2])
                way.sdpMid, way.sdpMLineIndex = told["data"]["sdpMid"], told["data"]["sdpMLineIndex"]
                await self.connection.addIceCandidate(way)
                break
        await self.is_open.wait()

    async def picture(self, path, count):
        """The frame after so many."""
        track = await self.track
        for _ in range(count):
            frame = await track.recv()
        with open(path, "wb") as file:
            file.write(planes(frame))
        print("picture", frame.width, frame.height)

    async def press(self, key):
        for keys in ([USAGES[key]], []):
            await self.call("keyboardReport", {"modifier": 0, "keys": keys})

    async def do(self, word):
        kind, _, argument = word.partition(":")
        if kind == "picture":
            path, _, count = argument.partition(",")
            await self.picture(path, int(count))
        elif kind == "told":
            message = await self.told.get()
            while message["method"] != argument:
                message = await self.told.get()
            print(argument, json.dumps(message.get("params")))
        elif kind == "call":
            answer = await self.call(argument)
            print(argument, json.dumps(answer.get("result", answer.get("error"))))
        elif kind == "press":
            print(argument, await self.call("setATXPowerAction", {"action": argument}))
        elif kind == "type":
            for key in argument:
                await self.press(key)
            print("typed")
        elif kind == "each":
            key, _, count = argument.partition(",")
            track = await self.track
            for _ in range(int(count)):
                await track.recv()
                await self.press(key)
            print("pressed at each frame")
        else:
            sys.exit(f"what is {word}?")


async def main():
    unit = f"http://{sys.argv[1]}"
    # Cookies of addresses are kept, as a browser keeps them.
    async with aiohttp.ClientSession(unit, cookie_jar=aiohttp.CookieJar(unsafe=True)) as web:
        async with web.get("/device/status") as answer:
            print("set up", (await answer.json())["isSetup"])
        async with web.post("/auth/login-local", json={"password": os.environ["UNIT_PASSWORD"]}) as answer:
            if answer.status != 200:
                sys.exit(f"not let in: {(await answer.json())['error']}")
        session = Unit()
        async with web.ws_connect("/webrtc/signaling/client") as signals:
            await session.open(signals)
        for word in sys.argv[2:]:
            await session.do(word)
        await session.connection.close()


asyncio.run(asyncio.wait_for(main(), PATIENCE))
