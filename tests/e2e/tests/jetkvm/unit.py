"""Is a JetKVM made of aiortc, whose encoder is x264: shows the picture in a file, and prints where it listens and what is called.

The file has a line with the size, then the bytes of luma, blue and red. The password is in UNIT_PASSWORD.
"""

import asyncio
import base64
import json
import os
import secrets
import sys

import aioice.ice
import av
from aiohttp import web
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.codecs import h264
from aiortc.mediastreams import VideoStreamTrack
from aiortc.rtcsctptransport import RTCSctpTransport
from aiortc.sdp import candidate_from_sdp

# A unit on loopback is reached from there, and not from the addresses that aiortc would name.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]

# Real units begin the association and take one that is begun, both at once. Who connects to them waits for it where it is the server
# of DTLS; aiortc waits where it did not offer, unless it is told otherwise.
RTCSctpTransport.is_server = property(lambda association: association.transport._role == "server")

# A unit sends some megabits; aiortc begins with one, which is for faces.
h264.DEFAULT_BITRATE = h264.MAX_BITRATE = 8_000_000

COOKIE = "authToken"


def say(*words):
    print(*words, flush=True)


class Screen(VideoStreamTrack):
    """The picture, again and again."""

    def __init__(self, path):
        super().__init__()
        with open(path, "rb") as file:
            self.width, self.height = map(int, file.readline().split())
            size = self.width * self.height
            self.samples = [file.read(size), file.read(size // 4), file.read(size // 4)]

    async def recv(self):
        frame = av.VideoFrame(self.width, self.height, "yuv420p")
        for number, (plane, samples) in enumerate(zip(frame.planes, self.samples)):
            width = self.width if number == 0 else self.width // 2
            rows = bytearray(plane.buffer_size)
            for row in range(len(samples) // width):
                rows[row * plane.line_size : row * plane.line_size + width] = samples[row * width : (row + 1) * width]
            plane.update(bytes(rows))
        frame.pts, frame.time_base = await self.next_timestamp()
        return frame


class Unit:
    def __init__(self, path):
        self.screen, self.token, self.is_on, self.connections = Screen(path), None, True, []

    async def status(self, _):
        return web.json_response({"isSetup": True})

    async def log_in(self, request):
        if (await request.json())["password"] != os.environ["UNIT_PASSWORD"]:
            return web.json_response({"error": "Invalid password"}, status=401)
        self.token = secrets.token_hex(8)
        answer = web.json_response({"message": "Login successful"})
        answer.set_cookie(COOKIE, self.token, httponly=True)
        return answer

    async def signals(self, request):
        if self.token is None or request.cookies.get(COOKIE) != self.token:
            return web.json_response({"error": "Unauthorized"}, status=401)
        stream = web.WebSocketResponse()
        await stream.prepare(request)
        await stream.send_json({"type": "device-metadata", "data": {"deviceVersion": "0.4.7"}})
        connection = RTCPeerConnection()
        self.connections.append(connection)
        connection.on("datachannel", self.serve)
        connection.on("connectionstatechange", lambda: say("session", connection.connectionState))
        async for message in stream:
            told = message.json()
            if told["type"] == "offer":
                offer = json.loads(base64.b64decode(told["data"]["sd"]))
                await connection.setRemoteDescription(RTCSessionDescription(**offer))
                connection.addTrack(self.screen)
                formats = RTCRtpSender.getCapabilities("video").codecs
                formats = [format for format in formats if format.mimeType == "video/H264"]
                connection.getTransceivers()[0].setCodecPreferences(formats)
                await connection.setLocalDescription(await connection.createAnswer())
                answer = {"type": "answer", "sdp": connection.localDescription.sdp}
                answer = base64.b64encode(json.dumps(answer).encode()).decode()
                await stream.send_json({"type": "answer", "data": answer})
            elif told["type"] == "new-ice-candidate":
                way = candidate_from_sdp(told["data"]["candidate"].partition(":")[2])
                way.sdpMid, way.sdpMLineIndex = told["data"]["sdpMid"], told["data"]["sdpMLineIndex"]
                await connection.addIceCandidate(way)
        return stream

    def serve(self, channel):
        say("channel", channel.label)
        video = {"ready": True, "error": "", "width": self.screen.width, "height": self.screen.height, "fps": 30}
        channel.send(json.dumps({"jsonrpc": "2.0", "method": "videoInputState", "params": video}))

        @channel.on("message")
        def call(text):
            told = json.loads(text)
            answer = {"jsonrpc": "2.0", "id": told["id"]}
            if told["method"] == "getActiveExtension":
                answer["result"] = "atx-power"
            elif told["method"] == "getATXState":
                answer["result"] = {"power": self.is_on, "hdd": False}
            elif told["method"] == "setATXPowerAction":
                self.is_on = told["params"]["action"] == "power-short"
                say("call", told["params"]["action"])
            elif told["method"] == "keyboardReport":
                say("call", told["params"]["modifier"], *told["params"]["keys"])
            else:
                answer["error"] = {"code": -32601, "message": "Method not found"}
            channel.send(json.dumps(answer))


async def main():
    unit = Unit(sys.argv[1])
    pages = web.Application()
    pages.add_routes(
        [
            web.get("/device/status", unit.status),
            web.post("/auth/login-local", unit.log_in),
            web.get("/webrtc/signaling/client", unit.signals),
        ]
    )
    runner = web.AppRunner(pages)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    say("port", runner.addresses[0][1])
    await asyncio.Event().wait()


asyncio.run(main())
