"""Reads the power state of controllers with sushy: URLS AT_ONCE SWEEPS, of which only the first counts."""

import concurrent.futures
import resource
import sys
import time
import urllib.parse
import warnings

import sushy

warnings.filterwarnings("ignore")


def processor():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def read(url):
    parts = urllib.parse.urlsplit(url)
    root = sushy.Sushy(f"{parts.scheme}://{parts.netloc}", username="admin", password="simulated", verify=False)
    return root.get_system(parts.path).power_state == sushy.PowerState.ON


with open(sys.argv[1]) as lines:
    urls = lines.read().split()
begun, before = time.perf_counter(), processor()
with concurrent.futures.ThreadPoolExecutor(50) as pool:
    answered = sum(pool.map(read, urls))
print(time.perf_counter() - begun, processor() - before, answered)
