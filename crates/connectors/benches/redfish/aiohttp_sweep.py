"""Reads the power state of controllers with aiohttp: URLS AT_ONCE SWEEPS."""

import asyncio
import base64
import resource
import sys
import time

import aiohttp


def processor():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def sweep(session, urls, gate):
    async def read(url):
        async with gate:
            async with session.get(url) as answer:
                system = await answer.json()
                return answer.status == 200 and system["PowerState"] == "On"

    return sum(await asyncio.gather(*(read(url) for url in urls)))


async def main(file, at_once, sweeps):
    with open(file) as lines:
        urls = lines.read().split()
    connector = aiohttp.TCPConnector(ssl=False, limit=0, keepalive_timeout=600)
    login = base64.b64encode(b"admin:simulated").decode()
    headers = {"Authorization": f"Basic {login}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        gate = asyncio.Semaphore(at_once)
        begun, before = time.perf_counter(), processor()
        answered = await sweep(session, urls, gate)
        if sweeps:
            begun, before, answered = time.perf_counter(), processor(), 0
            gate = asyncio.Semaphore(len(urls))
            for _ in range(sweeps):
                answered += await sweep(session, urls, gate)
        print(time.perf_counter() - begun, processor() - before, answered)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
